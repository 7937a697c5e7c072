"""May a rule that a tenant wrote be used? It is checked like ours: what it says, matches and costs."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

import re2

from autofix.classifier.rules import RETRYABLE, Rule
from autofix.failures import Severity, Signal

RANK = 100  # before any of ours
LONGEST_PATTERN = 1_000
LONGEST_TEXT = 300
LARGEST_PROGRAM = 4_000  # instructions of RE2: memory, and time for each character
FIELDS = frozenset(
    {
        *("id", "signal", "detail", "pattern", "unless", "message", "severity", "confidence", "retryable", "kinds"),
        *("example", "counter"),
    }
)


class RuleRejected(Exception):
    """A rule that cannot be used; `field` is what has to be changed, the text says how."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def made(values: Mapping[str, Any]) -> Rule:  # Any: what somebody wrote
    """Return the rule that these values describe; raise RuleRejected."""
    if unknown := set(values) - FIELDS:
        raise RuleRejected(min(unknown), f"There is no such field; there are {', '.join(sorted(FIELDS))}.")
    signal = _choice(values, "signal", Signal)
    rule = Rule(
        id=_text(values, "id", required=True),
        signal=signal,
        rank=RANK,
        pattern=_pattern(values, "pattern"),
        unless=_pattern(values, "unless") if values.get("unless") else "",
        message=_text(values, "message", required=True),
        detail=_text(values, "detail"),
        severity=_choice(values, "severity", Severity) if values.get("severity") else Severity.MEDIUM,
        confidence=_confidence(values.get("confidence", 0.9)),
        retryable=_flag(values.get("retryable", signal in RETRYABLE)),
        kinds=frozenset(_kinds(values.get("kinds", ()))),
        example=_text(values, "example", required=True),
        counter=_text(values, "counter"),
        in_assertions=True,
        is_own=True,
    )
    _try(rule)
    return rule


def _try(rule: Rule) -> None:
    """Let a rule show that it matches what it is for, and not everything."""
    names = _names_in(rule.message)
    if missing := names - {name.rstrip("0123456789") for name in rule.anywhere.groupindex}:
        raise RuleRejected("message", f"It uses {{{min(missing)}}}, which is no named group of the pattern.")
    if rule.match(rule.example) is None:
        raise RuleRejected("example", "The pattern does not match its example.")
    if rule.counter and rule.match(rule.counter) is not None:
        raise RuleRejected("counter", "The pattern matches its counter-example as well.")
    if rule.match("") is not None or rule.match("x") is not None:
        raise RuleRejected("pattern", "It matches lines that say nothing: every log would be a failure of this kind.")


def _names_in(message: str) -> set[str]:
    """Return the names in braces. A width such as `{subject:>9999}` would be room that anybody could fill."""
    try:
        parts = [part for part in Formatter().parse(message) if part[1] is not None]
    except ValueError:
        raise RuleRejected("message", "A brace is left over: write {name} for a group, {{ or }} for a brace.") from None
    if any(form or conversion for _, _, form, conversion in parts):
        raise RuleRejected("message", "Write names alone in braces, such as {subject}, without : or !.")
    return {str(name) for _, name, _, _ in parts}


def _pattern(values: Mapping[str, Any], name: str) -> str:  # Any: as above
    text = _text(values, name, required=True, most=LONGEST_PATTERN)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        program = re2.compile(text, options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise RuleRejected(name, f"It is no pattern of RE2, which has no look-around and no \\1: {said}") from None
    if program.programsize > LARGEST_PROGRAM:
        raise RuleRejected(name, "It is too large: write shorter repetitions than {…,1000}.")
    return text


def _text(values: Mapping[str, Any], name: str, *, required: bool = False, most: int = LONGEST_TEXT) -> str:
    text = values.get(name, "")
    if not isinstance(text, str):
        raise RuleRejected(name, "Write text.")
    if required and not text.strip():
        raise RuleRejected(name, "It is missing.")
    if len(text) > most:
        raise RuleRejected(name, f"Write at most {most} characters; these are {len(text)}.")
    if "\0" in text or "\n" in text:
        raise RuleRejected(name, "Write one line.")
    return text


def _choice(values: Mapping[str, Any], name: str, choices: type[Signal] | type[Severity]) -> Any:  # Any: one of them
    try:
        return choices(str(values.get(name)))
    except ValueError:
        raise RuleRejected(name, f"Choose one of {', '.join(choices)}.") from None


def _confidence(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise RuleRejected("confidence", "Write a number above 0 and up to 1.")
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise RuleRejected("retryable", "Write true or false.")
    return value


def _kinds(value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(kind, str) for kind in value):
        raise RuleRejected("kinds", "Write a list of kinds of steps.")
    return list(value)
