"""Runs whose worker, workspace, source or settings are taken away from them between any two lines."""

import shutil
from collections.abc import Callable

import pytest

from autofix import control, loop, policy, remedies, tasks
from autofix.driver import drive
from autofix.models import Attempt, AttemptState, Episode, KillSwitch, SwitchState
from metabuilder.execution.sources import SourceRejected
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import executions, logs, transitions, workspaces
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, SourceKind
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from tests.stories.conftest import git
from tests.stories.test_healing import AMIR, BANDIT, LINT, MD5, UNUSED, rest

NEEDS_IMPORT = {"name": "api", "run": "grep -q 'import os' app.py", "kind": "test"}
HALF_FIXABLE = {**UNUSED, "app.py": "import os\n\nx = 1\n\n\ndef f():\n    return undefined_name_here\n"}
FAKE_RUFF = """#!/bin/sh
case "$*" in
*json*) printf '%s' '[{"code":"F401","filename":"app.py","message":"x \\u0000 y","location":{"row":1,"column":1},
"end_location":{"row":1,"column":2},"fix":null,"url":""}]' ;;
*) echo "app.py:1:1: F401 x"; exit 1 ;;
esac
"""
PUT_FAKE_RUFF = "mkdir -p .venv/bin && cp fake .venv/bin/ruff && chmod +x .venv/bin/ruff"


class WorkerKilled(BaseException):
    """What no handler of errors catches, as none catches kill -9."""


def lapse(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until="2000-01-01T00:00:00Z")


def kill_worker_at(run: Run, owner: object, name: str, *, work_done=False, when=lambda *_: True) -> None:
    """Drive a run until its worker dies at a function: before its work, or after."""
    real = getattr(owner, name)

    def die(*arguments, **named):
        if not when(*arguments):
            return real(*arguments, **named)
        if work_done:
            real(*arguments, **named)
        raise WorkerKilled

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, die)
        with pytest.raises(WorkerKilled):
            rest(run)
    lapse(run)


def meanwhile(run: Run, kind: str, words: str, act: Callable[[], object]) -> Run:
    """Drive a run and act as soon as an event of this kind says these words."""

    def on_event(event):
        if event.kind == kind and words in event.message:
            act()

    with driven_in_process(on_event):
        return drive(run)


def test_a_fix_is_proved_though_its_worker_dies_before_noting_it(build, story):
    run = build(UNUSED, [LINT], rest=False)
    kill_worker_at(run, remedies, "settle")
    assert rest(run).status == RunStatus.SUCCEEDED
    assert story(run) == [("lint", "lint", "patch", "patch_applied", True)]
    assert Episode.objects.get(run=run).outcome == "healed"


def test_earlier_steps_are_checked_again_though_the_worker_dies_before_asking_for_it(build, story):
    run = build(UNUSED, [NEEDS_IMPORT, LINT], rest=False)
    kill_worker_at(run, remedies, "settle")
    assert rest(run).status == RunStatus.FAILED
    assert story(run)[1][2:4] == ("rollback", "rolled_back")
    assert run.diff == ""


def test_a_patch_can_be_rolled_back_in_a_rebuilt_workspace(build, story):
    run = build(UNUSED, [NEEDS_IMPORT, LINT], rest=False)
    kill_worker_at(run, remedies, "settle", work_done=True)
    shutil.rmtree(workspaces.root_of(run))
    assert rest(run).status == RunStatus.FAILED
    assert story(run)[1][2:4] == ("rollback", "rolled_back")
    assert run.diff == ""


def test_a_rollback_is_noted_whole_though_its_worker_dies_amid_the_notes(build):
    def is_rollback(attempt, *_):
        return attempt.undoes_id is not None and attempt.state == AttemptState.CARRIED_OUT

    run = build(UNUSED, [NEEDS_IMPORT, LINT], rest=False)
    kill_worker_at(run, Attempt, "save", work_done=True, when=is_rollback)
    rest(run)
    assert run.attempts.first().taken_back
    assert remedies.applied_patches(run) == []
    assert run.diff == ""


def test_a_step_whose_patch_was_rolled_back_has_not_passed(build):
    run = build(UNUSED, [NEEDS_IMPORT, {"name": "check", "run": "ruff check .", "kind": "other"}])
    assert run.status == RunStatus.FAILED
    assert run.diff == ""


