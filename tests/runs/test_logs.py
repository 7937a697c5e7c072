"""Output goes to the database while it comes: whole characters, capped, with its end kept."""

import pytest

from metabuilder.runs import logs
from metabuilder.runs.logs import LogWriter
from tests.factories import StepExecutionFactory


@pytest.fixture
def execution(db):
    return StepExecutionFactory()


def end(writer: LogWriter, tail: bytes) -> None:
    for chunk in writer.close(tail):
        chunk.save()


def text_of(execution) -> str:
    return "".join(logs.read(execution))


def test_characters_split_over_pieces_are_put_together(execution):
    writer = LogWriter(execution, 1000)
    for byte in "grün ✓\n".encode():
        writer.write(bytes([byte]))
    end(writer, b"")
    assert text_of(execution) == "grün ✓\n"


def test_bytes_that_no_database_takes_are_replaced(execution):
    writer = LogWriter(execution, 1000)
    writer.write(b"a\0b\xffc")
    end(writer, b"")
    assert text_of(execution) == "a\ufffdb\ufffdc"


def test_colours_are_kept(execution):
    writer = LogWriter(execution, 1000)
    writer.write(b"\x1b[31mred\x1b[0m")
    end(writer, b"")
    assert text_of(execution) == "\x1b[31mred\x1b[0m"


def test_a_log_over_the_limit_keeps_its_start_and_its_end_and_says_what_is_missing(execution):
    output = b"".join(b"line %06d\n" % number for number in range(500_000))
    writer = LogWriter(execution, 1000)
    for start in range(0, len(output), 65_536):
        writer.write(output[start : start + 65_536])
    end(writer, output[-(1 << 20) :])
    text = text_of(execution)
    assert writer.truncated
    assert text.startswith("line 000000\n")
    assert text.endswith("line 499999\n")
    assert f"[... {len(output) - 1000 - (1 << 20)} bytes of output are not kept ...]" in text


def test_reading_goes_on_from_where_one_stopped(execution):
    writer = LogWriter(execution, 1 << 20)
    writer.write(b"x" * 100_000 + b"end")
    end(writer, b"")
    assert execution.chunks.count() > 1
    assert "".join(logs.read(execution, 100_000)) == "end"
