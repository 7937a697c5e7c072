"""What keeps failing a tenant is left alone for a while: hosts that runs wait for, fixers that do not help.

Needs these calls: `loop.move_as_far_as_possible` circuits.put_off, `loop.open_workspace`
circuits.waits_for_source and source_came, `loop.heal` circuits.count, `remedies.settle`
circuits.proved, `remedies.take_back` circuits.did_not_help, `remedies.put_off_or_end`
circuits.source_failed.
"""

from collections.abc import Callable

import pytest

from autofix import breaker, circuits
from autofix.control import start_run
from autofix.driver import drive
from autofix.models import Circuit
from metabuilder.execution import sources
from metabuilder.runs import workspaces
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, SourceKind
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from tenants.models import Tenant
from tests.stories.test_healing import LINT, UNUSED, rest
from tests.stories.test_recovery import HALF_FIXABLE

PLENTY = {"max_per_step_attempts": 8, "max_total_attempts": 8}
HEALED, FAILED = RunStatus.SUCCEEDED, RunStatus.FAILED


def fetch_step(failures: int) -> dict:
    """A step that waits in vain for a host some times before it passes."""
    times = f"n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; [ $n -ge {failures} ]"
    return {
        "name": "fetch",
        "run": f"{times} || {{ echo 'Could not resolve host: pypi.org'; exit 1; }}",
        "network": True,
    }


@pytest.fixture
def short(monkeypatch) -> None:
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 1.5)


@pytest.fixture
def start(staging: Tenant, repository) -> Callable[..., Run]:
    """Drive a run of one step, and any number of them on the same source."""
    root = repository({"a": "1\n"})
    Tenant.objects.update(allow_network=True)

    def start(step: dict, tenant: Tenant = staging, **overrides: object) -> Run:
        Tenant.objects.filter(pk=tenant.pk).update(allow_network=True)
        tenant.refresh_from_db()
        plan = {"steps": [step]}
        order = Order(tenant, SourceKind.PATH, str(root), plan=plan, overrides=overrides, any_directory=True)
        with driven_in_process(lambda _: None):
            return drive(start_run(order))

    return start


def happened(run: Run) -> list[str]:
    return [event.data.get("what", "") for event in run.events.filter(kind="circuit").order_by("pk")]


def test_a_host_that_fails_time_after_time_is_left_alone_then_tried_and_used_again(start, story, short):
    run = start(fetch_step(failures=5), **PLENTY)
    assert run.status == HEALED
    assert story(run) == [("fetch", "transient", "retry", "retried", False)] * 4 + [
        ("fetch", "transient", "retry", "retried", True)
    ]
    assert happened(run) == ["opened", "trial", "closed"]
    last = run.attempts.order_by("number").last()
    assert "pypi.org failed 5 times in a row and is left alone until" in last.reason
    assert last.actual_backoff_seconds >= 1.0


def test_what_one_run_met_spares_the_attempts_of_the_next(start, story, monkeypatch):
    monkeypatch.setattr(breaker, "OPEN_SECONDS", 3)  # long enough to be met, less than the cap
    start(fetch_step(failures=99), max_per_step_attempts=4)
    run = start(fetch_step(failures=1))
    assert run.status == HEALED
    assert story(run) == [("fetch", "transient", "retry", "retried", True)]
    assert happened(run) == ["trial", "closed"]


def test_one_tenants_failing_host_does_not_slow_anothers(start, story):
    start(fetch_step(failures=99), max_per_step_attempts=4)
    elsewhere = Tenant.objects.create(slug="elsewhere", name="Elsewhere", backoff_cap_seconds=1)
    run = start(fetch_step(failures=1), elsewhere)
    assert run.status == HEALED
    assert happened(run) == []
    assert run.attempts.get().reason == "transient failures often pass"


def test_a_host_that_stays_down_ends_a_run_after_its_budget_and_not_later(start, story):
    start(fetch_step(failures=99), max_per_step_attempts=4)
    run = start(fetch_step(failures=99), max_per_step_attempts=1)
    assert run.status == FAILED
    assert [outcome for *_, outcome, _ in story(run)] == ["retried", "gave_up"]
    put_off = run.events.filter(message__startswith="put off: pypi.org")
    assert 2 <= put_off.count() <= 2 * breaker.MAX_WAITS
    assert run.attempts.first().actual_backoff_seconds >= breaker.MAX_WAITS - 1


def open_all_fixers(tenant: Tenant, until: str) -> None:
    for name in circuits.FIXER_NAMES:
        known = {"failures": 5, "opened": 1, "open_until": until}
        Circuit.objects.update_or_create(tenant=tenant, kind=circuits.FIXER, name=name, defaults=known)


def test_fixers_that_do_not_help_are_left_out_and_the_ladder_goes_on(build, staging, story):
    open_all_fixers(staging, "2999-01-01T00:00:00Z")
    run = build(UNUSED, [LINT])
    assert run.status == FAILED
    assert story(run) == [("lint", "lint", "give_up", "gave_up", False)]
    told = run.events.filter(kind="circuit").values_list("message", flat=True)
    assert any("5 of its patches in a row did not help; tried again from" in message for message in told)


def test_a_fixer_is_tried_again_and_what_helps_is_used_again(build, staging, story):
    open_all_fixers(staging, "2000-01-01T00:00:00Z")
    run = build(UNUSED, [LINT])
    assert run.status == HEALED
    assert story(run) == [("lint", "lint", "patch", "patch_applied", True)]
    used = run.attempts.get().fixer.split(" + ")
    assert not Circuit.objects.filter(name__in=used).exclude(open_until=None).exists()


def test_a_patch_that_is_taken_back_counts_against_its_fixers(build):
    run = build(HALF_FIXABLE, [LINT])
    assert run.status == FAILED
    patched = run.attempts.get(outcome="patch_applied")
    assert (patched.verified, patched.taken_back) == (False, True)
    counted = Circuit.objects.filter(failures=1).order_by("name")
    assert [circuit.name for circuit in counted] == sorted(patched.fixer.split(" + "))


def test_a_source_host_that_fails_is_left_alone_and_used_again(staging, repository, short, monkeypatch):
    root, refusals = repository({"a": "1\n"}), [sources.SourceRejected("git_url", "cannot be fetched: no route")] * 2

    def fetch(run, workspace):
        if refusals:
            raise refusals.pop()
        return sources.fetch(
            sources.Source(sources.SourceKind.REPOSITORY, str(root)), workspace.root, workspace.sandbox
        )

    monkeypatch.setattr(workspaces, "fetch", fetch)
    plan = {"steps": [{"name": "x", "run": "true"}]}
    with driven_in_process(lambda _: None):
        run = start_run(Order(staging, SourceKind.GIT, "https://git.example/shop.git", plan=plan))
    for _ in range(4):
        circuits.source_failed(run)
    assert rest(run).status == HEALED
    assert happened(run)[0] == "opened"
    assert happened(run)[-1] == "closed"
    assert Circuit.objects.get().open_until is None
