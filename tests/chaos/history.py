"""Invariants of what happened to runs: where they are, how they came there, who worked on them when."""

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

from approvals.models import Gate, GateStatus
from autofix.models import Attempt, AttemptState, Episode
from metabuilder.runs.models import Run, RunEvent, StepExecution
from metabuilder.runs.states import FINAL, MAY_FOLLOW, ExecutionStatus, RunStatus
from tests.chaos.evidence import Evidence
from tests.chaos.scenarios import OVERLAP_EXIT, SOUND

PAUSED = RunStatus.PAUSED_AWAITING_APPROVAL
RESTS = FINAL | {PAUSED}
# What each decision makes of a paused run.
LEADS_TO = {
    GateStatus.APPROVED: RunStatus.QUEUED,
    GateStatus.REJECTED: RunStatus.FAILED,
    GateStatus.CANCELLED: RunStatus.CANCELLED,
    GateStatus.EXPIRED: RunStatus.FAILED,
}


def every_run_rests(_: Evidence) -> list[str]:
    restless = Run.objects.exclude(status__in=RESTS)
    return [f"{run.title} is {run.status} (due {run.due_at}, lease {run.lease_until})" for run in restless]


def no_run_is_lost(evidence: Evidence) -> list[str]:
    titles = list(Run.objects.values_list("title", flat=True))
    twice = {title for title in titles if titles.count(title) > 1} if len(set(titles)) < len(titles) else set()
    lost = [f"{title} was started and is not there" for title in evidence.ordered - set(titles)]
    return sorted(lost) + [f"{title} is there more than once" for title in sorted(twice)]


def events_form_a_path(_: Evidence) -> list[str]:
    found = []
    events = RunEvent.objects.filter(kind="status").order_by("run_id", "id").select_related("run")
    for run, group in groupby(events, key=lambda event: event.run):
        path = [(event.old_status, event.new_status) for event in group]
        found += [f"{run.title}: {fault}" for fault in faults_in(path)]
        if path[-1][1] != run.status:
            found.append(f"{run.title}: the last event says {path[-1][1]}, the run is {run.status}")
    return found


def faults_in(path: list[tuple[str, str]]) -> Iterator[str]:
    if path[0] != ("", RunStatus.QUEUED):
        yield f"begins with {path[0]}"
    for (_, before), (old, new) in pairwise(path):
        if old != before:
            yield f"was {before}, then goes from {old} to {new}"
        elif RunStatus(new) not in MAY_FOLLOW[RunStatus(old)]:
            yield f"goes from {old} to {new}"


def executions_never_overlap(_: Evidence) -> list[str]:
    """One that was given up for lost may have gone on in a frozen worker's sandbox, in a tree of its own."""
    found = []
    rows = StepExecution.objects.order_by("run_id", "number").select_related("run")
    for run, group in groupby(rows, key=lambda row: row.run):
        for before, after in pairwise(group):
            if before.status == ExecutionStatus.LOST:
                continue
            if before.finished_at is None or before.finished_at > after.started_at:
                found.append(f"{run.title}: executions {before.number} and {after.number} overlap")
    return found


def no_two_commands_share_a_tree(_: Evidence) -> list[str]:
    """The steps that nap lock a file of their tree and tell by their exit code if it was locked."""
    rows = StepExecution.objects.filter(exit_code=OVERLAP_EXIT).select_related("run")
    return [f"{row.run.title}: execution {row.number} met another command in its tree" for row in rows]


def no_execution_runs_on_a_resting_run(_: Evidence) -> list[str]:
    rows = StepExecution.objects.filter(status=ExecutionStatus.RUNNING, run__status__in=RESTS).select_related("run")
    return [f"{row.run.title}: execution {row.number} is running and the run is {row.run.status}" for row in rows]


def sound_steps_never_fail(_: Evidence) -> list[str]:
    """A step that cannot fail did, or was given an attempt: a fault of the machinery was taken for its own."""
    rows = StepExecution.objects.filter(step__name__startswith=SOUND, status=ExecutionStatus.FAILED)
    found = [
        f"{row.run.title}: {row.step} failed, exit code {row.exit_code}, {row.verdict or 'by itself'}: {row.message}"
        for row in rows.select_related("run", "step")
    ]
    attempts = Attempt.objects.filter(step__name__startswith=SOUND).select_related("run", "step")
    return found + [f"{row.run.title}: {row.step} was given {row}" for row in attempts]


def nothing_is_open_on_a_finished_run(_: Evidence) -> list[str]:
    attempts = Attempt.objects.filter(run__status__in=FINAL).exclude(state=AttemptState.FINISHED)
    episodes = Episode.objects.filter(run__status__in=FINAL, ended_at=None)
    found = [f"{row.run.title} is {row.run.status}, {row} is {row.state}" for row in attempts.select_related("run")]
    return found + [
        f"{row.run.title} is {row.run.status}, the episode of {row.step} is open"
        for row in episodes.select_related("run", "step")
    ]


def gates_have_one_verdict(_: Evidence) -> list[str]:
    gates = Gate.objects.select_related("run").prefetch_related("votes")
    return [f"{gate.run.title}: gate {gate.pk}: {fault}" for gate in gates for fault in faults_of(gate)]


def faults_of(gate: Gate) -> Iterator[str]:
    verdicts = [vote.verdict for vote in gate.votes.all()]
    approvals, rejections = verdicts.count(GateStatus.APPROVED), verdicts.count(GateStatus.REJECTED)
    expected = {
        GateStatus.PENDING: approvals < gate.required_approvals and not rejections,
        GateStatus.APPROVED: approvals == gate.required_approvals and not rejections,
        GateStatus.REJECTED: rejections == 1 and approvals < gate.required_approvals,
    }
    if not expected.get(GateStatus(gate.status), not rejections):
        yield f"is {gate.status} with the votes {verdicts}"
    if (gate.decided_at is None) != (gate.status == GateStatus.PENDING):
        yield f"is {gate.status}, decided at {gate.decided_at}"


def a_run_waits_for_its_one_open_gate(_: Evidence) -> list[str]:
    found = []
    for run in Run.objects.prefetch_related("gates"):
        pending = sum(gate.status == GateStatus.PENDING for gate in run.gates.all())
        if pending != (1 if run.status == PAUSED else 0):
            found.append(f"{run.title} is {run.status} with {pending} open gates")
    return found


def every_verdict_moved_its_run_once(_: Evidence) -> list[str]:
    found = []
    for run in Run.objects.filter(gates__isnull=False).distinct().prefetch_related("gates", "events"):
        moves = sorted(event.new_status for event in run.events.all() if event.old_status == PAUSED)
        verdicts = sorted(moves_of(run.gates.all()))
        if moves != verdicts:
            found.append(f"{run.title}: its gates lead to {verdicts}, it went to {moves}")
    return found


def moves_of(gates: Iterable[Gate]) -> list[RunStatus]:
    return [LEADS_TO[GateStatus(gate.status)] for gate in gates if gate.status != GateStatus.PENDING]
