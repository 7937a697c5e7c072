"""The healing loop: step fails -> signal -> strategy -> attempt -> verify -> next.

The queue calls `advance`; it moves a run on until the run waits, asks a person, or ends. A move
runs the next step, checks whether what was decided before has helped, and decides what comes next.
Every decision is a row before it is acted on, so whichever worker comes next goes on from there.
Nothing here sleeps: waiting is a queue entry with a later date.

Read on: `diagnosis` (log -> failure), `playbooks` (failure -> strategies), `strategies` (-> proposal),
`remedies` (proposal -> decision -> deed), `policy` (how often, how long), `runs.transitions`.
"""

import logging
from dataclasses import replace

from django.db import transaction

from autofix import circuits, consent, control_runs, diagnosis, mishaps, policy, remedies, timeline
from autofix.failures import Failure
from autofix.models import AttemptState, EpisodeOutcome
from autofix.playbooks import StrategyName, last_resort, rungs_left
from autofix.policy import Mode
from autofix.strategies import STRATEGIES, Diagnosis, Proposal
from autofix.timeline import NOTHING_YET, Decision, Past
from metabuilder.execution.workspace import Workspace, WorkspaceError
from metabuilder.runs import executions, logs, stopping, transitions, workspaces
from metabuilder.runs.executions import End
from metabuilder.runs.models import Run, Step, StepExecution
from metabuilder.runs.states import RunStatus, StepStatus

logger = logging.getLogger(__name__)


def advance(run_id: str, worker: str) -> None:
    """Move one run forward until it waits or ends; do nothing if it is not there to take."""
    run = transitions.claim(run_id, worker)
    if run is not None:  # else another worker has it, or it is paused, waiting, or over
        work_on(run)


def work_on(run: Run) -> None:
    """Move a run that was just claimed on; what is left of it here is tidied up."""
    try:
        move_as_far_as_possible(run)
    except transitions.LeaseLost as lost:
        logger.info("Stepped back: %s", lost)
        run.refresh_from_db(fields=["status", "tree_at"])
    except executions.Interrupted:
        transitions.hand_back(run, "handed back: its worker is stopping")
    workspaces.tidy_up(run)


def move_as_far_as_possible(run: Run) -> None:
    """Move a run that this worker holds; raise LeaseLost when it does not hold it any more."""
    if transitions.is_poisoned(run):
        return remedies.end_without_attempt(run, mishaps.poisoned())
    if circuits.put_off(run):
        return None
    try:
        workspace = open_workspace(run)
        while move_on(run, workspace):
            executions.check_time(run)
    except executions.OutOfTime:
        remedies.end_without_attempt(run, mishaps.out_of_time(run))
    except (workspaces.CannotPrepare, WorkspaceError) as error:
        end_for(run, error)
    return None


def end_for(run: Run, error: Exception) -> None:
    """End a run whose tree cannot be had or used, unless it is we who ended what git did."""
    transitions.hold(run)
    if stopping.is_overdue():
        raise executions.Interrupted
    if executions.is_out_of_time(run):
        remedies.end_without_attempt(run, mishaps.out_of_time(run))
    elif isinstance(error, workspaces.CannotPrepare):
        remedies.put_off_or_end(run, error)
    else:
        remedies.end_without_attempt(run, mishaps.unusable(str(error)))


def open_workspace(run: Run) -> Workspace:
    """Open the run's tree, and carry out what was decided before the run waited or changed hands."""
    run.forget_steps()
    run.first_attempts = {}
    run.failing_steps = set() if run.is_new else timeline.failing_steps(run)
    if run.is_new:
        return workspaces.open_for(run, [], frozenset())
    waited_for_source = circuits.waits_for_source(run)
    workspace = workspaces.open_for(run, remedies.applied_patches(run), remedies.known_keys(run))
    if waited_for_source:
        circuits.source_came(run)
    remedies.carry_out_last_decision(run, workspace)
    return workspace


