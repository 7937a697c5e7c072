"""Which strategies answer which signal, in the order they are tried. Pure: a table and a lookup.

How often a rung may be climbed is bounded here and by the budget (`budget`), whichever is less.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autofix.failures import Failure, Signal

_A_SETTING = re.compile(
    r"(?i:environment|\benv[- ](?:var|file)|\bvariable\b.*\b(?:set|defined|missing|required)|secret|credential"
    r"|api[ _-]?key)|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b.*\b(?:set|missing|required|found)\b"
)


class StrategyName(StrEnum):
    RETRY = "retry"
    PATCH = "patch"
    REPLAN = "replan"
    ROLLBACK = "rollback"
    ESCALATE = "escalate"
    GIVE_UP = "give_up"


@dataclass(frozen=True)
class Rung:
    strategy: StrategyName
    at_most: int = 20


ROLLBACK = Rung(StrategyName.ROLLBACK)
PATCH = Rung(StrategyName.PATCH)
REPLAN = Rung(StrategyName.REPLAN)
RETRY = Rung(StrategyName.RETRY)
RETRY_ONCE = Rung(StrategyName.RETRY, at_most=1)
RETRY_TWICE = Rung(StrategyName.RETRY, at_most=2)

PLAYBOOKS: dict[Signal, tuple[Rung, ...]] = {
    Signal.TRANSIENT: (RETRY,),
    Signal.INFRA: (RETRY_TWICE,),
    Signal.RATE_LIMIT: (RETRY,),
    Signal.LINT: (ROLLBACK, PATCH),
    Signal.TYPECHECK: (ROLLBACK, PATCH, REPLAN),
    Signal.TEST_ASSERT: (ROLLBACK, PATCH, RETRY_ONCE),
    Signal.RUNTIME: (ROLLBACK, PATCH, REPLAN, RETRY_ONCE),
    Signal.SCHEMA_MIGRATION: (ROLLBACK, PATCH, REPLAN),
    Signal.SECURITY: (ROLLBACK,),
    Signal.POLICY: (),
    Signal.UNKNOWN: (ROLLBACK, RETRY_TWICE),
}
# Where the finer kind of a failure is known it decides, whatever the signal.
BY_DETAIL: dict[str, tuple[Rung, ...]] = {
    "dependency": (ROLLBACK, REPLAN, PATCH),
    "tool": (REPLAN,),
    "auth": (),  # no retry brings a credential
    "config": (PATCH,),
}
ASKS_A_PERSON = frozenset({Signal.SECURITY, Signal.POLICY, Signal.UNKNOWN})


def playbook(failure: Failure) -> tuple[Rung, ...]:
    if failure.signal in ASKS_A_PERSON:
        return PLAYBOOKS[failure.signal]
    return BY_DETAIL.get(failure.detail, PLAYBOOKS[failure.signal])


def rungs_left(failure: Failure, climbed: Sequence[str]) -> tuple[StrategyName, ...]:
    """Return the strategies still worth asking, given those that this failure has seen."""
    return tuple(rung.strategy for rung in playbook(failure) if climbed.count(rung.strategy) < rung.at_most)


def last_resort(failure: Failure) -> StrategyName:
    """What is done when every strategy is out of ideas or the budget is spent."""
    asks = failure.signal in ASKS_A_PERSON or lacks_a_setting(failure)
    return StrategyName.ESCALATE if asks else StrategyName.GIVE_UP


def lacks_a_setting(failure: Failure) -> bool:
    """True where a credential or a variable is missing or wrong: a person can set it, and no patch may."""
    if failure.detail == "auth":
        return failure.signal is Signal.INFRA
    return failure.detail == "config" and _A_SETTING.search(f"{failure.message} {failure.rule}") is not None
