"""From an ended command to what the strategies are told: the failure, and a bench to try things on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.functional import SimpleLazyObject

from approvals.models import GateStatus
from autofix import memory, model_calls, rulebooks
from autofix.breaker import Standing
from autofix.classifier import Evidence, classify, findings_despite_success
from autofix.failures import Failure, Signal
from autofix.fixers.base import ToolResult
from autofix.models import Attempt, AttemptState, Outcome
from autofix.strategies import Bench, Diagnosis, EarlierTry, Suspect, ToolLimits, digest
from autofix.timeline import Decision
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import executions, logs, plans, workers
from metabuilder.runs.executions import Heartbeat, Trial
from metabuilder.runs.models import Run, Step
from metabuilder.runs.states import ExecutionStatus, StepStatus

LOG_BYTES = 1 << 20
# Steps that say whether code still does what it did, and all that make nothing that others need.
JUDGES = ("test", "typecheck")
ONLY_LOOK = (*JUDGES, "format", "lint", "security")
# What is built may name its failures, but not talk itself out of these.
NOT_FOR_THE_SOURCE_TO_SAY = frozenset({Signal.SECURITY, Signal.POLICY})
# A patch that was tried or refused; one that was never carried out may be proposed again.
SPENT = ~Q(commit="") | Q(state=AttemptState.CARRIED_OUT) | Q(gate__status=GateStatus.REJECTED)


def judge(step: Step, trial: Trial, workspace: Workspace) -> Failure | None:
    """Return what failed, or None. A security tool's finding is a failure whatever its exit code."""
    evidence = Evidence(
        step_name=step.name,
        log=trial.result.text,
        exit_code=trial.result.exit_code,
        kind=step.kind,
        command=step.command,
        reports=trial.reports,
        verdict=trial.verdict,
        workspace=executions.workspace_seen_at(workspace),
    )
    if trial.ok:
        return findings_despite_success(evidence)
    of_plan, of_tenant = rulebooks.of_run(step.run), rulebooks.recent_of_tenant(step.run.tenant)
    evidence = replace(evidence, green_log=last_green_log(step), own_rules=(*of_plan, *of_tenant))
    failure = classify(evidence)
    if failure.rule not in {rule.id for rule in of_plan}:
        return failure
    without = classify(replace(evidence, own_rules=of_tenant))
    return without if without.signal in NOT_FOR_THE_SOURCE_TO_SAY else failure


def last_green_log(step: Step) -> str:
    """Return the end of what this step wrote in the project's last run that succeeded; empty if there is none."""
    found = executions.last_green(step)
    if found is None or not found.log_characters:
        return ""
    return "".join(logs.read(found, max(0, found.log_characters - LOG_BYTES)))


def diagnose(about: Decision, standing: Standing) -> Diagnosis:
    """Return what the strategies are told; what costs a look at the database is looked up when asked for."""
    run, step, failure, workspace = about.run, about.step, about.failure, about.workspace
    regressed = lazy(lambda: steps_to_spare(run, step))
    turned_down = lazy(lambda: memory.turned_down(about))
    return Diagnosis(
        step=step.name,
        kind=step.kind,
        failure=failure,
        workspace=workspace,
        bench=lazy(lambda: make_bench(about, [step, *regressed])),
        plan=lazy(lambda: plans.document(run)["steps"]),
        budget=about.effective.budget,
        retries_so_far=sum(attempt.outcome == Outcome.RETRIED for attempt in about.past.of_episode),
        allow_network=run.tenant.allow_network,
        allow_unsafe_fixes=settings.META_V3_UNSAFE_FIXES,
        suspect=suspect(run, step, workspace) if any(each.commit for each in about.past.attempts) else None,
        tried_patches=lazy(lambda: tried_patches(run) | turned_down[0]),
        regressed_kinds=lazy(lambda: tuple(other.kind for other in regressed)),
        circuits=replace(standing, left_out=lazy(lambda: {**standing.left_out, **turned_down[1]})),
        memory=memory.TenantMemory(about),
        find_helper=lambda: model_calls.for_decision(about),
        earlier=lazy(lambda: earlier_tries(run, step)),
    )


def lazy(look_up: Callable[[], Any]) -> Any:  # Any: stands for what is looked up
    return SimpleLazyObject(look_up)


def tried_patches(run: Run) -> frozenset[str]:
    patches = run.attempts.filter(SPENT).exclude(patch="").values_list("patch", flat=True)
    return frozenset(map(digest, patches))


def earlier_tries(run: Run, step: Step) -> list[EarlierTry]:
    """Return what was done about a step in this run, and what came of it; what a person said counts most."""
    tries = run.attempts.filter(step=step).exclude(patch="").select_related("gate").order_by("number")
    return [EarlierTry(each.fixer or each.strategy, came_of(each), each.patch) for each in tries]


