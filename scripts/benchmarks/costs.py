"""What single operations of the product do on the agent's connection, so that each can be weighed alone."""

import time
from collections.abc import Callable
from statistics import median

from django.db import connection

from autofix import loop
from metabuilder.runs import transitions, turns
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus
from scripts.benchmarks import noop, ours

OWNER = "elsewhere:1@1"
PATIENCE_SECONDS = 5.0
MANY_SLOTS = 20


def prepare_operation(operation: str, times: int) -> None:
    """Make what the operation needs outside of what is weighed."""
    _ready.extend(OPERATIONS[operation]() for _ in range(times))


def carry_out_prepared() -> dict[str, float]:
    before, seconds = wal_bytes(), []
    for act in _ready:
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    count = len(_ready)
    _ready.clear()
    return {"seconds": median(seconds), "wal_bytes": (wal_bytes() - before) / count}


def clear_due() -> None:
    """End what an operation has left in the queue: the next one is weighed as if there were nothing due."""
    turns.due().update(status=RunStatus.CANCELLED)


def whole_run(steps: int, *, fails_once: bool = False) -> Callable[[], None]:
    """A run from its claim to its end; a step that fails is retried at once."""
    commands = ["true"] * steps
    if fails_once:
        commands[-1] = noop.FLAKY
    run = ours.start(commands)

    def act() -> None:
        while (held := transitions.claim(run.pk, OWNER)) is not None:
            loop.work_on(held)
        if Run.objects.values_list("status", flat=True).get(pk=run.pk) != RunStatus.SUCCEEDED:
            raise ours.WentWrong(f"run {run.pk} did not succeed")

    return act


def order() -> Callable[[], None]:
    return lambda: ours.start(["true"] * 3) and None


def held_run() -> Run:
    run = transitions.claim(ours.start(["true"]).pk, OWNER)
    if run is None:
        raise ours.WentWrong("a run that is due could not be claimed")
    return run


def renewal() -> Callable[[], None]:
    run = held_run()
    return lambda: transitions.renew(run) and None


def look_at_lease() -> Callable[[], None]:
    run = held_run()
    return lambda: transitions.is_held(run) and None


def look_of_a_node() -> Callable[[], None]:
    """What a ring costs a node that finds nothing to do."""

    def act() -> None:
        turns.next_runs(MANY_SLOTS)
        transitions.seconds_to_next_event(PATIENCE_SECONDS)

    return act


def claim_in_vain() -> Callable[[], None]:
    """A worker that was woken for a run which another one has taken."""
    run = held_run()

    def act() -> None:
        transitions.claim(run.pk, OWNER)
        transitions.claim_next(OWNER)

    return act


def sweep() -> Callable[[], None]:
    return lambda: transitions.sweep() and None


def wal_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
        return int(cursor.fetchone()[0])


_ready: list[Callable[[], None]] = []
OPERATIONS: dict[str, Callable[[], Callable[[], None]]] = {
    "order": order,
    "run of 3 steps": lambda: whole_run(3),
    "run of 13 steps": lambda: whole_run(13),
    "run of 3 steps, retried": lambda: whole_run(3, fails_once=True),
    "renewal": renewal,
    "look at lease": look_at_lease,
    "look of a node": look_of_a_node,
    "claim in vain": claim_in_vain,
    "sweep": sweep,
}
