"""Hosts and fixers that are left alone for a tenant: counting, opening, one trial, closing."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from autofix import breaker, circuits, collector
from autofix.circuits import FIXER, HOST
from autofix.failures import Failure, Finding, Location, Signal
from autofix.models import AttemptState, Circuit
from metabuilder.runs.models import Run, RunEvent
from metabuilder.runs.states import RunStatus
from tests.console import console, said
from tests.factories import AttemptFactory, EpisodeFactory, RunFactory, StepExecutionFactory, StepFactory

pytestmark = pytest.mark.django_db
URL = "/admin/autofix/circuit/"
WAITS = f"Could not resolve host: {'pypi.org'}"


def failure(excerpt: str = WAITS, signal: Signal = Signal.TRANSIENT) -> Failure:
    return Failure(signal, "A host name could not be resolved", "dns", detail="dns", excerpt=excerpt)


LINT = Failure(Signal.LINT, "F401", "ruff", findings=(Finding("a", "F401 unused", Location("app.py", 1, "F401")),))


def about(run: Run, failed: Failure, **step: object) -> SimpleNamespace:
    made = StepFactory(run=run, **{"network": True, **step})
    return SimpleNamespace(run=run, step=made, failure=failed)


def fail(run: Run, times: int = 1, excerpt: str = WAITS) -> breaker.Outage | None:
    """Let a step of the run fail some times, and return what the last failure led to."""
    told = about(run, failure(excerpt))
    outages = [circuits.count(told).outage for _ in range(times)]
    return outages[-1]


def pass_time(**ago: float) -> None:
    """Make every circuit as it will be after some time."""
    for circuit in Circuit.objects.all():
        if circuit.open_until:
            circuit.open_until -= timedelta(**ago)
        Circuit.objects.filter(pk=circuit.pk).update(
            open_until=circuit.open_until, changed_at=circuit.changed_at - timedelta(**ago)
        )


def notes(run: Run) -> list[str]:
    return [event.data.get("what", "") for event in run.events.filter(kind="circuit").order_by("pk")]


def waiting(run: Run, excerpt: str = WAITS) -> Run:
    """Make the run one that a worker has just claimed again, to retry a step that waited for a host."""
    step = StepFactory(run=run, network=True)
    episode = EpisodeFactory(run=run, step=step)
    attempt = AttemptFactory(
        run=run,
        step=step,
        episode=episode,
        execution=StepExecutionFactory(step=step),
        signal="transient",
        detail="dns",
        strategy="retry",
        outcome="retried",
        state=AttemptState.DECIDED,
        backoff_seconds=1.0,
        excerpt=excerpt,
        patch="",
    )
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, fence=2, tree_at="here")
    run.refresh_from_db()
    run.attempt = attempt
    return run


@pytest.fixture
def run(tenant) -> Run:
    return RunFactory(tenant=tenant)


@pytest.fixture
def other(tenant) -> Run:
    return RunFactory(tenant=tenant)


# --- Counting and opening ---


def test_the_fifth_failure_in_a_row_opens_the_circuit(run):
    assert fail(run, 4) is None
    outage = fail(run)
    assert outage.name == "pypi.org"
    assert 22 < outage.seconds_left <= 30
    assert notes(run) == ["opened"]


def test_failures_of_all_of_a_tenants_runs_add_up(run, other):
    fail(run, 3)
    assert fail(other, 2) is not None
    assert notes(other) == ["opened"]


def test_one_tenants_failing_host_never_slows_anothers(run):
    fail(run, 9)
    assert fail(RunFactory(), 4) is None
    assert not circuits.put_off(waiting(RunFactory()))


def test_another_host_is_another_circuit(run):
    fail(run, 9)
    assert fail(run, 1, "Could not resolve host: github.com") is None


def test_failures_far_apart_are_not_in_a_row(run):
    fail(run, 4)
    pass_time(minutes=16)
    assert fail(run, 4) is None


def test_a_circuit_nobody_needed_for_long_starts_anew(run):
    fail(run, 5)
    pass_time(days=3)
    assert fail(run, 4) is None
    assert Circuit.objects.get().opened == 0


def test_failures_while_it_is_open_do_not_make_it_longer(run, other):
    fail(run, 5)
    until = Circuit.objects.get().open_until
    fail(other, 20)
    assert Circuit.objects.get().open_until == until
    assert Circuit.objects.get().failures == 25


def test_a_step_without_network_says_nothing_about_a_host(run, settings):
    settings.METABUILDER_SANDBOX = "auto"
    told = about(run, failure(), network=False)
    assert [circuits.count(told).outage for _ in range(9)] == [None] * 9
    assert not Circuit.objects.exists()


def test_a_source_that_cannot_be_fetched_counts_for_its_host(run):
    outages = [circuits.source_failed(run) for _ in range(5)]
    assert outages[-1].name == "git.example"


# --- What it costs ---


def test_a_run_all_of_whose_steps_pass_costs_no_query(run, django_assert_num_queries):
    run.fence = 1
    step = StepFactory(run=run)
    with django_assert_num_queries(0):
        assert not circuits.put_off(run)
        assert not circuits.waits_for_source(run)
        circuits.proved(run, step, [])


def test_a_failing_step_costs_at_most_two(run, django_assert_num_queries):
    network, lint, assertion = about(run, failure()), about(run, LINT), about(run, failure("no host is named"))
    circuits.count(network)
    with django_assert_num_queries(2):
        circuits.count(network)
    with django_assert_num_queries(1):
        circuits.count(lint)
    with django_assert_num_queries(0):
        circuits.count(assertion)


# --- Half open: one trial ---


def test_a_run_is_put_off_while_its_host_is_left_alone(run, other):
    fail(other, 5)
    assert circuits.put_off(waiting(run))
    run.refresh_from_db()
    assert run.status == RunStatus.BACKING_OFF
    assert 20 < (run.due_at - timezone.now()).total_seconds() <= 40
    assert "put off: pypi.org failed 5 times in a row" in run.events.last().message
    assert run.attempts.get().state == AttemptState.DECIDED  # it costs no attempt


def test_one_run_tries_the_half_open_circuit_and_the_others_wait(run, other):
    third = RunFactory(tenant=run.tenant)
    fail(third, 5)
    pass_time(seconds=31)
    assert not circuits.put_off(waiting(run))
    assert circuits.put_off(waiting(other))
    assert notes(run) == ["trial"]


def test_the_run_that_tries_may_be_carried_on_by_another_worker(run, other):
    fail(other, 5)
    pass_time(seconds=31)
    waiting(run)
    assert [circuits.put_off(run), circuits.put_off(run)] == [False, False]


def test_a_trial_whose_run_was_lost_does_not_block_the_others(run, other):
    fail(RunFactory(tenant=run.tenant), 5)
    pass_time(seconds=31)
    circuits.put_off(waiting(run))
    pass_time(seconds=61)
    assert not circuits.put_off(waiting(other))


def test_a_trial_that_fails_opens_it_for_longer(run, other):
    fail(other, 5)
    pass_time(seconds=31)
    circuits.put_off(waiting(run))
    assert 44 < fail(run).seconds_left <= 60
    assert Circuit.objects.get().trial is None


def test_a_trial_that_passes_closes_it(run, other):
    fail(other, 5)
    pass_time(seconds=31)
    circuits.put_off(waiting(run))
    circuits.proved(run, run.attempt.step, [run.attempt])
    circuit = Circuit.objects.get()
    assert (circuit.failures, circuit.opened, circuit.open_until, circuit.trial) == (0, 0, None, None)
    assert notes(run) == ["trial", "closed"]
    assert fail(other, 4) is None


def test_a_source_that_came_after_all_closes_its_hosts_circuit(run):
    [circuits.source_failed(run) for _ in range(5)]
    Run.objects.update(fence=2)
    run.refresh_from_db()
    circuits.source_came(run)
    assert not Circuit.objects.get().failures


def test_a_run_that_waits_for_its_source_is_put_off(run, other):
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, fence=2)
    run.refresh_from_db()
    RunEvent.objects.create(run=run, kind=circuits.NOT_FETCHED, message="no")
    fail(other, 5, "Could not resolve host: git.example")
    assert circuits.put_off(run)


def test_nobody_waits_for_ever(run, other):
    fail(other, 5)
    waiting(run)
    long_ago = timezone.now() - timedelta(seconds=60 * breaker.MAX_WAITS + 1)
    type(run.attempt).objects.update(started_at=long_ago)
    assert not circuits.put_off(run)
    assert "waited long enough" in run.events.last().message


def test_a_run_is_not_held_back_once_auto_fix_is_off(run, other):
    fail(other, 5)
    waiting(run)
    Run.objects.filter(pk=run.pk).update(autofix_enabled=False)
    assert not circuits.put_off(run)


@pytest.mark.django_db(transaction=True)
def test_exactly_one_of_many_gets_the_trial(tenant):
    fail(RunFactory(tenant=tenant), 5)
    pass_time(seconds=31)
    runs = [waiting(RunFactory(tenant=tenant)) for _ in range(6)]
    assert sorted(at_once(circuits.put_off, runs)) == [False] + [True] * 5


@pytest.mark.django_db(transaction=True)
def test_failures_at_once_are_all_counted_and_open_it_once(tenant):
    runs = [RunFactory(tenant=tenant) for _ in range(8)]
    at_once(fail, runs)
    circuit = Circuit.objects.get()
    assert (circuit.failures, circuit.opened) == (8, 1)
    assert RunEvent.objects.filter(kind="circuit").count() == 1


@pytest.mark.django_db(transaction=True)
def test_failures_of_a_half_open_circuit_at_once_open_it_once(tenant):
    fail(RunFactory(tenant=tenant), 5)
    pass_time(seconds=31)
    at_once(fail, [RunFactory(tenant=tenant) for _ in range(6)])
    assert Circuit.objects.get().opened == 2


def at_once(act, runs: list[Run]) -> list:
    """Let a thread do it for each run, all from one moment on; return what each was told."""
    barrier, told = threading.Barrier(len(runs)), []

    def do(run: Run) -> None:
        try:
            barrier.wait()
            told.append(act(run))
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(run,)) for run in runs]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(told) == len(runs)
    return told


# --- Fixers ---


def patched(run: Run, fixer: str = "ruff-imports", **more: object):
    step = StepFactory(run=run)
    episode = EpisodeFactory(run=run, step=step)
    execution = StepExecutionFactory(step=step)
    made = {"strategy": "patch", "outcome": "patch_applied", "fixer": fixer, **more}
    return AttemptFactory(run=run, step=step, episode=episode, execution=execution, **made)


def a_fixer() -> str:
    return sorted(fixer.name for fixer in circuits.fixers.for_failure(LINT, "lint"))[0]


def test_a_fixer_whose_patches_do_not_help_is_left_out(run, other):
    for number in range(5):
        circuits.did_not_help(patched(run, a_fixer(), number=number + 1))
    out = circuits.count(about(other, LINT)).left_out
    assert set(out) == {a_fixer()}
    assert f"left out: {a_fixer()}: 5 of its patches in a row did not help; tried again from " in out[a_fixer()]
    assert other.events.last().message == out[a_fixer()]


def test_a_half_open_fixer_is_tried_by_one_run(run, other):
    for number in range(5):
        circuits.did_not_help(patched(run, a_fixer(), number=number + 1))
    pass_time(seconds=31)
    assert not circuits.count(about(run, LINT)).left_out
    assert circuits.count(about(other, LINT)).left_out
    assert not circuits.count(about(run, LINT)).left_out


def test_a_patch_that_helped_closes_the_circuits_of_all_its_fixers(run):
    names = sorted(circuits.FIXER_NAMES)[:2]
    for number in range(5):
        circuits.did_not_help(patched(run, " + ".join(names), number=number + 1))
    assert Circuit.objects.filter(circuits.is_open(), kind=FIXER).count() == 2
    attempt = patched(run, " + ".join(names), number=9)
    circuits.proved(run, attempt.step, [attempt])
    assert not Circuit.objects.exclude(open_until=None).exists()


@pytest.mark.parametrize(
    "made", [{"fixer": "rollback", "outcome": "rolled_back"}, {"fixer": "x" * 90}, {"outcome": "replanned"}]
)
def test_what_no_fixer_did_counts_for_none(run, made):
    circuits.did_not_help(patched(run, **{"fixer": a_fixer(), **made}))
    assert not Circuit.objects.exists()


# --- Abuse ---


def test_logs_that_name_thousands_of_hosts_make_few_rows(run, monkeypatch):
    monkeypatch.setattr(circuits, "MAX_CIRCUITS", 20)
    for number in range(60):
        fail(run, 1, f"Could not resolve host: h{number}.example")
    assert Circuit.objects.count() == 20
    pass_time(hours=1)
    fail(run, 1, "Could not resolve host: late.example")
    assert list(Circuit.objects.values_list("name", flat=True)) == ["late.example"]


@pytest.mark.parametrize("host", ["x" * 5000 + ".org", "\u202egro.ipyp", "a.b\0c", "é" * 400 + ".de", "<script>.org"])
def test_hostile_names_are_kept_out_or_made_plain(run, host):
    fail(run, 1, f"Could not resolve host: {host}")
    assert all(name.isascii() and name.isprintable() for name in Circuit.objects.values_list("name", flat=True))


def test_what_has_been_quiet_for_long_is_forgotten_in_batches(run):
    for number in range(5):
        fail(run, 1, f"Could not resolve host: h{number}.example")
    assert circuits.forget_quiet() == 0
    pass_time(hours=1)
    assert [circuits.forget_quiet(batch=3), circuits.forget_quiet(batch=3)] == [3, 2]


# --- What people see ---


def test_open_circuits_are_a_metric(run):
    labels = {"kind": HOST}
    assert collector.PRODUCT.get_sample_value("autofix_circuits_open", labels) == 0
    fail(run, 5)
    collector.COLLECTOR.forget()
    assert collector.PRODUCT.get_sample_value("autofix_circuits_open", labels) == 1
    assert collector.PRODUCT.get_sample_value("autofix_circuits_open", {"kind": FIXER}) == 0


def close_now(client, circuit):
    return client.post(URL, {"action": "close_now", "_selected_action": [circuit.pk]}, follow=True)


@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin", "platform"])
def test_who_sees_the_list_and_who_may_close(member, run, role):
    fail(run, 5)
    client = console(member(role))
    assert "pypi.org" in client.get(URL).content.decode()
    assert client.get(f"{URL}{Circuit.objects.get().pk}/change/").status_code == 200
    close_now(client, Circuit.objects.get())
    assert (Circuit.objects.get().open_until is None) == (role in {"admin", "platform"})


def test_another_tenants_circuit_is_not_there(member, run):
    fail(run, 5)
    stranger = console(member("other"))
    assert "pypi.org" not in stranger.get(URL).content.decode()
    close_now(stranger, Circuit.objects.get())
    assert Circuit.objects.get().open_until


def test_an_admin_here_who_is_a_viewer_there_closes_only_here(member, run, tenant):
    there = RunFactory()
    fail(run, 5)
    fail(there, 5)
    admin = member("admin")
    there.tenant.memberships.create(user=admin, role="viewer")
    client = console(admin)
    answer = close_now(client, Circuit.objects.get(tenant=there.tenant))
    assert "Only an admin of" in said(answer)[0]
    assert Circuit.objects.get(tenant=there.tenant).open_until
    close_now(client, Circuit.objects.get(tenant=tenant))
    assert Circuit.objects.get(tenant=tenant).open_until is None


def test_nothing_is_closed_by_looking(member, run):
    fail(run, 5)
    client = console(member("admin"))
    client.get(URL, {"action": "close_now", "_selected_action": [Circuit.objects.get().pk]})
    assert Circuit.objects.get().open_until
