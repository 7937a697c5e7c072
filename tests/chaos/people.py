"""What do people do to runs while all this happens? Decide, cancel, retry, change settings, throw the switch."""

import random
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import connection

from approvals.gates import AlreadyDecided, Decider
from approvals.models import Gate, GateStatus
from autofix import control
from autofix.models import SwitchState
from metabuilder.runs.models import Run
from metabuilder.runs.states import FINAL, RunStatus
from metabuilder.runs.transitions import CannotMove
from tenants.models import Tenant
from tests.chaos.scene import Scene, database_time, patiently, some

SETTINGS = ("autofix_enabled", "max_total_attempts", "max_per_step_attempts")
DECIDERS = ("ann", "ben", "cyd")
VERDICTS: dict[str, Callable[[Gate, Decider], Gate]] = {"approve": control.approve, "reject": control.reject}


def race_for_gate(scene: Scene, rng: random.Random) -> str:
    """Let three people decide one gate at the same moment, not of one mind."""
    gate = rng.choice(pending_gates() or [None])
    if gate is None:
        return ""
    verdicts = ["approve", "reject", rng.choice(list(VERDICTS))]
    rng.shuffle(verdicts)
    start = threading.Barrier(len(verdicts))
    people = [
        threading.Thread(target=decide_at, args=(scene, start, partial(decide_anew, gate, name, verdict)))
        for name, verdict in zip(DECIDERS, verdicts, strict=True)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    return f"{' '.join(verdicts)} on a gate of {gate.run.title}"


def decide_at(scene: Scene, start: threading.Barrier, act: Callable[[], None]) -> None:
    """Decide with a connection of one's own. Nothing else goes on: any error is a surprise."""
    try:
        connection.ensure_connection()
        start.wait(timeout=30)
        act()
    except Exception as error:
        scene.surprises.append(f"deciding a gate at once: {type(error).__name__}: {error}")
    finally:
        connection.close()


def decide_anew(gate: Gate, name: str, verdict: str) -> None:
    decide(Gate.objects.select_related("run").get(pk=gate.pk), name, verdict)


def decide(gate: Gate, name: str, verdict: str) -> None:
    try:
        VERDICTS[verdict](gate, Decider(name))
    except AlreadyDecided:
        return


def decide_most(rng: random.Random, rounds: int) -> None:
    """Answer what is asked, each run's first `rounds` questions at most: some are left to stay."""
    for gate in pending_gates():
        if gate.run.gates.count() <= rounds:
            verdict = rng.choice(["approve", "approve", "reject"])
            patiently(partial(decide, gate, rng.choice(DECIDERS), verdict))


def pending_gates() -> list[Gate]:
    gates = Gate.objects.filter(status=GateStatus.PENDING).select_related("run", "run__tenant")
    return patiently(lambda: list(gates.order_by("run__title", "created_at")))


def cancel_some(scene: Scene, rng: random.Random) -> str:
    unfinished = Run.objects.exclude(status__in=FINAL)
    return for_some(rng, unfinished, partial(control.cancel, actor="ann"))


def retry_some(scene: Scene, rng: random.Random) -> str:
    stopped = Run.objects.filter(status__in=[RunStatus.FAILED, RunStatus.CANCELLED])
    return for_some(rng, stopped, partial(control.retry, actor="ben"))


def for_some(rng: random.Random, runs, act: Callable[[Run], object]) -> str:
    chosen = some(rng, patiently(lambda: list(runs.order_by("title"))), 3)
    done = [run.title for run in chosen if patiently(partial(attempt, act, run))]
    return ", ".join(done)


def attempt(act: Callable[[Run], object], run: Run) -> bool:
    try:
        act(run)
    except CannotMove:
        return False
    return True


def flip_settings(scene: Scene, rng: random.Random) -> str:
    """Change what a tenant allows, for a while."""
    tenant = rng.choice(patiently(lambda: list(Tenant.objects.order_by("slug"))))
    total = rng.randint(1, 6)
    values = {
        "autofix_enabled": rng.choice([None, True, False]),
        "max_total_attempts": total,
        "max_per_step_attempts": rng.randint(1, total),
    }
    patiently(lambda: Tenant.objects.filter(pk=tenant.pk).update(**values))
    scene.after(rng.uniform(2, 8), partial(set_back, tenant))
    return f"{tenant.slug} {' '.join(map(str, values.values()))}"


def set_back(tenant: Tenant) -> None:
    inherited = dict.fromkeys(SETTINGS)
    patiently(lambda: Tenant.objects.filter(pk=tenant.pk).update(**inherited))


def flip_switch(scene: Scene, rng: random.Random) -> str:
    """Throw the kill switch for longer than it may take to work; one at a time."""
    if any(getattr(each.lift, "func", None) is switch_on for each in scene.later):
        return ""
    state = rng.choice([SwitchState.OFF, SwitchState.OFF, SwitchState.DRAIN])
    patiently(lambda: control.switch(state, None))
    since = patiently(database_time) if state == SwitchState.OFF else None
    scene.after(rng.uniform(6, 9), partial(switch_on, scene, since))
    return state.value


def switch_on(scene: Scene, off_since: datetime | None) -> None:
    if off_since is not None:
        scene.off.append((off_since, patiently(database_time)))
    patiently(lambda: control.switch(SwitchState.ON, None))
