"""The rows of the Auto-Fix Timeline: episodes, attempts, plan deltas. Written here, read everywhere."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
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
    KnownFix,
    Outcome,
    PlanDelta,
)
from autofix.playbooks import StrategyName
from autofix.policy import Effective
from autofix.strategies import Proposal
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import rows, transitions
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
    """What was tried before in the episode of a failing step: the run's attempts, in order."""

    step_id: int = 0
    round: int = 1
    episode_id: int = 0
    attempts: Sequence[Attempt] = ()

    @property
    def acted(self) -> int:
        """How many of them count against the run's budget."""
        return sum(self._counts(attempt) for attempt in self.attempts)

    @property
    def acted_on_step(self) -> int:
        return sum(self._counts(attempt) for attempt in self.attempts if attempt.step_id == self.step_id)

    @property
    def of_episode(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.episode_id == self.episode_id]

    @property
    def to_be_proved(self) -> Attempt | None:
        """The last one that was carried out for the step: its next execution shows whether it helped."""
        mine = [attempt for attempt in self.attempts if attempt.step_id == self.step_id]
        return next((each for each in reversed(mine) if each.state == AttemptState.CARRIED_OUT), None)

    def climbed(self, failure: Failure) -> list[str]:
        """Return the strategies this episode has seen for this kind of failure."""
        kind = (failure.signal, failure.detail[:DETAIL_CHARACTERS])
        return [attempt.strategy for attempt in self.of_episode if (attempt.signal, attempt.detail) == kind]

    def _counts(self, attempt: Attempt) -> bool:
        return attempt.round == self.round and attempt.outcome in ACTED


NOTHING_YET = Past()


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


def past_of(run: Run, step: Step) -> Past:
    """Return what was tried for a step that has just failed, whose episode goes on or begins here."""
    first_failure = run.is_new and not run.failing_steps and not run.decisions_made
    episode = open_episode(run, step)
    attempts = [] if first_failure else past_attempts(run)
    for attempt in attempts:
        attempt.run = run
    return Past(step.pk, run.round, episode.pk, attempts)


def past_attempts(run: Run) -> list[Attempt]:
    return list(run.attempts.defer("excerpt", "findings", "patch", "settings_used").order_by("number"))


def keep_in_mind(about: Decision, attempt: Attempt | None) -> None:
    """Remember what is tried for a step that has no other attempts, while this worker holds the run."""
    about.run.first_attempts.pop(about.step.pk, None)
    if attempt is not None and not about.past.of_episode:
        about.run.first_attempts[about.step.pk] = attempt


def failing_steps(run: Run) -> set[int]:
    return set(run.episodes.filter(ended_at=None).values_list("step_id", flat=True))


def open_episode(run: Run, step: Step) -> Episode:
    """Return the episode of a failing step: from its failure until it passes or the run gives up.

    Only for who holds the run: nobody else makes one meanwhile.
    """
    is_open = run.failing_steps is None or step.pk in run.failing_steps
    known = Episode.objects.filter(step=step, ended_at=None).first() if is_open else None
    if run.failing_steps is not None:
        run.failing_steps.add(step.pk)
    return known or Episode.objects.create(run=run, step=step)


def healed(attempt: Attempt) -> list[rows.Update]:
    """Return the writes that end an episode which one attempt has healed."""
    run, step_id = attempt.run, attempt.step_id
    if run.failing_steps is not None:
        run.failing_steps.discard(step_id)
    run.first_attempts.pop(step_id, None)
    proved = {"verified": True, "state": AttemptState.FINISHED, "finished_at": rows.NOW}
    ended = {"ended_at": rows.NOW, "outcome": EpisodeOutcome.HEALED}
    return [
        rows.Update(Attempt, {"id": attempt.pk}, proved),
        rows.Update(Episode, {"id": attempt.episode_id}, ended),
    ]


def close_episode(episode: Episode, outcome: EpisodeOutcome) -> None:
    open_one = Episode.objects.filter(pk=episode.pk, ended_at=None)
    open_one.update(ended_at=Now(), outcome=outcome)


def reopen_episode(episode: Episode, run: Run) -> None:
    """Take back that a step was healed: what healed it is being rolled back."""
    if run.failing_steps is not None:
        run.failing_steps.add(episode.step_id)
    if not Episode.objects.filter(step=episode.step, ended_at=None).exists():
        Episode.objects.filter(pk=episode.pk).update(ended_at=None, outcome="")


def attempts_that_acted(run: Run) -> Any:  # Any: a queryset of attempts
    return run.attempts.filter(round=run.round, outcome__in=ACTED)


def record(about: Decision, strategy: StrategyName, proposal: Proposal) -> Attempt:
    """Write down what was decided, before it is carried out."""
    run, step, earlier = about.run, about.step, about.past.attempts
    attempt = Attempt(
        run=run,
        step=step,
        episode_id=about.past.episode_id,
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
        recalls=KnownFix.objects.filter(pk=proposal.recalls).first() if proposal.recalls else None,
        control=proposal.control,
        abstained=" ".join(proposal.after),
        state=AttemptState.DECIDED if proposal.changes_or_waits else AttemptState.CARRIED_OUT,
        settings_used=dict(about.effective.values),
        **signal_fields(about.failure),
    )
    run.decisions_made += 1
    with transaction.atomic(savepoint=False) if proposal.plan_changes else nullcontext():
        transitions.write(run, rows.Insert(attempt))
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
