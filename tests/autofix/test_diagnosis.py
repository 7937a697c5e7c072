"""What a failed step is taken for: the plan's own rules, the tenant's, ours."""

import pytest

from autofix import rulebooks
from autofix.diagnosis import judge
from autofix.failures import Signal
from autofix.models import TenantRule
from metabuilder.execution.command import CommandResult, Verdict
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.workspace import Workspace
from metabuilder.runs.executions import Trial
from tests.factories import PLAN_RULE as RULE
from tests.factories import RunFactory, StepFactory

LOG = "fatal: no seat left on lic-7\n"
SECRET = "Found 1 issue\n>> Issue: [B105:hardcoded_password_string] Possible hardcoded password: 'x'\n"


@pytest.fixture(autouse=True)
def nothing_known():
    rulebooks._known.clear()


def verdict_on(log, tmp_path, *, rules=(), kind="build", code=1):
    step = StepFactory(run=RunFactory(rules=list(rules)), kind=kind, command="make")
    result = CommandResult(Verdict.FAILED, code, 0.1, log.encode(), len(log), False, "none", "it exited with code 1")
    return step, lambda: judge(step, Trial(result), Workspace(tmp_path, Sandbox(mode="none")))


def test_a_rule_of_the_plan_names_the_failure(db, tmp_path):
    _, ask = verdict_on(LOG, tmp_path, rules=[RULE])
    failure = ask()
    assert (failure.signal, failure.rule, failure.message) == (
        Signal.INFRA,
        "license-server",
        "lic-7 has no licence left",
    )


def test_it_comes_before_the_tenants(db, tmp_path):
    step, ask = verdict_on(LOG, tmp_path, rules=[RULE])
    columns = {"signal" if name == "type" else name: value for name, value in RULE.items()}
    TenantRule.objects.create(**{**columns, "name": "of-the-tenant", "signal": "runtime"}, tenant=step.run.tenant)
    assert ask().rule == "license-server"


def test_without_one_the_tenants_rule_counts(db, tmp_path):
    step, ask = verdict_on(LOG, tmp_path)
    columns = {"signal" if name == "type" else name: value for name, value in RULE.items()}
    TenantRule.objects.create(**columns, tenant=step.run.tenant)
    assert ask().rule == "license-server"


@pytest.mark.parametrize("kind", ["security", "build"])
def test_a_source_cannot_talk_itself_out_of_a_finding(db, tmp_path, kind):
    excuse = {**RULE, "name": "excuse", "type": "transient", "pattern": "B105:", "message": "x", "example": "[B105:x]"}
    _, plain = verdict_on(SECRET, tmp_path, kind=kind)
    assert plain().signal == Signal.SECURITY
    _, excused = verdict_on(SECRET, tmp_path, rules=[excuse], kind=kind)
    assert excused().signal == Signal.SECURITY


def test_a_rule_for_a_kind_of_step_holds_for_that_kind_only(db, tmp_path):
    rule = {**RULE, "kinds": ["test"]}
    _, build = verdict_on(LOG, tmp_path, rules=[rule], kind="build")
    _, test = verdict_on(LOG, tmp_path, rules=[rule], kind="test")
    assert (build().rule == "license-server", test().rule == "license-server") == (False, True)
