"""1,000 concurrent runs on 50 worker machines and one PostgreSQL: what that takes, weighed and simulated.

First each operation is weighed on this machine's PostgreSQL, beside a thousand runs in work and many
waiting. Then the simulation (`simulation`) is checked against real nodes: as many as fit here, with steps
that only wait. Then it is run for the size that is planned, and for the moments after an outage.
"""

import time
from collections.abc import Iterator

from scripts.benchmarks.agent import Agent
from scripts.benchmarks.bed import Bed, Running
from scripts.benchmarks.figures import Figure, Options, Target, percentile, progress
from scripts.benchmarks.processes import seconds_of
from scripts.benchmarks.simulation import Cost, Costs, Outcome, Site, simulate

TIMES = (60, 300)
CROWD = {"running": 1000, "waiting": 5000}
STEPS = (3, 13)
CLAIM_SHARE = 0.5  # of what a run costs besides its steps: claim and end are alike
SMALL = Site(
    nodes=2, workers=24, processors=2, concurrent=40, step_seconds=3.0, steps=4, failure_share=0.0, varies=False
)
LIVE_SECONDS = (20, 60)
WARM_UP_SECONDS = 26.0  # two runs and a bit: as many end as begin
PLANNED = Site(nodes=50, workers=24, processors=4, concurrent=1000)
SLOW_DISK = 0.005  # seconds for a flush on a network volume
OPERATIONS = (
    "order",
    "run of 3 steps",
    "run of 13 steps",
    "run of 3 steps, retried",
    "renewal",
    "look at lease",
    "look of a node",
    "claim in vain",
    "sweep",
)


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    weighed = weigh(bed, options)
    for name, (cost, seconds) in weighed.items():
        yield Figure(f"database time of: {name}", 1000 * cost.processor_seconds, "ms")
        yield Figure(f"answer of: {name}, median", 1000 * seconds, "ms")
    costs = costs_of(weighed)
    bed.clear()
    yield from checked(bed, options, costs)
    yield from planned(costs)


def weigh(bed: Bed, options: Options) -> dict[str, tuple[Cost, float]]:
    """Return of each operation what it takes of the database's processor, its WAL and its median answer."""
    found, times = {}, options.pick(*TIMES)
    side = bed.noop()
    with side.agent() as agent:
        agent.call("costs.prepare_operation", operation="run of 3 steps", times=2)
        agent.call("costs.carry_out_prepared")
        agent.call("add_crowd", **CROWD)
        for name in OPERATIONS:
            progress(f"plan: weighing {name}")
            agent.call("costs.prepare_operation", operation=name, times=10)
            agent.call("costs.carry_out_prepared")  # plans and pages are warm
            agent.call("costs.clear_due")
            agent.call("costs.prepare_operation", operation=name, times=times)
            backend = agent.call("backend_pid")
            before = sum(seconds_of(backend))
            told = agent.call("costs.carry_out_prepared")
            spent = (sum(seconds_of(backend)) - before) / times
            agent.call("costs.clear_due")
            found[name] = Cost(spent, told["wal_bytes"] > 0, told["wal_bytes"]), told["seconds"]
    return found


def costs_of(weighed: dict[str, tuple[Cost, float]]) -> Costs:
    """Take runs of different lengths apart: what is left without their steps is a claim and an end."""

    def cost(name: str) -> Cost:
        return weighed[name][0]

    few, many = cost("run of 3 steps"), cost("run of 13 steps")
    per_step = times(minus(many, few), 1 / (STEPS[1] - STEPS[0]))
    around = minus(few, times(per_step, STEPS[0]))
    renewal, renewal_seconds = weighed["renewal"]
    return Costs(
        order=cost("order"),
        claim=times(around, CLAIM_SHARE),
        begin_step=times(per_step, 0.5),
        end_step=times(per_step, 0.5),
        retry=minus(cost("run of 3 steps, retried"), few),
        renewal=renewal,
        look=cost("look at lease"),
        node_look=cost("look of a node"),
        claim_in_vain=cost("claim in vain"),
        sweep=cost("sweep"),
        flush_seconds=max(0.0002, renewal_seconds - renewal.processor_seconds),
    )


