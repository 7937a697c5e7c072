from collections.abc import Callable
from dataclasses import replace

import pytest

from autofix.failures import Failure, Finding, Location, Signal
from autofix.fixers import FIXERS, Fixer, for_failure
from tests.autofix.fixers.local_tree import LocalTree, failure, lint

Project = Callable[..., LocalTree]
CODES = [
    "F401",
    "F821",
    "F841",
    "I001",
    "E501",
    "E711",
    "E722",
    "W291",
    "B324",
    "B506",
    "B306",
    "B113",
    "B602",
    "B605",
    "B311",
]
ODD_FILES = {
    "broken.py": "def (:\n  'x\n",
    "deep.py": "x = " + "(" * 500 + ")" * 500 + "\n",
    "empty.py": "",
    "null.py": "a = '\0'\n",
    "tabs.py": "if 1:\n\tx = 1\n        y = 2\n",
    "ok.py": "x = 1\n",
}


def names(fixers: tuple[Fixer, ...]) -> list[str]:
    return [fixer.name for fixer in fixers]


def test_names_are_unique_and_security_needs_a_person() -> None:
    assert len(set(names(FIXERS))) == len(FIXERS)
    for fixer in FIXERS:
        assert fixer.needs_approval or Signal.SECURITY not in fixer.signals


def test_a_lint_failure_is_first_met_with_small_changes() -> None:
    found = names(for_failure(lint(), "lint"))
    assert found.index("missing-import") < found.index("ruff-fix") < found.index("ruff-format")


@pytest.mark.parametrize(("kind", "detail"), [("format", ""), ("lint", "format")])
def test_a_format_failure_is_first_met_by_formatters(kind: str, detail: str) -> None:
    found = names(for_failure(lint(detail=detail), kind))
    assert found[:2] == ["isort", "black"]
    assert found.index("ruff-format") < found.index("missing-import")


def test_what_may_change_the_meaning_comes_after_what_does_not() -> None:
    found = for_failure(lint(), "lint")
    assert [fixer.is_unsafe for fixer in found] == sorted(fixer.is_unsafe for fixer in found)


def test_every_fixer_says_what_it_may_touch() -> None:
    for fixer in FIXERS:
        assert fixer.touches
        assert "*" not in fixer.touches or fixer.needs_approval


def test_nothing_mends_what_is_no_fault_of_the_code() -> None:
    for signal in (Signal.TRANSIENT, Signal.INFRA, Signal.RATE_LIMIT, Signal.POLICY):
        assert for_failure(failure(signal), "test") == ()


@pytest.mark.parametrize("fixer", FIXERS, ids=lambda fixer: fixer.name)
def test_odd_files_and_odd_findings_raise_nothing(fixer: Fixer, project: Project) -> None:
    tree = project(ODD_FILES)
    (tree.root / "latin.py").write_bytes(b"x = '\xff'\n")
    places = [
        Location(file, line, code)
        for file in (*ODD_FILES, "latin.py", "gone.py", "../out.py", "/etc/passwd", "-x.py", "")
        for line in (0, 1, 999)
        for code in CODES
    ]
    said = "Undefined name `json`; cannot import name 'x' from 'ok'; trailing whitespace"
    findings = tuple(Finding(str(number), said, place) for number, place in enumerate(places))
    odd = Failure(Signal.LINT, said, "rule", detail="import", findings=findings)
    fixer.apply(tree, odd)
    fixer.apply(tree, replace(odd, findings=(), message=""))
    assert tree.read("broken.py").startswith("def (:")
