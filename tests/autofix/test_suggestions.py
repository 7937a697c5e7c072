import pytest

from autofix.failures import Signal
from autofix.rulebooks import made_of, written
from autofix.suggestions import likely_cause, suggested_rule

LINES = [
    ("fatal: no seat left on lic-7", "fatal: no seat left on lic-12", "fatal: no seats today"),
    (
        "2026-11-24T10:00:00Z ERROR: could not reserve board 'nucleo-17' after 30 s (/dev/ttyUSB0)",
        "ERROR: could not reserve board 'stm-2' after 45.5 s (/dev/ttyACM1)",
        "ERROR: could not reserve a room",
    ),
    ("Error: {x} broke (at 0x7ffe12): 12.4.1 [*]", "Error: {x} broke (at 0xffee00): 9.0 [*]", "Error: y broke"),
    (
        "`foo` is gone; `bar` is back, see https://x.example/a?b=1",
        "`a` is gone; `b` is back, see http://y",
        "foo is gone",
    ),
    (
        "job 1f0c2a9d-1111-2222-3333-444455556666 was lost",
        "job aaaaaaaa-1111-2222-3333-bbbbbbbbbbbb was lost",
        "job was lost",
    ),
    ("cannot open src/deep/a.c: bad | pipe^ $sign", "cannot open lib/b.c: bad | pipe^ $sign", "cannot open it"),
    ("Gerät 'X1' ist nicht erreichbar 💥 sofort", "Gerät 'Y2' ist nicht erreichbar 💥 sofort", "Gerät kaputt"),
]


@pytest.mark.parametrize(("line", "like", "unlike"), LINES)
def test_it_knows_the_line_and_others_like_it(line, like, unlike):
    rule = made_of(written(suggested_rule(line, Signal.INFRA, "licence")))
    assert (rule.signal, rule.detail) == (Signal.INFRA, "licence")
    assert rule.match(line)
    assert rule.match(like)
    assert rule.match(unlike) is None


def test_what_stands_in_quotation_marks_is_named():
    rule = suggested_rule("could not reserve board 'nucleo-17'", Signal.INFRA)
    assert rule["message"] == "could not reserve board '{subject}'"
    assert made_of(written(rule)).match("could not reserve board 'b'").message == "could not reserve board 'b'"


@pytest.mark.parametrize("line", ["", "   ", "exit 1", "panic", "=== 12 ===", "x" * 3, "\u2028"])
def test_a_line_that_says_too_little_suggests_nothing(line):
    assert suggested_rule(line, Signal.RUNTIME) is None


def test_a_very_long_line_is_cut():
    rule = suggested_rule("cannot find the thing " + "word and 'x' " * 500, Signal.RUNTIME)
    assert rule is None or len(rule["example"]) <= 300


@pytest.mark.parametrize(
    ("excerpt", "cause"),
    [
        ("compiling\nfatal: no seat left\nbye", "fatal: no seat left"),
        ("one thing\nanother thing", "another thing"),
        ("---\n\n", ""),
        ("", ""),
    ],
)
def test_the_likely_cause(excerpt, cause):
    assert likely_cause(excerpt) == cause
