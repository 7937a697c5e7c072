"""Where is the fault? Spectra of failing and passing tests, and what the failing ones say themselves."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .sources import Source

Spot = tuple[int, int]  # number of the file, line
FRAME_BONUS = 0.35
LAST_FRAME_BONUS = 0.5
# What part of a function's suspicion passes on to what ran at import
HEADER_SHARE, NAMED_SHARE, USED_SHARE = 0.5, 0.55, 0.2


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
    """Return the statements that failing tests ran or that feed those, the most suspicious first."""
    weights: dict[ast.stmt, float] = {}
    of: dict[ast.stmt, Source] = {}
    for number, source in sources.items():
        lines = {line: score for (file, line), score in scores.items() if file == number}
        for statement in ast.walk(source.tree):
            if isinstance(statement, ast.stmt):
                of[statement] = source
                weights[statement] = max((lines.get(line, 0.0) for line in own_lines(statement)), default=0.0)
    feed(list(sources.values()), weights)
    found = [Suspect(of[statement], statement, weight) for statement, weight in weights.items() if weight]
    found.sort(key=lambda suspect: -suspect.score)
    return found


def feed(sources: Sequence[Source], weights: dict[ast.stmt, float]) -> None:
    """Pass suspicion on to what ran at import: default values, and what sets names that suspicious functions read.

    No test runs those lines: they had run before the first one started.
    """
    users: dict[str, float] = {}
    for source in sources:
        for chunk in source.chunks:
            inside = [node for node in ast.walk(chunk.node) if isinstance(node, ast.stmt) and node is not chunk.node]
            worst = max((weights[statement] for statement in inside), default=0.0)
            weights[chunk.node] = max(weights[chunk.node], worst * HEADER_SHARE)
            for node in ast.walk(chunk.node) if worst else ():
                for name in (getattr(node, "id", None), getattr(node, "attr", None)):
                    if isinstance(name, str):
                        users[name] = max(users.get(name, 0.0), worst)
    for source in sources:
        for statement in at_import(source.tree):
            named = max((users.get(name, 0.0) for name in names_set(statement)), default=0.0)
            called = max((users.get(name, 0.0) for name in names_used(statement)), default=0.0)
            weights[statement] = max(weights[statement], named * NAMED_SHARE, called * USED_SHARE)


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Return the statements of a module and its classes that do something when they are imported."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, (ast.ClassDef, ast.If, ast.Try, ast.For, ast.With)):
            waiting += [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)):
            yield statement


def names_set(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            inner: ast.AST = node.value if isinstance(node, ast.Subscript) else node
            yield str(getattr(inner, "id", "") or getattr(inner, "attr", ""))


def names_used(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id


def own_lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, less those of the statements in it."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    last = statement.end_lineno or first
    bodies = [child for child in ast.iter_child_nodes(statement) if isinstance(child, (ast.stmt, ast.excepthandler))]
    if bodies:
        last = max(first, min(last, min(body.lineno for body in bodies) - 1))
    return range(first, last + 1)
