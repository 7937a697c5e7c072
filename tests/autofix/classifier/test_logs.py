"""Excerpts of real logs, and what they mean."""
# ruff: noqa: E501 - logs are quoted as tools wrote them

import pytest

from autofix.classifier import Evidence, classify
from autofix.failures import Signal

LOGS: list[tuple[str, str, str, str]] = [
    # the kind of the step, then signal and detail, then the log
    (
        "install",
        "runtime",
        "dependency",
        """Collecting nosuchpkg
ERROR: Could not find a version that satisfies the requirement nosuchpkg (from versions: none)
ERROR: No matching distribution found for nosuchpkg""",
    ),
    (
        "install",
        "transient",
        "network",
        """Collecting requests
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<x>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/requests/
ERROR: Could not find a version that satisfies the requirement requests (from versions: none)
ERROR: No matching distribution found for requests""",
    ),
    (
        "install",
        "rate_limit",
        "http",
        """WARNING: Retrying (Retry(total=4)) after connection broken by 'ResponseError('too many 429 error responses')': /simple/x/
ERROR: Could not find a version that satisfies the requirement x (from versions: none)
ERROR: No matching distribution found for x""",
    ),
    (
        "install",
        "transient",
        "http",
        """ERROR: HTTP error 503 while getting https://pypi.org/simple/x/
ERROR: Could not install requirement x because of HTTP error 503 Server Error: Service Unavailable for url: https://pypi.org/simple/x/""",
    ),
    (
        "install",
        "runtime",
        "dependency",
        """ERROR: Cannot install a and b because these package versions have conflicting dependencies.
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/""",
    ),
    (
        "install",
        "runtime",
        "dependency",
        """  × No solution found when resolving dependencies:
  ╰─▶ Because foo was not found in the package registry and you require foo, we can conclude""",
    ),
    (
        "install",
        "runtime",
        "lockfile",
        """Installing dependencies from lock file
pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry lock` to fix the lock file.""",
    ),
    (
        "install",
        "runtime",
        "lockfile",
        """npm error code EUSAGE
npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync.""",
    ),
    (
        "install",
        "runtime",
        "dependency",
        """npm error code ERESOLVE
npm error ERESOLVE unable to resolve dependency tree""",
    ),
    (
        "install",
        "transient",
        "network",
        """npm error code ECONNRESET
npm error network read ECONNRESET
npm error network This is a problem related to network connectivity.""",
    ),
    (
        "install",
        "runtime",
        "dependency",
        """npm error code E404
npm error 404 Not Found - GET https://registry.npmjs.org/nosuch - Not found""",
    ),
    (
        "test",
        "runtime",
        "tool",
        """> test
> jest

sh: 1: jest: not found""",
    ),
    (
        "build",
        "runtime",
        "tool",
        "bash: line 3: poetry: command not found\n##[error]Process completed with exit code 127.",
    ),
    (
        "test",
        "runtime",
        "dependency",
        """node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module 'express'
Require stack:
- /app/index.js""",
    ),
    (
        "test",
        "test_assert",
        "",
        """ FAIL  src/sum.test.js
  ● sum › adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 4
    Received: 3

Tests:       1 failed, 1 total""",
    ),
    (
        "typecheck",
        "typecheck",
        "TS2322",
        "src/index.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.",
    ),
    (
        "lint",
        "lint",
        "",
        """/app/src/a.js
  3:7  error  'x' is assigned a value but never used  no-unused-vars

✖ 1 problem (1 error, 0 warnings)""",
    ),
    (
        "lint",
        "lint",
        "",
        """F401 [*] `os` imported but unused
 --> src/app.py:1:8
  |
1 | import os
Found 1 error.
[*] 1 fixable with the `--fix` option.""",
    ),
    (
        "format",
        "lint",
        "format",
        """unformatted: File would be reformatted
  --> src/app.py:13:1
1 file would be reformatted""",
    ),
    ("format", "lint", "format", "would reformat /src/app.py\n\nOh no! 💥 💔 💥\n1 file would be reformatted."),
    ("format", "lint", "format", "ERROR: /src/app.py Imports are incorrectly sorted and/or formatted."),
    (
        "lint",
        "lint",
        "",
        "************* Module app\nsrc/app.py:1:0: C0114: Missing module docstring (missing-module-docstring)",
    ),
    (
        "typecheck",
        "typecheck",
        "arg-type",
        """src/app.py:8: error: Argument 1 to "f" has incompatible type "int"; expected "str"  [arg-type]
Found 1 error in 1 file (checked 1 source file)""",
    ),
    (
        "typecheck",
        "typecheck",
        "import-untyped",
        """a.py:3: error: Library stubs not installed for "yaml"  [import-untyped]
a.py:3: note: Hint: "python3 -m pip install types-PyYAML\"""",
    ),
    (
        "typecheck",
        "typecheck",
        "reportMissingImports",
        '  /src/app.py:3:8 - error: Import "yaml" could not be resolved (reportMissingImports)\n1 error, 0 warnings, 0 informations',
    ),
    (
        "test",
        "test_assert",
        "",
        """F
======================================================================
FAIL: test_x (ut.A.test_x)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/src/ut.py", line 3, in test_x
    self.assertEqual(1,2)
AssertionError: 1 != 2

FAILED (failures=1)""",
    ),
    (
        "test",
        "runtime",
        "",
        """Traceback (most recent call last):
  File "/src/ut.py", line 4, in test_y
KeyError: 'a'

FAILED (errors=1)""",
    ),
    (
        "build",
        "runtime",
        "compile",
        "gcc -c x.c\nx.c: In function ‘main’:\nx.c:1:19: error: ‘y’ undeclared (first use in this function)\nmake: *** [Makefile:2: all] Error 1",
    ),
    (
        "build",
        "runtime",
        "dependency",
        "gcc -c x.c\nx.c:1:10: fatal error: nope.h: No such file or directory\ncompilation terminated.\nmake: *** [Makefile:2: all] Error 1",
    ),
    ("build", "runtime", "config", "make: *** No rule to make target 'nosuch'.  Stop."),
    (
        "build",
        "runtime",
        "compile",
        """   Compiling zz v0.1.0 (/tmp/cl/zz)
error[E0308]: mismatched types
 --> src/main.rs:1:25
error: could not compile `zz` (bin "zz") due to 1 previous error""",
    ),
    (
        "test",
        "test_assert",
        "",
        """running 1 test
test tests::it_adds ... FAILED

failures:

---- tests::it_adds stdout ----
thread 'tests::it_adds' panicked at src/lib.rs:10:9:
assertion `left == right` failed""",
    ),
    ("build", "runtime", "compile", "# example.com/x\n./main.go:5:2: undefined: fmtt"),
    (
        "build",
        "runtime",
        "dependency",
        "main.go:4:2: no required module provides package github.com/pkg/errors; to add it:\n\tgo get github.com/pkg/errors",
    ),
    (
        "test",
        "test_assert",
        "",
        "--- FAIL: TestAdd (0.00s)\n    add_test.go:8: got 3, want 4\nFAIL\nexit status 1\nFAIL\texample.com/x\t0.002s",
    ),
    (
        "build",
        "runtime",
        "compile",
        "[INFO] Compiling\n[ERROR] /src/App.java:[10,5] cannot find symbol\n[INFO] BUILD FAILURE",
    ),
    (
        "build",
        "infra",
        "oom",
        "<--- Last few GCs --->\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\nAborted (core dumped)",
    ),
    ("build", "infra", "disk", "tar: ./x: Cannot write: No space left on device\nmake: *** [Makefile:2: all] Error 2"),
    (
        "install",
        "transient",
        "dns",
        "Cloning into 'x'...\nfatal: unable to access 'https://github.com/a/b.git/': Could not resolve host: github.com",
    ),
    (
        "install",
        "infra",
        "auth",
        "Cloning into 'x'...\ngit@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
    ),
    (
        "build",
        "rate_limit",
        "http",
        "#3 ERROR: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating\nfailed to solve: python:3.11: 429 Too Many Requests",
    ),
    (
        "build",
        "infra",
        "docker",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    ),
    (
        "migrate",
        "schema_migration",
        "conflict",
        "CommandError: Conflicting migrations detected; multiple leaf nodes in the migration graph: (0002_a, 0002_b in shop).",
    ),
    (
        "migrate",
        "schema_migration",
        "missing-migration",
        "Migrations for 'shop':\n  shop/migrations/0002_x.py\n    + Add field a to b",
    ),
    (
        "migrate",
        "schema_migration",
        "missing",
        'django.db.utils.ProgrammingError: relation "app_user" does not exist\nLINE 1: SELECT',
    ),
    (
        "migrate",
        "transient",
        "database",
        "psycopg.OperationalError: connection failed: FATAL:  the database system is starting up",
    ),
    (
        "security",
        "security",
        "B324",
        ">> Issue: [B324:hashlib] Use of weak MD5 hash for security.\n   Severity: High   Confidence: High\n   Location: src/app.py:8:11",
    ),
    ("security", "security", "secret", "3:42PM INF 12 commits scanned.\n3:42PM WRN leaks found: 2"),
    (
        "security",
        "security",
        "dependency",
        "Found 2 known vulnerabilities in 1 package\nName Version ID Fix Versions\njinja2 2.11.2 PYSEC-2021-66 2.11.3",
    ),
    (
        "other",
        "policy",
        "opa",
        "FAIL - deployment.yaml - main - Containers must not run as root\n\n1 test, 0 passed, 0 warnings, 1 failure, 0 exceptions",
    ),
    (
        "other",
        "policy",
        "branch-protection",
        "remote: error: GH006: Protected branch update failed for refs/heads/main.\n ! [remote rejected] main -> main (protected branch hook declined)",
    ),
    ("other", "infra", "capacity", "Warning  FailedScheduling  pod/x\n0/3 nodes are available: 3 Insufficient cpu."),
    ("other", "transient", "timeout", "dial tcp 10.0.0.1:443: i/o timeout"),
    (
        "test",
        "runtime",
        "dependency",
        "An error occurred while loading ./spec/app_spec.rb.\nLoadError:\n  cannot load such file -- nokogiri",
    ),
    (
        "test",
        "test_assert",
        "",
        "There was 1 failure:\n\n1) Tests\\AppTest::testAdds\nFailed asserting that 3 matches expected 4.",
    ),
]


