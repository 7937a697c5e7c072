"""What stands around a cause: names of runners, source that a traceback shows, what tests print."""

import pytest

from autofix.classifier import Evidence, classify
from autofix.classifier.lines import clean
from autofix.failures import Signal


def test_names_of_parallel_runners_go_where_the_runner_shows_them() -> None:
    log = "[types] > app@1.0.0 types\n[types] src/a.ts(1,2): error TS2322: Type 'x'\n[other] stays\n"
    assert clean(log).decode() == "> app@1.0.0 types\nsrc/a.ts(1,2): error TS2322: Type 'x'\n[other] stays\n"


def test_a_name_in_brackets_before_line_after_line_goes_as_well() -> None:
    log = "[go] ok  \ta\n[go] # b\n[go] b.go:4:44: undefined: X\n[error] one\n[error] two\n[error] three\n"
    assert clean(log).decode() == "ok  \ta\n# b\nb.go:4:44: undefined: X\n[error] one\n[error] two\n[error] three\n"


def test_a_network_failure_that_was_survived_is_not_the_cause() -> None:
    failed = "curl: (22) The requested URL returned error: 503\n"
    assert classify(Evidence("build", failed, 22)).signal == Signal.TRANSIENT
    log = (
        failed * 2 + "gcc -c b.c\nb.c:2:22: error: too few arguments to function 'dep_open'\nmake: *** [b.o] Error 1\n"
    )
    assert classify(Evidence("build", log, 2)).detail == "compile"


BELOW_A_DRIVER = """Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/{package}/connect.py", line 996, in connect
    await loop.create_connection(host, port)
  File "/usr/lib/python3.11/asyncio/base_events.py", line 1085, in create_connection
    raise exceptions[0]
ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 7001)
"""


@pytest.mark.parametrize(
    ("package", "signal", "detail"), [("asyncpg", "infra", "database"), ("aiohttp", "transient", "network")]
)
def test_what_refuses_a_driver_of_databases_is_a_database(package: str, signal: str, detail: str) -> None:
    found = classify(Evidence("start", BELOW_A_DRIVER.format(package=package), 1, "other"))
    assert (found.signal, found.detail) == (signal, detail)


def test_a_driver_in_an_earlier_traceback_says_nothing_of_the_next() -> None:
    log = "Traceback (most recent call last):\n  File \"/venv/site-packages/redis/a.py\", line 1, in b\nKeyError: 'a'\n"
    assert classify(Evidence("start", f"{log}{BELOW_A_DRIVER.format(package='aiohttp')}", 1)).detail == "network"


NOTEBOOK = """---------------------------------------------------------------------------
ConnectionRefusedError                    Traceback (most recent call last)
Cell In[1], line 1
----> 1 fetch()

ConnectionRefusedError: [Errno 111] Connection refused
"""


def test_the_heading_of_a_notebooks_traceback_is_not_the_cause() -> None:
    assert "Errno 111" in classify(Evidence("run", NOTEBOOK, 1)).excerpt.splitlines()[4]


CHAIN = """Traceback (most recent call last):
  File "/venv/sqlite.py", line 9, in execute
    return cursor.execute(sql)
sqlite3.OperationalError: no such table: orders

{words}

Traceback (most recent call last):
  File "/build/app/models.py", line 3, in all
    return list(query)
django.db.utils.OperationalError: no such table: orders
"""


def test_of_exceptions_that_came_of_one_another_the_last_is_shown() -> None:
    words = "The above exception was the direct cause of the following exception:"
    found = classify(Evidence("test", CHAIN.format(words=words), 1, "test"))
    assert found.signal == Signal.SCHEMA_MIGRATION
    assert "django.db.utils.OperationalError" in found.excerpt
    apart = classify(Evidence("test", CHAIN.format(words="next try"), 1, "test"))
    assert "django" not in apart.excerpt


@pytest.mark.parametrize("log", ["[1/4] Resolving packages\n", "a: b: c\n", "cost: 5$ each\n", "[INFO] build\n"])
def test_what_only_looks_like_one_stays(log: str) -> None:
    assert clean(log).decode() == log


def test_many_names_take_linear_time() -> None:
    log = "".join(f"[n{number}] > a@1 b\n" for number in range(5_000))
    assert clean(log).count(b"\n") == 5_000


def test_thin_spaces_are_spaces() -> None:
    assert clean("\u2009ERR_PNPM_X\u2009 no") == b" ERR_PNPM_X  no"


def test_source_under_a_frame_is_code_whatever_it_mentions() -> None:
    log = """Traceback (most recent call last):
  File "app.py", line 3, in <module>
    raise SystemExit("HTTP error 503 Service Unavailable")
KeyError: 'x'
"""
    assert classify(Evidence("test", log, 1, "test")).signal == Signal.RUNTIME


def test_what_a_passing_test_prints_is_no_cause() -> None:
    log = """ PASS  src/a.test.js
  console.error
    connect ECONNREFUSED 127.0.0.1:5432

      at log (src/a.js:1:1)

  ● adds › two numbers

    expect(received).toBe(expected) // Object.is equality

    Expected: 3
    Received: 4

Tests:       1 failed, 1 passed, 2 total
"""
    assert classify(Evidence("test", log, 1, "test")).signal == Signal.TEST_ASSERT


