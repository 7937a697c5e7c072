"""The rows of the Auto-Fix Timeline: episodes, attempts, plan deltas. Written here, read everywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from autofix.failures import Failure, Finding, Location, Severity, Signal
from autofix.models import (
    ACTED,
    Attempt,
    AttemptState,
    Episode,
    EpisodeOutcome,
    Outcome,
    PlanDelta,
)
from autofix.playbooks import StrategyName
from autofix.policy import Effective
from autofix.strategies import Proposal
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import transitions
from metabuilder.runs.models import Run, Step, StepExecution
from metabuilder.runs.storable import storable, storable_json

OUTCOMES: dict[StrategyName, Outcome] = {
    StrategyName.RETRY: Outcome.RETRIED,
    StrategyName.PATCH: Outcome.PATCH_APPLIED,
    StrategyName.REPLAN: Outcome.REPLANNED,
    StrategyName.ROLLBACK: Outcome.ROLLED_BACK,
    StrategyName.ESCALATE: Outcome.ESCALATED,
    StrategyName.GIVE_UP: Outcome.GAVE_UP,
}
MAX_FINDINGS = 500
DETAIL_CHARACTERS = 60


@dataclass(frozen=True)
class Past:
    """What was tried before in an episode: each attempt of the run in this round, in order."""

    episode: Episode
    attempts: Sequence[Attempt] = ()

    @property
    def acted(self) -> int:
        """How many of them count against the run's budget."""
        return sum(attempt.outcome in ACTED for attempt in self.in_round)

    @property
    def acted_on_step(self) -> int:
        return sum(each.outcome in ACTED for each in self.in_round if each.step_id == self.episode.step_id)

    @property
    def in_round(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.round == self.episode.run.round]

    @property
    def of_episode(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.episode_id == self.episode.pk]

    def climbed(self, failure: Failure) -> list[str]:
        """Return the strategies this episode has seen for this kind of failure."""
        kind = (failure.signal, failure.detail[:DETAIL_CHARACTERS])
        return [attempt.strategy for attempt in self.of_episode if (attempt.signal, attempt.detail) == kind]


@dataclass(frozen=True)
class Decision:
    """What a decision is about."""

    execution: StepExecution
    failure: Failure
    effective: Effective
    workspace: Workspace
    past: Past

    @property
    def run(self) -> Run:
        return self.execution.run

    @property
    def step(self) -> Step:
        return self.execution.step


def past_of(episode: Episode) -> Past:
    slim = episode.run.attempts.defer("excerpt", "findings", "patch", "settings_used")
    return Past(episode, list(slim.order_by("number")))


def open_episode(run: Run, step: Step) -> Episode:
    """Return the episode of a failing step: from its failure until it passes or the run gives up.

    Only for who holds the run: nobody else makes one meanwhile.
    """
    episode = Episode.objects.filter(step=step, ended_at=None).first() or Episode.objects.create(run=run, step=step)
    episode.run, episode.step = run, step
    return episode


def close_episode(episode: Episode, outcome: EpisodeOutcome) -> None:
    open_one = Episode.objects.filter(pk=episode.pk, ended_at=None)
    open_one.update(ended_at=Now(), outcome=outcome)


def reopen_episode(episode: Episode) -> None:
    """Take back that a step was healed: what healed it is being rolled back."""
    if not Episode.objects.filter(step=episode.step, ended_at=None).exists():
        Episode.objects.filter(pk=episode.pk).update(ended_at=None, outcome="")


def attempts_that_acted(run: Run) -> Any:  # Any: a queryset of attempts
    return run.attempts.filter(round=run.round, outcome__in=ACTED)


@transaction.atomic
def record(about: Decision, strategy: StrategyName, proposal: Proposal) -> Attempt:
    """Write down what was decided, before it is carried out."""
    run, step, earlier = about.run, about.step, about.past.attempts
    transitions.hold(run)
    attempt = Attempt.objects.create(
        run=run,
        step=step,
        episode=about.past.episode,
        execution=about.execution,
        number=max((each.number for each in earlier), default=0) + 1,
        step_attempt=sum(each.step_id == step.pk for each in earlier) + 1,
        round=run.round,
        strategy=strategy,
        outcome=OUTCOMES[strategy],
        fixer=proposal.fixer[:100],
        reason=proposal.reason[:500],
        patch=proposal.patch,
        backoff_seconds=proposal.delay_seconds,
        undoes_id=proposal.undoes or None,
        settings_used=dict(about.effective.values),
        **signal_fields(about.failure),
    )
    if proposal.plan_changes:
        record_plan_delta(attempt, proposal)
    return attempt


def record_plan_delta(attempt: Attempt, proposal: Proposal) -> PlanDelta:
    run = attempt.run
    return PlanDelta.objects.create(
        run=run,
        attempt=attempt,
        from_version=run.plan_version,
        to_version=run.plan_version + 1,
        reason=proposal.reason[:500],
        changes=list(proposal.plan_changes),
    )


def finish(attempts: Iterable[Attempt], *, verified: bool) -> None:
    ids = [attempt.pk for attempt in attempts]
    Attempt.objects.filter(pk__in=ids).update(verified=verified, state=AttemptState.FINISHED, finished_at=Now())


def signal_fields(failure: Failure) -> dict[str, Any]:  # Any: values of the attempt's fields
    return {
        "signal": failure.signal,
        "detail": failure.detail[:DETAIL_CHARACTERS],
        "severity": failure.severity,
        "confidence": failure.confidence,
        "rule": failure.rule[:100],
        "message": storable(failure.message)[:500],
        "excerpt": storable(failure.excerpt),
        "fingerprint": failure.fingerprint,
        "findings": storable_json([_row(number, each) for number, each in enumerate(failure.findings)]),
    }


def as_json(failure: Failure) -> dict[str, Any]:  # Any: JSON
    """Return a failure as the API, a gate and a failed run show it."""
    return {
        "type": str(failure.signal),
        "detail": failure.detail,
        "severity": str(failure.severity),
        "confidence": failure.confidence,
        "message": storable(failure.message),
        "excerpt": storable(failure.excerpt),
        "rule": failure.rule,
        "fingerprint": failure.fingerprint,
        "locations": [{"file": storable(at.file), "line": at.line} for at in failure.locations[:50]],
    }


def failure_of(attempt: Attempt) -> Failure:
    """Return the failure that an attempt answered, as far as it was written down."""
    return Failure(
        signal=Signal(attempt.signal),
        message=attempt.message,
        rule=attempt.rule,
        detail=attempt.detail,
        severity=Severity(attempt.severity),
        confidence=attempt.confidence,
        excerpt=attempt.excerpt,
        fingerprint=attempt.fingerprint,
        findings=tuple(_finding(row) for row in attempt.findings),
    )


def _row(number: int, finding: Finding) -> dict[str, Any]:  # Any: JSON
    """Return a finding as it is kept: beyond the first ones only its id, which progress is judged by."""
    return asdict(finding if number < MAX_FINDINGS else Finding(finding.id, ""))


def _finding(row: dict[str, Any]) -> Finding:  # Any: JSON
    location = Location(**row["location"]) if row["location"] else None
    return Finding(row["id"], row["message"], location)
