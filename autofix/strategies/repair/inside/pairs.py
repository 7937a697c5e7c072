"""Two edits at once, where the evidence asks for it: each makes other tests pass, and none makes all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from .candidates import Candidate, Maker
from .places import Draft
from .search import Search

TOP = 500
MAX_OF_A_TEST = 12
MAX_WITH_ANY = 8
OTHERS = 250
PAIR_SHARE = 0.5


def explore(search: Search, tried: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """Return for each failing test the candidates that make it pass."""
    found: dict[str, list[Candidate]] = {}
    best = sorted((each for each in tried if each.swaps), key=lambda candidate: -candidate.score)[:TOP]
    for test in search.probes:
        found[test] = [candidate for candidate in search.passing_alone(test, best) if candidate][:MAX_OF_A_TEST]
    return {test: candidates for test, candidates in found.items() if candidates}


def pairs(search: Search, maker: Maker, tried: Sequence[Candidate]) -> Iterator[Candidate]:
    """Return pairs of edits that each make a test pass, then such an edit with any other that is likely."""
    if len(search.probes) < 2:
        return
    by_test = explore(search, tried)
    for one, other in combinations(by_test, 2):
        for first in by_test[one]:
            for second in by_test[other]:
                yield from joined(first, second, maker)
    likely = sorted(tried, key=lambda candidate: -candidate.score)[:OTHERS]
    for first in [each for candidates in by_test.values() for each in candidates][:MAX_WITH_ANY]:
        for second in likely:
            yield from joined(first, second, maker)


def joined(first: Candidate, second: Candidate, maker: Maker) -> Iterator[Candidate]:
    if first.source is not second.source or first is second or overlap(first, second):
        return
    edits = tuple(sorted((*first.edits, *second.edits)))
    template, score = f"{first.template} + {second.template}", first.score * second.score * PAIR_SHARE
    if first.function != second.function and first.swaps and second.swaps:
        yield Candidate(
            first.source, edits, template, score, first.line, (*first.swaps, *second.swaps), span(first, second)
        )
        return
    made = maker.made(Draft(first.source, edits, template, 1.0, first.line), score)
    if made is not None:
        yield made


def overlap(first: Candidate, second: Candidate) -> bool:
    return any(one.start <= two.end and two.start <= one.end for one in first.edits for two in second.edits)


def span(first: Candidate, second: Candidate) -> tuple[int, int] | None:
    if first.function is None or second.function is None:
        return None
    return min(first.function[0], second.function[0]), max(first.function[1], second.function[1])
