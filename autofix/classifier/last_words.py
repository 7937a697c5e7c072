"""No rule knows what the log ends with. Do its last lines still say, in words that all programs use, what is wrong?

The words are in `last_words.toml`. Since only the last lines are read, they may be as common as they like.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autofix.classifier.fingerprints import normalised
from autofix.classifier.lines import END_LINES, chunks_of, last_of, windows
from autofix.classifier.rules import RETRYABLE, compiled
from autofix.failures import Failure, Signal

CONFIDENCE = 0.55
LINES_BEFORE, LINES_AFTER = 3, 6
MAY_TEST = frozenset({"", "test"})
OF_CHECKS = {
    "lint": Signal.LINT,
    "format": Signal.LINT,
    "typecheck": Signal.TYPECHECK,
    "security": Signal.UNKNOWN,
}


def _any_of(entry: dict[str, Any]) -> Any:  # the values of a TOML table; re2 has no types
    words = [rf"(?:^|[^\w/.\\-])(?:{'|'.join(entry['words'])})(?:[^\w/.-]|\.\W|\.?$)"] if entry["words"] else []
    return compiled(f"(?i){'|'.join([*words, *entry['shapes']])}")


_SAID = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
_TOPICS = tuple((Signal(entry["signal"]), str(entry["detail"]), _any_of(entry)) for entry in _SAID.pop("topic"))
_LINES = {name: _any_of(entry) for name, entry in _SAID.items()}


def of_last_words(end: tuple[str, ...], kind: str, green_log: str = "") -> Failure | None:
    """What the last lines most likely mean: a line that calls itself an error before one that only sounds like it.

    What the log of the same step ended with when it passed does not count.
    """
    end = _without_green(end, green_log) if green_log else end
    if kind in MAY_TEST and (failed := _failed_test(end)) is not None:
        return _found(Signal.TEST_ASSERT, "", end, failed)
    said = list(_that_say_something(end))
    at = next((at for at in said if _is("strong", end[at])), said[0] if said else None)
    if at is None:
        return None
    signal, detail = _meaning(end[at], kind)
    return None if signal is Signal.UNKNOWN else _found(signal, detail, end, at)


def detail_of(line: str) -> str:
    """What of a program is broken, as far as a line's words show it."""
    return next(
        (detail for signal, detail, pattern in _TOPICS if signal is Signal.RUNTIME and pattern.search(line)), ""
    )


def other_than_runtime(line: str) -> tuple[Signal, str] | None:
    """What else a line speaks of that only says that something is wrong."""
    found = next(((signal, detail) for signal, detail, pattern in _TOPICS if pattern.search(line)), None)
    return None if found is None or found[0] is Signal.RUNTIME else found


def _without_green(end: tuple[str, ...], green_log: str) -> tuple[str, ...]:
    green = {normalised(line) for line in last_of(windows(chunks_of(green_log)), 2 * END_LINES)}
    return tuple(line for line in end if normalised(line) not in green)


def _is(name: str, line: str) -> bool:
    return _LINES[name].search(line) is not None


def _failed_test(end: tuple[str, ...]) -> int | None:
    if any(_is("of_code", line) for line in end):
        return None
    return next((at for at, line in enumerate(end) if _is("of_tests", line) and not _is("healthy", line)), None)


def _that_say_something(end: tuple[str, ...]) -> Iterator[int]:
    for at, line in enumerate(end):
        if not _is("wrong", line) or _is("says_nothing", line):
            continue
        if _is("strong", line) or not _is("sounds_harmless", line):
            yield at


def _meaning(line: str, kind: str) -> tuple[Signal, str]:
    topics = [(signal, detail) for signal, detail, pattern in _TOPICS if pattern.search(line)]
    signal, detail = topics[0] if topics else (Signal.RUNTIME, "")
    if signal is Signal.RUNTIME and kind in OF_CHECKS and not _is("cannot_run", line):
        return OF_CHECKS[kind], ""
    return signal, detail


def _found(signal: Signal, detail: str, end: tuple[str, ...], at: int) -> Failure:
    return Failure(
        signal=signal,
        message=end[at].strip(),
        rule="last-words",
        detail=detail,
        confidence=CONFIDENCE,
        retryable=signal in RETRYABLE,
        excerpt="\n".join(end[max(0, at - LINES_BEFORE) : at + LINES_AFTER + 1]),
    )
