"""Which rules of its own does a tenant have, and what would one more of them change?

A rule is checked when it is written (`classifier.own_rules`), and once more when it is read: one that
does not hold any more is left out and told of in the log, and the others go on.
"""

import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from autofix.classifier import Evidence, classify
from autofix.classifier.own_rules import RuleRejected, made
from autofix.classifier.rules import Rule
from autofix.failures import Failure
from autofix.models import Attempt, TenantRule
from metabuilder.runs import logs
from metabuilder.runs.models import Run, StepExecution
from metabuilder.runs.states import ExecutionStatus
from tenants.models import Tenant

FIELDS = ("signal", "detail", "pattern", "unless", "message", "severity", "confidence", "example", "counter")
WRITTEN = ("name", "type", *(name for name in FIELDS if name != "signal"), "retryable", "kinds")
MOST_RULES = 200
LOG_CHARACTERS = 1 << 20
PREVIEWED = 100
KNOWN_SECONDS = 3.0
MOST_KNOWN = 1_000
Rules = tuple[Rule, ...]
logger = logging.getLogger(__name__)
_known: dict[UUID, tuple[float, tuple[Rule, ...]]] = {}


class TooManyRules(Exception):
    """A tenant has as many rules as it may."""


@dataclass(frozen=True)
class Change:
    """What a failed step was taken for, and what it would be taken for with the rule."""

    attempt: Attempt
    now: Failure


def of_tenant(tenant: Tenant) -> tuple[Rule, ...]:
    return usable(TenantRule.objects.filter(tenant=tenant, enabled=True)[:MOST_RULES])


def recent_of_tenant(tenant: Tenant) -> tuple[Rule, ...]:
    """Return the same, at most some seconds old: a worker asks at every failure."""
    now = time.monotonic()
    moment, rules = _known.get(tenant.pk, (float("-inf"), ()))
    if now - moment > KNOWN_SECONDS:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        rules = of_tenant(tenant)
        _known[tenant.pk] = now, rules
    return rules


def of_run(run: Run) -> tuple[Rule, ...]:
    """Return the rules of a run's plan, which were checked when the plan was taken."""
    return _made_once(json.dumps(run.rules)) if run.rules else ()


@lru_cache(maxsize=64)
def _made_once(rules: str) -> tuple[Rule, ...]:
    return tuple(made_of(written(rule)) for rule in json.loads(rules))


def fault_of(rule: Mapping[str, Any]) -> tuple[str, str] | None:  # Any: what somebody wrote
    """Return the field of a plan's rule that has to be changed, and how; None if the rule can be used."""
    if unknown := [str(name) for name in rule if name not in WRITTEN]:
        return min(unknown), f"unknown key; allowed are {', '.join(WRITTEN)}"
    try:
        made_of(written(rule))
    except RuleRejected as error:
        return "type" if error.field == "signal" else error.field, str(error)
    return None


def written(rule: Mapping[str, Any]) -> dict[str, Any]:  # Any: as above
    """Return a rule's values as people write them, in a plan or over HTTP, by the names of a row's columns."""
    return {"signal" if name == "type" else name: value for name, value in rule.items()}


def usable(rows: Iterable[TenantRule]) -> tuple[Rule, ...]:
    found = []
    for row in rows:
        try:
            found.append(rule_of(row))
        except RuleRejected as error:
            logger.warning("Rule %s of tenant %s is left out: %s: %s", row, row.tenant_id, error.field, error)
    return tuple(found)


def rule_of(row: TenantRule) -> Rule:
    """Return the rule that a row describes; raise RuleRejected."""
    return made_of({name: getattr(row, name) for name in (*FIELDS, "name", "retryable")})


def made_of(values: Mapping[str, Any]) -> Rule:  # Any: a row's or a request's values
    """Return the rule of values named as a row's columns; raise RuleRejected, naming a column."""
    taken = {name: values[name] for name in (*FIELDS, "kinds") if name in values}
    if values.get("retryable") is not None:
        taken["retryable"] = values["retryable"]
    try:
        return made({**taken, "id": values.get("name", "")})
    except RuleRejected as error:
        if error.field == "id":
            raise RuleRejected("name", str(error)) from None
        raise


def check_room(tenant: Tenant) -> None:
    if TenantRule.objects.filter(tenant=tenant).count() >= MOST_RULES:
        raise TooManyRules(f"A tenant may have {MOST_RULES} rules of its own. Remove one first.")


def preview(tenant: Tenant, rule: Rule, count: int = PREVIEWED) -> tuple[int, list[Change]]:
    """Return how many of the tenant's last failures were looked at, and which of them would change."""
    attempts = Attempt.objects.filter(run__tenant=tenant, execution__status=ExecutionStatus.FAILED)
    looked_at = list(attempts.select_related("run", "step", "execution").order_by("-started_at")[:count])
    others = of_tenant(tenant)
    return len(looked_at), [change for each in looked_at if (change := _changed(each, (rule, *others)))]


def _changed(attempt: Attempt, rules: tuple[Rule, ...]) -> Change | None:
    if attempt.execution is None:
        return None
    now = classify(evidence_of(attempt.execution, rules))
    if (str(now.signal), now.detail, now.rule) == (attempt.signal, attempt.detail, attempt.rule):
        return None
    return Change(attempt, now) if now.rule == rules[0].id else None


def evidence_of(execution: StepExecution, rules: tuple[Rule, ...]) -> Evidence:
    step = execution.step
    start = max(0, execution.log_characters - LOG_CHARACTERS)
    return Evidence(
        step_name=step.name,
        log="".join(logs.read(execution, start)),
        exit_code=execution.exit_code,
        kind=step.kind,
        command=step.command,
        reports=execution.reports,
        verdict=execution.verdict,
        own_rules=rules,
    )
