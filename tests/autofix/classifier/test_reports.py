"""Reports of the real tools, run on small broken projects."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autofix.classifier import Evidence, classify, findings_despite_success
from autofix.failures import Failure, Location, Severity, Signal

DATA = Path(__file__).parent / "data"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(20))
    + "]><testsuite><testcase><failure>&u;</failure></testcase></testsuite>"
)


def run_pytest(directory: Path, source: str, log_only: bool = False) -> Failure:
    """What real pytest says of this test module."""
    (directory / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "no:cacheprovider", "-c"]
    run = subprocess.run(
        [*command, "/dev/null", "--rootdir", str(directory), "--junitxml", "r.xml", "test_it.py"],
        cwd=directory,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    reports = {} if log_only else {"junit": (directory / "r.xml").read_text()}
    evidence = Evidence("t", run.stdout, run.returncode, "test", reports=reports, workspace=str(directory))
    return classify(evidence)


CASES = [
    (
        "def test(): assert 1 == 2",
        "test_assert",
        "",
        "",
    ),
    (
        "def test(): assert 'HTTP 429 Too Many Requests' == 'rate limit exceeded'",
        "test_assert",
        "",
        "",
    ),
    (
        "def test(): raise AssertionError('Connection reset by peer')",
        "test_assert",
        "",
        "",
    ),
    (
        "import pytest\ndef test():\n    with pytest.raises(KeyError): pass",
        "test_assert",
        "",
        "",
    ),
    (
        "import pytest\ndef test(): pytest.fail('denied by policy')",
        "test_assert",
        "",
        "",
    ),
    (
        "def test(): {}['a']",
        "runtime",
        "",
        "KeyError",
    ),
    (
        "class Odd(Exception): pass\ndef test(): raise Odd('x')",
        "runtime",
        "",
        None,
    ),
    (
        "def test(): return missing_thing",
        "runtime",
        "import",
        "missing_thing",
    ),
    (
        "from os import nosuch\ndef test(): pass",
        "runtime",
        "import",
        "nosuch",
    ),
    (
        "import nosuchmodule.sub\ndef test(): pass",
        "runtime",
        "dependency",
        "nosuchmodule",
    ),
    (
        "def test(:",
        "runtime",
        "compile",
        None,
    ),
    (
        "import sqlite3\ndef test(): sqlite3.connect(':memory:').execute('select * from users')",
        "schema_migration",
        "missing",
        "users",
    ),
    (
        "def test(): raise ConnectionResetError(104, 'Connection reset by peer')",
        "transient",
        "network",
        "",
    ),
    (
        "def test(): raise RuntimeError('429 Client Error: Too Many Requests for url: https://x/')",
        "rate_limit",
        "http",
        "",
    ),
    (
        "import pytest\n@pytest.fixture\ndef bad(): raise NameError(\"name 'y' is not defined\")\ndef test(bad): pass",
        "runtime",
        "import",
        "y",
    ),
    (
        "def test():\n    print('HTTP 429 Too Many Requests')\n    assert 1 == 2",
        "test_assert",
        "",
        "",
    ),
]


@pytest.mark.parametrize("log_only", [False, True], ids=["junit", "log"])
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_pytest_is_understood(tmp_path: Path, case: tuple[str, str, str, str | None], log_only: bool) -> None:
    source, signal, detail, subject = case
    found = run_pytest(tmp_path, source, log_only)
    assert (found.signal, found.detail) == (signal, detail), found
    assert subject is None or found.subject == subject
    assert found.requires_replan == (detail == "dependency")


def test_the_exception_that_another_came_from_counts(tmp_path: Path) -> None:
    found = run_pytest(
        tmp_path,
        "def test():\n    try: raise ConnectionResetError(104, 'Connection reset by peer')\n"
        "    except OSError as e: raise RuntimeError('no data') from e\n",
    )
    assert (found.signal, found.detail) == ("transient", "network")


def test_the_most_fundamental_cause_wins_and_every_failing_test_is_found(tmp_path: Path) -> None:
    found = run_pytest(
        tmp_path,
        "def test_a(): assert 0\ndef test_b(): {}['k']\n"
        "def test_c(): raise TimeoutError('timed out')\n"
        "class TestD:\n    def test_d(self): return nope\n",
    )
    assert (found.signal, found.subject) == ("runtime", "nope")
    assert found.finding_ids == {
        "test_it.py::test_a",
        "test_it.py::test_b",
        "test_it.py::test_c",
        "test_it.py::TestD::test_d",
    }
    assert (found.locations[0].file, found.locations[0].line) == ("test_it.py", 5)


def test_a_failing_test_keeps_its_fingerprint_when_lines_shift(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = run_pytest(tmp_path / "one", "def test(): {}['a']")
    two = run_pytest(tmp_path / "two", "\n\n# moved\ndef test(): {}['a']")
    assert one.fingerprint == two.fingerprint


def checked(directory: Path, report: str, *command: str) -> Failure:
    run = subprocess.run([sys.executable, "-m", *command], cwd=directory, capture_output=True, text=True, check=False)
    reports = {report: run.stdout}
    return classify(Evidence("step", run.stderr, 1, reports=reports, workspace=str(directory)))


RUFF = ("ruff", "check", "--isolated", "--no-cache", "--select", "E,F,S", "--output-format", "json")


def test_ruff_is_lint_with_findings_that_survive_line_shifts(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("\n\nimport os\n")
    found = checked(tmp_path, "ruff", *RUFF, "a.py")
    assert (found.signal, found.detail, found.subject) == ("lint", "", "os")
    assert found.finding_ids == {"a.py:F401:os"}
    assert found.locations == (Location("a.py", 3, "F401"),)


def test_ruffs_security_rules_are_security(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\nimport hashlib\nhashlib.md5(b'')\n")
    found = checked(tmp_path, "ruff", *RUFF, "a.py")
    assert (found.signal, found.detail) == ("security", "S324")
    assert found.finding_ids == {"a.py:S324:hashlib", "a.py:F401:os"}


def test_a_file_that_ruff_cannot_parse_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(:\n")
    found = checked(tmp_path, "ruff", *RUFF, "a.py")
    assert (found.signal, found.detail) == ("runtime", "compile")


def test_two_findings_of_one_kind_stay_two(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"x = 1  # {'x' * 90}\ny = 1  # {'x' * 90}\n")
    assert len(checked(tmp_path, "ruff", *RUFF, "a.py").finding_ids) == 2


@pytest.mark.parametrize(
    ("source", "signal", "detail", "subject"),
    [
        ("def f(x: int) -> str:\n    return x\n", "typecheck", "return-value", "int"),
        ("import nosuch_module\n", "typecheck", "import-not-found", "nosuch_module"),
        ("import docutils\n", "typecheck", "import-untyped", "docutils"),
        ("def f(:\n", "runtime", "compile", None),
    ],
)
def test_mypy_is_typecheck_with_its_code(
    tmp_path: Path, source: str, signal: str, detail: str, subject: str | None
) -> None:
    (tmp_path / "a.py").write_text(source)
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    found = checked(tmp_path, "mypy", "mypy", "--output", "json", "--cache-dir", "c", "a.py")
    assert (found.signal, found.detail) == (signal, detail), found
    assert subject is None or found.subject == subject


def test_bandit_is_security_with_its_test_and_severity() -> None:
    reports = {"bandit": (DATA / "bandit.json").read_text()}
    found = classify(Evidence("scan", "", 1, "security", reports=reports))
    assert (found.signal, found.detail, found.severity) == ("security", "B324", Severity.HIGH)
    assert {identity.split(":")[1] for identity in found.finding_ids} == {"B324", "B105"}
    assert "correct-horse" not in repr(found)


def test_sarif_of_a_security_tool_is_security() -> None:
    reports = {"sarif": (DATA / "bandit.sarif").read_text()}
    found = findings_despite_success(Evidence("scan", "", 0, reports=reports))
    assert found is not None
    assert (found.signal, found.detail) == ("security", "B324")


def sarif(tool: str, **result: object) -> str:
    run = {
        "tool": {"driver": {"name": tool, "rules": []}},
        "results": [{"ruleId": "R1", "message": {"text": "odd"}, "level": "error", **result}],
    }
    return json.dumps({"version": "2.1.0", "runs": [run]})


@pytest.mark.parametrize(
    ("report", "signal"),
    [
        (sarif("Semgrep OSS"), "security"),
        (sarif("ESLint"), "lint"),
        (sarif("mypy"), "typecheck"),
        (sarif("Trivy", level="note"), "unknown"),
        (sarif("Trivy", suppressions=[{"kind": "external"}]), "unknown"),
    ],
)
def test_the_tools_name_decides_what_sarif_means(report: str, signal: str) -> None:
    assert classify(Evidence("scan", "", 1, reports={"sarif": report})).signal == signal


@pytest.mark.parametrize("report", ["junit", "ruff", "mypy", "bandit", "sarif"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "not a report",
        "[]",
        "{}",
        "null",
        "[1, null, {}]",
        "[" * 100_000,
        '{"results": {"a": 1}, "runs": [{"results": [3], "tool": 4}]}',
        "1" * 10_000,
        '{"a":' * 5000,
        BOMB,
        "<a>" * 200_000,
        "<html><body>502</body></html>",
        "<testsuite/>",
        "\ud800",
        '<testsuite><testcase name="a"/></testsuite>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>',
    ],
    ids=range(18),
)
def test_a_malformed_or_hostile_report_is_no_evidence(report: str, text: str) -> None:
    started = time.perf_counter()
    found = classify(Evidence("step", "KeyError: 'a'\n", 1, reports={report: text}))
    assert found.signal is Signal.RUNTIME
    assert time.perf_counter() - started < 3


def test_a_failure_from_another_test_runner_is_read_too() -> None:
    text = (
        '<testsuite name="AppTest"><testcase classname="com.example.AppTest" name="adds">'
        '<failure type="org.opentest4j.AssertionFailedError" message="expected: 3"/></testcase>'
        '<testcase classname="com.example.AppTest" name="fetches">'
        '<error type="java.net.SocketTimeoutException" message="Read timed out"/></testcase></testsuite>'
    )
    found = classify(Evidence("t", "", 1, "test", reports={"junit": text}))
    assert found.signal is Signal.TEST_ASSERT
    assert found.finding_ids == {"com.example.AppTest::adds", "com.example.AppTest::fetches"}


def test_half_a_character_in_a_report_is_no_obstacle():
    row = '[{"code": "F401", "filename": "a.py", "message": "`x \\ud800` unused", "location": {"row": 1}}]'
    failure = classify(Evidence(step_name="lint", log="", kind="lint", reports={"ruff": row}))
    assert failure.signal is Signal.LINT
    failure.message.encode()
