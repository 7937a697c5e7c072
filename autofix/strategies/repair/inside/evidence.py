"""What is known before anything is changed: which tests fail, how, and which lines they and others run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from . import running
from .localisation import Spectrum, Spot
from .pool import COLD, HOT, Budget, Pool
from .wire import Answer, Request

SHARE_OF_BASELINE = 0.4
SHARE_OF_TRACING = 0.25
MAX_FAILING = 40
MAX_PASSING = 1500
PART = 40
SLOW_SECONDS, FAILING_SECONDS = 2.0, 0.3
LEAST_SECONDS = 0.08


class NothingToRepair(Exception):
    """Why the search has nothing to go by, in words for a person."""


@dataclass
class Evidence:
    """Outcomes and durations by test; `failing` are those to be made to pass, `bad` those that fail anyway."""

    failing: list[str] = field(default_factory=list)
    passing: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    frames: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    lines: dict[str, frozenset[Spot]] = field(default_factory=dict)
    imports: frozenset[Spot] = frozenset()
    slow: set[str] = field(default_factory=set)

    @property
    def beyond_help(self) -> frozenset[str]:
        """What fails whatever is edited, and is not to be counted against an edit."""
        return frozenset(self.bad).union(self.broken if self.failing else ())

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())

    def limit(self, tests: Iterable[str], factor: float = 10.0) -> float:
        """Return the processor time that each of some tests may take: far more than they took unchanged."""
        slowest = max((self.seconds.get(test, 0.0) for test in tests if test not in self.failing), default=0.0)
        return min(20.0, max(LEAST_SECONDS, factor * slowest))

    def covering(self, file: int, first: int, last: int) -> list[str]:
        """Return the passing tests that run one of these lines, the fastest first, then those nothing is known of."""
        found = [
            test
            for test in self.passing
            if test not in self.lines or any(spot[0] == file and first <= spot[1] <= last for spot in self.lines[test])
        ]
        found.sort(key=lambda test: (test not in self.lines, self.seconds.get(test, 0.0)))
        return found


def gathered(pool: Pool, named: Sequence[str], files: Sequence[str], budget: Budget) -> Evidence:
    """Run all tests, see that the failing ones always fail, and trace them and others."""
    answer = pool.ask(HOT, Request("run", seconds=SLOW_SECONDS, silence_seconds=budget.seconds * SHARE_OF_BASELINE))
    found = read(answer, named)
    pool.submit(COLD, Request("imports", files=tuple(files), silence_seconds=30), partial(note_imports, found))
    if found.broken and not found.failing:
        finish(pool, budget)
        found.lines.update(dict.fromkeys(found.broken, found.imports))
        return found
    if not found.failing:
        raise NothingToRepair("no test that failed fails when it is run again")
    confirm(pool, found)
    trace(pool, found, files, budget)
    return found


def read(answer: Answer, named: Sequence[str]) -> Evidence:
    found = Evidence()
    for row in answer.rows:
        if row[0] == "broken":
            found.broken.append(row[1])
            kind, text, frames = json.loads(row[2])
            found.errors[row[1]], found.frames[row[1]] = (kind, text), [tuple(frame) for frame in frames]
        elif row[0] == "test":
            _, test, outcome, seconds, error = row
            found.seconds[test] = seconds
            if outcome == running.PASSED:
                found.passing.append(test)
            elif outcome in (running.FAILED, running.SLOW):
                sort_out(found, test, named)
                found.slow.update([test] if outcome == running.SLOW else ())
                if error:
                    found.errors[test] = (error[0], error[1])
                    found.frames[test] = [(path, line) for path, line in error[2]]
    return found


def sort_out(found: Evidence, test: str, named: Sequence[str]) -> None:
    is_named = not named or any(is_same(test, name) for name in named)
    (found.failing if is_named else found.bad).append(test)


def is_same(test: str, name: str) -> bool:
    """Whether a test is the one that a report or a log named, with whatever directory before it."""
    if test == name or test.endswith(f"/{name}") or name.endswith(f"/{test}"):
        return True
    tail, other = test.split("::", 1)[-1], name.split("::", 1)[-1]
    return tail == other and stem(test) == stem(name)


def stem(test: str) -> str:
    return os.path.splitext(os.path.basename(test.split("::", maxsplit=1)[0]))[0]


def confirm(pool: Pool, found: Evidence) -> None:
    """Leave out tests that pass when they run alone, or now and then: no edit is to be praised for them."""
    doubtful = [test for test in found.failing if test not in found.slow][:MAX_FAILING]
    for _ in range(2 if doubtful else 0):
        answer = pool.ask(HOT, Request("run", tests=tuple(doubtful), seconds=SLOW_SECONDS))
        passed = {row[1] for row in answer.rows if row[0] == "test" and row[2] not in (running.FAILED, running.SLOW)}
        found.bad += [test for test in found.failing if test in passed]
        found.failing = [test for test in found.failing if test not in passed]
    if not found.failing:
        raise NothingToRepair(
            "the failing tests pass when they are run again: they are flaky, or depend on their order"
        )


def trace(pool: Pool, found: Evidence, files: Sequence[str], budget: Budget) -> None:
    """Trace the failing tests, then the passing ones that are nearest to them, for a part of the time."""
    found.failing.sort(key=lambda test: found.seconds.get(test, 0.0))
    near = {test.split("::")[0] for test in found.failing}
    passing = sorted(found.passing, key=lambda test: (test.split("::")[0] not in near, found.seconds[test]))
    until = budget.spent + budget.seconds * SHARE_OF_TRACING
    tests = [*found.failing[:MAX_FAILING], *passing[:MAX_PASSING]]
    parts = [tests[start : start + PART] for start in range(0, len(tests), PART)]
    while ((parts and budget.spent < until) or not pool.is_idle) and budget.left > 0:
        if parts and pool.has_room and budget.spent < until:
            part = parts.pop(0)
            seconds = FAILING_SECONDS if found.slow.intersection(part) else SLOW_SECONDS * 2
            request = Request("trace", tuple(part), seconds, silence_seconds=30, files=tuple(files))
            pool.submit(HOT, request, lambda answer: note_lines(found, answer))
        else:
            pool.wait(0.5)


def finish(pool: Pool, budget: Budget) -> None:
    while not pool.is_idle and budget.left > 0:
        pool.wait(0.5)


def note_imports(found: Evidence, answer: Answer) -> None:
    for row in answer.rows:
        found.imports = frozenset((number, line) for number, lines in row[1] for line in lines)


def note_lines(found: Evidence, answer: Answer) -> None:
    for row in answer.rows:
        if row[0] == "lines":
            found.lines[row[1]] = frozenset((number, line) for number, lines in row[3] for line in lines)


def spectrum(found: Evidence, files: Sequence[str]) -> Spectrum:
    numbers = {os.path.realpath(path): number for number, path in enumerate(files)}
    frames = []
    for test in (*found.failing, *found.broken):
        through = [(numbers[path], line) for path, line in found.frames.get(test, ()) if path in numbers]
        if through and (found.errors[test][0] != "AssertionError" or test in found.broken):
            frames.append(through)
    failing = [found.lines[test] for test in found.failing or found.broken if test in found.lines]
    passing = [found.lines[test] for test in found.passing if test in found.lines]
    return Spectrum(failing, passing, frames)