@pytest.mark.parametrize(("kind", "signal", "detail", "log"), LOGS)
def test_a_real_log_is_understood(kind: str, signal: str, detail: str, log: str) -> None:
    found = classify(Evidence("step", log, 1, kind))
    assert (found.signal, found.detail) == (signal, detail), found


@pytest.mark.parametrize(("kind", "signal", "detail", "log"), LOGS)
def test_ci_prefixes_and_colours_change_nothing(kind: str, signal: str, detail: str, log: str) -> None:
    dressed = "\r\n".join(f"2026-11-23T00:00:00.1234567Z \x1b[31m{line}\x1b[0m" for line in log.split("\n"))
    found = classify(Evidence("step", dressed, 1, kind))
    assert (found.signal, found.detail) == (signal, detail), found


def test_all_eleven_signals_are_reachable() -> None:
    reached = {signal for _, signal, _, _ in LOGS} | {"unknown"}
    assert reached == {signal.value for signal in Signal}


HEALTHY = [
    "tests/test_rate_limit.py::test_429_too_many_requests PASSED   [ 50%]",
    "✓ answers Too Many Requests when the rate limit is exceeded (3 ms)",
    "security.py  policy.py  rate_limit.py  connection_refused_test.go",
    "WARNING: the security policy will change next year",
    "app.py:3: DeprecationWarning: connection reset by peer is spelt differently",
    "npm warn deprecated rate-limit@1.0.0: rate limit exceeded is no longer thrown",
    "INFO: rate limit 100/s, policy default, security on",
    "ok 12 - handles ECONNRESET",
    "--- PASS: TestConnectionRefused (0.00s)",
    "test net::times_out ... ok",
    "0 vulnerabilities found, 0 errors, 0 failed",
    "Successfully installed requests-2.31 ratelimit-2.2 policy-1.0",
    "src/security/policy.py:12 def rate_limit(): ...",
    "Downloading connection-refused-1.0.tar.gz (429 kB)",
    '127.0.0.1 - - [23/Nov/2026] "GET /admin HTTP/1.1" 403 12',
    "All checks passed!",
    "Success: no issues found in 503 source files",
    "10 passed in 0.43s",
]


