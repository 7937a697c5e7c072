"""The search itself: batches of candidates against the failing tests, what passes against all tests.

A candidate that passes goes three ways up: the failing tests and those that run the changed function (hot), then every
test with the edited file imported afresh (cold). What is left at the end is `plausible`, no more.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from . import running
from .candidates import Candidate
from .evidence import Evidence
from .pool import COLD, HOT, Budget, Pool
from .sources import Source
from .wire import Answer, Request

BATCH = 24
MAX_PROBES = 6
MAX_PLAUSIBLE = 12
MAX_RELOADED = 200
GOOD = (running.PASSED, running.SKIPPED)
# How much of the first time limit a candidate gets in its first, second and third turn; how far it is put back.
SLOW_FACTORS = (1.0, 8.0, 40.0)
SLOW_SHARE = 0.55
AFTER_FIRST = 0.35
AFTER_FIRST_SECONDS = 4.0
SCORE_TO_LEAVE_OFF = 0.3
LONG_SUITE_SECONDS = 15.0


@dataclass
class Tally:
    tried: int = 0
    promising: int = 0
    slow: int = 0


@dataclass
class Search:
    pool: Pool
    evidence: Evidence
    budget: Budget
    numbers: dict[str, int]
    plausible: list[Candidate] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    waiting: deque[Candidate] = field(default_factory=deque)
    slow: list[tuple[float, int, int, Candidate]] = field(default_factory=list)
    batch_size: int = BATCH
    canary: tuple[str, str] | None = None
    first_at: float = 0.0
    until: float = 0.0
    reloads: dict[str, bool] = field(default_factory=dict)

    @property
    def probes(self) -> tuple[str, ...]:
        return tuple(self.evidence.failing[:MAX_PROBES])

    def go(self, candidates: Iterator[Candidate], until: float = 1.0) -> None:
        """Try candidates until enough are plausible, none is left, or this part of the time is up."""
        self.until = self.budget.seconds * until
        if self.probes:
            self.canary = self.canary_of(self.pool.ask(HOT, self.batch([])))
        ended = False
        while not ended or not self.pool.is_idle:
            while not ended and self.pool.has_room:
                ended = self.is_over or not self.put_in(candidates)
            self.pool.wait(1.0)
            if self.budget.left <= 0:
                return

    @property
    def is_over(self) -> bool:
        """Whether more candidates would be of no use, but for those that are on their way."""
        if self.budget.spent >= self.until or len(self.plausible) >= MAX_PLAUSIBLE:
            return True
        more = max(AFTER_FIRST_SECONDS, self.first_at * AFTER_FIRST)
        return bool(self.plausible) and self.budget.spent > self.first_at + more

    def put_in(self, candidates: Iterator[Candidate]) -> bool:
        """Submit the next candidates; False when there are none that could matter."""
        batch: list[Candidate] = []
        while len(batch) < self.batch_size:
            candidate = self.waiting.popleft() if self.waiting else next(candidates, None)
            if self.is_turn_of_slow(candidate):
                self.put_back(candidate)
                self.submit_slow()
                break
            if candidate is None or self.is_pointless(candidate):
                break
            if candidate.swaps is None or not self.probes:
                self.submit_cold(candidate)
                break
            batch.append(candidate)
        else:
            return self.submit_batch(batch)
        if batch:
            return self.submit_batch(batch)
        return candidate is not None and not self.is_pointless(candidate)

    def is_turn_of_slow(self, candidate: Candidate | None) -> bool:
        least = self.plausible[0].score * SLOW_SHARE if self.plausible else 0.0
        return bool(self.slow) and -self.slow[0][0] > max(least, candidate.score if candidate is not None else 0.0)

    def put_back(self, candidate: Candidate | None) -> None:
        if candidate is not None:
            self.waiting.appendleft(candidate)

    def is_pointless(self, candidate: Candidate) -> bool:
        return bool(self.plausible) and candidate.score < self.plausible[0].score * SCORE_TO_LEAVE_OFF

    def passing_alone(self, test: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those candidates with which one test passes, whatever the others do."""
        found: list[Candidate] = []

        def judge(batch: Sequence[Candidate], answer: Answer) -> None:
            self.tally.tried += len(batch)
            found.extend(batch[row[1]] for row in answer.rows if row[0] == "tried" and row[3] == "")

        for start in range(0, len(candidates), BATCH):
            part = candidates[start : start + BATCH]
            self.pool.submit(HOT, replace(self.batch(part), tests=(test,)), partial(judge, part))
        while not self.pool.is_idle and self.budget.left > 0:
            self.pool.wait(1.0)
        return found

    def batch(self, batch: Sequence[Candidate], factor: float = 1.0) -> Request:
        seconds = self.evidence.limit(self.evidence.passing and self.probes) * factor
        swaps = tuple(candidate.swaps for candidate in batch if candidate.swaps is not None)
        return Request("batch", self.probes, seconds, seconds * 4 + 3, files=tuple(self.numbers), candidates=swaps)

    def submit_batch(self, batch: list[Candidate], turn: int = 0) -> bool:
        request = self.batch(batch, SLOW_FACTORS[turn])
        self.pool.submit(HOT, request, lambda answer: self.judge(batch, answer, turn))
        return True

    def submit_slow(self) -> None:
        _, _, turn, candidate = heapq.heappop(self.slow)
        self.submit_batch([candidate], turn)

    def judge(self, batch: list[Candidate], answer: Answer, turn: int) -> None:
        """Sort the candidates of a batch out; those after one that did not come back are tried again."""
        if len(batch) > 1 and answer.end == "done" and self.canary_of(answer) != self.canary:
            self.batch_size = max(1, self.batch_size // 3)
            self.waiting.extendleft(reversed(batch))
            return
        done = 0
        for row in answer.rows:
            if row[0] == "tried":
                done = row[1] + 1
                self.tally.tried += 1
                self.sort_in(batch[row[1]], row[3], turn)
        if answer.end != "done" and done < len(batch):
            self.tally.tried += 1
            self.set_aside(batch[done], turn)
            self.waiting.extendleft(reversed(batch[done + 1 :]))

    def sort_in(self, candidate: Candidate, outcome: str, turn: int) -> None:
        if outcome == "":
            self.tally.promising += 1
            self.check(candidate)
        elif outcome == "cannot":
            self.waiting.append(replace(candidate, swaps=None))
        elif outcome == running.SLOW:
            self.set_aside(candidate, turn)

    def set_aside(self, candidate: Candidate, turn: int) -> None:
        """Keep a candidate that ran out of time for another turn, with more of it."""
        self.tally.slow += 1
        if turn + 1 < len(SLOW_FACTORS):
            score = candidate.score * SLOW_SHARE ** (turn + 1)
            heapq.heappush(self.slow, (-score, self.tally.slow, turn + 1, candidate))

    def check(self, candidate: Candidate) -> None:
        """Run every failing test and those that run the changed function."""
        first, last = candidate.function or (0, 1 << 30)
        covering = self.evidence.covering(self.numbers[candidate.source.path], first, last)
        tests = (*self.evidence.failing, *covering)
        limit = self.evidence.limit(tests) * 2
        request = Request("run", tests, limit, limit * 4 + 5, until_failure=True, candidates=(candidate.swaps or (),))
        self.pool.submit(HOT, request, self.if_passed(tests, lambda: self.submit_cold(candidate)), first=True)

    def submit_cold(self, candidate: Candidate) -> None:
        """Import the edited file afresh: the failing tests first where nothing is known yet, then all."""
        if candidate.swaps is not None and self.probes:
            self.submit_suite(candidate)
            return
        self.tally.tried += 1
        tests = tuple(self.evidence.failing)
        then = self.if_passed(tests, lambda: self.submit_suite(candidate))
        if self.can_reload(candidate.source):
            text = candidate.source.edited(candidate.edits)
            self.pool.submit(HOT, self.reloading(candidate.source.path, text), then)
        else:
            files = self.files_of(tests or self.evidence.broken)
            self.pool.submit(COLD, self.cold(candidate, tests, files), then)

    def can_reload(self, source: Source) -> bool:
        """Whether running the unchanged file again changes nothing for the tests; then an edited one says something."""
        known = self.reloads.get(source.path)
        if known is None and self.evidence.failing:
            near = sorted(self.evidence.passing, key=lambda test: self.evidence.seconds[test])[:MAX_RELOADED]
            answer = self.pool.ask(HOT, replace(self.reloading(source.path, source.data), tests=tuple(near)))
            known = bool(near) and {row[1] for row in answer.rows if row[0] == "test" and row[2] in GOOD} == set(near)
        self.reloads[source.path] = bool(known)
        return bool(known)

    def reloading(self, path: str, text: bytes) -> Request:
        tests = tuple(self.evidence.failing)
        limit = self.evidence.limit(tests) * 2
        return Request("run", tests, limit, limit * 4 + 5, until_failure=True, texts=((path, text),))

    def submit_suite(self, candidate: Candidate) -> None:
        tests = (*self.evidence.failing, *self.evidence.passing)
        files: tuple[str, ...] = ()
        if self.evidence.total_seconds > LONG_SUITE_SECONDS:
            files = self.files_of(self.evidence.failing)
            tests = tuple(test for test in tests if test.split("::")[0] in files)
        then = self.if_passed(tests, lambda: self.found(candidate))
        self.pool.submit(COLD, self.cold(candidate, tests, files), then, first=True)

    def cold(self, candidate: Candidate, tests: Sequence[str], files: Sequence[str]) -> Request:
        text = candidate.source.edited(candidate.edits)
        limit = self.evidence.limit(tests) * 2
        return Request(
            *("run", () if self.evidence.broken else tuple(tests), limit, limit * 4 + 20),
            until_failure=True,
            files=tuple(files),
            texts=((candidate.source.path, text),),
        )

    def files_of(self, tests: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(test.split("::")[0] for test in tests))

    def if_passed(self, tests: Sequence[str], then: Callable[[], None]) -> Callable[[Answer], None]:
        """Return what goes on when an answer says that each of these tests has passed."""

        def judge(answer: Answer) -> None:
            passed = {row[1] for row in answer.rows if row[0] == "test" and row[2] in GOOD}
            rest = [row for row in answer.rows if row[0] == "broken" or (row[0] == "test" and row[1] not in passed)]
            bad = [row for row in rest if row[1] not in self.evidence.beyond_help]
            if answer.end == "done" and not bad and passed.issuperset(tests) and passed:
                then()

        return judge

    def found(self, candidate: Candidate) -> None:
        if not self.plausible:
            self.first_at = self.budget.spent
        self.plausible.append(candidate)

    def canary_of(self, answer: Answer) -> tuple[str, str] | None:
        for row in answer.rows:
            if row[0] == "canary":
                return row[1], re.sub(r"\d+|0x[0-9a-f]+", "#", " ".join(row[2]))
        return None
