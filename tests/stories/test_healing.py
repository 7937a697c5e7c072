"""Whole runs, told as the list of attempts they went through."""

import shutil
import subprocess
import sys
from pathlib import Path

from approvals.gates import Decider
from autofix import control
from autofix.control import start_run
from autofix.driver import drive
from autofix.models import Episode, SwitchState
from metabuilder.execution.sandbox import SandboxUnavailable
from metabuilder.runs.intake import Order
from metabuilder.runs.models import SourceKind
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from metabuilder.runs.workspaces import root_of
from tests.stories.conftest import git
from tests.wheels import wheel

LINT = {"name": "lint", "run": "ruff check .", "kind": "lint"}
UNUSED = {"app.py": "import os\n\nx = 1\n", "ruff.toml": 'lint.select = ["F", "I"]\n'}
AMIR = Decider("amir")
FLAKY_NETWORK = """
import pathlib, sys
seen = pathlib.Path("calls")
calls = int(seen.read_text()) + 1 if seen.exists() else 1
seen.write_text(str(calls))
if calls < 3:
    sys.exit("ConnectionResetError: [Errno 104] Connection reset by peer")
"""
MD5 = {
    "src/receipts.py": "import hashlib\n\n\ndef number(line: bytes) -> str:\n    return hashlib.md5(line).hexdigest()\n"
}
BANDIT = {"name": "security", "run": "bandit -q -r src", "kind": "security"}


def rest(run):
    with driven_in_process(lambda _: None):
        return drive(run)


def test_it_finishes_a_run_whose_steps_all_pass(build, story):
    run = build({"a": "1\n"}, [{"name": "one", "run": "true"}, {"name": "two", "run": "test -e a"}])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == []


def test_it_heals_a_lint_failure_and_the_diff_makes_the_original_clean(build, story, tmp_path):
    run = build(UNUSED, [LINT])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("lint", "lint", "patch", "patch_applied", True)]
    (tmp_path / "change.diff").write_text(run.diff)
    git(tmp_path / "source", "apply", str(tmp_path / "change.diff"))
    subprocess.run([f"{sys.prefix}/bin/ruff", "check", "."], cwd=tmp_path / "source", check=True)


def test_it_retries_a_transient_failure_until_it_passes(build, story):
    run = build({"fetch.py": FLAKY_NETWORK}, [{"name": "fetch", "run": "python fetch.py"}])
    assert run.status == RunStatus.SUCCEEDED
    retried = ("fetch", "transient", "retry", "retried")
    assert story(run) == [(*retried, False), (*retried, True)]
    assert all(0 <= attempt.backoff_seconds <= 1 for attempt in run.attempts.all())


def test_it_waits_as_long_as_the_server_asks_up_to_the_cap(build):
    answer = "echo 'HTTP 429 Too Many Requests'; echo 'Retry-After: 120'; exit 1"
    run = build({"a": "1\n"}, [{"name": "fetch", "run": answer}], max_per_step_attempts=1)
    attempt = run.attempts.first()
    assert (attempt.signal, attempt.strategy, attempt.backoff_seconds) == ("rate_limit", "retry", 1)


def test_it_gives_up_when_the_budget_of_the_step_is_spent(build, story):
    run = build(
        {"a": "1\n"},
        [{"name": "fetch", "run": "echo 'curl: (56) Connection reset by peer'; exit 56"}],
        max_per_step_attempts=2,
    )
    assert run.status == RunStatus.FAILED
    assert [row[2:4] for row in story(run)] == [("retry", "retried"), ("retry", "retried"), ("give_up", "gave_up")]
    assert "budget" in run.failure["reason"]


def test_a_step_that_overruns_its_time_limit_is_transient(build, story):
    run = build({"a": "1\n"}, [{"name": "slow", "run": "sleep 30", "timeout": 1}], max_per_step_attempts=1)
    assert story(run)[0][1:3] == ("transient", "retry")
    assert run.status == RunStatus.FAILED


