"""Every benchmark by name. Each yields figures together with what they have to be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scripts.benchmarks import backoff, commands, growth, plan, resume, throughput, web
from scripts.benchmarks.bed import Bed
from scripts.benchmarks.figures import Figure, Options


@dataclass(frozen=True)
class Benchmark:
    about: str
    run: Callable[[Bed, Options], Iterator[Figure]]


BENCHMARKS = {
    "w1": Benchmark("runs of three no-op steps: cost, rate, latency, memory, idling", throughput.run),
    "w2": Benchmark("real commands: wall time over a plain shell script", commands.run),
    "w3": Benchmark("how late retries are, on PostgreSQL and SQLite", backoff.run),
    "w4": Benchmark("from POST to the first command; idling with a web server", web.run),
    "resume": Benchmark("kill -9 in the middle of a step", resume.run),
    "growth": Benchmark("W1 beside many finished runs, idling beside many waiting ones", growth.run),
    "plan": Benchmark("1,000 concurrent runs on 50 machines: weighed, checked and simulated", plan.run),
}
