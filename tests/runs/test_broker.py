"""The queue: due runs by turns, and django-q2's own messages, each handed out at its time."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from metabuilder.runs import chores, stopping, transitions, turns
from metabuilder.runs.broker import DueTimeBroker
from metabuilder.runs.models import Chore, Run
from metabuilder.runs.states import RunStatus

pytestmark = pytest.mark.django_db
PAST = "2020-01-01T00:00:00Z"


class Bell:
    """A bell that nobody rings, and that notes how long one would have waited for it."""

    patience_seconds = 5.0

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def broker(bell, monkeypatch) -> DueTimeBroker:
    broker = get_broker()
    monkeypatch.setattr(broker, "_bell", bell, raising=False)
    monkeypatch.setattr(broker, "_rang", False, raising=False)
    monkeypatch.setattr(broker, "_did_chores", float("inf"), raising=False)
    return broker


def runs_in(messages: list[tuple[None, str]]) -> list[str]:
    tasks = [SignedPackage.loads(payload) for _, payload in messages]
    assert {task["func"] for task in tasks} == {"autofix.tasks.advance"}
    return [task["args"][0] for task in tasks]


def test_it_is_the_broker_in_use(broker):
    assert isinstance(broker, DueTimeBroker)


def test_a_due_run_is_handed_out_without_being_taken(broker, queued_run):
    assert runs_in(broker.dequeue()) == [str(queued_run.pk)]
    assert runs_in(broker.dequeue()) == [str(queued_run.pk)]  # until a worker has claimed it
    transitions.claim(queued_run.pk, "one")
    assert broker.dequeue() is None


def test_a_waiting_run_is_handed_out_at_its_time_and_not_before(broker, bell, queued_run):
    Run.objects.update(due_at=timezone.now() + timedelta(seconds=3))
    assert broker.dequeue() is None
    assert 2 < bell.waits[-1] <= 3
    Run.objects.update(due_at=PAST)
    assert broker.dequeue()


def test_nobody_polls_while_nothing_is_due(broker, bell):
    assert broker.dequeue() is None
    assert bell.waits == [bell.patience_seconds]


def test_a_lost_lease_is_found_when_it_is_over(broker, bell, queued_run):
    transitions.claim(queued_run.pk, "one")
    assert broker.dequeue() is None
    assert 0 < bell.waits[-1] <= 5
    Run.objects.update(lease_until=PAST)
    assert broker.dequeue() is None
    assert runs_in(broker.dequeue()) == [str(queued_run.pk)]


def test_a_message_is_handed_out_once_and_not_before_its_time(broker):
    now = timezone.now()
    OrmQ.objects.create(key=broker.list_key, payload="later", lock=now + timedelta(seconds=60))
    for ago in (5, 20, 10):
        OrmQ.objects.create(key=broker.list_key, payload=f"{ago}", lock=now - timedelta(seconds=ago))
    taken = [broker.dequeue()[0][1] for _ in range(3)]
    assert taken == ["20", "10", "5"]
    assert broker.dequeue() is None


def test_a_node_that_is_stopping_hands_nothing_out(broker, queued_run):
    stopping.ask()
    try:
        assert broker.dequeue() is None
    finally:
        stopping.forget()


def test_a_database_that_went_away_is_waited_for(broker, monkeypatch):
    def away() -> list:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr("metabuilder.runs.broker.DATABASE_AWAY_SECONDS", (0, 0))
    monkeypatch.setattr("metabuilder.runs.broker.connections.close_all", lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(turns, "next_runs", lambda _: away())
        assert broker.dequeue() is None
    assert broker._bell is None


def test_a_chore_is_done_by_one_node_when_it_is_due(broker):
    assert sorted(chores.take_due()) == sorted(chores.EVERY)
    assert chores.take_due() == []
    Chore.objects.filter(name="tidy").update(due_at=PAST)
    assert chores.take_due() == ["tidy"]
    chores.report("tidy", "nothing to do")
    assert Chore.objects.get(name="tidy").report == "nothing to do"


def test_a_run_that_may_not_start_keeps_nobody_busy(broker, bell, queued_run):
    Run.objects.create(tenant=queued_run.tenant, project=queued_run.project, status=RunStatus.RUNNING)
    queued_run.tenant.max_running_runs = 1
    queued_run.tenant.save()
    assert broker.dequeue() is None
    assert bell.waits[-1] >= 0.2
