"""How would one PostgreSQL stand many workers? A simulation, event by event, of what they ask of it.

The database is modelled as processors that serve one query each at a time, first come first served, and
one log that is flushed again and again: whoever has written waits for the next flush, all together (group
commit). Everything else takes no time but its own: steps, backoffs, the doorbell. Costs are measured
(`costs`); nothing is drawn but arrivals, lengths of steps and failures, exponentially distributed.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from scripts.benchmarks.figures import percentile

RENEW_SECONDS = 4.0  # a third of a lease
LOOK_SECONDS = 0.75
RERING_SECONDS = 0.02
SWEEP_SECONDS = 5.0
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Cost:
    """What one operation takes of a database's processor, in seconds; `writes`: waits for a flush."""

    processor_seconds: float
    writes: bool = False
    wal_bytes: float = 0.0


@dataclass(frozen=True)
class Costs:
    order: Cost
    claim: Cost
    begin_step: Cost
    end_step: Cost
    retry: Cost
    renewal: Cost
    look: Cost
    node_look: Cost
    claim_in_vain: Cost
    sweep: Cost
    flush_seconds: float


@dataclass(frozen=True)
class Site:
    """What is to be served, by what. `concurrent` runs are in work on average."""

    nodes: int
    workers: int
    processors: int
    concurrent: int
    step_seconds: float = 30.0
    steps: int = 5
    failure_share: float = 0.1
    backoff_seconds: float = 5.0
    seconds: float = 120.0
    varies: bool = True
    seed: int = 1
    flush_seconds: float | None = None

    @property
    def runs_per_second(self) -> float:
        """By Little's law, with the steps that run once more."""
        in_work = self.steps * self.step_seconds * (1 + self.failure_share)
        return self.concurrent / in_work


@dataclass
class Outcome:
    processors: float = 0.0
    queries: int = 0
    flushes: int = 0
    wal_bytes: float = 0.0
    answers: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    started_at: list[float] = field(default_factory=list)
    seconds: float = 0.0
    busiest_queue: int = 0

    @property
    def p95_answer(self) -> float:
        return percentile(self.answers, 0.95)

    @property
    def p95_start(self) -> float:
        return percentile(self.starts, 0.95)

    def all_started_until(self, count: int) -> float:
        """Return when the last of the first `count` runs began; infinity if fewer did."""
        return self.started_at[count - 1] if len(self.started_at) >= count else math.inf


@dataclass
class _Run:
    steps_left: int
    may_fail: bool = True
    due_at: float = 0.0