def move_on(run: Run, workspace: Workspace) -> bool:
    """Run the next step, verify what was done for it, heal it if it fails. True: go on at once."""
    step = run.next_step()
    if step is None:
        transitions.move(run, RunStatus.SUCCEEDED, "every step passed", failure=None)
        return False
    if consent.lacks_network(run, step):
        return consent.ask_for_network(run, step)

    execution, failure, past = run_step(run, step, workspace)
    logs.archive(execution)
    if failure is None:
        return True
    take_back_what_did_not_help(past, failure, workspace)
    effective = policy.for_run(run)
    if not effective.enabled:
        remedies.take_back_unproved(run, workspace)
        remedies.end_without_attempt(run, failure, step.name)
        return False
    return heal(Decision(execution, failure, effective, workspace, past))


def run_step(run: Run, step: Step, workspace: Workspace) -> tuple[StepExecution, Failure | None, Past]:
    """Run a step for the record and say what failed, if anything did that no person has accepted."""
    workspace.restore()
    execution = executions.begin(run, step)
    trial, writer = executions.carry_out(execution, workspace)
    failure = diagnosis.judge(step, trial, workspace)
    what = f"failed: {failure.message}" if failure else "passed"
    said = f"{step} {what} ({trial.result.duration_seconds:.1f} s)"
    if failure is None and (proof := remedies.proof(run, step)) is not None:
        executions.finish(execution, trial, writer, End(StepStatus.PASSED, said, proof))
        return execution, None, NOTHING_YET
    accepted = failure is not None and consent.is_accepted(run, step, failure)
    status = StepStatus.FAILED if failure and not accepted else StepStatus.PASSED
    with transaction.atomic():
        executions.finish(execution, trial, writer, End(status, said))
        if status == StepStatus.FAILED:
            return execution, failure, timeline.past_of(run, step)
        remedies.settle(run, step, failure)
        return execution, None, NOTHING_YET


def take_back_what_did_not_help(past: Past, failure: Failure, workspace: Workspace) -> None:
    """A fix counts only if the step passes with it, or gets further for a start."""
    attempt = past.to_be_proved
    if attempt is None:
        return
    if remedies.helped(attempt, failure):
        timeline.finish([attempt], verified=False)
    else:
        remedies.take_back(attempt.run, attempt, workspace)


def heal(about: Decision) -> bool:
    """Climb the signal's playbook until a strategy proposes; then a person, or the end."""
    failure, workspace = about.failure, about.workspace
    workspace.restore()  # what the failed command did to tracked files is no part of a fix
    mode = about.effective.mode(failure.signal)
    if mode is Mode.OFF:
        remedies.give_up(about, f"auto-fix is off for {failure.signal} failures", EpisodeOutcome.GIVEN_UP)
        return False
    spent = about.effective.budget.spent(about.past.acted, about.past.acted_on_step)
    told = diagnosis.diagnose(about, circuits.count(about))
    asked: list[StrategyName] = []
    for name in () if spent else rungs_left(failure, about.past.climbed(failure)):
        proposal = STRATEGIES[name].propose(told)
        if proposal is not None:
            return act(about, name, replace(proposal, after=tuple(asked)), told)
        asked.append(name)

    if last_resort(failure) == StrategyName.ESCALATE:
        proposal = None if StrategyName.PATCH in asked else STRATEGIES[StrategyName.PATCH].propose(told)
        if mode is Mode.SHADOW:
            return remedies.only_note(about, StrategyName.ESCALATE, proposal or Proposal())
        return remedies.escalate(about, proposal)
    why = spent or "no strategy has anything left to try"
    remedies.give_up(about, why, EpisodeOutcome.GIVEN_UP, tuple(asked))
    return False


def act(about: Decision, name: StrategyName, proposal: Proposal, told: Diagnosis) -> bool:
    """Do what was proposed as far as the signal's mode allows. True: go on at once."""
    after = proposal.after
    name, proposal = control_runs.controlled(about, name, proposal, told)
    proposal = replace(proposal, after=after)
    mode = about.effective.mode(about.failure.signal)
    if mode is Mode.SHADOW:
        return remedies.only_note(about, name, proposal)
    if mode is Mode.SUGGEST and (proposal.patch or proposal.plan_changes):
        said = f"changes for {about.failure.signal} failures are only suggested: {proposal.reason}"
        proposal = replace(proposal, needs_approval=True, reason=said)
    attempt = remedies.decide(about, name, proposal)
    timeline.keep_in_mind(about, attempt)
    if attempt is not None and attempt.state == AttemptState.DECIDED:
        remedies.carry_out_unless_off(attempt, about.workspace)
    return attempt is not None
