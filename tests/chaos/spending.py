"""Invariants of healing: budgets, patches, the kill switch."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby, pairwise

from autofix.models import ACTED, Attempt
from metabuilder.runs.models import Run, RunEvent
from metabuilder.runs.states import RunStatus
from tests.chaos.evidence import Evidence

OFF_WORKS_WITHIN = timedelta(seconds=5)
ATTEMPT = re.compile(r"attempt (\d+):")


def budgets_are_never_exceeded(_: Evidence) -> list[str]:
    """Each attempt that acted was still inside the limits that it was decided under."""
    acted = Attempt.objects.filter(outcome__in=ACTED).order_by("run_id", "round", "number").select_related("run")
    rounds = groupby(acted, key=lambda attempt: (attempt.run, attempt.round))
    return [f"{run.title}, round {number}: {fault}" for (run, number), group in rounds for fault in overspent(group)]


def overspent(attempts: Iterable[Attempt]) -> Iterator[str]:
    of_step: Counter[int] = Counter()
    for total, attempt in enumerate(attempts, start=1):
        of_step[attempt.step_id] += 1
        here = of_step[attempt.step_id]
        most = attempt.settings_used["max_total_attempts"]
        most_here = attempt.settings_used["max_per_step_attempts"]
        if total > most:
            yield f"{attempt} is number {total} of at most {most}"
        if here > most_here:
            yield f"{attempt} is number {here} of at most {most_here} on its step"


def attempts_are_numbered(_: Evidence) -> list[str]:
    rows = Attempt.objects.order_by("run__title", "number").values_list("run__title", "number")
    numbers = ((title, [number for _, number in group]) for title, group in groupby(rows, key=lambda row: row[0]))
    return [f"{title}: attempts {found}" for title, found in numbers if found != list(range(1, len(found) + 1))]


def no_patch_is_applied_twice(_: Evidence) -> list[str]:
    """A patch may be applied again only by another worker, whose predecessor died before it wrote that down."""
    found = []
    for run in Run.objects.filter(events__kind="patch_applied").distinct():
        attempts = {attempt.number: attempt for attempt in run.attempts.all()}
        events = list(run.events.filter(kind__in=["status", "patch_applied"]).order_by("id"))
        found += [f"{run.title}: {fault}" for fault in applied_again(events)]
        unknown = {number_in(event) for event in events if event.kind == "patch_applied"} - set(attempts)
        found += [f"{run.title}: a patch of attempt {number}, which is not there" for number in unknown]
    return found


def applied_again(events: Iterable[RunEvent]) -> Iterator[str]:
    """Yield what was applied again though the run did not change hands."""
    claims = 0
    applied_in: dict[int, list[int]] = defaultdict(list)
    for event in events:
        if event.kind == "patch_applied":
            applied_in[number_in(event)].append(claims)
        elif event.new_status == RunStatus.RUNNING:
            claims += 1
    for number, moments in applied_in.items():
        if any(before == after for before, after in pairwise(moments)):
            yield f"the patch of attempt {number} was applied {len(moments)} times"


def number_in(event: RunEvent) -> int:
    match = ATTEMPT.match(event.message)
    return int(match[1]) if match else 0


def off_is_off(evidence: Evidence) -> list[str]:
    """No attempt that acts begins from a few seconds after the switch was thrown until it is on again."""
    found = []
    for since, until in evidence.off:
        inside = Attempt.objects.filter(
            outcome__in=ACTED, started_at__gt=since + OFF_WORKS_WITHIN, started_at__lt=until
        )
        found += [
            f"{row.run.title}: {row} began {row.started_at - since} after the switch was off"
            for row in inside.select_related("run")
        ]
    return found
