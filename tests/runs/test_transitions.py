"""Claims, leases, fences: at no moment do two workers act on one run."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from metabuilder.runs import transitions
from metabuilder.runs.models import Priority, Run, StepExecution
from metabuilder.runs.states import RunStatus

PAST = "2020-01-01T00:00:00Z"


def lapse() -> None:
    Run.objects.update(lease_until=PAST)


def running_step(run: Run) -> StepExecution:
    step = run.steps.create(position=1, name="s", kind="other", command="true", timeout_seconds=1, status="running")
    return StepExecution.objects.create(run=run, step=step, number=1, fence=run.fence)


def test_two_workers_cannot_claim_the_same_run(queued_run):
    assert transitions.claim(queued_run.pk, "one")
    assert transitions.claim(queued_run.pk, "two") is None


def test_a_run_is_not_claimed_before_it_is_due(queued_run):
    Run.objects.update(due_at=timezone.now() + timedelta(seconds=60))
    assert transitions.claim(queued_run.pk, "one") is None
    assert transitions.claim_next("one") is None


def test_what_a_claim_returns_is_what_was_written(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    stored = Run.objects.get(pk=queued_run.pk)
    for name in ("status", "fence", "lease_owner"):
        assert getattr(held, name) == getattr(stored, name)
    assert abs(held.deadline_at - stored.deadline_at) < timedelta(seconds=1)


def test_a_run_whose_worker_was_lost_is_put_back_and_its_execution_marked(queued_run):
    first = transitions.claim(queued_run.pk, "one")
    execution = running_step(first)
    assert transitions.sweep() == 0
    lapse()
    assert transitions.sweep() == 1
    assert transitions.sweep() == 0
    execution.refresh_from_db()
    assert execution.status == "lost"
    assert first.steps.get().status == "pending"
    second = transitions.claim(queued_run.pk, "two")
    assert (second.fence > first.fence, second.workers_lost, second.lost_by) == (True, 1, "one")


def test_a_slow_worker_that_renews_in_time_keeps_its_run(queued_run):
    first = transitions.claim(queued_run.pk, "one")
    lapse()
    assert transitions.renew(first)
    assert transitions.sweep() == 0
    assert transitions.is_held(first)


def test_a_worker_that_lost_its_lease_writes_nothing(queued_run):
    first = transitions.claim(queued_run.pk, "one")
    lapse()
    transitions.sweep()
    transitions.claim(queued_run.pk, "two")
    assert not transitions.renew(first)
    with pytest.raises(transitions.LeaseLost):
        transitions.move(first, RunStatus.SUCCEEDED, "done")
    with pytest.raises(transitions.LeaseLost):
        transitions.hand_back(first, "mine no more")
    queued_run.refresh_from_db()
    assert (queued_run.status, queued_run.lease_owner) == (RunStatus.RUNNING, "two")


def test_a_person_takes_the_run_from_its_worker(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    execution = running_step(held)
    everything = frozenset(RunStatus)
    transitions.intervene(queued_run, RunStatus.CANCELLED, "enough", "olga", everything)
    assert not transitions.is_held(held)
    with pytest.raises(transitions.LeaseLost):
        transitions.hold(held)
    execution.refresh_from_db()
    assert execution.status == "lost"


def test_a_run_that_a_person_sends_on_goes_first_and_has_its_time_anew(queued_run):
    Run.objects.update(status=RunStatus.FAILED, deadline_at=PAST, workers_lost=2)
    transitions.intervene(queued_run, RunStatus.QUEUED, "again", "olga", frozenset({RunStatus.FAILED}))
    assert (queued_run.priority, queued_run.deadline_at, queued_run.workers_lost) == (Priority.PERSON, None, 0)
    assert transitions.claim_next("one").deadline_at > timezone.now()
    queued_run.refresh_from_db()
    assert queued_run.priority == Priority.NORMAL


def test_a_move_that_is_not_possible_any_more_says_so(queued_run):
    with pytest.raises(transitions.CannotMove, match="queued"):
        transitions.intervene(queued_run, RunStatus.QUEUED, "again", "olga", frozenset({RunStatus.FAILED}))


def test_a_run_that_backs_off_is_due_later(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    transitions.back_off(held, "later", 30)
    assert held.status == RunStatus.BACKING_OFF
    queued_run.refresh_from_db()
    assert timedelta(seconds=25) < queued_run.due_at - timezone.now() < timedelta(seconds=31)
    assert queued_run.lease_owner == ""
    assert 25 < transitions.seconds_to_next_event(at_most=60) < 31
    assert transitions.seconds_to_next_event(at_most=5) == 5


def test_a_run_that_is_handed_back_can_be_taken_at_once_and_counts_as_no_loss(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    execution = running_step(held)
    transitions.hand_back(held, "its worker is stopping")
    execution.refresh_from_db()
    assert execution.status == "lost"
    again = transitions.claim_next("two")
    assert (again.pk, again.workers_lost, again.lost_by) == (queued_run.pk, 0, "")


def test_a_run_that_is_dropped_counts_as_a_loss_and_waits_longer_each_time(queued_run):
    waits = []
    for _ in range(3):
        Run.objects.update(due_at=PAST)
        transitions.drop(transitions.claim_next("one"), "disk full")
        queued_run.refresh_from_db()
        waits.append(queued_run.due_at - timezone.now())
    assert waits == sorted(waits)
    assert transitions.is_poisoned(queued_run)


def test_every_change_leaves_an_event(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    transitions.move(held, RunStatus.FAILED, "no")
    path = list(queued_run.events.values_list("old_status", "new_status"))
    assert path == [("queued", "running"), ("running", "failed")]


def test_a_move_that_was_rolled_back_does_not_show_in_the_path(queued_run):
    """The connection is lost while a worker moves a run on; it then hands back what it still holds."""
    held = transitions.claim(queued_run.pk, "one")
    with transaction.atomic():
        transitions.back_off(held, "wait", 5)
        transaction.set_rollback(True)
    transitions.hand_back(held, "handed back")
    path = list(Run.objects.get().events.filter(kind="status").values_list("old_status", "new_status"))
    assert path[-2:] == [("queued", "running"), ("running", "queued")]


def test_a_move_that_went_through_unseen_is_not_done_again(queued_run):
    held = transitions.claim(queued_run.pk, "one")
    transitions.move(held, RunStatus.SUCCEEDED, "passed")
    with pytest.raises(transitions.LeaseLost):
        transitions.hand_back(held, "handed back")
    assert Run.objects.get().status == "succeeded"
