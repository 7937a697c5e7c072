"""The loop over HTTP: settings, timeline, plan deltas, classification."""

import pytest
from django.utils import timezone

from autofix.failures import Signal
from autofix.models import KillSwitch, PlanDelta
from metabuilder.runs.models import Run
from tests.conftest import BASE
from tests.factories import PATCH, AttemptFactory, GateFactory, RunFactory, StepFactory

pytestmark = pytest.mark.django_db
PLATFORM = {
    "autofix_enabled": True,
    "max_total_attempts": 6,
    "max_per_step_attempts": 3,
    "backoff_cap_seconds": 60,
}


@pytest.fixture(autouse=True)
def platform(settings):
    settings.FEATURE_META_V3_AUTOFIX = None
    settings.AUTOFIX_DEFAULT = True


@pytest.fixture
def run(tenant):
    return RunFactory(tenant=tenant, status="paused_awaiting_approval")


def test_settings_show_what_is_in_force_and_where_it_comes_from(api, tenant):
    body = api("viewer").get(f"{BASE}/tenants/acme/settings").json()
    assert body == {
        **PLATFORM,
        "sources": dict.fromkeys(PLATFORM, "platform"),
        "overrides": {},
        "platform": PLATFORM,
        "modes": dict.fromkeys(map(str, Signal), "auto"),
        "locked": "",
    }


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_tenants_setting_is_changed_and_inherited_again(api, tenant, method):
    client = api("admin")
    change = getattr(client, method)
    body = change(f"{BASE}/tenants/acme/settings", {"max_total_attempts": 9}).json()
    assert (body["max_total_attempts"], body["sources"]["max_total_attempts"]) == (9, "tenant")
    assert body["overrides"] == {"max_total_attempts": 9}
    body = change(f"{BASE}/tenants/acme/settings", {"max_total_attempts": None}).json()
    assert body["overrides"] == {}
    assert body["max_total_attempts"] == 6


def test_a_tenants_modes_are_changed_one_by_one_and_inherited_again(api, tenant):
    change = api("admin").patch
    path = f"{BASE}/tenants/acme/settings"
    assert change(path, {"modes": {"lint": "suggest", "security": "off"}}).json()["modes"]["lint"] == "suggest"
    body = change(path, {"modes": {"lint": None}}).json()
    assert (body["modes"]["lint"], body["modes"]["security"]) == ("auto", "off")
    tenant.refresh_from_db()
    assert tenant.modes == {"security": "off"}


@pytest.mark.parametrize(
    ("modes", "says"),
    [
        (["lint"], "send an object"),
        ({"format": "off"}, "there is no signal 'format'"),
        ({"lint": "sometimes"}, "lint: choose one of off, shadow, suggest, auto"),
        ({"lint": ["off"]}, "lint: choose one of"),
    ],
)
def test_modes_that_there_are_not_are_refused(api, tenant, modes, says):
    answer = api("admin").patch(f"{BASE}/tenants/acme/settings", {"modes": modes})
    assert answer.status_code == 400
    assert says in answer.json()["errors"][0]["detail"]
    tenant.refresh_from_db()
    assert tenant.modes == {}


def test_a_run_has_its_tenants_modes(api, run):
    answer = api("operator").patch(f"{BASE}/runs/{run.pk}/settings", {"modes": {"lint": "off"}})
    assert answer.status_code == 400


