"""From a proposal to a deed: decide, ask, carry out, take back, give up. Called by `loop` only.

A decision is written down (`timeline.record`) before anything is done; what is done twice is done once,
because a patch carries its attempt's id into the commit and a plan delta its version.
"""

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from approvals import gates
from approvals.gates import Question
from approvals.models import GateKind, GateStatus
from autofix import breaker, circuits, guard, memory, mishaps, policy, timeline
from autofix.budget import backoff_seconds
from autofix.failures import Failure, Signal
from autofix.guard import Violation
from autofix.models import Attempt, AttemptState, Episode, EpisodeOutcome, Outcome, PlanDelta
from autofix.playbooks import ASKS_A_PERSON, StrategyName, lacks_a_setting
from autofix.policy import Mode
from autofix.progress import is_progress
from autofix.strategies import Proposal
from autofix.timeline import Decision
from metabuilder.execution.workspace import PatchRejected, Workspace, WorkspaceError
from metabuilder.runs import plans, rows, transitions
from metabuilder.runs.models import Run, Step
from metabuilder.runs.states import RunStatus, StepStatus
from metabuilder.runs.storable import storable
from metabuilder.runs.workspaces import AppliedPatch, CannotPrepare

# Steps that only look at the source: run again after every patch, to see that it broke none.
RECHECKED_KINDS = ("format", "lint", "typecheck", "test", "security", "build")
NOT_FETCHED = "not_fetched"
MAX_FETCHES = 4
# What a person can do about a setting that is missing or wrong; the failure's message says which one.
SETTING = {
    "auth": "no patch brings a credential: give or renew it where the build gets it from, then approve to run the step "
    "again",
    "config": "no patch may make up a setting: set it in the plan's `env`, or where the build gets it from, then "
    "approve to run the step again",
}


def decide(about: Decision, strategy: StrategyName, proposal: Proposal) -> Attempt | None:
    """Write a proposal down; return the attempt if it can be carried out at once."""
    violations = inspect(about, proposal)
    if violations or proposal.needs_approval:
        kind = GateKind.SECURITY if about.failure.signal == Signal.SECURITY else GateKind.POLICY
        reason = proposal.question or (violations[0].message if violations else proposal.reason)
        ask(about, kind, reason, proposal, violations)
        return None
    with transaction.atomic() if proposal.delay_seconds else nullcontext():
        attempt = timeline.record(about, strategy, proposal)
        if proposal.delay_seconds:
            transitions.back_off(about.run, str(attempt), proposal.delay_seconds)
            return None
    return attempt


def inspect(about: Decision, proposal: Proposal) -> tuple[Violation, ...]:
    """Return what a patch does that none may do on its own; taking back our own patch may."""
    if not proposal.patch or proposal.undoes:
        return ()
    protected = about.run.tenant.protected_paths
    return guard.inspect(proposal.patch, text_before(about.workspace), protected)


def text_before(workspace: Workspace) -> Callable[[str], str | None]:
    def before(path: str) -> str | None:
        try:
            return workspace.read(path)
        except WorkspaceError:
            return None

    return before


def escalate(about: Decision, proposal: Proposal | None) -> bool:
    """Ask a person about what the machine must not, or cannot, decide."""
    failure = about.failure
    if lacks_a_setting(failure) and proposal is None:
        proposal = Proposal(reason=SETTING[failure.detail])
    wanted = proposal or Proposal(reason="no fix is proposed")
    kind = GateKind(failure.signal) if failure.signal in ASKS_A_PERSON else GateKind.UNKNOWN
    ask(about, kind, failure.message, wanted, inspect(about, wanted))
    return False


