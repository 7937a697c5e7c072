"""JSON that eslint, pyright, golangci-lint and the auditors write; eslint's and pyright's are recorded."""

from pathlib import Path

import pytest

from autofix.classifier import Evidence, classify
from autofix.classifier.reports import READERS, from_reports
from autofix.failures import Failure, Severity, Signal

DATA = Path(__file__).parent / "data"


def told(name: str, file: str, log: str = "it failed") -> Failure:
    reports = {name: (DATA / file).read_text()}
    return classify(Evidence("check", log, 1, reports=reports, workspace="/workspace"))


def test_eslint_tells_its_errors_and_leaves_out_warnings():
    failure = told("eslint", "eslint-lint.json")
    assert (failure.signal, failure.rule, failure.severity) == (Signal.LINT, "eslint-report", Severity.LOW)
    assert failure.message == "eslint no-unused-vars: 'a' is assigned a value but never used. (and 2 more)"
    assert [(place.file, place.line) for place in failure.locations] == [
        ("src/a.js", 1),
        ("src/a.js", 2),
        ("src/a.js", 2),
    ]
    assert "eqeqeq" not in failure.excerpt


def test_a_file_that_eslint_cannot_parse_comes_first():
    failure = told("eslint", "eslint.json")
    assert (failure.signal, failure.detail) == (Signal.RUNTIME, "compile")
    assert "Parsing error" in failure.message


def test_pyright_tells_types_with_lines_as_editors_count_them():
    failure = told("pyright", "pyright.json")
    assert (failure.signal, failure.rule) == (Signal.TYPECHECK, "pyright-report")
    assert failure.message.startswith("pyright reportAssignmentType: Type \"Literal['a']\" is not assignable")
    assert (failure.locations[0].file, failure.locations[0].line) == ("t.py", 2)


def test_golangci_names_the_linter():
    failure = told("golangci", "golangci.json")
    assert (failure.signal, failure.message) == (
        Signal.LINT,
        "golangci-lint errcheck: Error return value of `f.Close` is not checked (and 1 more)",
    )


@pytest.mark.parametrize(
    ("name", "subject", "severity", "holes", "words"),
    [
        ("npm-audit", "minimist", "critical", 1, "GHSA-xvch-5gv4-984h: minimist <0.2.4: Prototype Pollution"),
        ("pip-audit", "flask", "high", 2, "PYSEC-2019-179: flask 0.5, fixed in 1.0"),
        ("osv", "golang.org/x/net", "high", 1, "GHSA-vvpx-j8f3-3w6h: golang.org/x/net 0.1.0: Uncontrolled"),
    ],
)
def test_an_audit_is_security(name, subject, severity, holes, words):
    failure = told(name, f"{name}.json")
    assert (failure.signal, failure.detail, failure.subject) == (Signal.SECURITY, "dependency", subject)
    assert (failure.severity, len(failure.findings)) == (severity, holes)
    assert words in failure.message


def test_of_several_files_each_counts():
    reports = {
        "junit:build/TEST-a.xml": "<testsuite><testcase name='a'/></testsuite>",
        "junit:build/TEST-b.xml": "<testsuite><testcase name='b'><failure message='no'/></testcase></testsuite>",
        "strange:x": "{}",
    }
    failure = from_reports(reports, "test")
    assert failure is not None
    assert failure.signal == Signal.TEST_ASSERT


@pytest.mark.parametrize("name", sorted(READERS))
@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "[[[[[[[[1]]]]]]]]", '{"vulnerabilities": [1]}', '[{"messages": [{"severity": 2}]}]',
     '{"Issues": null}', '{"results": [{"packages": [{"package": 1, "vulnerabilities": [{}]}]}]}',
     '{"dependencies": [{"vulns": [{"fix_versions": {}}]}]}', '{"generalDiagnostics": [{"severity": "error"}]}',
     '{"vulnerabilities": {"a": {"via": [{}]}}}', "\x00", "<", "[" * 100_000],
)  # fmt: skip
def test_what_cannot_be_read_is_no_evidence_and_breaks_nothing(name, text):
    found = READERS[name](text)
    assert found is None or found.rule.endswith("-report")