def test_a_patch_that_did_not_help_is_taken_back_though_the_worker_dies_first(build):
    run = build(MD5, [BANDIT])
    gate = run.gates.get()
    control.approve(gate, AMIR, patch=gate.patch.replace("sha256", "sha1"))
    kill_worker_at(run, Workspace, "revert")
    assert rest(run).status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert run.diff == ""


def test_a_commit_that_was_never_noted_is_not_kept_by_cancel_and_retry(build):
    run = build(UNUSED, [LINT], rest=False)
    kill_worker_at(run, Workspace, "apply", work_done=True)
    control.cancel(run, "olga")
    control.retry(run, "olga")
    assert rest(run).status == RunStatus.SUCCEEDED
    assert run.diff.count("-import os") == 1


def test_no_episode_stays_open_though_the_worker_dies_before_deciding(build):
    once = "test -e seen || { touch seen; echo 'Connection reset by peer'; exit 1; }"
    run = build({"a": "1\n"}, [{"name": "fetch", "run": once}], rest=False)
    kill_worker_at(run, remedies, "decide")
    assert rest(run).status == RunStatus.SUCCEEDED
    assert not Episode.objects.filter(ended_at=None).exists()


def test_what_was_decided_is_over_when_the_run_ends_before_it_is_carried_out(build, monkeypatch):
    def gone(*_):
        raise workspaces.CannotPrepare("source", "The disk is full.")

    run = build({"a": "1\n"}, [{"name": "fetch", "run": "echo 'Connection reset by peer'; exit 1"}], rest=False)
    kill_worker_at(run, remedies, "carry_out_last_decision")
    assert run.attempts.get().state == AttemptState.DECIDED
    monkeypatch.setattr(workspaces, "open_for", gone)
    assert rest(run).status == RunStatus.FAILED
    attempt = run.attempts.get()
    assert (attempt.state, attempt.verified) == (AttemptState.FINISHED, False)


def test_a_workspace_of_an_older_state_is_brought_up_to_date(build, settings):
    here, there = settings.WORK_DIR, settings.WORK_DIR.parent / "elsewhere"
    wants_fix = {"name": "net", "run": "grep -q sha256 src/receipts.py", "network": True}
    run = build(MD5, [BANDIT, wants_fix])
    settings.WORK_DIR = there
    control.approve(run.gates.get(), AMIR)
    assert "sha256" in rest(run).diff
    settings.WORK_DIR = here
    control.approve(run.gates.get(status="pending"), AMIR)
    assert rest(run).status == RunStatus.SUCCEEDED


def test_a_lock_that_a_killed_git_left_does_not_stop_the_run(build):
    run = build(MD5, [BANDIT])
    (workspaces.root_of(run) / "git" / "index.lock").touch()
    control.approve(run.gates.get(), AMIR)
    assert rest(run).status == RunStatus.SUCCEEDED


def test_a_lock_that_a_killed_git_left_does_not_stop_a_retry(build):
    run = build({"a": "1\n"}, [{"name": "x", "run": "exit 4"}], autofix_enabled=False)
    (workspaces.root_of(run) / "git" / "index.lock").touch()
    control.retry(run, "olga")
    assert rest(run).failure["step"] == "x"


def test_a_source_out_of_reach_for_a_while_does_not_fail_a_run_that_must_be_rebuilt(build, monkeypatch):
    run = build(MD5, [BANDIT])
    shutil.rmtree(workspaces.root_of(run))
    control.approve(run.gates.get(), AMIR)
    fetch, refusals = workspaces.fetch, [SourceRejected("git_url", "cannot be fetched: Could not resolve host")]

    def sometimes(*arguments):
        if refusals:
            raise refusals.pop()
        return fetch(*arguments)

    monkeypatch.setattr(workspaces, "fetch", sometimes)
    assert rest(run).status == RunStatus.SUCCEEDED


def test_a_link_that_leaves_the_allowed_directories_after_the_order_is_not_followed(staging, tmp_path, settings):
    for name in ("roots/good", "outside/secret"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "metabuilder.toml").write_text('[[steps]]\nname="show"\nrun="cat name"\n')
        (tmp_path / name / "name").write_text(name)
        git(tmp_path / name, "init", "--quiet")
        git(tmp_path / name, "add", "--all")
        git(tmp_path / name, "commit", "--quiet", "--message", "start")
    settings.SOURCE_ROOTS = [tmp_path / "roots"]
    link = tmp_path / "roots" / "link"
    link.symlink_to(tmp_path / "roots" / "good")
    with driven_in_process(lambda _: None):
        run = control.start_run(Order(staging, SourceKind.GIT, str(link)))
    link.unlink()
    link.symlink_to(tmp_path / "outside" / "secret")
    rest(run)
    assert "secret" not in "".join(text for execution in run.executions.all() for text in logs.read(execution))


