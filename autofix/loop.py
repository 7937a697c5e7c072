"""The healing loop: step fails -> signal -> strategy -> attempt -> verify -> next.

The queue calls `advance`; it moves a run on until the run waits, asks a person, or ends. A move
carries out what the last one decided, runs the next step, checks whether that helped, and decides
what comes next. Every decision is a row before it is acted on, so whichever worker comes next goes
on from there. Nothing here sleeps: waiting is a queue entry with a later date.

Read on: `diagnosis` (log -> failure), `playbooks` (failure -> strategies), `strategies` (-> proposal),
`remedies` (proposal -> decision -> deed), `policy` (how often, how long), `runs.transitions`.
"""

import logging

from django.db import transaction

from autofix import diagnosis, policy, remedies, timeline
from autofix.failures import Failure
from autofix.models import AttemptState, EpisodeOutcome
from autofix.playbooks import StrategyName, last_resort, rungs_left
from autofix.strategies import STRATEGIES
from metabuilder.execution.workspace import Workspace, WorkspaceError
from metabuilder.runs import executions, transitions, workspaces
from metabuilder.runs.models import Run, Step, StepExecution
from metabuilder.runs.states import RunStatus, StepStatus

logger = logging.getLogger(__name__)


def advance(run_id: str, worker: str) -> None:
    """Move one run forward until it waits or ends; do nothing if it is not there to take."""
    run = transitions.claim(run_id, worker)
    if run is None:  # another worker has it, or it is paused, waiting, or over
        return
    try:
        move_as_far_as_possible(run)
    except transitions.LeaseLost as lost:
        logger.info("Stepped back: %s", lost)
    workspaces.tidy_up(run)


def move_as_far_as_possible(run: Run) -> None:
    """Move a run that this worker holds; raise LeaseLost when it does not hold it any more."""
    if transitions.is_poisoned(run):
        return remedies.end_without_attempt(run, remedies.poisoned())
    try:
        workspace = workspaces.open_for(run, remedies.applied_patches(run), remedies.known_keys(run))
        while move_on(run, workspace):
            transitions.hold(run)
    except workspaces.CannotPrepare as error:
        transitions.hold(run)
        remedies.put_off_or_end(run, error)
    except WorkspaceError as error:
        transitions.hold(run)
        remedies.end_without_attempt(run, remedies.unusable(str(error)))
    return None


def move_on(run: Run, workspace: Workspace) -> bool:
    """Carry out what was decided, run the next step, heal it if it fails. True: go on at once."""
    remedies.carry_out_last_decision(run, workspace)
    step = run.next_step()
    if step is None:
        transitions.move(run, RunStatus.SUCCEEDED, "every step passed", failure=None)
        return False
    if remedies.lacks_network(run, step):
        return remedies.ask_for_network(run, step)

    execution, failure = run_step(run, step, workspace)
    if failure is not None and remedies.is_accepted(run, step, failure):
        remedies.accept(run, step, failure)
        failure = None
    verify(run, step, failure, workspace)
    close(run, step, failure)

    if failure is None:
        return True
    if not policy.for_run(run).enabled:
        remedies.take_back_unproved(run, workspace)
        remedies.end_without_attempt(run, failure, step.name)
        return False
    return heal(run, execution, failure, workspace)


def run_step(run: Run, step: Step, workspace: Workspace) -> tuple[StepExecution, Failure | None]:
    """Run a step for the record and say what failed, if anything did."""
    workspace.restore()
    execution, trial = executions.execute(run, step, workspace)
    failure = diagnosis.judge(step, trial, workspace)
    what = f"failed: {failure.message}" if failure else "passed"
    transitions.note(run, "step", f"{step} {what} ({execution.duration_seconds:.1f} s)")
    return execution, failure


def verify(run: Run, step: Step, failure: Failure | None, workspace: Workspace) -> None:
    """A fix counts only if the step passes with it; one that did not help is taken back."""
    attempt = step.attempts.filter(state=AttemptState.CARRIED_OUT).last()
    if failure is None:
        remedies.settle(run, step)
    elif attempt is None:
        return
    elif remedies.helped(attempt, failure):
        timeline.finish([attempt], verified=False)
    else:
        remedies.take_back(run, attempt, workspace)


def close(run: Run, step: Step, failure: Failure | None) -> None:
    """Mark how the step ended: last, so that a worker that dies before it runs the step again."""
    status = StepStatus.PASSED if failure is None else StepStatus.FAILED
    with transaction.atomic():
        transitions.hold(run)
        Step.objects.filter(pk=step.pk).update(status=status)


def heal(run: Run, execution: StepExecution, failure: Failure, workspace: Workspace) -> bool:
    """Climb the signal's playbook until a strategy proposes; then a person, or the end."""
    step = execution.step
    workspace.restore()  # what the failed command did to tracked files is no part of a fix
    effective = policy.for_run(run)
    decision = remedies.Decision(run, execution, failure, effective, workspace)
    spent = effective.budget.spent(
        timeline.attempts_that_acted(run).count(),
        timeline.attempts_that_acted(run).filter(step=step).count(),
    )
    tried = timeline.climbed(timeline.open_episode(run, step), failure)
    told = diagnosis.diagnose(run, step, failure, workspace)
    for name in () if spent else rungs_left(failure, tried):
        proposal = STRATEGIES[name].propose(told)
        if proposal is not None:
            return remedies.decide(decision, name, proposal)

    if last_resort(failure) == StrategyName.ESCALATE:
        return remedies.escalate(decision, STRATEGIES[StrategyName.PATCH].propose(told))
    why = spent or "no strategy has anything left to try"
    remedies.give_up(decision, why, EpisodeOutcome.GIVEN_UP)
    return False
