"""Which words a pattern needs: never one too many, or a failure would not be seen."""

import sys

import pytest

from autofix.classifier import rulesets
from autofix.classifier.lines import chunks_of, clean
from autofix.classifier.literals import Needed, needed
from autofix.classifier.rules import Rule, compiled
from autofix.classifier.rulesets import MARKERS, RULES, worked_out
from autofix.classifier.scan import scan
from tests.corpus.cases import cases

HEALTHY = """\
Collecting requests==2.31.0 (from -r requirements.txt (line 4))
Requirement already satisfied: idna<4,>=2.5 in ./.venv/lib/python3.11/site-packages (3.4)
Installing collected packages: urllib3, idna, requests
Successfully installed idna-3.4 requests-2.31.0 urllib3-2.0.7
tests/unit/test_money.py::test_rounds_half_up PASSED                     [ 12%]
tests/unit/test_money.py ............................................... [ 48%]
48 files already formatted
All checks passed!
npm http fetch GET 200 https://registry.npmjs.example/left-pad 91ms (cache miss)
added 1203 packages, and audited 1204 packages in 14s
PASS src/components/button.test.tsx (5.12 s)
  ✓ renders a label (12 ms)
dist/assets/index-4f3c2a.js   142.30 kB │ gzip: 45.91 kB
   Compiling serde v1.0.193
    Finished dev [unoptimized + debuginfo] target(s) in 12.31s
go: downloading golang.org/x/sync v0.5.0
--- PASS: TestAdd (0.00s)
[INFO] Compiling 42 source files with javac [debug target 17] to target/classes
Downloading from central: https://repo.example/maven2/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.pom
> Task :compileJava UP-TO-DATE
Get:14 http://deb.example/debian bookworm/main amd64 libpq5 amd64 15.5-0+deb12u1 [190 kB]
Unpacking libpq5:amd64 (15.5-0+deb12u1) ...
#7 [3/9] RUN pip install --no-cache-dir -r requirements.txt
Receiving objects: 100% (412/412), 1.21 MiB | 4.10 MiB/s, done.
[ 12%] Building CXX object src/CMakeFiles/shop.dir/money.cpp.o
checking for gcc... gcc
  Applying shop.0001_initial... OK
127.0.0.1 - - [05/Jan/2024 12:00:00] "GET /healthz HTTP/1.1" 200 2
copying shop/money.py -> build/lib/shop
LOG:  Parsing src/shop/module_12.py (shop.module_12)
"""


def words(pattern: str) -> set[str]:
    return set(needed(pattern).words)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ResolutionImpossible", {"ResolutionIm"}),
        ("^Cannot open (?P<subject>.+)$", {r"^Cannot\ open"}),
        ("Failed to resolve", {r"d\ to\ resolve"}),
        ("RequirementError", {"RequirementE"}),
        ("(?i)Disk quota|no space", {r"(?i:disk\ quota)", r"(?i:no\ space)"}),
        (r"^broken\b(?:pipe|thread)$", {r"^broken\bpipe", r"^broken\bthre"}),
        ("(?:un)?broken", {"unbroken", "broken"}),
        ("x*broken", {"broken"}),
        ("(?:broken )+glass", {r"broken\ glass"}),
        ("gl[ao]ss", {"glass", "gloss"}),
        (r"ORA-\d+", {rf"ORA\-{digit}" for digit in range(10)}),
        (r"zock\.py is broken", {r"zock\.py\ is\ b"}),
        ("a.b|zebra", {"zebra"}),
        ("broken{2}", {"broken"}),
        ("✗ it", {r"✗\ it"}),
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
    assert needed(r"(?i)zebra|^\d+$") == Needed(frozenset({"(?i:zebra)"}), (r"(?i)^\d+$",))


def test_flags_in_the_middle_hold_for_what_comes_after_them() -> None:
    assert needed("Zebra|(?i)lion|Ox").others == ("Zebra|(?i)lion|Ox",)


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_the_example_of_a_rule_has_one_of_its_words(rule: Rule) -> None:
    need = needed(rule.pattern)
    assert any(compiled(f"(?m){text}").search(rule.example) for text in (*need.words, *need.others))


def test_few_patterns_need_no_word() -> None:
    assert sum(len(needed(rule.pattern).others) for rule in RULES.rules) < 220


def test_hardly_a_word_stands_on_healthy_lines() -> None:
    """Each such line is read more closely: one rule that takes a common word makes all logs slow."""
    every = compiled("(?m)" + "|".join({word for rule in RULES.rules for word in needed(rule.pattern).words}), 1 << 28)
    assert [line for line in HEALTHY.splitlines() if every.search(line)] == []


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


def test_after_very_many_lines_that_ring_only_the_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[scan.__module__], "RUNG_LINES", 1000)
    noise = "ERROR: Connection reset by peer\n" * 20_000
    end = "E   ModuleNotFoundError: No module named 'yaml'\n"
    found = scan(chunks_of(f"{noise}{end}")).candidates
    assert found[-1].match.rule.id == "python-module-missing"
    numbers = [candidate.number for candidate in found]
    assert len(numbers) == len(set(numbers))


def test_words_are_worked_out_once_and_kept(tmp_path, monkeypatch):
    patterns = ["Zebra|Ox", r"^\d+$"]
    first = worked_out(patterns, tmp_path / "cache")
    monkeypatch.setattr(rulesets, "needed", lambda _: pytest.fail("worked out again"))
    assert worked_out(patterns, tmp_path / "cache") == first
    assert "Zebra" in first[0]


@pytest.mark.parametrize("text", ["", "[1", "3"])
def test_a_cache_that_cannot_be_read_is_made_again(tmp_path, text):
    first = worked_out(["Zebra"], tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text(text)
    assert worked_out(["Zebra"], tmp_path) == first
    assert kept.read_text().startswith("[[")


def test_other_patterns_are_another_entry_and_no_cache_will_do_too(tmp_path):
    assert worked_out(["Zebra"], tmp_path) != worked_out(["Lion"], tmp_path)
    assert worked_out(["Zebra"], None) == worked_out(["Zebra"], tmp_path)
    (tmp_path / "file").write_text("")
    assert worked_out(["Zebra"], tmp_path / "file") == worked_out(["Zebra"], None)