def test_a_missing_dependency_adds_a_step_that_installs_it(build, story, tmp_path):
    wheel(tmp_path / "source" / "wheelhouse", "tinyrates", "RATE = 2\n")
    files = {
        "requirements.txt": "tinyrates==1.0\n",
        "test_it.py": "import tinyrates\n\n\ndef test_it():\n    assert tinyrates.RATE == 2\n",
    }
    run = build(files, [{"name": "test", "run": "pytest -q"}])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("test", "runtime", "replan", "replanned", True)]
    assert run.plan_version == 2
    [delta] = run.plan_deltas.all()
    assert (delta.from_version, delta.to_version) == (1, 2)
    assert [change["op"] for change in delta.changes] == ["add"]
    assert list(run.steps.order_by("position").values_list("name", flat=True)) == ["install", "test"]


def test_a_dependency_that_nobody_declared_waits_for_a_person(build, story):
    files = {"test_it.py": "import reqeusts\n\n\ndef test_it():\n    assert reqeusts\n"}
    run = build(files, [{"name": "test", "run": "pytest -q"}])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert story(run) == [("test", "runtime", "escalate", "escalated", None)]
    assert "does not declare" in run.gates.get().reason


def test_a_security_finding_waits_with_a_verified_fix_and_goes_on_when_approved(build, story):
    run = build(MD5, [BANDIT])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    gate = run.gates.get()
    assert (gate.kind, gate.verified) == ("security", True)
    assert "+    return hashlib.sha256(line).hexdigest()" in gate.patch
    control.approve(gate, AMIR)
    assert rest(run).status == RunStatus.SUCCEEDED
    assert story(run) == [("security", "security", "escalate", "escalated", True)]
    assert "sha256" in run.diff
    assert Episode.objects.get(run=run).outcome == "healed_by_person"


def test_a_rejection_fails_the_run(build):
    run = build(MD5, [BANDIT])
    control.reject(run.gates.get(), AMIR, "use blake2")
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.failure["comment"] == "use blake2"
    assert run.diff == ""
    assert Episode.objects.get(run=run).outcome == "given_up"


def test_a_finding_counts_even_if_the_tool_exits_with_0(build):
    run = build(MD5, [{**BANDIT, "run": "bandit -q -r src --exit-zero"}])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert run.gates.get().kind == "security"


def test_a_finding_without_a_fix_is_accepted_by_an_approval(build):
    files = {"src/app.py": "PASSWORD = 'hunter2hunter2'\n"}
    run = build(files, [BANDIT])
    gate = run.gates.get()
    assert gate.patch == ""
    control.approve(gate, AMIR, "a fixture")
    assert rest(run).status == RunStatus.SUCCEEDED
    assert run.attempts.get().verified is False
    assert run.events.filter(kind="accepted").exists()


def test_what_nobody_knows_is_retried_and_then_asked(build, story):
    run = build({"a": "1\n"}, [{"name": "odd", "run": "echo hmm; exit 3"}])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert [row[1:4] for row in story(run)] == [
        ("unknown", "retry", "retried"),
        ("unknown", "retry", "retried"),
        ("unknown", "escalate", "escalated"),
    ]


def test_a_patch_that_touches_a_protected_path_waits_for_a_person(build, staging, story):
    staging.protected_paths = ["app.py"]
    staging.save()
    run = build(UNUSED, [LINT])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert run.gates.get().kind == "policy"
    assert run.diff == ""
    assert story(run) == [("lint", "lint", "escalate", "escalated", None)]


def test_a_patch_that_breaks_an_earlier_step_is_rolled_back(build, story):
    needs_import = {"name": "api", "run": "grep -q 'import os' app.py", "kind": "test"}
    run = build(UNUSED, [needs_import, LINT])
    assert run.status == RunStatus.FAILED
    assert story(run)[0][:4] == ("lint", "lint", "patch", "patch_applied")
    assert story(run)[1][2:4] == ("rollback", "rolled_back")
    assert run.attempts.first().taken_back
    assert run.diff == ""