def came_of(attempt: Attempt) -> str:
    if attempt.gate is not None and attempt.gate.status == GateStatus.REJECTED:
        said = " ".join(vote.comment for vote in attempt.gate.votes.all() if vote.comment)
        return f"a person rejected it: {said}" if said else "a person rejected it"
    if attempt.taken_back or attempt.verified is False:
        return "the step still failed, and it was taken back"
    return "it was kept"


def make_bench(about: Decision, steps: Sequence[Step]) -> Bench:
    trials = Trials(about, steps, Heartbeat(about.run))
    prefix = workers.directory_prefix()
    return Bench(scratch_root(), trials.try_steps, trials.run_tool, trials.try_others, prefix, trials.fails_unchanged)


def scratch_root() -> Path:
    root: Path = settings.WORK_DIR / "scratch"
    root.mkdir(parents=True, exist_ok=True)
    return root


@dataclass(frozen=True)
class Trials:
    """What is run in scratch copies while this worker holds the run."""

    about: Decision
    steps: Sequence[Step]
    heartbeat: Heartbeat

    def try_steps(self, workspace: Workspace) -> Failure | None:
        return self.first_failure(self.steps, workspace)

    def try_others(self, workspace: Workspace) -> Failure | None:
        passed, to_come = steps_that_judge(self.about.run, self.about.step)
        return self.first_failure(passed, workspace) or next(self.new_failures(to_come, workspace), None)

    def fails_unchanged(self, times: int) -> bool:
        """Run the failing step again without any patch, up to so many times; False once it passes."""
        for _ in range(times):
            with self.about.workspace.scratch(scratch_root(), workers.directory_prefix()) as unchanged:
                if self.first_failure([self.about.step], unchanged) is None:
                    return False
        return True

    def new_failures(self, steps: Sequence[Step], workspace: Workspace) -> Iterator[Failure]:
        """What fails here, unless it fails just so in the run's own tree."""
        for step in steps:
            failure = self.first_failure([step], workspace)
            if failure is not None:
                with self.about.workspace.scratch(scratch_root(), workers.directory_prefix()) as unchanged:
                    before = self.first_failure([step], unchanged)
                if before is None or not failure.finding_ids <= before.finding_ids:
                    yield failure

    def first_failure(self, steps: Sequence[Step], workspace: Workspace) -> Failure | None:
        for step in steps:
            trial = executions.run_step(step, workspace, self.heartbeat)
            self.heartbeat.check()
            failure = judge(step, trial, workspace)
            if failure is not None:
                return failure
        return None

    def run_tool(self, workspace: Workspace, argv: Sequence[str], limits: ToolLimits) -> ToolResult:
        seconds, network = limits.timeout_seconds, limits.network
        result = executions.run_tool(workspace, argv, seconds, self.heartbeat, network=network)
        return ToolResult(result.exit_code if result.exit_code is not None else 1, result.text)


def suspect(run: Run, step: Step, workspace: Workspace) -> Suspect | None:
    """Return the last patch kept since the step last passed, if the step passed before it."""
    passed = step.executions.filter(status=ExecutionStatus.PASSED).order_by("-number").first()
    if passed is None:
        return None
    kept = run.attempts.exclude(commit="").filter(taken_back=False, undoes=None, verified=True)
    machine_made = kept.exclude(gate__status=GateStatus.APPROVED)  # a person's patch is a person's to undo
    last = machine_made.exclude(step=step).filter(execution__number__gt=passed.number).last()
    if last is None:
        return None
    commit = workspace.commit_of(str(last.pk))
    reverse = workspace.diff_between(commit, f"{commit}^")
    return Suspect(str(last.pk), last.number, reverse)


def steps_to_spare(run: Run, step: Step) -> list[Step]:
    """Return the passed steps that a patch for this one must not break: those one broke before, and layout.

    Layout is cheap to check, and most patches touch it.
    """
    undone = run.attempts.filter(step=step, undone_by__isnull=False)
    broken = Attempt.objects.filter(undoes__in=undone).values("step")
    passed = run.steps.filter(status=StepStatus.PASSED).exclude(pk=step.pk)
    return list(passed.filter(Q(pk__in=broken) | Q(kind="format")))


def steps_that_judge(run: Run, step: Step) -> tuple[list[Step], list[Step]]:
    """Return the tests and type checks that have passed, and those to come for which nothing has to be made before."""
    others = run.steps.exclude(pk=step.pk).order_by("position")
    passed = others.filter(status=StepStatus.PASSED, kind__in=JUDGES)
    later = others.filter(status=StepStatus.PENDING, position__gt=step.position)
    ready = takewhile(lambda each: each.kind in ONLY_LOOK, later)
    return list(passed), [each for each in ready if each.kind in JUDGES]
