"""Is it a test that is wrong? Asked when no edit of the code passes: see `expectations`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from . import running
from .evidence import Evidence
from .expectations import Expected, Literal, edited, literals
from .pool import COLD, HOT, Pool
from .wire import Request

MAX_FAILING = 3
MAX_PLACES = 12
SECONDS = 5.0


@dataclass(frozen=True)
class Doubt:
    """With `edits` in a test file all its tests pass; `others` pass that run the same code. `told`: old and new."""

    path: str
    edits: tuple[Literal, ...]
    others: int

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(edit.was, edit.text) for edit in self.edits]


def doubted(pool: Pool, known: Evidence) -> Doubt | None:
    """Return what the failing tests would have to expect; None where that is no likely story.

    It is one if few tests fail, others pass that run the same code, and it is literals of one file that are in the way.
    """
    failing = known.failing
    others = sharing(known)
    if not 1 <= len(failing) <= MAX_FAILING or not others:
        return None
    answer = pool.ask(HOT, Request("expect", tests=tuple(failing), seconds=SECONDS))
    expected = [read(row) for row in answer.rows if row[0] == "expects"]
    if len(expected) != len(failing) or len({each.path for each in expected}) != 1:
        return None
    edits = agreed(pool, known, expected)
    return Doubt(expected[0].path, edits, others) if edits else None


def read(row: list) -> Expected:
    _, test, path, line, (left, right), around = row
    return Expected(test, path, line, (left, right), tuple(around))


def sharing(known: Evidence) -> int:
    """Return how many passing tests run code, not only at import, that the failing ones run."""
    lines = [known.lines[test] for test in known.failing if test in known.lines]
    ran = frozenset().union(*lines) - known.imports
    return sum(bool(ran & known.lines[test]) for test in known.passing if test in known.lines)


def agreed(pool: Pool, known: Evidence, expected: Sequence[Expected]) -> tuple[Literal, ...]:
    """Return the fewest literals with which the failing tests pass and no other fails; empty where none is found."""
    path = expected[0].path
    with open(path, "rb") as file:
        source = file.read()
    file_id = known.failing[0].split("::", maxsplit=1)[0]
    chosen: tuple[Literal, ...] = ()
    left = len(failures(pool, known, file_id, path, source))
    for each in expected:
        for edits in literals(source, each)[:MAX_PLACES]:
            together = tuple(dict.fromkeys((*chosen, *edits)))
            fewer = len(failures(pool, known, file_id, path, edited(source, together)))
            if fewer < left:
                chosen, left = together, fewer
                break
        if not left:
            return chosen
    return ()


def failures(pool: Pool, known: Evidence, file_id: str, path: str, text: bytes) -> list[str]:
    """Return the tests of a file that fail with this text; a name that cannot be told where it does not run at all."""
    request = Request("run", seconds=SECONDS, silence_seconds=60, files=(file_id,), texts=((path, text),))
    answer = pool.ask(COLD, request)
    tests = [row for row in answer.rows if row[0] == "test" and row[1].split("::", maxsplit=1)[0] == file_id]
    broken = [row[1] for row in answer.rows if row[0] == "broken"]
    if answer.end != "done" or not tests or file_id in broken:
        return ["?"] * (MAX_FAILING + 1)
    bad = frozenset(known.bad)
    return [row[1] for row in tests if row[2] in (running.FAILED, running.SLOW) and row[1] not in bad]


def relative(doubt: Doubt, root: str) -> list[list[object]]:
    path = os.path.relpath(doubt.path, root)
    return [[path, edit.start, edit.end, edit.text] for edit in doubt.edits]