def test_a_worker_that_lost_its_run_notes_no_result(build, monkeypatch):
    run = build({"a": "1\n"}, [{"name": "x", "run": "true"}], rest=False)
    run_step = executions.run_step

    def overtaken(*arguments):
        trial = run_step(*arguments)
        lapse(run)
        transitions.sweep()
        transitions.claim(run.pk, "another")
        return trial

    monkeypatch.setattr(executions, "run_step", overtaken)
    with driven_in_process(lambda _: None):
        loop.advance(str(run.pk), "one")
    assert run.executions.get().status == "lost"
    assert run.steps.get().status != "passed"


def test_a_run_that_kills_its_workers_ends(build, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    run = build({"a": "1\n"}, [{"name": "x", "run": "true"}], rest=False)
    monkeypatch.setattr(executions, "run_step", full)
    for _ in range(10):
        Run.objects.filter(status="queued").update(due_at="2000-01-01T00:00:00Z")
        tasks.advance(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.failure["rule"]) == (RunStatus.FAILED, "workers-lost")
    assert run.executions.count() <= 3


def test_a_nul_in_a_report_does_not_poison_a_run(build, story):
    files = {**UNUSED, "fake": FAKE_RUFF}
    run = build(files, [{"name": "pre", "run": PUT_FAKE_RUFF}, LINT])
    assert run.status == RunStatus.FAILED
    assert story(run)[-1][2:4] == ("give_up", "gave_up")


def test_auto_fix_switched_off_for_the_run_midway_holds_at_once(build, story):
    run = build(UNUSED, [LINT], rest=False)
    runs = Run.objects.filter(pk=run.pk)
    meanwhile(run, "step", "failed", lambda: runs.update(autofix_enabled=False))
    assert run.status == RunStatus.FAILED
    assert story(run) == []


def test_auto_fix_switched_off_for_the_tenant_midway_holds_at_once(build, story, staging):
    run = build(UNUSED, [LINT], rest=False)
    tenants = type(staging).objects
    meanwhile(run, "step", "failed", lambda: tenants.update(autofix_enabled=False))
    assert run.status == RunStatus.FAILED
    assert story(run) == []


def test_a_patch_that_helped_in_part_is_taken_back_when_the_kill_switch_falls(build):
    run = build(HALF_FIXABLE, [LINT], rest=False)
    meanwhile(run, "patch_applied", "", lambda: control.switch(SwitchState.OFF, None))
    assert run.status == RunStatus.FAILED
    assert run.attempts.exclude(commit="").exists()
    assert run.diff == ""


def test_a_patch_that_helped_in_part_is_taken_back_when_another_step_fails_for_good(build, story):
    files = {
        "requirements.txt": "yaml\ntypes-PyYAML\nPyYAML\n",
        "wheelhouse/x": "x",
        "a.py": "import yaml\n\nprint(yaml)\n\n\ndef f() -> str:\n    return os.getcwd()\n",
    }
    run = build(files, [{"name": "types", "run": "mypy a.py", "kind": "typecheck"}], max_total_attempts=2)
    assert [row[2] for row in story(run)][:2] == ["patch", "replan"]
    assert (run.status, run.diff) == (RunStatus.FAILED, "")
    assert not Episode.objects.filter(ended_at=None).exists()


def test_progress_is_seen_though_there_are_more_findings_than_are_kept(build, story):
    files = {
        "a.py": "".join(f"import mod_{number}\n" for number in range(600)),
        "b.py": "".join(f"x{number} = undefined_{number}\n" for number in range(3)),
        "ruff.toml": 'lint.select = ["F"]\n',
    }
    run = build(files, [LINT])
    assert [row[2] for row in story(run)] == ["patch", "give_up"]
    assert run.diff == ""


def test_a_switch_in_a_state_that_nobody_knows_is_off(db):
    KillSwitch.objects.create(pk=1, state="bogus")
    assert policy.switch_state() == SwitchState.OFF
