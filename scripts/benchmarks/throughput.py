"""W1: runs of three no-op steps, the second failing once: processor time, runs per second, latency, memory, idling."""

import time
from collections.abc import Sequence
from contextlib import suppress

from scripts.benchmarks.bed import Bed, Running, Side
from scripts.benchmarks.figures import Comparison, Options, progress
from scripts.benchmarks.processes import proportional_mib, tree

WARM_UP_RUNS = 20
TRAILING_SECONDS = 0.5
SIDES = ("raw", "ours")


def measure(bed: Bed, options: Options) -> Comparison:
    """Measure both sides in turn, as often as asked for."""
    found = Comparison()
    for repetition in range(options.repetitions):
        for name in SIDES:
            progress(f"W1, repetition {repetition + 1} of {options.repetitions}: {name}")
            side = bed.raw() if name == "raw" else bed.noop()
            with bed.running(side) as running:
                measure_idle(running, options.pick(10, 30), found, name)
                load(running, options.pick(200, 1000), found, name)
                measure_memory(running, found, name)
                latencies(running, options.pick(30, 100), found, name)
    return found


def load(running: Running, count: int, found: Comparison, name: str, prefix: str = "") -> None:
    """Let `count` runs become due at one moment; weigh and time them from there to their end."""
    agent = running.agent
    warm_up(running)
    agent.call("hold")
    agent.call("begin", count=count)
    before = running.cpu_seconds()
    agent.call("release")
    times = agent.call("wait", seconds=60 + count)
    time.sleep(TRAILING_SECONDS)
    spent = running.cpu_seconds() - before
    if wrong := agent.call("check", count=count):
        raise RuntimeError(f"W1 on the {name} side means nothing: {wrong}")
    found.add(name, f"{prefix}processor per run", 1000 * spent / count)
    found.add(name, f"{prefix}runs per second", count / (times["over"] - times["begun"]))


def warm_up(running: Running) -> None:
    """Let connections, imports and caches be what they are after the first minute."""
    running.agent.call("begin", count=WARM_UP_RUNS)
    running.agent.call("wait", seconds=60)
    time.sleep(TRAILING_SECONDS)


def latencies(running: Running, count: int, found: Comparison, name: str) -> None:
    """Time single runs, one after the other, on a system that does nothing else."""
    running.agent.call("time_one")
    for _ in range(count):
        found.add(name, "latency", running.agent.call("time_one"))


def measure_idle(running: Running, seconds: float, found: Comparison, name: str, figure: str = "idle") -> None:
    before, started = running.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    spent = running.cpu_seconds() - before
    found.add(name, figure, 100 * spent / (time.monotonic() - started))


def measure_memory(running: Running, found: Comparison, name: str) -> None:
    """Weigh the workers after the load."""
    for pid in workers(running.side, running)[:1]:
        found.add(name, "worker memory", proportional_mib(pid))


def workers(side: Side, running: Running) -> Sequence[int]:
    """Return worker processes that have done something and live."""
    alive = tree(running.cluster.pid)
    if side.is_raw:
        known = [int(running.agent.call("worker_pid"))]
    else:
        known = []
        for mark in (side.root / "scratch").glob("worker-*"):
            with suppress(ValueError):
                known.append(int(mark.name.removeprefix("worker-")))
    found = [pid for pid in known if pid in alive]
    if not found:
        raise RuntimeError("no worker process could be told from the others: its memory was not measured")
    return found
