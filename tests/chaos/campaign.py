"""The whole of it: start nodes, feed them runs, inject faults as planned, let them come to rest, check.

Read next: `scenarios` (which runs), `schedule` (which faults when), `faults` and `people` (what they
do), `invariants` (what must hold).
"""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from django.core.management import call_command
from django.db import connections
from django.db.models import Count, Max, Sum

from metabuilder.runs.models import Chore, Run, RunEvent
from tests.chaos import feeding, invariants, people, processes, report, trees
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Fault, faults_for
from tests.chaos.nodes import Supervisor
from tests.chaos.report import say
from tests.chaos.scenarios import PlannedRun, planned_runs
from tests.chaos.scene import RESTS, Scene, patiently
from tests.chaos.schedule import PlannedFault, planned_faults
from tests.chaos.stage import GRACE_SECONDS, Stage

LOOK_SECONDS = 0.2
RUNS_AT_ONCE = 16
RUNS_AT_ONCE_IN_A_LULL = 2  # some workers are idle then
LULLS = (25, 19)  # of so many runs, those from that one on
FAULT_SPACING_SECONDS = 0.5
STALLED_SECONDS = 6.0
VICTIM_SECONDS = 5.0
PROGRESS_SECONDS = 10.0
REST_SECONDS = 60.0  # without any change: what has not come to rest by then never will
TIDY_SECONDS = 45.0
GATE_ROUNDS = 2


@dataclass
class Plan:
    """What is still to come, and how far the work is."""

    runs: deque[PlannedRun]
    faults: deque[PlannedFault]
    total: int
    resting: int = 0
    unfinished: int = 0
    progress: float = 0.0
    moved_at: float = field(default_factory=time.monotonic)
    injected_at: float = 0.0
    tried_since: float | None = None

    def look(self) -> None:
        """Progress never falls, though runs are sent on again; without any for a while, faults go on."""
        self.resting = patiently(lambda: Run.objects.filter(status__in=RESTS).count())
        self.unfinished = patiently(Run.objects.count) - self.resting
        progress = min(1.0, self.resting / self.total)
        if progress > self.progress:
            self.progress, self.moved_at = progress, time.monotonic()

    def at_once(self) -> int:
        every, begin = LULLS
        return RUNS_AT_ONCE_IN_A_LULL if (self.total - len(self.runs)) % every >= begin else RUNS_AT_ONCE

    def fault_is_due(self) -> bool:
        now = time.monotonic()
        if not self.faults or now - self.injected_at < FAULT_SPACING_SECONDS:
            return False
        return self.faults[0].moment <= self.progress or now - max(self.moved_at, self.injected_at) > STALLED_SECONDS


def conduct(stage: Stage) -> int:
    """Run the whole campaign; return the exit code."""
    options = stage.options
    say(f"seed {options.seed}: {options.runs} runs, {options.faults} faults on {options.database}, in {stage.root}")
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    feeding.make_tenants()
    kinds = faults_for(options.database)
    weights = {name: weight for name, (_, weight) in kinds.items()}
    plan = Plan(
        deque(planned_runs(options.seed, options.runs)),
        deque(planned_faults(options.seed, options.faults, weights)),
        options.runs,
    )
    scene = Scene(stage, stage.nodes())
    processes.adopt_orphans()
    with Supervisor(scene.nodes, partial(is_database, stage)) as supervisor:
        wreak(scene, plan, {name: fault for name, (fault, _) in kinds.items()})
        come_to_rest(scene)
        tidied(scene)
        say("stopping the nodes")
        did_not_stop = supervisor.stop(GRACE_SECONDS + 20)
        orphans = [f"{each.pid}: {processes.command_line(each.pid)[:160]}" for each in supervisor.orphans()]
    evidence = replace(gather(scene, plan), did_not_stop=tuple(did_not_stop), orphans=tuple(orphans))
    found = invariants.violations(evidence)
    report.tell(scene, found)
    connections.close_all()
    return 1 if found else 0


def is_database(stage: Stage, process: processes.Process) -> bool:
    """The server is a child of ours too: who started it has ended at once."""
    return stage.postgres is not None and "postgres" in processes.command_line(process.pid).split(" ")[0]


def wreak(scene: Scene, plan: Plan, kinds: dict[str, Fault]) -> None:
    """Feed runs and inject faults until both are used up."""
    told_at = 0.0
    while plan.runs or plan.faults or scene.later:
        plan.look()
        scene.lift_due()
        patiently(scene.held)
        while plan.runs and plan.unfinished < plan.at_once():
            patiently(partial(feeding.start, plan.runs.popleft(), scene.stage.sources))
            plan.unfinished += 1
        if plan.fault_is_due():
            inject(scene, plan, kinds)
        if time.monotonic() - told_at > PROGRESS_SECONDS:
            told_at = time.monotonic()
            say(f"{plan.resting} of {plan.total + scene.extra_runs} runs at rest, {scene.done.total()} faults")
        time.sleep(LOOK_SECONDS)


def inject(scene: Scene, plan: Plan, kinds: dict[str, Fault]) -> None:
    """Do the next fault; one that finds nobody to do it to is tried for a while."""
    planned, now = plan.faults[0], time.monotonic()
    plan.tried_since = plan.tried_since or now
    what = kinds[planned.kind](scene, random.Random(planned.seed))
    if what:
        scene.done[planned.kind] += 1
        say(f"fault {planned.number}: {planned.kind}: {what}")
    elif now - plan.tried_since < VICTIM_SECONDS:
        return
    else:
        scene.missed[planned.kind] += 1
    plan.faults.popleft()
    plan.tried_since, plan.injected_at = None, time.monotonic()


def come_to_rest(scene: Scene) -> None:
    """Lift what is left of the faults, answer what is asked, and wait until nothing moves any more."""
    scene.lift_due(all_of_them=True)
    rng = random.Random(f"{scene.stage.options.seed} rest")
    seen, moved_at = None, time.monotonic()
    people.decide_most(rng, GATE_ROUNDS)
    while patiently(lambda: Run.objects.exclude(status__in=RESTS).exists()):
        now = patiently(
            lambda: (Run.objects.aggregate(Sum("fence"), Count("executions")), RunEvent.objects.aggregate(Max("id")))
        )
        if now != seen:
            seen, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > REST_SECONDS:
            return say(f"nothing has moved for {REST_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS * 2)
        people.decide_most(rng, GATE_ROUNDS)
    return say("every run is at rest")


def tidied(scene: Scene) -> None:
    """Let the nodes' housekeeping come round at once, and give it time."""
    evidence = Evidence(machines=tuple(node.work_dir for node in scene.nodes))
    patiently(lambda: Chore.objects.update(due_at="2000-01-01T00:00:00Z"))
    waits_for(lambda: not trees.no_workspace_is_left(evidence) and not trees.nothing_is_left_in_scratch(evidence))


def waits_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIDY_SECONDS
    while not patiently(condition) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS * 5)


def gather(scene: Scene, plan: Plan) -> Evidence:
    stage, options = scene.stage, scene.stage.options
    ordered = {run.title for run in planned_runs(options.seed, options.runs)} - {run.title for run in plan.runs}
    return Evidence(
        ordered=frozenset(ordered),
        off=tuple(scene.off),
        machines=tuple(node.work_dir for node in scene.nodes),
        sources=stage.sources,
        scratch=stage.root / "scratch",
        traces=tuple(f"/{stage.mark}/{node.name}" for node in scene.nodes) + tuple(n.mark for n in scene.nodes),
        stop_seconds=tuple(seconds for node in scene.nodes for seconds in node.stop_seconds),
        surprises=tuple(scene.surprises),
    )
