"""What came of a case? Pure: what a run and the referee said, and the outcome that makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Told = Mapping[str, Any]  # Any: JSON, as `answers` gives it
EXCERPT = 160


class Outcome(StrEnum):
    HEALED = "healed"
    AFTER_GATE = "after a gate"
    ABSTAINED = "abstained"
    WRONG = "wrong"
    WEAKENED = "weakened"
    BROKEN = "broken"  # the bench's own fault: the case says nothing


@dataclass(frozen=True)
class Result:
    kind: str
    case: str
    outcome: Outcome
    broke: str = ""
    why: str = ""
    asked: bool = False
    evidence: bool = False
    seconds_to_green: float | None = None
    step_seconds: float | None = None
    wall_seconds: float = 0.0
    signals: Sequence[str] = ()
    strategies: Sequence[str] = field(default_factory=tuple)

    @property
    def is_healed(self) -> bool:
        return self.outcome == Outcome.HEALED

    @property
    def is_wrong(self) -> bool:
        return self.outcome in (Outcome.WRONG, Outcome.WEAKENED)


@dataclass(frozen=True)
class Findings:
    """What the referee found in a run that went green."""

    wrong: str = ""
    weaker: str = ""


def outcome_of(told: Told, findings: Findings, asks: bool) -> tuple[Outcome, str]:
    """Return what came of a run, and why."""
    if told["run"]["status"] != "succeeded":
        return Outcome.ABSTAINED, reason(told)
    if not told["timeline"]["attempts"]:
        return Outcome.BROKEN, "nothing failed in the run"
    if told["gates"]:
        return (Outcome.WRONG, findings.wrong) if findings.wrong else (Outcome.AFTER_GATE, "")
    if findings.weaker:
        return Outcome.WEAKENED, findings.weaker
    if findings.wrong or asks:
        return Outcome.WRONG, findings.wrong or "it went green and asked nobody"
    return Outcome.HEALED, ""


def reason(told: Told) -> str:
    """Say why a run is not green, in its own words."""
    pending = [gate for gate in told["gates"] if gate["status"] == "pending"]
    if pending:
        why = (pending[0]["evidence"] or {}).get("why", "")
        return f"waits at a {pending[0]['kind']} gate: {pending[0]['reason']}; {why}"[: 2 * EXCERPT]
    failure = told["run"]["failure"]
    if not failure:
        return f"it was still {told['run']['status']} when its time was over"
    return f"{failure.get('message', '')[:EXCERPT]} ({failure.get('reason', '')})"


def has_evidence(gates: Sequence[Told]) -> bool:
    """Say whether whoever is asked sees what failed and what was found about it."""
    return any(gate["reason"] and gate["signal"].get("excerpt") and gate["evidence"] for gate in gates)


def times(told: Told) -> tuple[float | None, float | None]:
    """Return the seconds from a step's first failure to its passing, and how long it took by itself then."""
    executions = told["executions"]
    failed = next((each for each in executions if each["status"] == "failed"), None)
    if failed is None or failed["ended"] is None:
        return None, None
    later = (each for each in executions if each["step"] == failed["step"] and each["started"] >= failed["ended"])
    green = next((each for each in later if each["status"] == "passed"), None)
    return (green["ended"] - failed["ended"], green["seconds"]) if green else (None, None)
