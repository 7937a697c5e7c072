"""Whose turn it is: fair between tenants, inside the limits, a person before a batch."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from metabuilder.runs import transitions, turns
from metabuilder.runs.models import Priority, Run
from metabuilder.runs.states import RunStatus
from tests.factories import ProjectFactory, RunFactory, TenantFactory

pytestmark = pytest.mark.django_db


def queue(slug: str, count: int = 1, **fields: object) -> list[Run]:
    """Let a tenant's runs be due, each a second after the one before, all long ago."""
    project = ProjectFactory(tenant=TenantFactory(slug=slug))
    start = timezone.now() - timedelta(hours=1)
    return [
        RunFactory(**{"project": project, "tenant": project.tenant, "due_at": start + timedelta(seconds=n), **fields})
        for n in range(count)
    ]


def claimed(count: int) -> str:
    """Claim runs one after another and return the initials of their tenants."""
    runs = [transitions.claim_next("one") for _ in range(count)]
    return "".join(run.tenant.slug[0] for run in runs if run)


def finish(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED)


def test_tenants_take_turns_whatever_one_of_them_has_queued():
    queue("acme", 20)
    queue("beta", 2)
    queue("corp", 1)
    assert sorted(claimed(3)) == ["a", "b", "c"]
    assert sorted(claimed(2)) == ["a", "b"]
    assert claimed(2) == "aa"


def test_with_a_single_worker_they_take_turns_too():
    queue("acme", 5)
    queue("beta", 3)
    order = ""
    for _ in range(6):
        run = transitions.claim_next("one")
        order += run.tenant.slug[0]
        finish(run)
    assert order in {"ababab", "bababa"}


def test_long_runs_of_one_tenant_do_not_fill_every_place():
    queue("acme", 10)
    queue("beta", 10)
    order = ""
    for _ in range(8):  # the runs of beta are short, those of acme never end
        run = transitions.claim_next("one")
        order += run.tenant.slug[0]
        if run.tenant.slug == "beta":
            finish(run)
    assert order.count("b") >= 6


def test_among_a_tenants_runs_a_persons_goes_first_and_a_batch_last():
    batch, normal, person = queue("acme", 3)
    Run.objects.filter(pk=batch.pk).update(priority=Priority.BATCH)
    Run.objects.filter(pk=person.pk).update(priority=Priority.PERSON)
    order = [transitions.claim_next("one").pk for _ in range(3)]
    assert order == [person.pk, normal.pk, batch.pk]


def test_a_tenant_never_has_more_runs_in_work_than_it_may():
    runs = queue("acme", 5)
    runs[0].tenant.max_running_runs = 2
    runs[0].tenant.save()
    queue("beta", 1)
    assert sorted(claimed(5)) == ["a", "a", "b"]
    assert transitions.claim(runs[4].pk, "one") is None
    assert turns.next_runs(5) == []
    finish(Run.objects.filter(status=RunStatus.RUNNING, tenant__slug="acme").first())
    assert claimed(5) == "a"


def test_the_platforms_limits_hold_for_all(settings):
    settings.MAX_RUNNING_RUNS = 3
    settings.MAX_RUNNING_RUNS_PER_TENANT = 2
    queue("acme", 5)
    queue("beta", 5)
    assert len(claimed(9)) == 3
    assert turns.next_turns() == []


def test_runs_are_handed_out_one_of_each_tenant_first():
    a = queue("acme", 5)
    b = queue("beta", 5)
    picked = turns.next_runs(4)
    assert {pk in {run.pk for run in a} for pk in picked[:2]} == {True, False}
    assert len(set(picked)) == 4
    assert set(picked) <= {run.pk for run in a + b}


def test_nothing_due_means_nobodys_turn():
    queue("acme", 3, due_at=timezone.now() + timedelta(hours=1))
    assert turns.next_turns() == []
    assert transitions.claim_next("one") is None


def test_the_cost_of_a_turn_does_not_grow_with_the_queue(django_assert_num_queries):
    statements = 5 if connection.vendor == "postgresql" else 6  # there the claim and its event are one
    queue("acme", 2)
    with django_assert_num_queries(statements):
        transitions.claim_next("one")
    queue("beta", 40)
    with django_assert_num_queries(statements):
        transitions.claim_next("one")


@pytest.mark.django_db(transaction=True)
def test_claims_at_once_stay_inside_the_limit_and_take_each_run_once(settings):
    settings.MAX_RUNNING_RUNS = 5
    queue("acme", 12)
    queue("beta", 12)
    taken: list[Run] = []

    def claim() -> None:
        try:
            for _ in range(3):
                if run := transitions.claim_next(threading.current_thread().name):
                    taken.append(run)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len({run.pk for run in taken}) == 5
    assert turns.in_work().count() == 5


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_do_not_wait_for_each_other_but_take_different_runs():
    queue("acme", 12)
    taken: list[Run | None] = []
    barrier = threading.Barrier(4)

    def claim() -> None:
        try:
            barrier.wait(10)
            taken.extend(transitions.claim_next("one") for _ in range(3))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [run.pk for run in taken if run]
    assert len(found) == len(set(found))
    if connection.vendor != "postgresql":  # there one may find every run locked, and look again at the next ring
        assert len(found) == 12