def test_auto_fix_off_ends_the_run_without_an_attempt(build, story):
    run = build(UNUSED, [LINT], autofix_enabled=False)
    assert run.status == RunStatus.FAILED
    assert story(run) == []


def test_the_kill_switch_beats_tenant_and_run(build, story, staging):
    staging.autofix_enabled = True
    staging.save()
    control.switch(SwitchState.OFF, None)
    run = build(UNUSED, [LINT], autofix_enabled=True)
    assert run.status == RunStatus.FAILED
    assert story(run) == []


def test_draining_spares_runs_that_have_started(build, story):
    run = build(UNUSED, [LINT], rest=False)
    control.switch(SwitchState.DRAIN, None)
    assert rest(run).status == RunStatus.SUCCEEDED


def test_draining_denies_auto_fix_to_new_runs(build, story):
    control.switch(SwitchState.DRAIN, None)
    assert build(UNUSED, [LINT]).status == RunStatus.FAILED


def test_a_step_that_asks_for_the_network_waits_where_the_tenant_has_none(build):
    run = build({"a": "1\n"}, [{"name": "install", "run": "true", "network": True}])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    control.approve(run.gates.get(), AMIR)
    assert rest(run).status == RunStatus.SUCCEEDED


def test_a_failed_run_starts_again_from_the_failed_step(build, staging):
    steps = [{"name": "first", "run": "true"}, {"name": "gate", "run": "test -e missing || exit 4"}]
    run = build({"a": "1\n"}, steps, autofix_enabled=False)
    assert run.status == RunStatus.FAILED
    control.retry(run, "olga")
    rest(run)
    assert run.executions.filter(step__name="first").count() == 1
    assert run.executions.filter(step__name="gate").count() == 2


def test_a_source_without_a_plan_says_what_to_do(build, staging, repository):
    root = repository({"notes.txt": "nothing to build\n"})
    order = Order(staging, SourceKind.PATH, str(Path(root)), any_directory=True)
    run = rest(start_run(order))
    assert run.status == RunStatus.FAILED
    assert "metabuilder.toml" in run.failure["message"]


def test_a_patch_is_applied_once_though_its_worker_dies(build, monkeypatch):
    run = build(UNUSED, [LINT], rest=False)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("autofix.loop.remedies.settle", die)
        try:
            rest(run)
        except KeyboardInterrupt:
            type(run).objects.filter(pk=run.pk).update(lease_until="2000-01-01T00:00:00Z")
    assert rest(run).status == RunStatus.SUCCEEDED
    assert run.diff.count("-import os") == 1
    assert run.events.filter(kind="patch_applied").count() <= 2


def test_without_a_sandbox_the_run_is_refused_with_what_to_do(build, monkeypatch):
    def missing(mode):
        raise SandboxUnavailable("bubblewrap does not work here: install it")

    monkeypatch.setattr("metabuilder.runs.workspaces.probe", missing)
    run = build({"a": "1\n"}, [{"name": "one", "run": "true"}])
    assert run.status == RunStatus.FAILED
    assert "install it" in run.failure["message"]
    assert not run.executions.exists()


def test_a_workspace_that_is_gone_is_rebuilt_from_source_and_patches(build):
    run = build({**UNUSED, **MD5}, [LINT, BANDIT])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    shutil.rmtree(root_of(run))
    control.approve(run.gates.get(), AMIR)
    assert rest(run).status == RunStatus.SUCCEEDED
    assert "-import os" in run.diff
    assert "sha256" in run.diff


def test_a_finished_run_leaves_no_workspace_behind(build):
    run = build({"a": "1\n"}, [{"name": "one", "run": "true"}])
    assert not root_of(run).exists()


def test_an_approvers_own_patch_is_applied_and_proved(build, tmp_path):
    run = build(MD5, [BANDIT])
    patch = run.gates.get().patch.replace("sha256", "blake2b")
    control.approve(run.gates.get(), AMIR, patch=patch)
    assert rest(run).status == RunStatus.SUCCEEDED
    assert "blake2b" in run.diff


