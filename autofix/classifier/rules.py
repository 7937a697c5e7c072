"""Which line means what? Loads the `rulebook`, a file an ecosystem; `rulesets.py` finds them in a text."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import re2

from autofix.failures import Severity, Signal

RETRYABLE = frozenset({Signal.TRANSIENT, Signal.INFRA, Signal.RATE_LIMIT})
NETWORK = frozenset({Signal.TRANSIENT, Signal.RATE_LIMIT})
SET_MEMORY_BYTES = 32 << 20
ONE_MEMORY_BYTES = 1 << 20
KEPT_PATTERNS = 64
GROUP_CAP = 300


@dataclass(frozen=True)
class Match:
    """What a rule found on a line: its groups, `subject2`, `subject3`, … folded into `subject`."""

    rule: "Rule"
    groups: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return self.rule.message.format_map(_Blank(self.groups))

    @property
    def detail(self) -> str:
        if self.rule.detail_from_code:
            return self.groups.get("code", "")
        return self.rule.detail


@dataclass(frozen=True)
class Rule:
    id: str
    signal: Signal
    rank: int
    pattern: str
    message: str
    example: str
    counter: str
    detail: str = ""
    severity: Severity = Severity.MEDIUM
    confidence: float = 0.9
    retryable: bool = False
    requires_replan: bool = False
    unless: str = ""
    unless_after: str = ""
    kinds: frozenset[str] = frozenset()
    may_hide: bool = False
    in_assertions: bool = False
    detail_from_code: bool = False
    warns: bool = False
    traced: bool = False
    is_own: bool = False

    def match(self, line: str) -> Match | None:
        found = self._pattern.search(line)
        if found is None or (self._unless is not None and self._unless.search(line)):
            return None
        groups: dict[str, str] = {}
        for name, index in self._groups:
            value = found.group(index)
            if value and name not in groups:
                groups[name] = value.strip()[:GROUP_CAP]
        return Match(self, groups)

    def is_taken_back_by(self, after: Iterable[str]) -> bool:
        """Say whether a line close below shows that it is not what it seems."""
        return bool(self.unless_after) and any(kept(self.unless_after).search(line) for line in after)

    def holds_for(self, kind: str) -> bool:
        return not self.kinds or not kind or kind in self.kinds

    @property
    def _pattern(self) -> Any:  # re2 has no types
        return kept(self.pattern)

    @property
    def anywhere(self) -> Any:  # re2 has no types
        """The pattern for a text of many lines."""
        return kept(f"(?m){self.pattern}")

    @property
    def _unless(self) -> Any:  # re2 has no types
        return kept(self.unless) if self.unless else None

    @property
    def _groups(self) -> tuple[tuple[str, int], ...]:
        ordered = sorted(self._pattern.groupindex.items(), key=lambda pair: pair[1])
        return tuple((name.rstrip("0123456789"), index) for name, index in ordered)


@lru_cache(maxsize=KEPT_PATTERNS)
def kept(pattern: str) -> Any:  # re2 has no types
    """Return a pattern compiled, and keep the last ones: all of them would take hundreds of megabytes."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = ONE_MEMORY_BYTES
    return re2.compile(pattern, options)


def compiled(pattern: str, memory_bytes: int = 0, *, never_nl: bool = False) -> Any:  # re2 has no types
    options = re2.Options()
    options.log_errors = False
    options.never_nl = never_nl
    if memory_bytes:
        options.max_mem = memory_bytes
    return re2.compile(pattern, options)


def pattern_set(patterns: Iterable[str], memory_bytes: int = SET_MEMORY_BYTES) -> Any:  # re2 has no types
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory_bytes
    options.never_capture = True
    found = re2.Set.SearchSet(options)
    for pattern in patterns:
        found.Add(f"(?m){pattern}")
    found.Compile()
    return found


def load(folder: Path) -> tuple[Rule, ...]:
    """Return all rules of a folder of TOML files, in the order of their names; raise ValueError with what is wrong."""
    return tuple(rule for path in sorted(folder.glob("*.toml")) for rule in _rules_of(path))


def _rules_of(path: Path) -> Iterator[Rule]:
    for entry in tomllib.loads(path.read_text())["rule"]:
        try:
            yield _rule(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path.name}, rule {entry.get('id', '?')}: {error}") from error


def _rule(entry: dict[str, Any]) -> Rule:  # the values of a TOML table
    signal = Signal(entry["signal"])
    typed = {
        "signal": signal,
        "severity": Severity(entry.get("severity", "medium")),
        "kinds": frozenset(entry.get("kinds", ())),
        "retryable": entry.get("retryable", signal in RETRYABLE),
    }
    return Rule(**{**entry, **typed})


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
