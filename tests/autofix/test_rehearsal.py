import logging

import pytest
from django.db import OperationalError

from autofix import rehearsal
from metabuilder.runs.models import Plan, Project, Run, RunEvent, StepExecution
from tenants.models import Tenant
from tests.factories import RunFactory

EVERYTHING = (Tenant, Project, Run, Plan, RunEvent, StepExecution)


@pytest.fixture
def lived(monkeypatch):
    """Note what every rehearsed run has come to before it is rolled back."""
    found = []
    original = rehearsal.live_through_a_run

    def watched():
        original()
        found.extend(Run.objects.values_list("status", flat=True))

    monkeypatch.setattr(rehearsal, "live_through_a_run", watched)
    return found


def test_a_run_is_lived_through_and_leaves_nothing(db, lived, caplog):
    with caplog.at_level(logging.INFO):
        rehearsal.rehearse()
    assert lived == ["succeeded"] * rehearsal.TIMES
    assert [model.objects.count() for model in EVERYTHING] == [0] * len(EVERYTHING)
    assert caplog.text == ""


def test_runs_that_wait_are_not_touched(db, lived):
    RunFactory(status="queued")
    before = Run.objects.values().get()
    rehearsal.rehearse()
    assert Run.objects.values().get() == before


@pytest.mark.parametrize("error", [OperationalError("the database is away"), ValueError("a fault of ours")])
def test_a_node_starts_all_the_same(db, monkeypatch, caplog, error):
    def fail():
        raise error

    monkeypatch.setattr(rehearsal, "live_through_a_run", fail)
    rehearsal.rehearse()
    assert str(error) in caplog.text


def test_a_full_queue_is_no_hindrance(db, settings, caplog):
    settings.MAX_QUEUED_RUNS = 0
    rehearsal.rehearse()
    assert Run.objects.count() == 0