def minus(cost: Cost, other: Cost) -> Cost:
    spent = max(0.0, cost.processor_seconds - other.processor_seconds)
    return Cost(spent, writes=True, wal_bytes=max(0.0, cost.wal_bytes - other.wal_bytes))


def times(cost: Cost, factor: float) -> Cost:
    return Cost(cost.processor_seconds * factor, writes=True, wal_bytes=cost.wal_bytes * factor)


def checked(bed: Bed, options: Options, costs: Costs) -> Iterator[Figure]:
    """Let real nodes do what the simulation says of them: the same load, measured."""
    progress("plan: real nodes beside the simulation")
    site = SMALL
    seconds = options.pick(*LIVE_SECONDS)
    side = bed.noop(METABUILDER_WORKERS=str(site.workers))
    with bed.running(side) as running, side.cluster() as second:
        if not second.is_running():
            raise RuntimeError(f"the second node has ended: {second.words()}")
        spent, starts = live(running, site, seconds)
    outcome = simulate(site, costs)
    real = Figure("database processors, real nodes (B: simulated)", 100 * spent, "% of a core", load_of(outcome))
    yield real
    yield Figure("due to claimed, p95, real nodes (B: simulated)", 1000 * starts, "ms", 1000 * outcome.p95_start)


def live(running: Running, site: Site, seconds: float) -> tuple[float, float]:
    """Keep a steady load up; return the share of a core that the database used, and the p95 of starts."""
    agent, postgres = running.agent, running.postgres
    if postgres is None:
        raise RuntimeError("the plan is for PostgreSQL")
    commands = [f"nap {site.step_seconds}"] * site.steps
    gap = 1 / site.runs_per_second
    feed(agent, commands, gap, WARM_UP_SECONDS)
    before, started = postgres.cpu_seconds(), time.monotonic()
    feed(agent, commands, gap, seconds)
    spent = (postgres.cpu_seconds() - before) / (time.monotonic() - started)
    return spent, percentile(agent.call("start_delays", since_seconds=seconds), 0.95)


def feed(agent: Agent, commands: list[str], gap: float, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        agent.call("start_id", commands=commands)
        time.sleep(min(gap, left))


def load_of(outcome: Outcome) -> float:
    """Return the processor time of the database, in percent of one core."""
    return 100 * outcome.processors / outcome.seconds


def planned(costs: Costs) -> Iterator[Figure]:
    progress("plan: simulating 50 machines")
    site = PLANNED
    steady = simulate(site, costs)
    slow = simulate(Site(**{**vars(site), "flush_seconds": SLOW_DISK}), costs)
    storm = simulate(site, costs, storm=True)
    words = f"{site.concurrent} runs, {site.nodes} machines"
    share = load_of(steady) / site.processors
    yield Figure(f"{words}: runs ended", 3600 * site.runs_per_second, "/h")
    yield Figure(f"{words}: queries", steady.queries / steady.seconds, "/s")
    yield Figure(f"{words}: flushes of the log", steady.flushes / steady.seconds, "/s")
    yield Figure(f"{words}: WAL", steady.wal_bytes / steady.seconds / 1e6, "MB/s")
    yield Figure(f"{words}: load of {site.processors} processors", share, "%", target=Target(60, 30))
    yield Figure(f"{words}: answer, p95", 1000 * steady.p95_answer, "ms", target=Target(50, 10))
    yield Figure(f"{words}: due to claimed, p95", 1000 * steady.p95_start, "ms", target=Target(300, 100))
    yield Figure(f"{words}, 5 ms flushes: answer, p95", 1000 * slow.p95_answer, "ms", target=Target(100, 20))
    yield Figure("all due at once: until the last has begun", storm.all_started_until(site.concurrent), "s")
    yield Figure("all due at once: queries that waited", storm.busiest_queue, "queries")
    yield Figure("connections: workers, and two a node", site.nodes * (site.workers + 2), "connections")
