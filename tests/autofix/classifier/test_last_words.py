"""What the last lines say in words that no rule knows, and what they do not say."""

import pytest

from autofix.classifier import Evidence, classify
from autofix.failures import Signal


@pytest.mark.parametrize(
    ("kind", "log", "signal", "detail"),
    [
        ("build", "zonk 3.1\nno plan named 'bulid' in zonk.plan\n", Signal.RUNTIME, ""),
        ("build", "zonk: the field colour is required in part 4\n", Signal.RUNTIME, "config"),
        ("build", "Zonk stopped: unterminated block at 4,7\n", Signal.RUNTIME, "compile"),
        ("other", "zonk: the library zink is missing\n", Signal.RUNTIME, "dependency"),
        ("other", "zonk crashed while it was drawing\n", Signal.RUNTIME, "crash"),
        ("lint", "zonklint: cannot read the settings\n", Signal.RUNTIME, "config"),
        ("lint", "zonklint: the heading is duplicated\n", Signal.LINT, ""),
        ("test", "zonk test\nadds up: wanted 4\n", Signal.TEST_ASSERT, ""),
        ("test", "zonk test\n3 run, 2 fine, 1 failures\n", Signal.TEST_ASSERT, ""),
        ("test", "zonk test\n3 run, 1 failures\npart zink could not be loaded\n", Signal.RUNTIME, ""),
        ("other", "zonk: the peer was unreachable\n", Signal.TRANSIENT, "network"),
        ("security", "zonkscan: the code is ambiguous\n", Signal.UNKNOWN, ""),
    ],
)
def test_words_that_all_programs_use(kind: str, log: str, signal: Signal, detail: str) -> None:
    found = classify(Evidence("step", log, 1, kind))
    assert (found.signal, found.detail) == (signal, detail)
    assert found.confidence < 0.6


@pytest.mark.parametrize(
    "log",
    [
        "zonk ran for 3 s\n",
        "checking for missing parts ... none\n",
        "0 errors, 0 conflicts\n",
        "warning: the part zink is unknown\n",
        "the build failed, see above\n",
        "+ zonk --fail-on-missing\n",
        "an error occurred\n",
        "skipped: zink is not installed\n",
        "Collecting syntax-error-checker\n  Using cached invalid-1.0-py3-none-any.whl\n",
        "create mode 100644 src/errors/missing.zz\n",
        "invalid: 0\nmissing: 0\n",
        "  drawing\n    ✓ refuses an unknown part\n    ✓ fails where zink is missing\n",
    ],
)
def test_what_says_nothing(log: str) -> None:
    for kind in ("", "build", "test", "lint", "other"):
        assert classify(Evidence("step", log, 1, kind)).signal == Signal.UNKNOWN


def test_a_line_that_calls_itself_an_error_comes_first() -> None:
    log = "the plan is unusual, parts are missing here and there\nzonk: problem: plan unknown\n"
    assert classify(Evidence("step", log, 1, "build")).message == "zonk: problem: plan unknown"


def test_only_the_end_of_a_log_is_read() -> None:
    log = "the part zink is unknown\n" + "drawing\n" * 100
    assert classify(Evidence("step", log, 1, "build")).signal == Signal.UNKNOWN


def test_what_the_step_also_ends_with_when_it_passes_does_not_count() -> None:
    log = "the part zink is unknown\nbye\n"
    assert classify(Evidence("step", log, 1, "build")).signal == Signal.RUNTIME
    assert classify(Evidence("step", log, 1, "build", green_log=log)).signal == Signal.UNKNOWN
