from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ

from metabuilder.runs.broker import DueTimeBroker

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(monkeypatch) -> DueTimeBroker:
    broker = get_broker()
    monkeypatch.setattr(DueTimeBroker, "sweep_sometimes", lambda self: None)
    return broker


def test_it_is_the_broker_in_use(broker):
    assert isinstance(broker, DueTimeBroker)


def test_a_message_is_not_handed_out_before_its_time(broker):
    broker.enqueue_at("later", timezone.now() + timedelta(seconds=60))
    assert broker.dequeue() is None


def test_messages_come_in_the_order_of_their_due_times(broker):
    now = timezone.now()
    for ago in (5, 20, 10):
        broker.enqueue_at(f"{ago}", now - timedelta(seconds=ago))
    taken = [broker.dequeue()[0][1] for _ in range(3)]
    assert taken == ["20", "10", "5"]


def test_a_message_is_handed_out_once(broker):
    broker.enqueue("once")
    assert [payload for _, payload in broker.dequeue()] == ["once"]
    assert broker.dequeue() is None
    assert not OrmQ.objects.exists()
