"""What is done from time to time is done in parts that do not depend on each other."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from approvals.models import Gate
from autofix import collector, control, housekeeping, rollups
from autofix.models import AttemptState
from metabuilder.runs import cache
from metabuilder.runs.models import Run, StepExecution
from tests.factories import AttemptFactory, GateFactory, LogChunkFactory, RunFactory, StepExecutionFactory, StepFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def work(tmp_path, settings) -> None:
    settings.WORK_DIR = tmp_path


@pytest.fixture
def old_run(tenant) -> Run:
    run = RunFactory(tenant=tenant, status="failed")
    execution = StepExecutionFactory(step=StepFactory(run=run), status="failed", duration_seconds=3)
    LogChunkFactory(execution=execution)
    past = Now() - timedelta(days=100)
    StepExecution.objects.update(finished_at=past)
    Run.objects.update(finished_at=past)
    return run


@pytest.fixture
def late_gate(tenant) -> Gate:
    run = RunFactory(tenant=tenant, status="paused_awaiting_approval")
    gate = GateFactory(run=run, expires_at="2020-01-01T00:00:00Z")
    AttemptFactory(execution__step__run=run, gate=gate, state=AttemptState.AWAITING)
    return gate


def steps_counted() -> float | None:
    collector.COLLECTOR.forget()
    return collector.PRODUCT.get_sample_value("step_duration_seconds_count", {"kind": "test", "status": "failed"})


def test_the_number_of_steps_does_not_fall_when_they_are_removed(old_run):
    assert steps_counted() == 1
    assert housekeeping.keep_database_tidy() == "3 rows of ended runs"
    assert not StepExecution.objects.exists()
    assert steps_counted() == 1


def test_nothing_is_removed_that_could_not_be_counted(old_run, monkeypatch):
    def broken() -> int:
        raise OSError("gone")

    monkeypatch.setattr(rollups, "roll_up", broken)
    assert housekeeping.keep_database_tidy() == "retention failed"
    assert StepExecution.objects.exists()


def test_a_gate_that_expires_closes_what_is_open_of_its_run(late_gate):
    assert housekeeping.keep_database_tidy() == "1 gates expired"
    attempt = late_gate.run.attempts.get()
    assert (attempt.state, attempt.verified, attempt.episode.outcome) == ("finished", False, "given_up")
    late_gate.run.refresh_from_db()
    assert late_gate.run.status == "failed"


def test_a_part_that_fails_stops_no_other(old_run, late_gate, monkeypatch, caplog):
    def broken() -> int:
        raise ValueError("broken")

    monkeypatch.setattr(control, "expire_gates", broken)
    assert housekeeping.keep_database_tidy() == "gates failed, 3 rows of ended runs"
    assert "Keeping house: gates failed" in caplog.text


def test_where_there_is_nothing_to_do_it_says_so():
    assert housekeeping.keep_database_tidy() == "nothing to do"
    assert housekeeping.keep_machine_tidy() == "nothing to do"


def test_the_command_does_both_and_tells_what(old_run, late_gate, tmp_path, capsys, settings):
    settings.METABUILDER_SANDBOX = "none"
    (tmp_path / "workspaces" / str(old_run.pk) / "tree").mkdir(parents=True)
    call_command("housekeeping")
    assert capsys.readouterr().out.splitlines() == [
        "database: 1 gates expired, 3 rows of ended runs",
        "this machine: 1 trees",
    ]
    assert list(cache.trees()) == []
