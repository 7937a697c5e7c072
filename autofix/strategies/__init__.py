"""Every strategy that proposes something. A new one is a module and a line here."""

from autofix.playbooks import StrategyName
from autofix.strategies.base import (
    Bench,
    Diagnosis,
    EarlierTry,
    KnownPatch,
    Message,
    Proposal,
    Reply,
    Strategy,
    Suspect,
    ToolLimits,
    digest,
)
from autofix.strategies.patch import Patch
from autofix.strategies.replan import Replan
from autofix.strategies.retry import Retry
from autofix.strategies.rollback import Rollback

STRATEGIES: dict[StrategyName, Strategy] = {
    StrategyName.ROLLBACK: Rollback(),
    StrategyName.PATCH: Patch(),
    StrategyName.REPLAN: Replan(),
    StrategyName.RETRY: Retry(),
}

__all__ = [
    "STRATEGIES",
    "Bench",
    "Diagnosis",
    "EarlierTry",
    "KnownPatch",
    "Message",
    "Proposal",
    "Reply",
    "Strategy",
    "Suspect",
    "ToolLimits",
    "digest",
]
