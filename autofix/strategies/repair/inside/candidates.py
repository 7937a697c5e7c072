"""Candidates in the order in which they are tried: suspicion times prior, each program only once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from . import templates
from .localisation import Suspect
from .places import Draft, File, Place
from .sources import Chunk, Edit, Source, shape
from .wire import Swap

MAX_DRAFTS_PER_STATEMENT = 20_000
REPEATED = frozenset(
    {
        "compare",
        "operator",
        "constant",
        "variable",
        "attribute",
        "function",
        "text",
        "junction",
        "wrap",
        "step",
        "slice",
    }
)
REPEATED_SHARE = 0.5
MAX_REPEATS = 6


@dataclass(frozen=True)
class Candidate:
    """An edit that compiles. `swaps` puts it into a process that is there; None: it must be imported."""

    source: Source
    edits: tuple[Edit, ...]
    template: str
    score: float
    line: int
    swaps: tuple[Swap, ...] | None
    function: tuple[int, int] | None = None

    @property
    def size(self) -> int:
        return sum(len(edit.text.encode()) + edit.end - edit.start for edit in self.edits)


@dataclass
class Maker:
    """Makes candidates of drafts; `living` are the functions that can be given new code."""

    living: frozenset[tuple[str, int, str]]
    seen: set[object] = field(default_factory=set)
    shapes: dict[tuple[str, int], object] = field(default_factory=dict)

    def made(self, draft: Draft, score: float, *, at_import: bool = False) -> Candidate | None:
        """Return the candidate; None where it is no Python, or the same program as another."""
        source, edits, template, line = draft.source, draft.edits, draft.template, draft.line
        chunk = source.chunk_of(edits)
        if chunk is None or edits[0].start < source.span(chunk.node)[0]:
            return self._of_module(Candidate(source, edits, template, score, line, None))
        compiled = source.compiled(chunk, edits)
        if compiled is None:
            return None
        code, defaults = compiled
        is_header = edits[0].start < source.span(chunk.node.body[0])[0]
        default_shape = shape(defaults) if is_header else None
        if not self._is_new(source, chunk, (shape(code), default_shape), is_header=is_header, at_import=at_import):
            return None
        key = (source.path, chunk.first_line, chunk.node.name)
        swaps = (Swap(*key, code, defaults if is_header else None),) if key in self.living and not at_import else None
        span = (chunk.first_line, chunk.node.end_lineno or chunk.first_line)
        return Candidate(source, edits, template, score, line, swaps, span)

    def _of_module(self, candidate: Candidate) -> Candidate | None:
        text = candidate.source.edited(candidate.edits)
        try:
            new = shape(compile(text, candidate.source.path, "exec", dont_inherit=True))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        key = (candidate.source.path, 0)
        if key not in self.shapes:
            self.shapes[key] = shape(compile(candidate.source.data, candidate.source.path, "exec", dont_inherit=True))
        return candidate if new != self.shapes[key] and self._add((*key, new)) else None

    def _is_new(
        self, source: Source, chunk: Chunk, new: tuple[object, object], *, is_header: bool, at_import: bool
    ) -> bool:
        key = (source.path, chunk.first_line)
        if key not in self.shapes:
            original = source.compiled(chunk, ())
            self.shapes[key] = tuple(map(shape, original)) if original else None
        old = self.shapes[key]
        if isinstance(old, tuple) and new == (old if is_header else (old[0], None)):
            return False
        return self._add((*key, new, at_import))

    def _add(self, key: object) -> bool:
        mark = hash(key)
        if mark in self.seen:
            return False
        self.seen.add(mark)
        return True


@dataclass
class Repeats:
    """Puts drafts together that make the same of the same text in one function: a fault may be there twice."""

    found: dict[tuple[object, ...], list[Draft]] = field(default_factory=dict)

    def with_those_before(self, draft: Draft) -> Draft | None:
        chunk = draft.source.chunk_of(draft.edits)
        if draft.template not in REPEATED or chunk is None:
            return None
        [edit] = draft.edits
        old = draft.source.data[edit.start : edit.end]
        alike = self.found.setdefault((draft.source.path, chunk.start, draft.template, old, edit.text), [])
        alike.append(draft)
        edits = tuple(sorted({each for one in alike for each in one.edits}))
        if len(edits) < 2 or len(edits) > MAX_REPEATS:
            return None
        return replace(draft, edits=edits, template=f"{draft.template}-repeated", prior=draft.prior * REPEATED_SHARE)


def ordered(suspects: Sequence[Suspect], files: dict[str, File]) -> Iterator[tuple[float, Draft, bool]]:
    """Return drafts by score, and whether what they change runs at import.

    A statement is worked out only when its turn may have come.
    """
    ticket = count()
    repeats = Repeats()
    heap: list[tuple[float, int, Draft | None, Suspect]] = [
        (-suspect.score, next(ticket), None, suspect) for suspect in suspects
    ]
    heapq.heapify(heap)
    while heap:
        score, _, ready, suspect = heapq.heappop(heap)
        if ready is not None:
            yield -score, ready, suspect.at_import
            continue
        for draft in of(suspect, files):
            for each in (draft, repeats.with_those_before(draft)):
                if each is not None:
                    heapq.heappush(heap, (score * min(each.prior, 1.0), next(ticket), each, suspect))


def of(suspect: Suspect, files: dict[str, File]) -> Iterable[Draft]:
    place = Place(files[suspect.source.path], suspect.statement)
    for number, draft in enumerate(templates.drafts(place)):
        if number >= MAX_DRAFTS_PER_STATEMENT:
            return
        yield draft


def candidates(suspects: Sequence[Suspect], maker: Maker) -> Iterator[Candidate]:
    files = {suspect.source.path: File(suspect.source) for suspect in suspects}
    for score, draft, at_import in ordered(suspects, files):
        made = maker.made(draft, score, at_import=at_import)
        if made is not None:
            yield made
