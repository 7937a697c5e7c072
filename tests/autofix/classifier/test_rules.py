"""Every rule of the table matches its example, and not its counter-example."""

import time

import pytest

from autofix.classifier import Evidence, classify
from autofix.classifier.rules import Rule
from autofix.classifier.rulesets import RULES

each_rule = pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)


@each_rule
def test_a_rule_matches_its_example_alone_and_in_the_set(rule: Rule) -> None:
    assert rule.match(rule.example)
    assert RULES.rules.index(rule) in RULES.rings(f"before\n{rule.example}\nafter".encode())[1]


@each_rule
def test_a_rule_does_not_match_its_counter_example(rule: Rule) -> None:
    assert rule.match(rule.counter) is None


@each_rule
def test_a_rule_makes_a_message_without_loose_ends(rule: Rule) -> None:
    match = rule.match(rule.example)
    assert match is not None
    assert match.message.strip()
    assert "{" not in rule.message.format_map(dict.fromkeys(_names(rule.message), "x"))


def test_there_are_many_rules_and_no_name_twice() -> None:
    names = [rule.id for rule in RULES.rules]
    assert len(names) == len(set(names)) >= 900


@each_rule
def test_an_example_as_a_log_gives_the_signal_of_its_rule(rule: Rule) -> None:
    kind = next(iter(sorted(rule.kinds)), "")
    found = classify(Evidence("step", f"working\n{rule.example}\n", 1, kind))
    if rule.rank >= 20:
        assert (found.signal, found.detail) == _expected(rule)
    else:
        assert (found.signal, found.rule) == ("unknown", "none")


# Their examples hold the words of a rule of higher rank, which then rightly wins.
OUTRANKED = {
    "k8s-api": ("transient", "timeout"),
    "maven-dependency": ("runtime", "dependency"),
}


def _expected(rule: Rule) -> tuple[str, str]:
    match = rule.match(rule.example)
    assert match is not None
    return OUTRANKED.get(rule.id, (rule.signal.value, match.detail))


def _names(template: str) -> list[str]:
    return [part.split("}")[0] for part in template.split("{")[1:]]


@pytest.mark.parametrize(
    "piece",
    ["a", " ", "Error: ", "E   ", "tests/x.py::", "aaaa: ", "\x1b[0", "429 ", "../", "-", "﷽é"],
)
def test_the_time_for_a_hostile_line_grows_no_faster_than_its_length(piece: str) -> None:
    def seconds(count: int) -> float:
        started = time.perf_counter()
        for rule in RULES.rules:
            rule.match(piece * count)
        return time.perf_counter() - started

    seconds(100)
    small, large = seconds(2_000), seconds(16_000)
    assert large < 8 * small * 4 + 0.5