@pytest.mark.parametrize("line", HEALTHY)
def test_healthy_words_mean_nothing(line: str) -> None:
    found = classify(Evidence("step", f"start\n{line}\nend\n", 1))
    assert (found.signal, found.message) == ("unknown", "No known failure pattern was found")
    assert found.confidence < 0.5
    assert line[:20] in found.excerpt


def test_a_retry_that_worked_is_not_the_cause() -> None:
    log = "Connection reset by peer, retrying in 2s\nDownloaded x\nKeyError: 'a'\n"
    assert classify(Evidence("step", log, 1)).rule == "python-exception"


def test_a_retry_that_never_worked_is_the_cause() -> None:
    log = "Connection reset by peer, retrying in 2s\nConnection reset by peer, retrying in 4s\n"
    assert classify(Evidence("step", log, 1)).signal is Signal.TRANSIENT


def test_the_failing_command_counts_not_an_earlier_one() -> None:
    log = (
        "##[group]Run ./probe || true\nbash: line 1: probe: command not found\n"
        "##[group]Run pytest\nFAILED tests/test_a.py::test_a - AssertionError: no\n"
        "##[error]Process completed with exit code 1.\n"
        "##[group]Run ./clean-up\nbash: line 1: clean: command not found\n"
    )
    assert classify(Evidence("step", log, 1)).signal is Signal.TEST_ASSERT


def test_a_linter_with_findings_did_not_fail_from_the_network_it_mentions() -> None:
    log = "curl: Connection refused\nsrc/a.py:1:1: F401 'os' imported but unused\n"
    assert classify(Evidence("lint", log, 1, "lint")).signal is Signal.LINT


def test_a_summary_alone_is_a_test_failure_we_are_less_sure_of() -> None:
    found = classify(Evidence("tests", "===== 2 failed, 3 passed in 0.10s =====\n", 1, "test"))
    assert (found.signal, found.confidence) == (Signal.TEST_ASSERT, 0.6)


def test_kind_and_name_alone_say_nothing() -> None:
    found = classify(Evidence("security policy tests", "something\n", 1, "test"))
    assert found.signal is Signal.UNKNOWN


def test_the_exit_status_alone_is_weak_evidence() -> None:
    found = classify(Evidence("build", "compiling\n", 137))
    assert (found.signal, found.detail, found.confidence) == (Signal.INFRA, "oom", 0.6)
    assert classify(Evidence("build", "compiling\n", -11)).detail == "crash"
