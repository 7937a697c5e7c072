"""Where is the fault? Spectra of failing and passing tests, and what the failing ones say themselves."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .sources import Chunk, Source

Spot = tuple[int, int]  # number of the file, line
FRAME_BONUS = 0.35
LAST_FRAME_BONUS = 0.5
# What part of a function's suspicion passes on to what ran at import
HEADER_SHARE, NAMED_SHARE, USED_SHARE, FILLED_SHARE = 0.5, 0.55, 0.2, 0.4


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
    at_import: bool = False


def suspects(
    sources: Mapping[int, Source], scores: Mapping[Spot, float], imported: frozenset[Spot] = frozenset()
) -> list[Suspect]:
    """Return the statements that failing tests ran or that feed those, the most suspicious first."""
    weights = Weights()
    for number, source in sources.items():
        lines = {line: score for (file, line), score in scores.items() if file == number}
        at_start = {line for file, line in imported if file == number}
        for statement in ast.walk(source.tree):
            if isinstance(statement, ast.stmt):
                weights.of[statement] = source
                weights.run[statement] = max((lines.get(line, 0.0) for line in own_lines(statement)), default=0.0)
                if at_start.intersection(own_lines(statement)):
                    weights.imported.add(statement)
    weights.feed(list(sources.values()))
    found = [Suspect(weights.of[each], each, score) for each, score in weights.run.items() if score]
    found += [Suspect(weights.of[each], each, score, at_import=True) for each, score in weights.fed.items() if score]
    found.sort(key=lambda suspect: -suspect.score)
    return found


@dataclass
class Weights:
    """How suspicious statements are: for what tests ran of them, and for what they did at import, before any test."""

    of: dict[ast.stmt, Source] = field(default_factory=dict)
    run: dict[ast.stmt, float] = field(default_factory=dict)
    fed: dict[ast.stmt, float] = field(default_factory=dict)
    imported: set[ast.stmt] = field(default_factory=set)

    def feed(self, sources: Sequence[Source]) -> None:
        """Pass suspicion on to default values, and to what sets or fills names that suspicious functions read."""
        read = self.names_read(sources)
        filling: dict[str, float] = {}
        for source in sources:
            shared = values_of(source.tree) & read.keys()
            for chunk in source.chunks:
                most = max((read[name] for name in shared.intersection(names_used(chunk.node))), default=0.0)
                at_start = self.imported.intersection(body_of(chunk))
                self.fed.update(dict.fromkeys(at_start, most * FILLED_SHARE))
                filling[chunk.node.name] = most * FILLED_SHARE if at_start else 0.0
        for source in sources:
            for statement in at_import(source.tree):
                self.fed[statement] = max(
                    most_of(names_set(statement), read) * NAMED_SHARE,
                    most_of(names_used(statement), read) * USED_SHARE,
                    most_of(names_used(statement), filling) * HEADER_SHARE,
                )

    def names_read(self, sources: Sequence[Source]) -> dict[str, float]:
        """Return how suspicious the worst function is that reads a name."""
        read: dict[str, float] = {}
        for source in sources:
            for chunk in source.chunks:
                worst = max((self.run[statement] for statement in body_of(chunk)), default=0.0)
                self.run[chunk.node] = max(self.run[chunk.node], worst * HEADER_SHARE)
                for name in names_used(chunk.node) if worst else ():
                    read[name] = max(read.get(name, 0.0), worst)
        return read


def most_of(names: Iterable[str], weights: Mapping[str, float]) -> float:
    return max((weights.get(name, 0.0) for name in names), default=0.0)


def body_of(chunk: Chunk) -> list[ast.stmt]:
    return [node for node in ast.walk(chunk.node) if isinstance(node, ast.stmt) and node is not chunk.node]


def values_of(tree: ast.Module) -> frozenset[str]:
    """Return the names of a module's values, its functions and classes not among them."""
    return frozenset(name for statement in tree.body for name in names_set(statement))


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
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    for node in ast.walk(statement):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            inner: ast.AST = node.value if isinstance(node, ast.Subscript) else node
            yield str(getattr(inner, "id", "") or getattr(inner, "attr", ""))


def names_used(statement: ast.AST) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def own_lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, less those of the statements in it."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    last = statement.end_lineno or first
    bodies = [child for child in ast.iter_child_nodes(statement) if isinstance(child, (ast.stmt, ast.excepthandler))]
    if bodies:
        last = max(first, min(last, min(body.lineno for body in bodies) - 1))
    return range(first, last + 1)
