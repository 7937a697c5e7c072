"""Which words a pattern needs: never one too many, or a failure would not be seen."""

import re
import sys

import pytest

from autofix.classifier.lines import chunks_of, clean
from autofix.classifier.literals import Needed, needed
from autofix.classifier.rules import Rule, compiled
from autofix.classifier.rulesets import MARKERS, RULES
from autofix.classifier.scan import scan
from tests.corpus.cases import cases


def words(pattern: str) -> set[str]:
    return set(needed(pattern).words)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ResolutionImpossible", {"resolution"}),
        ("^Cannot open (?P<subject>.+)$", {"cannot ope"}),
        ("(?i)disk quota|no space", {"disk quota", "no space"}),
        ("broken (?:pipe|thread)", {"broken pip", "broken thr"}),
        ("(?:un)?broken", {"unbroken", "broken"}),
        ("x*broken", {"broken"}),
        ("(?:broken )+glass", {"broken gla"}),
        ("gl[ao]ss", {"glass", "gloss"}),
        (r"ORA-\d+", {f"ora-{digit}" for digit in range(10)}),
        (r"lock\.py is broken", {"lock.py is"}),
        ("a.b|zebra", {"zebra"}),
        ("broken{2}", {"broken"}),
        ("✗ it", {"✗ it"}),
        ("glass\\x27s", {"glass's"}),
    ],
)
def test_what_a_pattern_needs(pattern: str, expected: set[str]) -> None:
    assert words(pattern) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        ".*",
        r"\w+",
        "[^a]+",
        "(?:lock)?",
        "(?:lock)*",
        "a",
        "lock|.",
        "(?i)é{3}",
        r"\pL",
        "(?=lock)",
        "[[:alpha:]]",
    ],
)
def test_where_it_cannot_say_it_says_so(pattern: str) -> None:
    assert needed(pattern).others


def test_each_alternative_is_seen_to_on_its_own() -> None:
    assert needed(r"(?i)zebra|^\d+$") == Needed(frozenset({"zebra"}), (r"(?i)^\d+$",))


def test_flags_in_the_middle_hold_for_what_comes_after_them() -> None:
    assert needed("Zebra|(?i)lion|Ox").others == ("Zebra|(?i)lion|Ox",)


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_the_example_of_a_rule_has_one_of_its_words(rule: Rule) -> None:
    need, example = needed(rule.pattern), rule.example.encode().lower()
    assert any(word.encode() in example for word in need.words) or any(
        compiled(f"(?m){text}").search(rule.example) for text in need.others
    )


def test_few_patterns_need_no_word() -> None:
    assert sum(len(needed(rule.pattern).others) for rule in RULES.rules) < 150


def test_what_re2_finds_on_a_line_rings_on_that_line() -> None:
    """All rules over logs of many tools; little rings in vain, since bounds are left out."""
    found_in_all = in_vain = 0
    patterns = [compiled(pattern) for pattern in (*(rule.pattern for rule in RULES.rules), *MARKERS)]
    for case in list(cases())[::25]:
        raw = clean(case.log)
        rings = RULES.rings(raw)
        for number, line in enumerate(raw.split(b"\n")):
            if len(line) < 400:
                found = {index for index, pattern in enumerate(patterns) if pattern.search(line)}
                rung = rings.get(number, set())
                assert found <= rung, (case.title, line)
                found_in_all += len(found)
                in_vain += len(rung - found)
    assert in_vain < found_in_all / 10


def test_a_line_rings_wherever_it_stands() -> None:
    line = b"ERROR: No matching distribution found for zebra"
    for text, number in ((line, 0), (b"\n\n \n" + line + b"\n", 3), (b"x\n" * 5000 + line, 5000)):
        assert list(RULES.rings(text)) == [number]
    assert len(RULES.rings((line + b"\n") * 50)) == 50


def test_blank_lines_before_a_match_cost_nothing() -> None:
    raw = b"\n" * 200_000 + b"  1) test it (Some.Thing)\n" + b" \n" * 200_000
    assert list(RULES.rings(raw)) == [200_000]


def test_every_word_is_in_small_letters_of_ascii() -> None:
    every = {word for rule in RULES.rules for word in needed(rule.pattern).words}
    assert all(not re.search("[A-Z]", word) for word in every)


def test_after_very_many_lines_that_ring_only_the_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[scan.__module__], "RUNG_LINES", 1000)
    noise = "ERROR: Connection reset by peer\n" * 20_000
    end = "E   ModuleNotFoundError: No module named 'yaml'\n"
    found = scan(chunks_of(f"{noise}{end}")).candidates
    assert found[-1].match.rule.id == "python-module-missing"
    numbers = [candidate.number for candidate in found]
    assert len(numbers) == len(set(numbers))
