"""Which lines of which files does a stretch of code run?"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

Lines = set[tuple[int, int]]
TOOL = 4  # of sys.monitoring's six, one that no well-known tool takes


class Tracer:
    """Gathers (number of file, line) in `lines`; nothing but these files is slowed down."""

    def __init__(self, files: Collection[str]) -> None:
        self._numbers = {os.path.realpath(file): number for number, file in enumerate(files)}
        self._known: dict[str, int] = {}
        self.lines: Lines = set()
        self._is_on = False

    def number(self, file: str) -> int:
        """Return the number of a file as code names it; -1 for one that does not matter."""
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._numbers.get(os.path.realpath(file), -1)
        return known

    @contextmanager
    def on(self) -> Iterator[Lines]:
        self.lines = set()
        self.start()
        try:
            yield self.lines
        finally:
            self.stop()

    def start(self) -> None:
        self._is_on = True
        if hasattr(sys, "monitoring"):
            self._monitor()
        else:
            self._trace()

    def stop(self) -> None:
        if self._is_on and hasattr(sys, "monitoring"):
            end_monitoring()
        elif self._is_on:
            sys.settrace(None)
        self._is_on = False

    def _trace(self) -> None:
        def enter(frame: FrameType, event: str, argument: object) -> Any:  # a trace function, or none
            number = self.number(frame.f_code.co_filename)
            if number < 0:
                return None
            lines = self.lines

            def line(frame: FrameType, event: str, argument: object) -> Any:
                if event == "line":
                    lines.add((number, frame.f_lineno))
                return line

            return line

        sys.settrace(enter)

    def _monitor(self) -> None:
        monitoring: Any = vars(sys)["monitoring"]  # from 3.12
        disable = monitoring.DISABLE

        def line(code: CodeType, number: int) -> Any:
            file = self.number(code.co_filename)
            if file >= 0:
                self.lines.add((file, number))
            return disable

        monitoring.use_tool_id(TOOL, "repair")
        monitoring.register_callback(TOOL, monitoring.events.LINE, line)
        monitoring.restart_events()
        monitoring.set_events(TOOL, monitoring.events.LINE)


def end_monitoring() -> None:
    monitoring: Any = vars(sys)["monitoring"]
    monitoring.set_events(TOOL, 0)
    monitoring.free_tool_id(TOOL)
