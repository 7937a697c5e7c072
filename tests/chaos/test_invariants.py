"""Every invariant of the harness can fail: each is shown rows or leftovers that break it, and clean ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from approvals.models import GateStatus, Vote
from autofix.control import start_run
from autofix.driver import drive
from autofix.models import AttemptState, Episode
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import executions
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, RunEvent, SourceKind
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from tests.chaos import history, trees
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import INVARIANTS, violations
from tests.chaos.leftovers import STOPS_WITHIN
from tests.chaos.processes import MARK, marked
from tests.chaos.scenarios import LINT, OVERLAP_EXIT, SOUND, make_templates
from tests.factories import (
    AttemptFactory,
    EpisodeFactory,
    GateFactory,
    RunFactory,
    StepExecutionFactory,
    StepFactory,
    TenantFactory,
)

ROOT = Path(__file__).parent.parent.parent
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = {"max_total_attempts": 1, "max_per_step_attempts": 1}
TRACE = f"chaos-test-{os.getpid()}:"
Breaking = Callable[[Path], Evidence]


def event(run: Run, old: str, new: str) -> None:
    RunEvent.objects.create(run=run, kind="status", old_status=old, new_status=new, message="moved")


def finished(**fields: object) -> Run:
    run = RunFactory(status=RunStatus.SUCCEEDED, title="0001 passes", **fields)
    for old, new in (("", "queued"), ("queued", "running"), ("running", "succeeded")):
        event(run, old, new)
    return run


def executed(run: Run, status: str, start: int, end: int | None, **fields: object):
    row = StepExecutionFactory(step=StepFactory(run=run, **fields), status=status)
    type(row).objects.filter(pk=row.pk).update(
        started_at=NOON + timedelta(seconds=start), finished_at=end and NOON + timedelta(seconds=end)
    )
    return row


def restless_run(_: Path) -> Evidence:
    RunFactory(status=RunStatus.RUNNING)
    return Evidence()


def lost_run(_: Path) -> Evidence:
    return Evidence(ordered=frozenset({"0001 passes"}))


def broken_chain(_: Path) -> Evidence:
    run = RunFactory(status=RunStatus.SUCCEEDED)
    event(run, "", "queued")
    event(run, "running", "succeeded")
    return Evidence()


def overlap(_: Path) -> Evidence:
    run = finished()
    executed(run, "passed", 0, 10)
    executed(run, "passed", 9, 12)
    return Evidence()


def shared_tree(_: Path) -> Evidence:
    StepExecutionFactory(status="failed", exit_code=OVERLAP_EXIT)
    return Evidence()


def running_at_rest(_: Path) -> Evidence:
    executed(finished(), "running", 0, None)
    return Evidence()


def sound_failure(_: Path) -> Evidence:
    executed(finished(), "failed", 0, 1, name=f"{SOUND} nap")
    return Evidence()


def open_episode(_: Path) -> Evidence:
    EpisodeFactory(step=StepFactory(run=finished()))
    return Evidence()


def two_verdicts(_: Path) -> Evidence:
    gate = GateFactory(status=GateStatus.APPROVED, decided_at=timezone.now())
    for actor, verdict in (("ann", GateStatus.APPROVED), ("ben", GateStatus.REJECTED)):
        Vote.objects.create(gate=gate, actor=actor, verdict=verdict)
    return Evidence()


def pause_without_a_gate(_: Path) -> Evidence:
    RunFactory(status=RunStatus.PAUSED_AWAITING_APPROVAL)
    return Evidence()


def verdict_without_a_move(_: Path) -> Evidence:
    GateFactory(status=GateStatus.APPROVED, run=finished())
    return Evidence()


def overspent_budget(_: Path) -> Evidence:
    first = AttemptFactory(settings_used=LIMITS)
    AttemptFactory(settings_used=LIMITS, execution=first.execution)
    return Evidence()


def gap_in_numbers(_: Path) -> Evidence:
    AttemptFactory(number=2)
    return Evidence()


def patch_applied_twice(_: Path) -> Evidence:
    attempt = AttemptFactory()
    for commit in ("one", "two"):
        RunEvent.objects.create(run=attempt.run, kind="patch_applied", message=f"{attempt}: commit {commit}")
    return Evidence()


def healed_while_off(_: Path) -> Evidence:
    began = AttemptFactory().started_at
    return Evidence(off=((began - timedelta(seconds=6), began + timedelta(seconds=1)),))


def unrecorded_change(tmp_path: Path) -> Evidence:
    finished(source_commit="a" * 40, diff="--- a/x\n+++ b/x\n")
    return Evidence(scratch=tmp_path)


def left_workspace(tmp_path: Path) -> Evidence:
    (tmp_path / "node1" / "workspaces" / f"{finished().pk}.7").mkdir(parents=True)
    return Evidence(machines=(tmp_path / "node1",))


def left_report(tmp_path: Path) -> Evidence:
    (tmp_path / "node1" / "reports" / "one").mkdir(parents=True)
    return Evidence(machines=(tmp_path / "node1",))


def surviving_process(_: Path) -> Evidence:
    return Evidence(traces=(TRACE,))


BREAKS: dict[str, Breaking] = {
    "every run is over or at a gate": restless_run,
    "no run is lost": lost_run,
    "events form an allowed path": broken_chain,
    "executions of a run never overlap": overlap,
    "no two commands share a tree": shared_tree,
    "nothing runs on a resting run": running_at_rest,
    "no sound step fails": sound_failure,
    "nothing is open on a finished run": open_episode,
    "no gate has two verdicts": two_verdicts,
    "a paused run has one open gate": pause_without_a_gate,
    "every verdict moved its run once": verdict_without_a_move,
    "no budget is exceeded": overspent_budget,
    "attempts are numbered": gap_in_numbers,
    "no patch is applied twice": patch_applied_twice,
    "off is off": healed_while_off,
    "diffs are source + patches": unrecorded_change,
    "no workspace is left": left_workspace,
    "nothing is left in scratch": left_report,
    "no process survives": surviving_process,
    "no orphan survives": lambda _: Evidence(orphans=("7: bwrap",)),
    "nodes stop in time": lambda _: Evidence(stop_seconds=(STOPS_WITHIN + 1,)),
    "no surprises": lambda _: Evidence(surprises=("a deadlock",)),
}
WITH_A_REAL_TREE = {"trees are as the rows say"}


@pytest.fixture
def survivor() -> Iterator[subprocess.Popen]:
    """A process as a node would leave it behind."""
    with subprocess.Popen(["sleep", "60"], env={MARK: TRACE}, start_new_session=True) as process:
        while not marked(TRACE):  # its environment is there a moment after it has started
            time.sleep(0.01)
        yield process
        process.kill()


def test_every_invariant_is_broken_here_once():
    assert BREAKS.keys() | WITH_A_REAL_TREE == INVARIANTS.keys()


@pytest.mark.parametrize("name", BREAKS)
def test_an_invariant_sees_what_breaks_it(name, db, tmp_path, survivor):
    evidence = BREAKS[name](tmp_path)
    assert INVARIANTS[name](evidence)


def test_a_run_that_went_well_breaks_nothing(db, tmp_path):
    run = finished(source_commit="a" * 40)
    executed(run, "lost", 0, 10)
    executed(run, "passed", 9, 12)
    (tmp_path / "node1" / "workspaces").mkdir(parents=True)
    machines = (tmp_path / "node1",)
    assert violations(Evidence(ordered=frozenset({run.title}), machines=machines, scratch=tmp_path)) == {}


def test_a_path_may_lead_back_to_the_queue_but_not_out_of_an_end():
    assert list(history.faults_in([("", "queued"), ("queued", "running"), ("running", "queued")])) == []
    assert list(history.faults_in([("", "queued"), ("queued", "succeeded")])) == ["goes from queued to succeeded"]


def test_a_patch_may_be_applied_again_after_its_worker_was_lost(db):
    attempt = AttemptFactory(state=AttemptState.FINISHED)
    for kind, new in (("patch_applied", ""), ("status", "running"), ("patch_applied", "")):
        RunEvent.objects.create(run=attempt.run, kind=kind, new_status=new, message=f"{attempt}: commit one")
    assert INVARIANTS["no patch is applied twice"](Evidence()) == []


def test_only_processes_with_the_mark_are_found(survivor):
    assert [process.pid for process in marked(TRACE)] == [survivor.pid]
    assert marked(f"{TRACE}other") == []


ADOPTION = """
import subprocess, time
from tests.chaos import processes
processes.adopt_orphans()
subprocess.run(["sh", "-c", "sleep 20 & exit 0"])
[orphan] = processes.children()
processes.send(orphan, processes.signal.SIGKILL)
while processes.children():
    time.sleep(0.01)
