"""Where is the fault? Spectra of failing and passing tests, and what the failing ones say themselves."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .sources import Source

Spot = tuple[int, int]  # number of the file, line
FRAME_BONUS = 0.35
LAST_FRAME_BONUS = 0.5
NAMED_BONUS = 0.2


@dataclass(frozen=True)
class Spectrum:
    """Which lines each failing and each passing test ran; `frames` are those in the tracebacks, innermost last."""

    failing: Sequence[frozenset[Spot]]
    passing: Sequence[frozenset[Spot]]
    frames: Sequence[Sequence[Spot]] = ()


def suspicion(spectrum: Spectrum) -> dict[Spot, float]:
    """Ochiai (Abreu et al., 2007), raised for lines that an exception passed through."""
    failed, passed = counted(spectrum.failing), counted(spectrum.passing)
    found = {}
    for spot, hits in failed.items():
        found[spot] = hits / math.sqrt(len(spectrum.failing) * (hits + passed.get(spot, 0)))
    for frames in spectrum.frames:
        for spot in frames:
            found[spot] = max(found.get(spot, 0.0), FRAME_BONUS)
        for spot in frames[-1:]:
            found[spot] = found[spot] * (1 - LAST_FRAME_BONUS) + LAST_FRAME_BONUS
    return found


def counted(runs: Iterable[frozenset[Spot]]) -> dict[Spot, int]:
    counts: dict[Spot, int] = {}
    for run in runs:
        for spot in run:
            counts[spot] = counts.get(spot, 0) + 1
    return counts


@dataclass(frozen=True)
class Suspect:
    """A statement, and how much speaks for a fault in it."""

    source: Source
    statement: ast.stmt
    score: float


def suspects(sources: Mapping[int, Source], scores: Mapping[Spot, float]) -> list[Suspect]:
    """Return the statements that failing tests ran, the most suspicious first."""
    found = []
    for number, source in sources.items():
        lines = {line: score for (file, line), score in scores.items() if file == number}
        for statement in ast.walk(source.tree):
            if isinstance(statement, ast.stmt):
                score = max((lines.get(line, 0.0) for line in own_lines(statement)), default=0.0)
                if score:
                    found.append(Suspect(source, statement, score))
    found.sort(key=lambda suspect: -suspect.score)
    return found


def own_lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, less those of the statements in it."""
    first = statement.lineno
    last = statement.end_lineno or first
    bodies = [child for child in ast.iter_child_nodes(statement) if isinstance(child, (ast.stmt, ast.excepthandler))]
    if bodies:
        last = max(first, min(last, min(body.lineno for body in bodies) - 1))
    return range(first, last + 1)
