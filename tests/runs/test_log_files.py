"""A large log leaves the database for the storage, and reads there as it read before."""

import logging
from pathlib import Path

import pytest
from django.conf import settings as configured

from metabuilder.runs import console, log_files, logs, transcript
from metabuilder.runs.models import StepExecution
from tests.conftest import BASE
from tests.factories import LogChunkFactory, RunFactory, StepExecutionFactory, StepFactory

pytestmark = pytest.mark.django_db
LINES = "".join(f"line {number:05} grün ✓ 🙂\n" for number in range(400)) + "end"


@pytest.fixture(autouse=True)
def small(settings, monkeypatch) -> None:
    settings.LOG_ROWS_LIMIT = 100
    monkeypatch.setattr(log_files, "PART_CHARACTERS", 1000)


@pytest.fixture
def execution(tenant) -> StepExecution:
    """An execution that has ended, its log in chunks of uneven length."""
    run = RunFactory(tenant=tenant, status="failed")
    made = StepExecutionFactory(step=StepFactory(run=run, name="test"), status="failed", log_characters=len(LINES))
    offset = 0
    for length in [1, 999, 2500, 37, len(LINES)]:
        LogChunkFactory(execution=made, offset=offset, text=LINES[offset : offset + length])
        offset += length
    return made


def questions(api, execution) -> list[object]:
    """Everything that is asked of a log, with odd places to begin and to end."""
    client, url = api("viewer"), f"{BASE}/runs/{execution.run_id}/logs"
    pages = [
        client.get(f"{url}{query}").json()
        for query in ("", "?tail=3", "?tail=1000", "?offset=999&limit=2", "?offset=1000&limit=1001", "?offset=9000")
    ]
    text = client.get(url, headers={"accept": "text/plain"}).getvalue().decode()
    window = console.window(logs.pieces(execution, 2501), console.Cursor(2501, 7), is_over=True)
    whole = transcript.of_execution(StepExecution.objects.filter(pk=execution.pk))
    return [*pages, text, window, whole.read(1999, 2), whole.tail(2), "".join(logs.read(execution, 3000))]


def test_it_reads_as_it_read_in_rows(api, execution):
    before = questions(api, execution)
    logs.archive(execution)
    assert not execution.chunks.exists()
    assert questions(api, execution) == before
    assert before[-1] == LINES[3000:]


def test_a_page_opens_only_the_parts_it_shows(execution, monkeypatch):
    logs.archive(execution)
    opened = []
    real = log_files.part_name
    monkeypatch.setattr(log_files, "part_name", lambda name, number: opened.append(number) or real(name, number))
    whole = transcript.of_execution(StepExecution.objects.filter(pk=execution.pk))
    assert whole.read(2999, 2) == LINES[2999:3001]
    assert opened == [2, 3]


def test_what_a_reader_had_begun_in_rows_goes_on_in_the_storage(execution):
    seen = console.window(logs.pieces(execution), console.Cursor(), is_over=False)
    stale = StepExecution.objects.get(pk=execution.pk)
    logs.archive(execution)
    StepExecution.objects.filter(pk=execution.pk).update(log_characters=len(LINES))
    assert seen.cursor == console.Cursor(len(LINES) - 3, 401)
    assert "".join(logs.read(stale)) == LINES


def test_a_small_log_stays_in_rows(execution, settings):
    settings.LOG_ROWS_LIMIT = len(LINES)
    logs.archive(execution)
    execution.refresh_from_db()
    assert (execution.log_file.name, execution.chunks.count()) == ("", 5)


def test_a_second_time_nothing_is_moved(execution):
    logs.archive(execution)
    execution.refresh_from_db()
    name = execution.log_file.name
    logs.archive(execution)
    execution.refresh_from_db()
    assert execution.log_file.name == name
    assert "".join(logs.read(execution)) == LINES


class FullStorage:
    """Takes some parts and then no more."""

    def __init__(self, parts: int) -> None:
        self.parts = parts

    def save(self, name: str, content: object) -> str:
        self.parts -= 1
        if self.parts < 0:
            raise OSError("no space left")
        return name


@pytest.mark.parametrize("parts", [0, 3])
def test_a_log_that_cannot_be_stored_stays_in_rows_and_the_result_stands(execution, monkeypatch, caplog, parts):
    monkeypatch.setattr(log_files, "default_storage", FullStorage(parts))
    with caplog.at_level(logging.WARNING):
        logs.archive(execution)
    assert f"The log of execution {execution.pk} stays in the database" in caplog.text
    assert "no space left" in caplog.text
    assert "".join(logs.read(execution)) == LINES
    execution.refresh_from_db()
    assert execution.status == "failed"


def test_a_worker_that_dies_before_the_rows_are_gone_leaves_a_log_that_is_whole(execution):
    StepExecution.objects.filter(pk=execution.pk).update(log_file="logs/00/half")
    assert "".join(logs.read(execution)) == LINES


def test_what_is_removed_leaves_no_part(execution):
    logs.archive(execution)
    directory = Path(configured.MEDIA_ROOT, execution.log_file.name)
    assert len(list(directory.iterdir())) == log_files.count_of(len(LINES)) == 9
    log_files.remove(execution.log_file.name, len(LINES))
    assert list(directory.iterdir()) == []


def test_nobody_guesses_a_name(execution):
    first, second = log_files.new_name(), log_files.new_name()
    assert first != second
    assert str(execution.pk.hex) not in first
    assert len(first.rsplit("/", 1)[1]) == 32
