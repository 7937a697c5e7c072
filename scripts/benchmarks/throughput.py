"""W1: runs of three no-op steps, the second failing once: processor time, runs per second, latency, memory, idling."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from scripts.benchmarks.bed import Bed, Running
from scripts.benchmarks.figures import Comparison, Figure, Options, Target, progress
from scripts.benchmarks.processes import proportional_mib, tree

WARM_UP_RUNS = 65  # 260 tasks: from there on the baseline prunes its history, as in production
TRAILING_SECONDS = 0.5
HALF_A_LIFE_RUNS = 130  # 520 tasks: django-q2 ends each of two workers after 500
BATCHES = (4, 10)
RUNS = (200, 500)  # in each repetition
IDLE_SECONDS = (10, 30)
SINGLE_RUNS = (30, 40)


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    found = Comparison()
    for repetition in range(options.repetitions):
        progress(f"W1, repetition {repetition + 1} of {options.repetitions}")
        measure(bed, options, found)
    yield found.figure("processor per run", "ms", Target(0.45, 0.30, of_baseline=True))
    yield found.figure("runs per second", "/s", Target(2, 3, of_baseline=True, at_least=True))
    latency = "latency of a no-op run"
    yield found.figure(latency, "s", Target(0.15, 0.06, of_baseline=True), ", median")
    p95 = found.p95("ours", latency), found.p95("raw", latency)
    yield Figure(f"{latency}, p95", p95[0], "s", p95[1], Target(0.25, 0.08, of_baseline=True))
    yield found.figure("worker memory (PSS)", "MiB", Target(1.5, 1.2, of_baseline=True))
    yield found.figure("idle, cluster and database", "% of a core", Target(2, 1))
    rows = sum(found.median(*key) for key in list(found.values) if key[1].startswith("rows in "))
    yield Figure("rows of history a run leaves", rows, "rows")


def measure(bed: Bed, options: Options, found: Comparison) -> None:
    """Weigh each side alone, then let both have their turns by and by: the machine's mood is the same for both."""
    with bed.running(bed.raw()) as theirs:
        measure_alone(theirs, options, found, "raw")
    bed.clear()
    with bed.running(bed.noop()) as us:
        measure_alone(us, options, found, "ours")
        with bed.running(bed.raw()) as theirs:
            in_turn({"raw": theirs, "ours": us}, options, found)
    bed.clear()


def measure_alone(running: Running, options: Options, found: Comparison, name: str) -> None:
    """Memory that two sides share would count half for each; the database cannot tell who it worked for."""
    progress(f"W1: {name} alone")
    warm_up(running, HALF_A_LIFE_RUNS)
    found.add(name, "worker memory (PSS)", proportional_mib(worker_of(running)))
    measure_idle(running, options.pick(*IDLE_SECONDS), found, (name, "idle, cluster and database"))


def in_turn(both: dict[str, Running], options: Options, found: Comparison) -> None:
    progress("W1: both warm up")
    for running in both.values():
        warm_up(running)
    progress("W1: loads in turn")
    batches = options.pick(*BATCHES)
    for _ in range(batches):
        for name, running in both.items():
            load(running, options.pick(*RUNS) // batches, found, name)
    progress("W1: single runs in turn")
    for _ in range(options.pick(*SINGLE_RUNS)):
        for name, running in both.items():
            found.add(name, "latency of a no-op run", running.agent.call("time_one"))
    for table, rows in both["ours"].agent.call("rows_of_a_run").items():
        found.add("ours", f"rows in {table}", rows)


def load(running: Running, count: int, found: Comparison, name: str) -> None:
    """Let `count` runs become due at one moment; weigh and time them from there to their end."""
    agent = running.agent
    agent.call("hold")
    agent.call("begin", count=count)
    before = running.cpu_seconds()
    agent.call("release")
    times = agent.call("wait", seconds=60 + count)
    time.sleep(TRAILING_SECONDS)
    spent = running.cpu_seconds() - before
    if wrong := agent.call("check", count=count):
        raise RuntimeError(f"W1 on the {name} side means nothing: {wrong}")
    found.add(name, "processor per run", 1000 * spent / count)
    found.add(name, "runs per second", count / (times["over"] - times["begun"]))


def warm_up(running: Running, runs: int = WARM_UP_RUNS) -> None:
    """Let connections, imports, caches and histories be what they are after some minutes."""
    running.agent.call("begin", count=runs)
    running.agent.call("wait", seconds=120)
    running.agent.call("time_one")
    time.sleep(TRAILING_SECONDS)


def measure_idle(running: Running, seconds: float, found: Comparison, figure: tuple[str, str]) -> None:
    """Measure what a side uses that has nothing to do, its database included, in percent of a core."""
    before, started = running.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    spent = running.cpu_seconds() - before
    found.add(*figure, 100 * spent / (time.monotonic() - started))


def worker_of(running: Running) -> int:
    """Return a worker process that has done something and lives."""
    alive = tree(running.cluster.pid)
    found = [pid for pid in signed(running) if pid in alive]
    if not found:
        raise RuntimeError("no worker process could be told from the others: its memory was not measured")
    return found[0]


def signed(running: Running) -> Sequence[int]:
    if running.side.is_raw:
        return [int(running.agent.call("worker_pid"))]
    known = []
    for mark in (running.side.root / "scratch").glob("worker-*"):
        with suppress(ValueError):
            known.append(int(mark.name.removeprefix("worker-")))
    return known
