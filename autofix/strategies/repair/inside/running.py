"""How one collected test runs, again and again if need be, and how it ended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from time import process_time
from types import TracebackType
from typing import Any

import pytest

from . import limits

PASSED, FAILED, SKIPPED, SLOW = "P", "F", "S", "T"
MAX_FRAMES = 60
MAX_MESSAGE = 2000


class Watcher:
    """The plugin that is told how a test ended. Nothing is rendered: nobody reads it."""

    def __init__(self) -> None:
        self.outcome = ""
        self.error: BaseException | None = None

    def reset(self) -> None:
        self.outcome, self.error = "", None

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
        yield
        if call.excinfo is not None and self.error is None:
            self.error = call.excinfo.value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.outcome = FAILED
        elif report.skipped:
            self.outcome = self.outcome or SKIPPED
        elif report.when == "call":
            self.outcome = self.outcome or PASSED


def run(item: pytest.Item, next_item: pytest.Item | None, seconds: float, watcher: Watcher) -> str:
    """Run a test with its fixtures and return how it ended; those that `next_item` shares stay."""
    watcher.reset()
    renew(item)
    with limits.clock(seconds) as clock:
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_item)
        except BaseException as error:  # noqa: BLE001  # whatever the code under test raises
            watcher.outcome, watcher.error = FAILED, watcher.error or error
    item.session.shouldstop = item.session.shouldfail = False
    return SLOW if clock.rings else watcher.outcome or FAILED


def renew(item: pytest.Item) -> None:
    """Make a test that has run fit to run again, and its failure cheap."""
    again: Any = getattr(item, "_initrequest", None)  # pytest's own way, without a public name
    if again is not None:
        again()
    item.repr_failure = lambda excinfo, style=None: "failed"  # type: ignore[method-assign]


def timed(items: Sequence[pytest.Item], seconds: float, watcher: Watcher) -> Iterator[tuple[pytest.Item, str, float]]:
    """Run tests in order, each with the one after it known, so that shared fixtures are made once."""
    following: list[pytest.Item | None] = [*items[1:], None]
    for item, next_item in zip(items, following):
        began = process_time()
        outcome = run(item, next_item, seconds, watcher)
        yield item, outcome, process_time() - began


def told(error: BaseException | None) -> tuple[str, str, list[tuple[str, int]]]:
    """Return an exception's type and text, and where it passed through, outermost first."""
    if error is None:
        return "", "", []
    try:
        text = str(error)[:MAX_MESSAGE]
    except Exception:  # noqa: BLE001  # of a class under repair
        text = ""
    return type(error).__name__, text, frames(error.__traceback__)


def frames(traceback: TracebackType | None) -> list[tuple[str, int]]:
    found = []
    while traceback is not None:
        found.append((os.path.realpath(traceback.tb_frame.f_code.co_filename), traceback.tb_lineno))
        traceback = traceback.tb_next
    return found[-MAX_FRAMES:]