def ask(
    about: Decision,
    kind: GateKind,
    reason: str,
    proposal: Proposal,
    violations: tuple[Violation, ...] = (),
) -> None:
    with transaction.atomic():
        attempt = timeline.record(about, StrategyName.ESCALATE, proposal)
        question = Question(
            step=about.step.name,
            kind=kind,
            reason=storable(reason),
            signal=timeline.as_json(about.failure),
            patch=proposal.patch,
            verified=proposal.verified,
            base_commit=about.workspace.head(),
            evidence={
                "execution": str(about.execution.pk),
                "why": proposal.reason,
                "fixer": proposal.fixer,
                "control": proposal.control,
                "violations": [asdict(violation) for violation in violations],
                "plan_changes": list(proposal.plan_changes),
            },
        )
        attempt.gate = gates.open_gate(about.run, question)
        attempt.state = AttemptState.AWAITING
        attempt.save(update_fields=["gate", "state"])


def give_up(about: Decision, why: str, outcome: EpisodeOutcome, asked: tuple[str, ...] = ()) -> None:
    """End the run as failed; what was patched for this step and never proved is taken back."""
    attempt = timeline.record(about, StrategyName.GIVE_UP, Proposal(reason=why, after=asked))
    timeline.finish([attempt], verified=False)
    end_unhealed(about, why, outcome)


def only_note(about: Decision, strategy: StrategyName, proposal: Proposal) -> bool:
    """Write down what would have been done, and end the run as it would have ended without auto-fix."""
    would = {StrategyName.RETRY: "have run the step again", StrategyName.REPLAN: "have changed the plan"}
    said = (
        f"shadow: it would {would.get(strategy, f'have tried {strategy}')}: {proposal.reason or 'no fix is proposed'}"
    )
    noted = replace(proposal, reason=said, delay_seconds=0.0, plan_changes=(), undoes="")
    attempt = timeline.record(about, strategy, noted)
    Attempt.objects.filter(pk=attempt.pk).update(is_shadow=True, outcome=Outcome.GAVE_UP)
    timeline.finish([attempt], verified=False)
    end_unhealed(about, f"auto-fix only watches {about.failure.signal} failures", EpisodeOutcome.GIVEN_UP)
    return False


def end_unhealed(about: Decision, why: str, outcome: EpisodeOutcome) -> None:
    timeline.finish(about.run.attempts.filter(state=AttemptState.CARRIED_OUT), verified=False)
    take_back_unproved(about.run, about.workspace)
    for episode in Episode.objects.filter(run=about.run, ended_at=None):
        timeline.close_episode(episode, outcome)
    message = f"{about.step} failed: {about.failure.message} ({why})"
    failure = {**timeline.as_json(about.failure), "step": about.step.name, "reason": why}
    transitions.move(about.run, RunStatus.FAILED, message, failure=failure)


def take_back_unproved(run: Run, workspace: Workspace) -> None:
    """Take back what was kept in the hope that its step would pass in the end."""
    unproved = run.attempts.exclude(commit="").filter(taken_back=False, verified=False)
    for attempt in reversed(unproved):
        take_back(run, attempt, workspace)


def put_off_or_end(run: Run, error: CannotPrepare) -> None:
    """A source that cannot be fetched is tried again a few times; anything else ends the run."""
    tries = run.events.filter(kind=NOT_FETCHED).count()
    if not error.may_pass or tries >= MAX_FETCHES - 1:
        return end_without_attempt(run, mishaps.unprepared(error))
    transitions.note(run, NOT_FETCHED, str(error))
    outage, rng = circuits.source_failed(run), random.Random()
    cap = policy.for_run(run).budget.backoff_cap_seconds
    delay = breaker.wait_seconds(backoff_seconds(tries + 1, cap, None, rng), outage, cap, rng)
    return transitions.back_off(run, "the source could not be fetched: trying again", delay)


def end_without_attempt(run: Run, failure: Failure, step: str = "") -> None:
    """End the run as failed as if there were no auto-fix; `step` is empty if none was run.

    What was decided and never carried out or proved (the worker was lost, the disk is full) is over too.
    """
    message = f"{step} failed: {failure.message}" if step else failure.message
    told = {**timeline.as_json(failure), "step": step, "reason": ""}
    with transaction.atomic():
        transitions.hold(run)
        timeline.finish(run.attempts.exclude(state=AttemptState.FINISHED), verified=False)
        for episode in Episode.objects.filter(run=run, ended_at=None):
            timeline.close_episode(episode, EpisodeOutcome.GIVEN_UP)
        transitions.move(run, RunStatus.FAILED, message, failure=told)


