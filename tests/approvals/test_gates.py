"""A question is answered once, however many people answer it in the same moment."""

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection

from approvals import gates
from approvals.gates import AlreadyDecided, Decider
from approvals.models import Gate, GateStatus
from metabuilder.runs.states import RunStatus
from tests.factories import GateFactory

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
