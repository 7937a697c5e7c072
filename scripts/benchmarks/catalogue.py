"""Every benchmark, and what each of its figures has to be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scripts.benchmarks import throughput
from scripts.benchmarks.bed import Bed
from scripts.benchmarks.figures import Figure, Options, Target


@dataclass(frozen=True)
class Benchmark:
    about: str
    run: Callable[[Bed, Options], Iterator[Figure]]


def w1(bed: Bed, options: Options) -> Iterator[Figure]:
    found = throughput.measure(bed, options)

    def both(name: str, unit: str, target: Target, title: str = "") -> Figure:
        return Figure(title or name, found.median("ours", name), unit, found.median("raw", name), target)

    yield both("processor per run", "ms", Target(0.45, 0.30, of_baseline=True))
    yield both("runs per second", "/s", Target(2, 3, of_baseline=True, at_least=True))
    yield both("latency", "s", Target(0.15, 0.06, of_baseline=True), "latency of a no-op run, median")
    p95 = found.p95("ours", "latency"), found.p95("raw", "latency")
    yield Figure("latency of a no-op run, p95", p95[0], "s", p95[1], Target(0.25, 0.08, of_baseline=True))
    yield both("worker memory", "MiB", Target(1.5, 1.2, of_baseline=True), "worker memory (PSS)")
    yield both("idle", "% of a core", Target(2, 1), "idle, cluster and database")


BENCHMARKS = {
    "w1": Benchmark("runs of three no-op steps: cost, rate, latency, memory, idling", w1),
}