def carry_out_last_decision(run: Run, workspace: Workspace) -> None:
    """Do what was decided by the loop, or approved by a person; its step must then prove it."""
    undone = Q(state=AttemptState.DECIDED) | Q(state=AttemptState.AWAITING, gate__status=GateStatus.APPROVED)
    attempt = run.attempts.filter(undone).order_by("number").last()
    if attempt is None:
        return
    carry_out_unless_off(attempt, workspace)


def carry_out_unless_off(attempt: Attempt, workspace: Workspace) -> None:
    """Do what an attempt decided, unless it was the machine's decision and auto-fix is off by now."""
    run = attempt.run
    if attempt.gate is None and not may_act(attempt):
        timeline.finish([attempt], verified=False)
        transitions.note(run, "not_carried_out", f"{attempt}: auto-fix was switched off meanwhile")
        return
    carry_out(run, attempt, workspace)


def may_act(attempt: Attempt) -> bool:
    """Whether what the machine decided may still be done: switches and modes may have changed since."""
    effective = policy.for_run(attempt.run)
    mode = effective.mode(attempt.signal)
    changes_nothing = attempt.outcome == Outcome.RETRIED
    return effective.enabled and (mode is Mode.AUTO or (mode is Mode.SUGGEST and changes_nothing))


def carry_out(run: Run, attempt: Attempt, workspace: Workspace) -> None:
    """Do what an attempt decided; a patch that does not apply leaves its step to show that it failed."""
    patch = attempt.gate.effective_patch if attempt.gate else attempt.patch
    try:
        attempt.commit = commit(run, attempt, patch, workspace) if patch else ""
    except PatchRejected as error:
        transitions.note(run, "patch_rejected", f"{attempt} does not apply: {error}")
    with transaction.atomic():
        write_down(run, attempt, patch)


def write_down(run: Run, attempt: Attempt, patch: str) -> None:
    """Record that an attempt was carried out; an approver's own patch stands in for a plan delta."""
    transitions.hold(run)
    run.forget_steps()
    own_patch = attempt.gate is not None and attempt.gate.revisions.exists()
    if not own_patch and hasattr(attempt, "plan_delta"):
        delta = attempt.plan_delta
        plans.apply_delta(run, delta.from_version, delta.changes)
        PlanDelta.objects.filter(pk=delta.pk).update(applied_at=Now())
    attempt.patch = patch
    if run.claimed_at and run.claimed_at > attempt.started_at:  # it waited, and this is another claim
        attempt.actual_backoff_seconds = (run.claimed_at - attempt.started_at).total_seconds()
    attempt.state = AttemptState.CARRIED_OUT
    attempt.save(update_fields=["commit", "patch", "actual_backoff_seconds", "state"])
    if attempt.undoes is not None:
        Attempt.objects.filter(pk=attempt.undoes.pk).update(taken_back=True, verified=False)
        memory.disproved(attempt.undoes)
        timeline.reopen_episode(attempt.undoes.episode, run)
        run.steps.filter(pk=attempt.undoes.step_id).update(status=StepStatus.PENDING)


def commit(run: Run, attempt: Attempt, patch: str, workspace: Workspace) -> str:
    message = (
        f"{attempt.fixer or attempt.strategy}: {attempt.message}"[:120]
        + f"\n\nRun: {run.pk}\nSignal: {attempt.signal}\nStrategy: {attempt.strategy}"
    )
    done = workspace.apply(patch, message, str(attempt.pk))
    keep_diff(run, workspace)
    transitions.note(run, "patch_applied", f"{attempt}: commit {done[:12]}")
    return done


def keep_diff(run: Run, workspace: Workspace) -> None:
    run.diff = storable(workspace.diff_between(run.source_commit))
    run.save(update_fields=["diff"])


