"""A question is answered once, however many people answer it in the same moment."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now

from approvals import gates
from approvals.gates import AlreadyDecided, Decider, Question
from approvals.models import Gate, GateStatus
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus
from tests.factories import SIGNAL, GateFactory, RunFactory

AMIR = Decider("amir")
RACES = 25


@pytest.fixture
def gate(db) -> Gate:
    return GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL)


def status_of(gate: Gate) -> tuple[str, str]:
    gate.refresh_from_db()
    gate.run.refresh_from_db()
    return gate.status, gate.run.status


def test_an_approval_is_recorded_with_what_was_seen_and_the_run_goes_on(gate):
    gates.approve(gate, AMIR, "fine")
    assert status_of(gate) == ("approved", "queued")
    vote = gate.votes.get()
    assert (vote.actor, vote.verdict, vote.comment, len(vote.patch_digest)) == ("amir", "approved", "fine", 64)


def test_a_rejection_fails_the_run_with_its_reason(gate):
    gates.reject(gate, AMIR, "no")
    assert status_of(gate) == ("rejected", "failed")
    assert gate.run.failure["comment"] == "no"


@pytest.mark.parametrize("second", [gates.approve, gates.reject])
def test_a_decided_gate_says_by_whom_and_when(gate, second):
    gates.approve(gate, AMIR)
    with pytest.raises(AlreadyDecided, match=r"already approved by amir at \d{4}-"):
        second(gate, Decider("olga"))
    assert gate.votes.count() == 1


def test_two_approvals_are_needed_where_two_are_asked_for(gate):
    Gate.objects.filter(pk=gate.pk).update(required_approvals=2)
    gate.refresh_from_db()
    gates.approve(gate, AMIR)
    assert status_of(gate) == ("pending", "paused_awaiting_approval")
    with pytest.raises(AlreadyDecided):
        gates.approve(gate, AMIR)
    gates.approve(gate, Decider("olga"))
    assert status_of(gate) == ("approved", "queued")


def test_a_gate_of_a_cancelled_run_cannot_be_decided(gate):
    gates.cancel_pending(gate.run)
    with pytest.raises(AlreadyDecided, match="already cancelled"):
        gates.approve(gate, AMIR)


def at_once(*calls: Callable[[], object]) -> list[BaseException | None]:
    """Make the calls in threads that start together; return what each raised."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException | None] = [None] * len(calls)

    def call(number: int) -> None:
        barrier.wait()
        try:
            calls[number]()
        except BaseException as error:
            raised[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_two_people_who_click_at_once_make_one_decision():
    olga = User.objects.create(username="olga")
    for _ in range(RACES):
        gate = GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL)
        raised = at_once(
            lambda gate=gate: gates.approve(Gate.objects.get(pk=gate.pk), AMIR),
            lambda gate=gate: gates.reject(Gate.objects.get(pk=gate.pk), Decider("olga", olga)),
        )
        lost = [error for error in raised if error]
        assert [type(error) for error in lost] == [AlreadyDecided]
        expected = {GateStatus.APPROVED: "queued", GateStatus.REJECTED: "failed"}
        status, run_status = status_of(gate)
        assert expected[status] == run_status
        assert gate.votes.get().verdict == status


@pytest.mark.django_db(transaction=True)
def test_two_approvers_of_a_quorum_of_two_who_click_at_once_are_enough():
    for _ in range(RACES):
        gate = GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL, required_approvals=2)
        raised = at_once(
            lambda gate=gate: gates.approve(Gate.objects.get(pk=gate.pk), AMIR),
            lambda gate=gate: gates.approve(Gate.objects.get(pk=gate.pk), Decider("olga")),
        )
        assert raised == [None, None]
        assert status_of(gate) == ("approved", "queued")


def overdue(**values) -> Gate:
    """A gate that nobody has answered within its two hours."""
    made = GateFactory(run__status=RunStatus.PAUSED_AWAITING_APPROVAL, **values)
    late = Now() - timedelta(seconds=1)
    Gate.objects.filter(pk=made.pk).update(created_at=late - timedelta(hours=2), expires_at=late)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(("own", "hours"), [(None, 168), (3, 3)])
def test_a_gate_says_until_when_it_waits(db, own, hours):
    run = RunFactory(status=RunStatus.RUNNING, tenant__gate_expiry_hours=own)
    made = gates.open_gate(run, Question("scan", "security", "why", SIGNAL))
    assert (made.expires_at - Gate.objects.get().created_at) / timedelta(hours=1) == pytest.approx(hours, abs=0.01)


def test_a_gate_that_nobody_answers_expires_and_its_run_fails(db):
    late, patient = overdue(), GateFactory(expires_at=None, run__status=RunStatus.PAUSED_AWAITING_APPROVAL)
    assert gates.expire_due() == 1
    assert (status_of(late), status_of(patient)) == (("expired", "failed"), ("pending", "paused_awaiting_approval"))
    assert late.run.failure["reason"] == "the approval expired after 2 hours without an answer"
    assert late.run.failure["type"] == "security"
    event = late.run.events.get()
    assert (event.actor, event.message) == ("", "the approval expired after 2 hours without an answer")
    assert late.votes.count() == 0
    assert gates.expire_due() == 0


@pytest.mark.parametrize("answer", [gates.approve, gates.reject])
@pytest.mark.parametrize("is_swept", [True, False])
def test_an_answer_that_comes_too_late_hears_when_it_was_too_late(db, answer, is_swept):
    late = overdue()
    if is_swept:
        gates.expire_due()
    with pytest.raises(AlreadyDecided, match=rf"expired at {late.expires_at:%Y-%m-%d %H:%M:%S} UTC without an answer"):
        answer(late, AMIR)
    assert late.votes.count() == 0
    assert status_of(late)[1] == ("failed" if is_swept else "paused_awaiting_approval")


def test_a_gate_of_a_run_that_does_not_wait_only_closes(db):
    late = overdue()
    Run.objects.filter(pk=late.run_id).update(status="cancelled")
    assert gates.expire_due() == 1
    assert status_of(late) == ("expired", "cancelled")
    assert late.run.failure is None


@pytest.mark.django_db(transaction=True)
def test_two_nodes_that_look_at_once_let_a_gate_expire_once():
    for _ in range(RACES):
        late = overdue()
        assert at_once(gates.expire_due, gates.expire_due) == [None, None]
        assert status_of(late) == ("expired", "failed")
        assert late.run.events.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_gate_is_either_answered_or_expires():
    seen = set()
    for number in range(RACES):
        late = overdue()
        soon = Now() + timedelta(milliseconds=number)
        Gate.objects.filter(pk=late.pk).update(expires_at=soon)
        raised = at_once(lambda late=late: gates.approve(Gate.objects.get(pk=late.pk), AMIR), gates.expire_due)
        time.sleep(number / 1000)
        gates.expire_due()
        expected = {(True, "approved", "queued"), (False, "expired", "failed")}
        found = (raised[0] is None, *status_of(late))
        assert found in expected
        assert late.votes.count() == found[0]
        assert late.run.events.count() == 1
        seen.add(found)
    assert seen
