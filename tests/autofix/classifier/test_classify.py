"""What every answer holds: verdicts, waiting times, redaction, fingerprints, excerpts."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autofix.classifier import Evidence, classify, classify_stream, findings_despite_success
from autofix.failures import Failure, Severity, Signal

DATA = Path(__file__).parent / "data"


def failure(log: str, **more: object) -> Failure:
    return classify(Evidence("step", log, 1, **more))  # type: ignore[arg-type]  # forwarded fields


@pytest.mark.parametrize(
    ("verdict", "signal", "detail"),
    [
        ("timeout", "transient", "timeout"),
        ("out_of_memory", "infra", "oom"),
        ("disk_quota", "infra", "disk"),
        ("output_limit", "infra", "output"),
        ("stopped", "infra", "stopped"),
        ("not_started", "infra", "sandbox"),
    ],
)
def test_the_sandbox_has_the_first_word(verdict: str, signal: str, detail: str) -> None:
    found = failure("ModuleNotFoundError: No module named 'x'", verdict=verdict)
    assert (found.signal, found.detail) == (signal, detail)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Retry-After: 30", 30.0),
        ("retry-after: 120\r", 120.0),
        ("Please try again in 1m30s.", 90.0),
        ("retry after 20 seconds", 20.0),
        ("Please wait 2 minutes", 120.0),
        ("try again in 500ms", 0.5),
        ("Retry-After: 9999999", 86400.0),
        ("Date: Mon, 23 Nov 2026 10:00:00 GMT\nRetry-After: Mon, 23 Nov 2026 10:01:00 GMT", 60.0),
        ("nothing", None),
    ],
)
def test_it_reads_how_long_to_wait(words: str, seconds: float | None) -> None:
    found = failure(f"HTTP/1.1 429 Too Many Requests\n{words}\n")
    assert (found.signal, found.retry_after_seconds) == (Signal.RATE_LIMIT, seconds)


def test_a_retry_date_counts_from_the_moment_of_the_log() -> None:
    now = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    log = "HTTP/1.1 429 Too Many Requests\nRetry-After: Mon, 23 Nov 2026 10:05:00 GMT\n"
    assert failure(log, now=now).retry_after_seconds == 300.0


SECRETS = [
    "https://bob:s3cretpassw0rd@example.com/x",
    "AKIAIOSFODNN7EXAMPLE",
    "Authorization: Basic s3cretpassw0rd",
    "Authorization: Bearer abcdefgh12345678",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "glpat-abcdefghijklmnopqrst",
    "xoxb-123456789012-abcdefgh",
    "password='s3cretpassw0rd'",
    "DB_PASSWORD=s3cretpassw0rd",
    '"api_key": "s3cretpassw0rd"',
    "--token s3cretpassw0rd",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk",
    "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEs3cretpassw0rd\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEs3cretpassw0rd",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_reaches_the_answer(secret: str) -> None:
    found = failure(f"{secret}\nValueError: cannot use {secret.splitlines()[0]}\nrest\n")
    shown = f"{found.excerpt} {found.message} {found.subject}"
    for word in ("s3cret", "AKIAIO", "abcdefgh", "wJalr"):
        assert word not in shown
    assert "[redacted]" in shown


def test_a_fingerprint_survives_new_lines_directories_and_addresses() -> None:
    one = "src/a.py:3: error: Bad thing at 0x7f00 in 3.2s  [misc]\n"
    two = "noise\nsrc/a.py:97: error: Bad thing at 0x7fff in 9.1s  [misc]\n"
    assert failure(one).fingerprint == failure(two).fingerprint
    assert len(failure(one).fingerprint) == 16
    assert failure(one).fingerprint != failure(one.replace("Bad", "Good")).fingerprint


def test_paths_are_shown_as_in_the_project() -> None:
    log = "/var/lib/ws/7/src/a.py:1:1: F401 'os' imported but unused\n"
    found = failure(log, workspace="/var/lib/ws/7")
    assert found.locations[0].file == "src/a.py"
    assert found.fingerprint == failure(log.replace("/var/lib/ws/7", "/tmp/ws-2")).fingerprint


def test_the_excerpt_is_four_lines_before_and_six_after() -> None:
    lines = [f"line {number}" for number in range(20)]
    lines[10] = "KeyError: 'a'"
    found = failure("\n".join(lines))
    assert found.excerpt.split("\n") == lines[6:17]


def test_the_excerpt_crosses_the_blocks_in_which_a_log_is_read() -> None:
    filler = "".join(f"{number:07}\n" for number in range(8191))
    found = failure(f"{filler}KeyError: 'a'\nafter\n")
    before = ["0008187", "0008188", "0008189", "0008190"]
    assert found.excerpt.split("\n") == [*before, "KeyError: 'a'", "after"]


def test_a_message_is_one_short_line() -> None:
    found = failure("ValueError: " + "word " * 200)
    assert len(found.message) <= 200
    assert "\n" not in found.message


def test_a_missing_dependency_names_the_package_and_asks_for_a_new_plan() -> None:
    found = failure("ModuleNotFoundError: No module named 'yaml.nodes'\n")
    assert (found.subject, found.requires_replan, found.retryable) == ("yaml", True, False)


def test_the_tail_is_the_excerpt_of_the_unknown() -> None:
    found = failure("\n".join(str(number) for number in range(100)))
    assert found.signal is Signal.UNKNOWN
    assert found.excerpt.endswith("98\n99")


def test_a_stream_gives_the_same_answer_as_a_whole_log() -> None:
    log = "start\n" * 20_000 + "KeyError: 'a'\n" + "end\n" * 20_000
    pieces = [log[start : start + 777] for start in range(0, len(log), 777)]
    assert classify_stream(Evidence("step", "", 1), pieces) == failure(log)


def test_a_security_finding_counts_though_the_tool_ended_well() -> None:
    reports = {"bandit": (DATA / "bandit.json").read_text()}
    found = findings_despite_success(Evidence("scan", "", 0, "security", reports=reports))
    assert found is not None
    assert (found.signal, found.detail, found.severity) == ("security", "B324", Severity.HIGH)


def test_a_security_tool_that_only_prints_is_heard_too() -> None:
    log = "Found 2 known vulnerabilities in 1 package\n"
    found = findings_despite_success(Evidence("audit", log, 0, command="pip-audit || true"))
    assert found is not None
    assert found.signal is Signal.SECURITY
    assert findings_despite_success(Evidence("install", log, 0, "install")) is None
    assert findings_despite_success(Evidence("scan", "No issues\n", 0, "security")) is None


@pytest.mark.parametrize(
    "log",
    [
        "",
        "\0" * 100_000,
        "".join(map(chr, range(256))) * 2000,
        "x" * 50_000_000,
        "\r".join(f"{percent}% [===>  ]" for percent in range(200_000)),
        "\n" * 500_000,
        "\x1b[31" * 500_000,
        "\ud800\udcff" * 10_000,
        "<html><body><h1>It works</h1></body></html>",
    ],
    ids=["empty", "nul", "binary", "giant line", "progress", "newlines", "escapes", "surrogates", "html"],
)
def test_a_hostile_log_gets_a_quick_and_honest_answer(log: str) -> None:
    started = time.perf_counter()
    found = failure(log)
    assert time.perf_counter() - started < 5
    assert (found.signal, found.rule) == (Signal.UNKNOWN, "none")


def test_an_error_after_a_giant_line_and_a_progress_bar_is_found() -> None:
    log = "x" * 1_000_000 + "\n" + "1%\r" * 100_000 + "No space left on device\n"
    assert failure(log).detail == "disk"


def test_the_classifier_reaches_no_django() -> None:
    code = "import sys, autofix.classifier; sys.exit('django' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


NOISE = "ERROR: connection to server at 10.0.0.7 failed: Connection refused\n"


def test_a_line_that_the_step_also_wrote_when_it_passed_is_no_cause():
    log = f"{NOISE}FAILED tests/test_a.py::test_a - assert 1 == 2\n"
    assert classify(Evidence("test", log, 1)).signal == "infra"
    green = f"{NOISE}3 passed in 0.1s\n"
    assert classify(Evidence("test", log, 1, green_log=green)).signal == "test_assert"


def test_where_nothing_else_is_left_it_says_that_it_does_not_know():
    failure = classify(Evidence("test", f"{NOISE}bye\n", 1, green_log=NOISE))
    assert (failure.signal, failure.confidence < 0.5) == ("unknown", True)


def test_a_green_log_may_be_anything():
    log = "FAILED tests/test_a.py::test_a - assert 1 == 2\n"
    for green in ("\x00" * 1000, "(" * 100_000, log * 1000, "\n" * 10):
        assert classify(Evidence("test", log, 1, green_log=green)).signal in {"test_assert", "unknown"}


SYNOPSIS = "usage: autopep8 [-h] [--version] [files ...]\n"


def test_a_command_that_ends_with_how_it_is_called_was_called_wrongly() -> None:
    found = classify(Evidence("step", f"{SYNOPSIS}the frobs are at odds\n", 99, "format"))
    assert (found.signal, found.detail, found.rule) == (Signal.RUNTIME, "config", "usage")
    assert "the frobs are at odds" in found.excerpt


@pytest.mark.parametrize("log", ["Usage: 45% of the memory\n", SYNOPSIS + "checking\n" * 20])
def test_other_usage_says_nothing(log: str) -> None:
    assert classify(Evidence("step", log, 1)).signal is Signal.UNKNOWN


def test_a_file_that_does_not_parse_outranks_what_else_the_linter_says_of_it() -> None:
    log = "a.py:2:3: E128 continuation line under-indented\na.py:3:1: E901 TokenError: EOF in multi-line statement\n"
    found = classify(Evidence("step", log, 1, "lint"))
    assert (found.signal, found.detail) == (Signal.RUNTIME, "compile")
