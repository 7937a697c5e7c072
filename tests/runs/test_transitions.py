"""Claims, leases, fences: at no moment do two workers act on one run."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from metabuilder.runs import transitions
from metabuilder.runs.models import Run, StepExecution
from metabuilder.runs.states import RunStatus

PAST = "2020-01-01T00:00:00Z"


def test_two_workers_cannot_claim_the_same_run(queued_run):
    assert transitions.claim(queued_run.pk, "one")
    assert transitions.claim(queued_run.pk, "two") is None


def test_a_run_is_not_claimed_before_it_is_due(queued_run):
    Run.objects.update(due_at=timezone.now() + timedelta(seconds=60))
    assert transitions.claim(queued_run.pk, "one") is None


def test_a_run_whose_worker_was_lost_is_taken_over_and_its_execution_marked(queued_run):
    first = transitions.claim(queued_run.pk, "one")
    step = first.steps.create(position=1, name="s", kind="other", command="true", timeout_seconds=1)
    StepExecution.objects.create(run=first, step=step, number=1, fence=first.fence)
    Run.objects.update(lease_until=PAST)
    second = transitions.claim(queued_run.pk, "two")
    assert second.fence == first.fence + 1
    assert StepExecution.objects.get().status == "lost"


def test_a_worker_that_lost_its_lease_writes_nothing(queued_run):
    first = transitions.claim(queued_run.pk, "one")
    Run.objects.update(lease_until=PAST)
    transitions.claim(queued_run.pk, "two")
    assert not transitions.renew(first)
    with pytest.raises(transitions.LeaseLost):
        transitions.move(first, RunStatus.SUCCEEDED, "done")
    queued_run.refresh_from_db()
    assert queued_run.status == RunStatus.RUNNING


def test_a_person_takes_the_run_from_its_worker(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    everything = frozenset(RunStatus)
    transitions.intervene(queued_run, RunStatus.CANCELLED, "enough", "olga", everything)
    assert not transitions.is_held(held)
    with pytest.raises(transitions.LeaseLost):
        transitions.hold(held)


def test_a_move_that_is_not_possible_any_more_says_so(queued_run):
    with pytest.raises(transitions.CannotMove, match="queued"):
        transitions.intervene(queued_run, RunStatus.QUEUED, "again", "olga", frozenset({RunStatus.FAILED}))


@pytest.mark.django_db(transaction=True)
def test_backing_off_queues_a_wake_up_for_the_due_time(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    transitions.back_off(held, "later", 30)
    assert held.status == RunStatus.BACKING_OFF
    wait = OrmQ.objects.get().lock - timezone.now()
    assert timedelta(seconds=25) < wait < timedelta(seconds=31)


@pytest.mark.django_db(transaction=True)
def test_the_sweep_finds_a_lost_wake_up_once(queued_run):
    assert transitions.sweep() == 1
    assert OrmQ.objects.count() == 1
    assert transitions.sweep() == 0


def test_every_change_leaves_an_event(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    transitions.move(held, RunStatus.FAILED, "no")
    path = list(queued_run.events.values_list("old_status", "new_status"))
    assert path == [("queued", "running"), ("running", "failed")]
