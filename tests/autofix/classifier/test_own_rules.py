"""A tenant's own rules come first, are refused with a reason, and stop nothing."""

import time

import pytest

from autofix.classifier import Evidence, classify
from autofix.classifier.own_rules import RuleRejected, made
from autofix.failures import Signal

GOOD = {
    "id": "license-server",
    "signal": "infra",
    "detail": "licence",
    "pattern": r"no seat left on (?P<subject>\S+)",
    "message": "No seat is left on {subject}",
    "example": "fatal: no seat left on lic-7",
    "counter": "5 seats left on lic-7",
}


def test_what_a_tenant_knows_comes_before_what_we_know():
    log = "ok\nE   assert 1 == 2\nFAILED a.py::t - assert 1 == 2\nfatal: no seat left on lic-7\n"
    assert classify(Evidence("test", log, 1)).signal == Signal.TEST_ASSERT
    failure = classify(Evidence("test", log, 1, own_rules=(made(GOOD),)))
    assert (failure.signal, failure.detail, failure.rule) == (Signal.INFRA, "licence", "license-server")
    assert (failure.message, failure.retryable) == ("No seat is left on lic-7", True)
    assert "assert 1 == 2" in failure.excerpt


def test_it_comes_before_a_report_too():
    xml = "<testsuite><testcase name='a'><failure message='no'>AssertionError</failure></testcase></testsuite>"
    evidence = Evidence("test", "fatal: no seat left on lic-7", 1, reports={"junit": xml}, own_rules=(made(GOOD),))
    assert classify(evidence).rule == "license-server"


def test_where_it_does_not_match_nothing_changes():
    log = "FAILED a.py::t - assert 1 == 2\n"
    assert classify(Evidence("t", log, 1, own_rules=(made(GOOD),))) == classify(Evidence("t", log, 1))


def test_a_rule_for_other_kinds_of_steps_does_not_count():
    own = made({**GOOD, "kinds": ["build"]})
    assert classify(Evidence("t", GOOD["example"], 1, "test", own_rules=(own,))).rule != "license-server"
    assert classify(Evidence("t", GOOD["example"], 1, "build", own_rules=(own,))).rule == "license-server"


def test_it_is_found_deep_inside_a_large_log():
    log = "fine\n" * 200_000 + GOOD["example"] + "\n" + "fine\n" * 200_000
    assert classify(Evidence("t", log, 1, own_rules=(made(GOOD),))).rule == "license-server"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"pattern": "(a+"}, "pattern", "RE2"),
        ({"pattern": r"(?=x)y"}, "pattern", "no look-around"),
        ({"pattern": r"(\w)\1"}, "pattern", "no look-around"),
        ({"pattern": "x{1000}{900}"}, "pattern", "RE2"),
        ({"pattern": "[a-z]{1,900}[0-9]{1,900}\\w{1,900}é{1,900}"}, "pattern", "too large"),
        ({"pattern": ".*", "message": "x", "counter": ""}, "pattern", "say nothing"),
        ({"pattern": "a" * 1001}, "pattern", "at most 1000"),
        ({"pattern": ""}, "pattern", "missing"),
        ({"pattern": 7}, "pattern", "text"),
        ({"pattern": "a\nb"}, "pattern", "one line"),
        ({"signal": "weather"}, "signal", "transient"),
        ({"signal": None}, "signal", "transient"),
        ({"severity": "dire"}, "severity", "low"),
        ({"message": "{"}, "message", "left over"),
        ({"message": "a } b"}, "message", "left over"),
        ({"message": "{subject:>999999999}"}, "message", "names alone"),
        ({"message": "{subject!r}"}, "message", "names alone"),
        ({"confidence": 7}, "confidence", "up to 1"),
        ({"confidence": True}, "confidence", "up to 1"),
        ({"retryable": "yes"}, "retryable", "true or false"),
        ({"kinds": "test"}, "kinds", "list"),
        ({"message": "no {seat}"}, "message", "{seat}"),
        ({"example": "something else"}, "example", "does not match"),
        ({"counter": GOOD["example"]}, "counter", "as well"),
        ({"unless": "("}, "unless", "RE2"),
        ({"rank": 5}, "rank", "no such field"),
    ],
)
def test_a_bad_rule_is_refused_with_what_to_change(change, field, words):
    with pytest.raises(RuleRejected) as refused:
        made({**GOOD, **change})
    assert refused.value.field == field
    assert words in str(refused.value)


def test_a_hostile_pattern_stays_linear():
    own = made({**GOOD, "pattern": "(a+)+$|(?P<subject>no seat)", "message": "{subject}", "example": "no seat"})

    def seconds(count: int) -> float:
        started = time.perf_counter()
        classify(Evidence("t", ("a" * 3000 + "!\n") * count, 1, own_rules=(own,)))
        return time.perf_counter() - started

    seconds(10)
    assert seconds(400) < 8 * seconds(100) + 0.5


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("45", 45), ("1m 5s", 65), ("250 ms", 0.25), ("3 days", 86_400), ("soon", None), ("99999999", 86_400)],
)
def test_a_rule_may_say_how_long_to_wait(said, seconds):
    own = made(
        {
            "id": "board-farm",
            "signal": "infra",
            "pattern": r"no board is free, come back in (?P<wait>.+)$",
            "message": "No board is free for {wait}",
            "example": "no board is free, come back in 45 s",
        }
    )
    found = classify(Evidence("test", f"no board is free, come back in {said}", 1, own_rules=(own,)))
    assert (found.rule, found.retry_after_seconds) == ("board-farm", seconds)
