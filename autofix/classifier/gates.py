"""What a scanner or a rule of the organisation says where no rule knows the tool: findings, or a refusal.

Asked before what only says that something is wrong, for the last lines of a log alone: so the words of `gates.toml`
may be common ones. A line that says that a check could not run is never a finding.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autofix.classifier.rules import compiled
from autofix.failures import Failure, Severity, Signal

CONFIDENCE = 0.65
LINES_BEFORE, LINES_AFTER = 4, 6


@dataclass(frozen=True)
class _Gate:
    """`kinds`: of the steps in which these words mean it; `unless`: a line with these words does not count."""

    signal: Signal
    detail: str
    kinds: frozenset[str]
    pattern: Any  # re2 has no types
    unless: Any

    def speaks(self, line: str) -> bool:
        return bool(self.pattern.search(line)) and not (self.unless and self.unless.search(line))


def _any_of(shapes: list[str]) -> Any:  # re2 has no types
    return compiled(f"(?i){'|'.join(shapes)}") if shapes else None


def _gate(entry: dict[str, Any]) -> _Gate:  # the values of a TOML table
    shapes, unless = _any_of(entry["shapes"]), _any_of(entry.get("unless", []))
    return _Gate(Signal(entry["signal"]), entry["detail"], frozenset(entry["kinds"]), shapes, unless)


_SAID = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
_GATES = tuple(_gate(entry) for entry in _SAID["gate"])
_HARMLESS = _any_of(_SAID["harmless"]["shapes"])
_HARMFUL = _any_of(_SAID["harmful"]["shapes"])
_CANNOT_RUN = _any_of(_SAID["cannot_run"]["shapes"])


def of_gates(end: tuple[str, ...], kind: str) -> Failure | None:
    """What a check refused or found; the gate that is named first comes first, then the earliest line."""
    said = [(at, line) for at, line in enumerate(end) if not _HARMLESS.search(line) or _HARMFUL.search(line)]
    for gate in _GATES:
        if kind in gate.kinds:
            at = next((at for at, line in said if gate.speaks(line)), None)
            if at is not None and not _is_excused(gate, end[at]):
                return _found(gate, end, at)
    return None


def _is_excused(gate: _Gate, line: str) -> bool:
    return gate.signal is Signal.SECURITY and _CANNOT_RUN.search(line) is not None


def _found(gate: _Gate, end: tuple[str, ...], at: int) -> Failure:
    return Failure(
        signal=gate.signal,
        message=end[at].strip(),
        rule="gate",
        detail=gate.detail,
        severity=Severity.HIGH if gate.signal is Signal.SECURITY else Severity.MEDIUM,
        confidence=CONFIDENCE,
        excerpt="\n".join(end[max(0, at - LINES_BEFORE) : at + LINES_AFTER + 1]),
    )
