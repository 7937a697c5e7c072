"""What people say while a run goes on: how far an approval reaches, and what a cancel or a switch stops."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from approvals import gates
from approvals.gates import Decider
from approvals.models import Gate
from autofix import control, remedies
from autofix.models import Episode, SwitchState
from metabuilder.runs import transitions
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus
from tests.stories.test_healing import AMIR, BANDIT, LINT, MD5, UNUSED, rest
from tests.stories.test_recovery import HALF_FIXABLE, kill_worker_at, meanwhile

TYPOSQUAT = {"test_it.py": "import reqeusts\n\n\ndef test_it():\n    assert reqeusts\n"}
PYTEST = {"name": "test", "run": "pytest -q"}
USE_JSON = """--- a/test_it.py
+++ b/test_it.py
@@ -1,5 +1,5 @@
-import reqeusts
+import json
 
 
 def test_it():
-    assert reqeusts
+    assert json
"""
LACKS_PYTEST = {"name": "t", "run": "echo \"ModuleNotFoundError: No module named 'pytest'\"; exit 1"}
PIP = ".venv/bin/python -m pip install --quiet"
LENGTH_32 = """import sys
sys.path.insert(0, "src")
from receipts import number


def test_number():
    assert len(number(b"a")) == 32
"""


def test_an_own_patch_in_place_of_a_plan_change_leaves_the_plan_alone(build):
    run = build(TYPOSQUAT, [PYTEST])
    control.approve(run.gates.get(), AMIR, patch=USE_JSON)
    assert rest(run).status == RunStatus.SUCCEEDED
    assert run.plan_version == 1
    assert list(run.steps.values_list("name", flat=True)) == ["test"]


def test_a_plan_change_that_a_person_rejected_is_not_made(build):
    run = build(TYPOSQUAT, [PYTEST])
    control.reject(run.gates.get(), AMIR)
    control.retry(run, "olga")
    assert rest(run).status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert run.plan_version == 1
    assert not run.plan_deltas.exclude(applied_at=None).exists()


def test_votes_for_different_patches_do_not_add_up(build):
    run = build(MD5, [BANDIT])
    gate = run.gates.get()
    Gate.objects.update(required_approvals=2)
    control.approve(gate, AMIR)
    control.approve(gate, Decider("eve"), patch=gate.patch.replace("sha256", "sha1"))
    gate.refresh_from_db()
    assert gate.status == "pending"


def test_an_approval_of_the_network_covers_only_the_command_that_was_shown(build):
    run = build({"a": "1\n"}, [{"name": "install", "run": "true", "network": True}, LACKS_PYTEST])
    control.approve(run.gates.get(), AMIR)
    rest(run)
    assert "pytest" in run.steps.get(name="install").command
    assert run.gates.filter(step="install").count() == 2
    assert run.executions.filter(step__name="install").count() == 1


@pytest.mark.parametrize("command", ["true # prepare", "true # prepare\n"])
def test_what_is_added_to_an_install_step_is_not_part_of_its_comment(build, command):
    run = build({"a": "1\n"}, [{"name": "install", "run": command, "kind": "install"}, LACKS_PYTEST])
    assert run.steps.get(name="install").command == f"true # prepare\n{PIP} pytest"


def test_what_is_added_to_an_offline_install_comes_from_the_projects_own_wheels(build):
    offline = {"name": "install", "run": "true --no-index", "kind": "install"}
    run = build({"vendor/wheels/x": "x"}, [offline, LACKS_PYTEST])
    added = run.steps.get(name="install").command.splitlines()[-1]
    assert added == f"{PIP} --no-index --find-links vendor/wheels pytest"


def test_a_patch_that_a_person_approved_is_not_rolled_back_by_the_machine(build, story):
    run = build({**MD5, "test_r.py": LENGTH_32}, [PYTEST, BANDIT])
    control.approve(run.gates.get(), AMIR)
    rest(run)
    assert "rollback" not in [row[2] for row in story(run)]
    assert "sha256" in run.diff


def test_a_rejection_names_the_step_that_failed(build):
    run = build(MD5, [BANDIT])
    control.reject(run.gates.get(), AMIR)
    run.refresh_from_db()
    assert run.failure["step"] == "security"


def test_cancel_and_retry_at_a_gate_proposes_the_fix_again(build):
    run = build(MD5, [BANDIT])
    control.cancel(run, "amir")
    control.retry(run, "amir")
    assert rest(run).status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert list(run.gates.order_by("created_at").values_list("status", flat=True)) == ["cancelled", "pending"]
    assert "sha256" in run.gates.get(status="pending").patch


def test_a_cancel_right_after_a_patch_leaves_no_attempt_open(build):
    run = build(HALF_FIXABLE, [LINT], rest=False)
    meanwhile(run, "patch_applied", "", lambda: control.cancel(Run.objects.get(pk=run.pk), "olga"))
    assert run.status == RunStatus.CANCELLED
    assert list(run.attempts.values_list("state", flat=True)) == ["finished"]
    assert not Episode.objects.filter(ended_at=None).exists()


def surprise_of(act):
    """Do it in a thread of its own; return the error, unless it is one that tells a person they were too late."""
    try:
        act()
    except (gates.AlreadyDecided, transitions.CannotMove):
        return None
    except Exception as error:
        return error
    finally:
        connections.close_all()
    return None


@pytest.mark.django_db(transaction=True)
def test_an_approval_and_a_cancel_at_the_same_moment_both_get_an_answer(build):
    run = build(MD5, [BANDIT])

    def approve():
        control.approve(Gate.objects.get(), AMIR)

    def cancel():
        control.cancel(Run.objects.get(pk=run.pk), "olga")

    for _ in range(10):
        Gate.objects.get().votes.all().delete()
        Gate.objects.update(status="pending", approvals=0)
        Run.objects.filter(pk=run.pk).update(status=RunStatus.PAUSED_AWAITING_APPROVAL)
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(surprise_of, (approve, cancel))) == [None, None]
        assert Run.objects.get(pk=run.pk).status in {RunStatus.QUEUED, RunStatus.CANCELLED}


def test_the_kill_switch_stops_what_is_decided_and_not_yet_done(build, story):
    run = build(UNUSED, [LINT], rest=False)
    kill_worker_at(run, remedies, "decide", work_done=True)
    control.switch(SwitchState.OFF, None)
    assert rest(run).status == RunStatus.FAILED
    assert run.diff == ""
    assert story(run) == [("lint", "lint", "patch", "patch_applied", False)]


def test_what_the_kill_switch_stopped_is_decided_anew_after_a_retry(build):
    run = build(UNUSED, [LINT], rest=False)
    kill_worker_at(run, remedies, "decide", work_done=True)
    control.switch(SwitchState.OFF, None)
    rest(run)
    control.switch(SwitchState.ON, None)
    control.retry(run, "olga")
    assert rest(run).status == RunStatus.SUCCEEDED
    assert run.diff.count("-import os") == 1


def test_a_missing_secret_waits_for_who_can_set_it_and_says_which(build, story):
    step = {"name": "deploy", "run": "python deploy.py", "kind": "build"}
    run = build({"deploy.py": "import os\n\nprint(os.environ['API_TOKEN'])\n"}, [step])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    gate = run.gates.get()
    assert (gate.kind, gate.patch) == ("unknown", "")
    assert gate.reason == "The environment variable API_TOKEN is not set"
    assert "approve to run the step again" in gate.evidence["why"]