@pytest.mark.parametrize(("kind", "signal"), [("security", Signal.SECURITY), ("lint", Signal.LINT)])
def test_a_linters_finding_in_a_security_step_is_a_weakness(kind: str, signal: Signal) -> None:
    log = "src/app.py:3:5: F401 `os` imported but unused\nFound 1 error.\n"
    assert classify(Evidence("scan", log, 1, kind)).signal == signal


@pytest.mark.parametrize(
    ("kind", "log", "signal"),
    [
        ("lint", "zlint says\nsrc/a.zz:12 do not do that\n", Signal.LINT),
        ("format", "would change src/a.zz\n  src/a.zz\n", Signal.LINT),
        ("typecheck", "src/a.zz(12) is no number\n", Signal.TYPECHECK),
        ("migrate", "zmigrate: the revision is not there\n", Signal.SCHEMA_MIGRATION),
        ("lint", "it did not work\n", Signal.UNKNOWN),
        ("migrate", "it did not work\n", Signal.UNKNOWN),
        ("lint", "src/a.zz:12 unexpected end of block\n", Signal.RUNTIME),
        ("format", "src/a.zz: not formatted\n", Signal.LINT),
        ("lint", "[W03] one might inherit\n   ╭─[a.zz:3:5]\n", Signal.LINT),
        ("migrate", "INFO  [zmigrate.revision] ready\n", Signal.UNKNOWN),
        ("build", "src/a.zz:12 do not do that\n", Signal.UNKNOWN),
        ("", "src/a.zz:12 do not do that\n", Signal.UNKNOWN),
    ],
)
def test_what_a_step_is_for_counts_where_its_last_lines_speak_of_that(kind: str, log: str, signal: Signal) -> None:
    found = classify(Evidence("step", log, 1, kind))
    assert found.signal == signal
    assert found.confidence <= 0.6


TAP = """not ok 1 - charges the card
  ---
  duration_ms: 1.8
  failureType: 'testCodeFailure'
  error: 'cart is empty'
  code: '{code}'
  ...
"""


def test_what_stands_below_a_line_may_take_it_back() -> None:
    threw = classify(Evidence("test", TAP.format(code="ERR_TEST_FAILURE"), 1, "test"))
    expected = classify(Evidence("test", TAP.format(code="ERR_ASSERTION"), 1, "test"))
    assert (threw.signal, expected.signal) == (Signal.RUNTIME, Signal.TEST_ASSERT)


def test_a_stack_that_tap_passes_on_as_comments_is_one() -> None:
    log = "# Error: no settings\n#     at main (/build/t.js:1:7)\nnot ok 1 - /build/t.js\n"
    assert classify(Evidence("test", log, 1, "test")).signal == Signal.RUNTIME


def test_a_retry_that_was_overcome_in_the_same_piece_of_the_log_is_no_cause() -> None:
    log = "WARNING: Retrying (Retry(total=4)) after 'ReadTimeoutError'\nSuccessfully installed shop\nexit code 1\n"
    assert classify(Evidence("step", log, 1)).signal == "unknown"
    assert classify(Evidence("step", log.replace("Successfully installed shop\n", ""), 1)).signal == "transient"


def test_the_table_of_statuses_in_an_object_that_node_shows_is_no_cause() -> None:
    log = "Error: no route\n  STATUS_CODES: {\n    '429': 'Too Many Requests',\n    '507': 'Insufficient Storage',\n"
    assert classify(Evidence("step", log, 1, "other")).signal not in {"rate_limit", "infra"}


def test_what_was_expected_of_a_transfer_is_not_an_expected_failure() -> None:
    line = "httpx.RemoteProtocolError: peer closed connection without sending complete message body"
    assert classify(Evidence("step", f"{line} (received 5 bytes, expected 50)\n", 1)).signal == "transient"


@pytest.mark.parametrize(
    "log",
    [
        "the log of build 7:\n    | Error response from daemon: toomanyrequests: You have reached your limit\n",
        "# Troubleshooting\n```\nfatal: unable to access: Could not resolve host: git.acme.example\n```\nask us\n",
        "curl: (22) The requested URL returned error: 503\ntotal 3\neverything downloaded\n",
        "curl: (56) Recv failure: Connection reset by peer\nDownload complete\n",
    ],
)
def test_what_is_quoted_or_was_got_over_is_no_cause(log):
    ending = "building\n##[error]Process completed with exit code 1.\n"
    assert classify(Evidence("build", f"{log}{ending}", 1)).signal is Signal.UNKNOWN


@pytest.mark.parametrize(
    "log",
    [
        "```\nsome notes\n```\nfatal: unable to access: Could not resolve host: git.acme.example\n",
        "everything downloaded\ncurl: (22) The requested URL returned error: 503\n",
        "   |\n12 | let x\n   | ^\nfatal: unable to access: Could not resolve host: git.acme.example\n",
    ],
)
def test_what_comes_after_it_is_the_cause(log):
    assert classify(Evidence("build", log, 1)).signal is Signal.TRANSIENT