class Simulation:
    """One scenario. `storm`: all runs that are in work become due at the same moment, as after an outage."""

    def __init__(self, site: Site, costs: Costs, *, storm: bool = False) -> None:
        self.site, self.costs, self.storm = site, costs, storm
        self.rng = random.Random(site.seed)
        self.out = Outcome()
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._free_processors = site.processors
        self._waiting: deque[tuple[Cost, float, Callable[[], None] | None]] = deque()
        self._unflushed: list[tuple[float, Callable[[], None] | None]] = []
        self._is_flushing = False
        self._free_workers = [site.workers] * site.nodes
        self._due: deque[_Run] = deque()
        self._looking: set[int] = set()
        self._rung: set[int] = set()
        self._flush_seconds = costs.flush_seconds if site.flush_seconds is None else site.flush_seconds

    def run(self) -> Outcome:
        self._begin()
        while self._events and self._events[0][0] < self.site.seconds:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.out.seconds = self.site.seconds
        return self.out

    def _begin(self) -> None:
        site = self.site
        if self.storm:
            for _ in range(site.concurrent):
                self._come_due(_Run(site.steps))
        else:
            for number in range(site.concurrent):
                self._resume_in_the_middle(number % site.nodes)
        self._at(self.now + self._until_next(), self._arrive)
        for _ in range(site.nodes):
            self._at(self.rng.uniform(0, SWEEP_SECONDS), self._keep_watch)

    def _resume_in_the_middle(self, node: int) -> None:
        """A run that has been in work for some time when the simulation begins."""
        if not self._free_workers[node]:
            node = next(i for i, free in enumerate(self._free_workers) if free)
        self._free_workers[node] -= 1
        self._work(_Run(self.rng.randint(1, self.site.steps)), node)

    def _arrive(self) -> None:
        self._at(self.now + self._until_next(), self._arrive)
        run = _Run(self.site.steps)
        self._ask(self.costs.order, lambda: self._come_due(run))

    def _until_next(self) -> float:
        rate = self.site.runs_per_second
        return self.rng.expovariate(rate) if self.site.varies else 1 / rate

    def _come_due(self, run: _Run) -> None:
        run.due_at = self.now
        self._due.append(run)
        self._ring()

    def _ring(self) -> None:
        """Every node with a free worker looks; rings that come while it looks are one more look."""
        for node in range(self.site.nodes):
            self._look(node)

    def _look(self, node: int) -> None:
        if node in self._looking:
            self._rung.add(node)
        elif self._free_workers[node]:
            self._looking.add(node)
            self._ask(self.costs.node_look, lambda: self._after_look(node))

    def _after_look(self, node: int) -> None:
        """Send a worker for each run that was seen; whether it is there still, each finds out."""
        self._looking.discard(node)
        sent = min(self._free_workers[node], len(self._due))
        self._free_workers[node] -= sent
        for _ in range(sent):
            self._try_to_claim(node)
        if sent or node in self._rung:
            self._rung.discard(node)
            self._at(self.now + RERING_SECONDS, lambda: self._look(node))

    def _try_to_claim(self, node: int) -> None:
        """A row that is being claimed is locked: another worker passes it by."""
        if not self._due:
            self._ask(self.costs.claim_in_vain, lambda: self._free(node))
            return
        run = self._due.popleft()
        self._ask(self.costs.claim, lambda: self._start(run, node))

    def _start(self, run: _Run, node: int) -> None:
        self.out.starts.append(self.now - run.due_at)
        self.out.started_at.append(self.now)
        self._work(run, node)

    def _work(self, run: _Run, node: int) -> None:
        self._ask(self.costs.begin_step, lambda: self._command(run, node))

    def _command(self, run: _Run, node: int) -> None:
        site = self.site
        end = self.now + (self.rng.expovariate(1 / site.step_seconds) if site.varies else site.step_seconds)
        self._heartbeat(end, self.now)
        self._at(end, lambda: self._ask(self.costs.end_step, lambda: self._go_on(run, node)))

    def _heartbeat(self, end: float, renewed_at: float) -> None:
        """Look at the lease or renew it, again and again, until the command ends."""

        def beat() -> None:
            is_due = self.now - renewed_at >= RENEW_SECONDS
            self._ask(self.costs.renewal if is_due else self.costs.look, None)
            self._heartbeat(end, self.now if is_due else renewed_at)

        if self.now + LOOK_SECONDS < end:
            self._at(self.now + LOOK_SECONDS, beat)

    def _go_on(self, run: _Run, node: int) -> None:
        if run.may_fail and self.rng.random() < self.site.failure_share:
            run.may_fail = False
            self._ask(self.costs.retry, lambda: self._back_off(run, node))
            return
        run.may_fail = True
        run.steps_left -= 1
        if run.steps_left:
            self._work(run, node)
        else:
            self._next(node)

    def _back_off(self, run: _Run, node: int) -> None:
        delay = self.rng.uniform(0, 2 * self.site.backoff_seconds)
        self._at(self.now + delay, lambda: self._come_due(run))
        self._next(node)

    def _next(self, node: int) -> None:
        """A worker that is done looks for the next run itself."""
        self._try_to_claim(node)

    def _free(self, node: int) -> None:
        self._free_workers[node] += 1

    def _keep_watch(self) -> None:
        self._ask(self.costs.sweep, None)
        self._ask(self.costs.node_look, None)
        self._at(self.now + min(SWEEP_SECONDS, PATIENCE_SECONDS), self._keep_watch)

    def _ask(self, cost: Cost, then: Callable[[], None] | None) -> None:
        """Let the database do something, and go on when it has answered."""
        self._waiting.append((cost, self.now, then))
        self.out.busiest_queue = max(self.out.busiest_queue, len(self._waiting))
        self._serve()

    def _serve(self) -> None:
        while self._free_processors and self._waiting:
            cost, asked_at, then = self._waiting.popleft()
            self._free_processors -= 1
            self.out.queries += 1
            self.out.processors += cost.processor_seconds
            self.out.wal_bytes += cost.wal_bytes
            self._at(self.now + cost.processor_seconds, lambda c=cost, a=asked_at, t=then: self._served(c, a, t))

    def _served(self, cost: Cost, asked_at: float, then: Callable[[], None] | None) -> None:
        self._free_processors += 1
        if cost.writes:
            self._unflushed.append((asked_at, then))
            self._flush()
        else:
            self._answer(asked_at, then)
        self._serve()

    def _flush(self) -> None:
        if self._is_flushing or not self._unflushed:
            return
        batch, self._unflushed, self._is_flushing = self._unflushed, [], True
        self.out.flushes += 1
        self._at(self.now + self._flush_seconds, lambda: self._flushed(batch))

    def _flushed(self, batch: list[tuple[float, Callable[[], None] | None]]) -> None:
        self._is_flushing = False
        for asked_at, then in batch:
            self._answer(asked_at, then)
        self._flush()

    def _answer(self, asked_at: float, then: Callable[[], None] | None) -> None:
        self.out.answers.append(self.now - asked_at)
        if then is not None:
            then()

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (max(moment, self.now), self._number, action))


def simulate(site: Site, costs: Costs, *, storm: bool = False) -> Outcome:
    outcome = Simulation(site, costs, storm=storm).run()
    if not math.isfinite(outcome.processors):
        raise ValueError("the costs are not numbers")
    return outcome
