"""Does a long past, or a long queue of the future, make a run dearer? W1 beside ever more rows."""

from collections.abc import Iterator
from contextlib import ExitStack

from scripts.benchmarks.bed import Bed, Running
from scripts.benchmarks.figures import Comparison, Figure, Options, Target, progress
from scripts.benchmarks.throughput import load, measure_idle, warm_up

FEW_RUNS = 20
SIZES = ((1_000, 10_000), (1_000, 10_000, 100_000))
BATCHES = (5, 9)
RUNS = (60, 120)
WAITING = 100_000
IDLE_SECONDS = 10
NO_DEARER, NO_SLOWER = Target(1.15, 1.05, of_baseline=True), Target(0.87, 0.95, of_baseline=True, at_least=True)


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    """Compare with a database of the fewest finished runs, in turn, batch by batch."""
    found, sizes = Comparison(), SIZES[0 if options.quick else 1]
    with ExitStack() as stack:
        running = {size: with_past(bed, stack, size) for size in sizes}
        progress("growth: batches in turn")
        for _ in range(options.pick(*BATCHES)):
            for size, each in running.items():
                load(each, options.pick(*RUNS), found, str(size))
    yield from compared(found, [str(size) for size in sizes])
    yield from idle_beside_waiting(bed, options)


def compared(found: Comparison, sizes: list[str]) -> Iterator[Figure]:
    for more in sizes[1:]:
        for name, unit, target in (("processor per run", "ms", NO_DEARER), ("runs per second", "/s", NO_SLOWER)):
            ours, base = found.median(more, name), found.median(sizes[0], name)
            title = f"{name}, {more} finished (B: {sizes[0]})"
            yield Figure(title, ours, unit, base, target, found.paired_ratio(more, sizes[0], name))


def with_past(bed: Bed, stack: ExitStack, size: int) -> Running:
    progress(f"growth: making {size} finished runs")
    running = stack.enter_context(bed.running(bed.noop()))
    warm_up(running, FEW_RUNS)
    running.agent.call("add_finished", count=size)
    warm_up(running, FEW_RUNS)
    return running


def idle_beside_waiting(bed: Bed, options: Options) -> Iterator[Figure]:
    """Measure what looking at the queue costs while many runs in it are not due."""
    found, figure = Comparison(), f"idle with {WAITING} runs waiting"
    sides = {"ours": bed.noop} if options.quick else {"ours": bed.noop, "raw": bed.raw}
    for name, make in sides.items():
        progress(f"growth: idle beside {WAITING} waiting, {name}")
        bed.clear()
        with bed.running(make()) as running:
            running.agent.call("time_one")
            running.agent.call("add_waiting", count=WAITING)
            for _ in range(options.repetitions):
                measure_idle(running, IDLE_SECONDS, found, (name, figure))
    yield found.figure(figure, "% of a core", Target(2, 1))