def proof(run: Run, step: Step) -> list[rows.Update] | None:
    """Return what is to be written because the step passed, where that is simple; None: see `settle`.

    Simple is a step that had not failed, and one that a single retry has healed.
    """
    if run.failing_steps is None or step.pk in run.failing_steps:
        attempt = run.first_attempts.get(step.pk)
        if attempt is None or attempt.outcome != Outcome.RETRIED or attempt.verified is not None:
            return None
        circuits.proved(run, step, [attempt])
        return timeline.healed(attempt)
    return []


def settle(run: Run, step: Step, accepted: Failure | None) -> None:
    """The step passed: what was done for it is proved, its episode is over, other steps are checked.

    `accepted` is a failure that a person let go by: that proves nothing, but ends the episode. Called
    in the transaction in which the step passes.
    """
    if accepted is not None:
        transitions.note(run, "accepted", f"{step}: a person accepted: {accepted.message}")
    if run.failing_steps is not None and step.pk not in run.failing_steps:
        return
    episode = Episode.objects.filter(step=step, ended_at=None).first()
    if episode is None:
        return
    if run.failing_steps is not None:
        run.failing_steps.discard(step.pk)
    attempts = list(episode.attempts.select_related("gate").defer("excerpt", "findings", "patch", "settings_used"))
    kept = [
        attempt
        for attempt in attempts
        if not attempt.taken_back and (attempt.commit or attempt.state == AttemptState.CARRIED_OUT)
    ]
    timeline.finish(kept, verified=accepted is None)
    if accepted is None:
        circuits.proved(run, step, kept)
        memory.remember(run, kept)
    by_person = any(attempt.gate and attempt.gate.status == GateStatus.APPROVED for attempt in attempts)
    timeline.close_episode(episode, EpisodeOutcome.HEALED_BY_PERSON if by_person else EpisodeOutcome.HEALED)
    if any(attempt.commit for attempt in kept):
        others = run.steps.filter(status=StepStatus.PASSED, kind__in=RECHECKED_KINDS)
        others.exclude(pk=step.pk).update(status=StepStatus.PENDING)
        run.forget_steps()


def helped(attempt: Attempt, failure: Failure) -> bool:
    """True if a patch or plan delta got the step further, though not yet through."""
    changed_something = bool(attempt.commit) or attempt.outcome == Outcome.REPLANNED
    return changed_something and is_progress(timeline.failure_of(attempt), failure)


def take_back(run: Run, attempt: Attempt, workspace: Workspace) -> None:
    if not attempt.commit:
        timeline.finish([attempt], verified=False)
        return
    workspace.revert(workspace.commit_of(str(attempt.pk)), f"{attempt.pk}-back")
    keep_diff(run, workspace)
    with transaction.atomic():
        transitions.hold(run)
        timeline.finish([attempt], verified=False)
        Attempt.objects.filter(pk=attempt.pk).update(taken_back=True)
        if attempt.undoes is not None:
            Attempt.objects.filter(pk=attempt.undoes.pk).update(taken_back=False, verified=True)
    circuits.did_not_help(attempt)
    memory.disproved(attempt)
    transitions.note(run, "patch_taken_back", f"{attempt} did not help: its patch is taken back")


def applied_patches(run: Run) -> list[AppliedPatch]:
    """Return the patches that make the run's tree from its source, in order."""
    kept = run.attempts.exclude(commit="").filter(taken_back=False, undoes=None)
    return [AppliedPatch(attempt.patch, str(attempt), str(attempt.pk)) for attempt in kept.order_by("number")]


def known_keys(run: Run) -> frozenset[str]:
    """Return the keys under which patches may lie in the run's tree: recorded, or about to be."""
    open_states = [AttemptState.DECIDED, AttemptState.AWAITING]
    known = run.attempts.filter(~Q(commit="") | Q(state__in=open_states))
    return frozenset(str(key) for key in known.values_list("pk", flat=True))