def test_a_runs_setting_beats_its_tenants_and_is_noted(api, tenant, run):
    api("admin").patch(f"{BASE}/tenants/acme/settings", {"backoff_cap_seconds": 30})
    path = f"{BASE}/runs/{run.pk}/settings"
    body = api("operator").post(path, {"backoff_cap_seconds": 10, "max_total_attempts": 4}).json()
    assert body["sources"]["backoff_cap_seconds"] == "run"
    api("operator").post(path, {"max_total_attempts": None})
    body = api("viewer").get(path).json()
    assert (body["backoff_cap_seconds"], body["sources"]["max_total_attempts"]) == (10, "platform")
    noted = run.events.filter(kind="settings").first()
    assert noted.actor == "operator-person"
    assert noted.data["new"] == {"backoff_cap_seconds": 10, "max_total_attempts": 4}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_total_attempts": 21}, "max_total_attempts"),
        ({"max_per_step_attempts": 0}, "max_per_step_attempts"),
        ({"max_per_step_attempts": 7}, "max_per_step_attempts"),
        ({"max_total_attempts": 4, "max_per_step_attempts": 5}, "max_per_step_attempts"),
        ({"backoff_cap_seconds": "soon"}, "backoff_cap_seconds"),
        ({"autofix_enabled": 3}, "autofix_enabled"),
        ({"protected_paths": []}, "protected_paths"),
    ],
)
@pytest.mark.parametrize("path", ["/tenants/acme/settings", "/runs/{run}/settings"])
def test_a_setting_out_of_range_is_refused_and_changes_nothing(api, run, path, change, field):
    answer = api("admin").post(f"{BASE}{path.format(run=run.pk)}", change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert Run.objects.get().max_total_attempts is None


def test_the_kill_switch_shows_in_everybodys_settings(api, run):
    KillSwitch.objects.create(pk=1, state="off")
    body = api("viewer").get(f"{BASE}/runs/{run.pk}/settings").json()
    assert body["autofix_enabled"] is False
    assert "kill switch" in body["locked"]


def test_the_timeline_has_the_attempts_in_order_and_the_budget(api, run):
    step = StepFactory(run=run, name="lint")
    StepFactory(run=run, name="test")
    AttemptFactory(execution__step=step, patch=PATCH, verified=False, fixer="ruff")
    gate = GateFactory(run=run)
    AttemptFactory(execution__step=step, strategy="escalate", outcome="escalated", gate=gate)
    body = api("viewer").get(f"{BASE}/runs/{run.pk}/autofix").json()
    assert set(body) == {"run_id", "status", "budget", "attempts"}
    assert body["budget"] == {
        "total": {"used": 1, "max": 6},
        "per_step": {"lint": {"used": 1, "max": 3}, "test": {"used": 0, "max": 3}},
    }
    first, second = body["attempts"]
    assert list(first) == [
        "id", "number", "step", "step_attempt", "signal", "strategy", "fixer", "outcome",
        "verified", "control", "is_shadow", "reason",
        "backoff_seconds", "patch", "gate_id", "started_at", "finished_at",
    ]  # fmt: skip
    assert list(first["signal"]) == [
        "type", "detail", "severity", "confidence", "message", "excerpt", "fingerprint",
    ]  # fmt: skip
    assert first["patch"] == {"files": 1, "insertions": 1, "deletions": 1}
    assert (first["outcome"], first["step"], first["gate_id"]) == ("patch_applied", "lint", None)
    assert (second["gate_id"], second["patch"]) == (str(gate.pk), None)


def test_a_plan_delta_shows_what_changed_and_why(api, run):
    attempt = AttemptFactory(execution__step=StepFactory(run=run), strategy="replan")
    change = {"op": "add", "step": "install", "before": None, "after": {"name": "install"}}
    PlanDelta.objects.create(
        run=run,
        attempt=attempt,
        from_version=1,
        to_version=2,
        reason="requests is missing",
        changes=[change | {"position": "test"}],
        applied_at=timezone.now(),
    )
    proposed = AttemptFactory(execution__step=attempt.step, strategy="escalate")
    PlanDelta.objects.create(run=run, attempt=proposed, from_version=2, to_version=3, changes=[])
    body = api("viewer").get(f"{BASE}/runs/{run.pk}/plan-delta").json()
    assert (body["run_id"], body["plan_version"]) == (str(run.pk), 1)
    assert body["deltas"][0].pop("created_at")
    assert body["deltas"] == [
        {
            "from_version": 1,
            "to_version": 2,
            "reason": "requests is missing",
            "attempt_id": str(attempt.pk),
            "changes": [change],
        }
    ]


def test_a_run_shows_how_often_a_step_was_healed_and_its_settings(api, run):
    step = StepFactory(run=run, name="lint")
    AttemptFactory(execution__step=step)
    AttemptFactory(execution__step=step)
    body = api("viewer").get(f"{BASE}/runs/{run.pk}").json()
    assert body["steps"][0]["attempts"] == 2
    assert body["settings"]["max_total_attempts"] == 6


def test_a_run_started_while_the_switch_drains_gets_no_healing(api, tenant):
    KillSwitch.objects.create(pk=1, state="drain")
    order = {"tenant": "acme", "source": {"git_url": "https://git.example/a.git"}}
    body = api("operator").post(f"{BASE}/runs", order).json()
    assert body["settings"]["autofix_enabled"] is False


def classify(api, **body):
    return api("viewer").post(f"{BASE}/classify-failure", body)


def test_a_log_is_classified(api):
    log = "src/a.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\n"
    body = classify(api, step_name="lint", logs=log, exit_code=1).json()
    assert list(body) == [
        "type", "detail", "severity", "confidence", "retryable", "requires_replan",
        "retry_after_seconds", "message", "excerpt", "rule", "fingerprint", "locations",
        "suggested_strategy",
    ]  # fmt: skip
    assert (body["type"], body["suggested_strategy"]) == ("lint", "patch")
    assert set(body["locations"][0]) == {"file", "line"}


def test_half_a_character_does_no_harm(api):
    text = '{"step_name": "x", "logs": "boom \\ud800"}'
    answer = api("viewer").generic("POST", f"{BASE}/classify-failure", text)
    assert answer.status_code == 200


@pytest.mark.parametrize("logs", ["", "\0\0", "\x1b[31mboom", "ü" * 100_000])
def test_any_text_is_classified(api, logs):
    assert classify(api, step_name="x", logs=logs).json()["type"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"step_name": "x"},
        {"step_name": "x", "logs": None},
        {"step_name": "x", "logs": ["a"]},
        {"step_name": "x", "logs": "a", "exit_code": "one"},
        {"step_name": "x", "logs": "a", "signal": "lint"},
    ],
)
def test_what_is_no_evidence_is_refused(api, body):
    assert classify(api, **body).status_code == 400


def test_a_log_larger_than_other_bodies_may_be_is_classified(api):
    assert classify(api, step_name="x", logs="error\n" * 900_000).status_code == 200
