"""How well does each strategy, and each fixer, do? Counted from the rows of the timeline.

Tried is abstained and proposed together; a proposal is verified when its step then passed, accepted or
rejected by a person at a gate, reverted when it was taken back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, Q, QuerySet

from approvals.models import GateStatus
from autofix.models import Attempt
from autofix.playbooks import StrategyName

STAGES: dict[str, Q] = {
    "proposed": Q(),
    "verified": Q(verified=True),
    "accepted": Q(gate__status=GateStatus.APPROVED),
    "rejected": Q(gate__status=GateStatus.REJECTED),
    "reverted": Q(taken_back=True),
    "shadow": Q(is_shadow=True),
}
PROPOSING = tuple(name for name in StrategyName if name != StrategyName.GIVE_UP)
Row = dict[str, Any]  # Any: a name or a number by column


def by_strategy(attempts: QuerySet[Attempt]) -> list[Row]:
    """Return a row for each strategy: its name, then how often it was tried, abstained and so on."""
    abstained = abstentions(attempts)
    rows = {row["strategy"]: row for row in counted(attempts, "strategy")}
    return [with_tried(rows.get(name) or nothing(name), abstained[name]) for name in PROPOSING]


def by_fixer(attempts: QuerySet[Attempt]) -> list[Row]:
    """Return a row for each fixer that proposed something, the busiest first; of a chain each counts."""
    rows: dict[str, Row] = {}
    for row in counted(attempts.exclude(fixer=""), "fixer"):
        for name in row["fixer"].split(" + "):
            known = rows.setdefault(name, {"fixer": name, **dict.fromkeys(STAGES, 0)})
            for stage in STAGES:
                known[stage] += row[stage]
    return sorted(rows.values(), key=lambda row: (-row["proposed"], row["fixer"]))


def counted(attempts: QuerySet[Attempt], column: str) -> Iterator[Row]:
    found = attempts.order_by().values(column)
    yield from found.annotate(**{stage: Count("pk", filter=condition) for stage, condition in STAGES.items()})


def abstentions(attempts: QuerySet[Attempt]) -> Counter[str]:
    found: Iterable[tuple[str, int]] = (
        attempts.exclude(abstained="").order_by().values_list("abstained").annotate(times=Count("pk"))
    )
    counter: Counter[str] = Counter()
    for names, times in found:
        for name in names.split():
            counter[name] += times
    return counter


def nothing(name: str) -> Row:
    return {"strategy": name, **dict.fromkeys(STAGES, 0)}


def with_tried(row: Row, abstained: int) -> Row:
    return {**row, "strategy": str(row["strategy"]), "abstained": abstained, "tried": row["proposed"] + abstained}