"""


def test_the_harness_adopts_what_outlives_its_parent():
    """In a process of its own: who has adopted once, goes on adopting."""
    subprocess.run([sys.executable, "-c", ADOPTION], cwd=ROOT, check=True, timeout=15)


@pytest.fixture
def healed(db, tmp_path: Path) -> Run:
    """A run that was patched, then failed for good: its tree stays."""
    tmp_path.chmod(0o755)
    make_templates(tmp_path)
    order = Order(
        tenant=TenantFactory(backoff_cap_seconds=1),
        source_kind=SourceKind.PATH,
        location=str(tmp_path / "unused"),
        plan={"steps": [LINT, {"name": "late", "run": "sleep 30", "timeout": 1}]},
        overrides={"max_per_step_attempts": 1},
        any_directory=True,
    )
    with driven_in_process(lambda _: None):
        return drive(start_run(order))


def test_a_tree_that_was_tampered_with_is_seen(healed: Run, settings):
    evidence = Evidence(scratch=settings.WORK_DIR / "rebuilt")
    assert healed.status == RunStatus.FAILED
    assert violations(evidence) == {}
    workspace = Workspace(Path(healed.tree_at.partition(":")[2]), executions.sandbox_for(healed))
    patch = '--- a/ruff.toml\n+++ b/ruff.toml\n@@ -1 +1,2 @@\n lint.select = ["F", "I"]\n+line-length = 9\n'
    workspace.apply(patch, "tampered", "nobody")
    assert len(trees.trees_are_as_the_rows_say(evidence)) == 2
    Run.objects.filter(pk=healed.pk).update(diff="")
    assert len(trees.diffs_are_source_and_patches(evidence)) == 1
    assert Episode.objects.filter(run=healed).count() == 2