def test_an_approved_patch_that_does_not_help_is_taken_back_and_asked_again(build):
    run = build(MD5, [BANDIT])
    patch = run.gates.get().patch.replace("sha256", "sha1")
    control.approve(run.gates.get(), AMIR, patch=patch)
    assert rest(run).status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert run.gates.count() == 2
    assert run.diff == ""


def test_a_lint_fix_is_laid_out_as_an_earlier_step_wants_it(build, story):
    files = {"app.py": "import os\nX = 1\n", "ruff.toml": 'lint.select = ["F"]\n'}
    layout = {"name": "format", "run": "ruff format --check .", "kind": "format"}
    run = build(files, [layout, LINT])
    assert run.status == RunStatus.SUCCEEDED
    assert [row[:3] for row in story(run)] == [("format", "lint", "patch"), ("lint", "lint", "patch")]
    assert run.diff.count("+") < 8


def test_the_demo_may_run_without_a_sandbox_where_there_is_none(staging, repository, settings):
    order = Order(
        tenant=staging,
        source_kind=SourceKind.PATH,
        location=str(repository({"a": "1\n"})),
        plan={"steps": [{"name": "one", "run": "test ! -e /workspace"}]},
        any_directory=True,
        unsandboxed=True,
    )
    run = rest(start_run(order))
    assert run.status == RunStatus.SUCCEEDED
    assert run.executions.get().sandbox_level == "none"
    assert run.events.filter(kind="sandbox", message__startswith="NO SANDBOX").exists()


def test_what_a_failing_step_did_to_the_source_is_no_part_of_the_fix(build, story):
    meddling = {**LINT, "run": "echo '# touched' >> app.py; ruff check ."}
    run = build(UNUSED, [meddling])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("lint", "lint", "patch", "patch_applied", True)]
    assert "touched" not in run.diff


def test_a_report_at_its_usual_place_says_more_than_the_log(build):
    """The command is as the user wrote it: nothing asks its tool for a report."""
    failure = "<failure message='expected 1'>AssertionError</failure>"
    xml = f"<testsuite><testcase classname='T' name='t'>{failure}</testcase></testsuite>"
    write = f'mkdir -p target/surefire-reports; echo "{xml}" > target/surefire-reports/TEST-T.xml; exit 1'
    run = build({"pom.xml": "<project/>\n"}, [{"name": "test", "run": write, "kind": "test"}])
    failed = run.executions.first()
    assert list(failed.reports) == ["junit:target/surefire-reports/TEST-T.xml"]
    assert run.failure["type"] == "test_assert"


def test_what_a_step_always_says_is_not_taken_for_its_failure(build, staging):
    """It passed with that line before; now a test fails as well."""
    says = "echo 'ERROR: HTTP error 503 while getting https://mirror.example/x'; "
    steps = [{"name": "test", "run": f"{says}true", "kind": "test"}]
    assert build({"a": "1\n"}, steps).status == RunStatus.SUCCEEDED
    steps[0]["run"] = f"{says}echo 'FAILED tests/test_a.py::test_a - assert 1 == 2'; exit 1"
    run = build({"b": "1\n"}, steps)
    assert run.failure["type"] == "test_assert"


def test_a_tenants_own_rule_decides_what_a_failure_is(build, staging):
    staging.rules.create(
        name="seats",
        signal="transient",
        detail="licence",
        pattern="no seat left",
        message="No seat is left",
        example="no seat left on lic-7",
    )
    take = "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; [ $n -ge 1 ] || { echo 'no seat left'; exit 9; }"
    run = build({"a": "1\n"}, [{"name": "take", "run": take}])
    assert run.status == RunStatus.SUCCEEDED
    attempt = run.attempts.get()
    assert (attempt.signal, attempt.rule, attempt.outcome, attempt.verified) == ("transient", "seats", "retried", True)
