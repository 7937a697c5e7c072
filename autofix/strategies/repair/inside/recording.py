"""With which arguments do tests call into the project, where the changed functions are reached by it?"""

from __future__ import annotations

import copy
import inspect
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

MAX_CALLS = 250
MAX_FRAMES = 20_000


@dataclass(frozen=True)
class Call:
    """A function by its code, and copies of what it was called with: in order, then by name."""

    code: CodeType
    arguments: tuple[Any, ...]  # of whatever the tests pass
    named: dict[str, Any]


class CannotCopy(Exception):
    """An argument that cannot be had twice: an open file, a generator."""


@dataclass
class Recorder:
    """Notes calls from outside `files` into them, and calls of the functions in `changed`."""

    files: Collection[str]
    changed: Collection[CodeType]
    calls: list[Call] = field(default_factory=list)
    _entries: dict[int, tuple[FrameType, Call | None]] = field(default_factory=dict)
    _counts: dict[CodeType, int] = field(default_factory=dict)
    _known: dict[str, bool] = field(default_factory=dict)

    @contextmanager
    def on(self) -> Iterator[None]:
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._entries.clear()

    def _profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or not self._is_ours(frame.f_code.co_filename):
            return
        caller = frame.f_back
        if caller is None or not self._is_ours(caller.f_code.co_filename):
            self._enter(frame)
        if frame.f_code in self.changed:
            self._reach(frame)

    def _is_ours(self, file: str) -> bool:
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = os.path.realpath(file) in self.files
        return known

    def _enter(self, frame: FrameType) -> None:
        """Copy the arguments of a call from outside, in case it gets to a changed function."""
        if id(frame) in self._entries or len(self._entries) > MAX_FRAMES:
            return  # a generator that goes on
        is_enough = self._counts.get(frame.f_code, 0) >= MAX_CALLS
        self._entries[id(frame)] = frame, None if is_enough else copied(frame)

    def _reach(self, frame: FrameType) -> None:
        if self._counts.get(frame.f_code, 0) < MAX_CALLS and id(frame) not in self._entries:
            self._add(copied(frame))
        above: FrameType | None = frame
        while above is not None:
            _, call = self._entries.get(id(above), (None, None))
            if call is not None:
                self._entries[id(above)] = above, None
                self._add(call)
            above = above.f_back

    def _add(self, call: Call | None) -> None:
        if call is not None:
            self._counts[call.code] = self._counts.get(call.code, 0) + 1
            self.calls.append(call)


def copied(frame: FrameType) -> Call | None:
    """Return the call that a frame has just begun; None where its arguments cannot be copied."""
    if frame.f_code.co_name.startswith("<"):
        return None
    try:
        names, star, stars, values = inspect.getargvalues(frame)
        own = [copied_value(values[name]) for name in names]
        rest = [copied_value(value) for value in values[star]] if star else ()
        named = {name: copied_value(value) for name, value in values[stars].items()} if stars else {}
        count = frame.f_code.co_argcount
        only_named = dict(zip(names[count:], own[count:]))
        return Call(frame.f_code, (*own[:count], *rest), {**only_named, **named})
    except Exception:  # noqa: BLE001  # copying runs the project's code
        return None


def copied_value(value: Any) -> Any:  # of whatever type the tests pass
    if hasattr(type(value), "__next__"):
        raise CannotCopy
    return value if callable(value) else copy.deepcopy(value)
