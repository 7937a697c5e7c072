"""What a forked child does for one request, with tests that are collected already. Each deed ends with the process."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from . import behaviour, expectations, limits, running
from .recording import Recorder
from .state import keeper
from .swapping import CannotSwap, Functions, reload
from .tracing import Lines, Tracer
from .wire import Request

MAX_LINES_PER_TEST = 20_000


class Say:
    """Writes rows for the server that watches this child."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self, *row: object) -> None:
        data = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._fd, data) :]


@dataclass(frozen=True)
class Stage:
    """What the server has ready for its children."""

    session: pytest.Session
    watcher: running.Watcher
    functions: Functions
    broken: Sequence[tuple[str, str]] = ()
    by_id: dict[str, pytest.Item] = field(default_factory=dict)
    imports: Lines = field(default_factory=set)

    def items(self, tests: Sequence[str]) -> list[pytest.Item]:
        """Return the tests of these ids in this order; all tests for none."""
        if not tests:
            return list(self.session.items)
        return [self.by_id[test] for test in tests if test in self.by_id]


def carry_out(request: Request, stage: Stage, say: Say) -> None:
    limits.limit_memory()
    DEEDS[request.do](request, stage, say)


def run_tests(request: Request, stage: Stage, say: Say) -> None:
    """Run tests, with the first candidate in place if there is one; say how each ended."""
    for test, raised in stage.broken:
        say("broken", test, raised)
    for swaps in request.candidates[:1]:
        stage.functions.swap(swaps)
    for path, text in request.texts:
        reload(path, text)
    failures = 0
    for item, outcome, seconds in running.timed(stage.items(request.tests), request.seconds, stage.watcher):
        is_bad = outcome in (running.FAILED, running.SLOW)
        failures += is_bad
        error = running.told(stage.watcher.error) if is_bad and failures < MAX_TOLD else None
        say("test", item.nodeid, outcome, round(seconds, 5), error)
        if is_bad and request.until_failure:
            return
    say("end", sorted(loaded_files(request.files)))


MAX_TOLD = 200


def loaded_files(files: Sequence[str]) -> Iterator[str]:
    """Return those files that are imported."""
    wanted = {os.path.realpath(file): file for file in files}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and os.path.realpath(path) in wanted:
            yield wanted[os.path.realpath(path)]


def trace_tests(request: Request, stage: Stage, say: Say) -> None:
    tracer = Tracer(request.files)
    for item in stage.items(request.tests):
        with tracer.on() as lines:
            outcome = running.run(item, None, request.seconds, stage.watcher)
        say("lines", item.nodeid, outcome, by_file(lines))


def list_imports(request: Request, stage: Stage, say: Say) -> None:
    """Say which lines ran until everything was collected."""
    say("imports", by_file(stage.imports))


def by_file(lines: Lines) -> list[tuple[int, list[int]]]:
    found: dict[int, list[int]] = {}
    for number, line in sorted(lines)[:MAX_LINES_PER_TEST]:
        found.setdefault(number, []).append(line)
    return list(found.items())


def try_batch(request: Request, stage: Stage, say: Say) -> None:
    """Run the tests with one candidate after the other in place, each until its first failure.

    The last row says how the first test ends with none: the search knows whether candidates left something behind.
    """
    items = stage.items(request.tests)
    restore = keeper(request.files)
    for number, swaps in enumerate(request.candidates):
        say("begin", number)
        say("tried", number, *tried(lambda: stage.functions.swap(swaps), items, request.seconds, stage))  # noqa: B023
        restore()
    if len(request.candidates) == 1:
        return
    outcome = running.run(items[0], None, request.seconds, stage.watcher)
    say("canary", outcome, running.told(stage.watcher.error)[:2])


def tried(
    put_in: Callable[[], Callable[[], None]], items: Sequence[pytest.Item], seconds: float, stage: Stage
) -> tuple[int, str]:
    """Return how many tests passed before one did not, and how that one ended; "" when all passed."""
    try:
        take_out = put_in()
    except CannotSwap:
        return 0, "cannot"
    try:
        for passed, item in enumerate(items):
            outcome = running.run(item, None, seconds, stage.watcher)
            if outcome in (running.FAILED, running.SLOW):
                return passed, outcome
        return len(items), ""
    finally:
        take_out()


def compare(request: Request, stage: Stage, say: Say) -> None:
    """Say what the functions around a change do with recorded and fresh inputs: unchanged, then with each candidate.

    The swaps of `candidates` name the changed functions; the tests are those that run them.
    """
    changed = {code for swaps in request.candidates for swap in swaps for code in stage.functions.codes(swap)}
    recorder = Recorder(frozenset(map(os.path.realpath, request.files)), changed)
    for item in stage.items(request.tests):
        with recorder.on():
            running.run(item, None, request.seconds, stage.watcher)
        say("recorded", item.nodeid)
    calls, recorded = behaviour.chosen(recorder.calls, request.seed)
    say("inputs", recorded, len(calls))
    say("did", -1, behaviour.outcomes(calls, stage.functions.living))
    for number, swaps in enumerate(request.candidates):
        with contextlib.suppress(CannotSwap):
            take_out = stage.functions.swap(swaps)
            did = behaviour.outcomes(calls, stage.functions.living)
            take_out()
            say("did", number, did)


def tell_expectations(request: Request, stage: Stage, say: Say) -> None:
    """Say of each test at which comparison it failed, where its sides are plain values."""
    for item in stage.items(request.tests):
        running.run(item, None, request.seconds, stage.watcher)
        found = expectations.compared(item.nodeid, str(item.path), stage.watcher.error)
        if found is not None:
            say("expects", found.test, found.path, found.line, found.sides, found.around)


def list_functions(request: Request, stage: Stage, say: Say) -> None:
    for key in stage.functions.keys():  # noqa: SIM118  # not a dict
        say("function", *key)


DEEDS: dict[str, Callable[[Request, Stage, Say], None]] = {
    "run": run_tests,
    "trace": trace_tests,
    "batch": try_batch,
    "compare": compare,
    "imports": list_imports,
    "functions": list_functions,
    "expect": tell_expectations,
}
