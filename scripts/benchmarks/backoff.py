"""W3: how late is a retry? Planned against actual waits, on PostgreSQL and on SQLite."""

import random
import time
from collections.abc import Iterator

from scripts.benchmarks.bed import Bed
from scripts.benchmarks.figures import Comparison, Figure, Options, Target, progress

WAITS = (0.1, 0.5, 1.0, 2.0, 5.0)
TIMES = (5, 20)
BETWEEN_SECONDS = 0.15  # a run's own work is over by then: waits are late because of the queue alone
GIVE_UP_SECONDS = 60.0
LATE = {"PostgreSQL": Target(0.25, 0.10), "SQLite": Target(0.35, 0.20)}


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    found = Comparison()
    for database in LATE:
        progress(f"W3: waits on {database}")
        measure(bed, options, database, found)
    for database, target in LATE.items():
        yield Figure(f"retry late, p95, {database}", found.p95(database, "late"), "s", target=target)
        is_main = database == "PostgreSQL"
        for what, value, bound in (
            ("median", found.median(database, "error"), Target(0.1, 0.03)),
            ("largest", found.largest(database, "error"), Target(0.3, 0.3)),
        ):
            yield Figure(f"backoff error, {what}, {database}", value, "s", target=bound if is_main else None)


def measure(bed: Bed, options: Options, database: str, found: Comparison) -> None:
    side = bed.noop(sqlite=database == "SQLite")
    waits = list(WAITS) * options.pick(*TIMES)
    random.Random(3).shuffle(waits)
    with bed.running(side) as running:
        running.agent.call("lateness", runs=running.agent.call("begin_waits", waits=[0.1] * 3), seconds=20)
        runs: list[str] = []
        for seconds in waits:
            runs += running.agent.call("begin_waits", waits=[seconds])
            time.sleep(BETWEEN_SECONDS)
        rows = running.agent.call("lateness", runs=runs, seconds=GIVE_UP_SECONDS)
    if len(rows) != len(waits) or any(actual is None for _, actual in rows):
        raise RuntimeError(f"of {len(waits)} retries on {database} {len(rows)} are recorded: {rows}")
    if sorted(planned for planned, _ in rows) != sorted(waits):
        raise RuntimeError(f"the waits on {database} are not those that were asked for: {rows}")
    for planned, actual in rows:
        found.add(database, "late", actual - planned)
        found.add(database, "error", abs(actual - planned))
