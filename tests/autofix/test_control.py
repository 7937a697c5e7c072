"""What people do to runs: each whole or not at all, and in words why not."""

import pytest

from approvals.gates import Decider
from approvals.models import Gate
from autofix import control
from autofix.models import AttemptState, Episode, SwitchState
from metabuilder.execution.patches import PatchRejected
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import CannotMove
from tests.factories import AttemptFactory, GateFactory, RunFactory, StepFactory

pytestmark = pytest.mark.django_db
AMIR = Decider("amir")
PATCH = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"


@pytest.mark.parametrize("status", sorted(control.MAY_CANCEL))
def test_whatever_is_not_over_can_be_cancelled(status):
    run = RunFactory(status=status)
    control.cancel(run, "olga")
    assert run.status == RunStatus.CANCELLED
    assert run.finished_at is not None
    assert run.events.get().actor == "olga"


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_what_is_over_cannot(status):
    with pytest.raises(CannotMove, match="nothing was changed"):
        control.cancel(RunFactory(status=status), "olga")


def test_cancelling_closes_the_open_question_and_the_attempt():
    attempt = AttemptFactory(state=AttemptState.AWAITING)
    gate = GateFactory(run=attempt.run)
    Run.objects.update(status=RunStatus.PAUSED_AWAITING_APPROVAL)
    control.cancel(attempt.run, "olga")
    attempt.refresh_from_db()
    assert (Gate.objects.get(pk=gate.pk).status, attempt.state) == ("cancelled", "finished")
    assert Episode.objects.get().outcome == "cancelled"


def test_a_retry_keeps_passed_steps_and_gives_a_fresh_budget():
    run = RunFactory(status=RunStatus.FAILED, failure={"message": "no"})
    StepFactory(run=run, status="passed")
    StepFactory(run=run, status="failed")
    control.retry(run, "olga")
    assert (run.status, run.round, run.failure) == (RunStatus.QUEUED, 2, None)
    assert list(run.steps.values_list("status", flat=True)) == ["passed", "pending"]


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.SUCCEEDED, RunStatus.QUEUED])
def test_only_what_failed_or_was_cancelled_is_started_again(status):
    with pytest.raises(CannotMove):
        control.retry(RunFactory(status=status), "olga")


def test_an_approver_may_put_a_patch_of_their_own_in_place_of_the_proposal():
    gate = GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL)
    control.approve(gate, AMIR, patch=PATCH)
    assert gate.effective_patch == PATCH
    assert gate.revisions.get().author == "amir"


def test_what_the_guard_has_against_an_approvers_patch_is_recorded_not_forbidden():
    gate = GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL)
    control.approve(gate, AMIR, patch=PATCH.replace("a.py", ".github/workflows/ci.yml"))
    assert gate.revisions.get().warnings


def test_a_patch_that_is_none_leaves_the_gate_open():
    gate = GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL)
    with pytest.raises(PatchRejected):
        control.approve(gate, AMIR, patch="please fix it")
    gate.refresh_from_db()
    assert gate.status == "pending"
    assert not gate.votes.exists()


def test_the_switch_says_which_runs_it_touches():
    started = RunFactory(status=RunStatus.RUNNING)
    drained = RunFactory(status=RunStatus.QUEUED, started_under_drain=True)
    RunFactory(status=RunStatus.SUCCEEDED)
    assert set(control.runs_under_switch(SwitchState.OFF)) == {started, drained}
    assert set(control.runs_under_switch(SwitchState.DRAIN)) == {drained}
    assert not control.runs_under_switch(SwitchState.ON)
