"""Runs a step's command in the sandbox and keeps the evidence: log, reports, how it ended.

While a command runs the worker's lease is renewed, and the command is killed once the lease is lost
(a cancelled run, another worker). Reading order: `begin`, `carry_out` and `finish`
record, `run_step` only runs.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.db.models import Max

from metabuilder.execution import files, report_files, toolchain
from metabuilder.execution.sandbox import Command, CommandResult, Limits, Mount, Sandbox, Verdict
from metabuilder.execution.toolchain import Toolchain
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import rows, stopping, transitions, workers
from metabuilder.runs.logs import LogWriter
from metabuilder.runs.models import Run, RunEvent, Step, StepExecution
from metabuilder.runs.states import ExecutionStatus, StepStatus

REPORTS_TARGET = "/reports"
WORKSPACE_TARGET = "/workspace"
REPORT_BYTES = 8 << 20
KEPT_REPORT_CHARACTERS = 256 << 10
KEPT_IN_ALL_CHARACTERS = 1 << 20
REPORT_SECONDS = 120.0
LEASE_LOOK_SECONDS = 0.75
PROJECT_TOOLS = (".venv/bin", "node_modules/.bin")
JUNIT = "junit.xml"
UNSANDBOXED = "none"
LAST_GREEN = """
SELECT execution.id, execution.log_characters, execution.log_file
FROM runs_stepexecution execution JOIN runs_step step ON step.id = execution.step_id
WHERE execution.run_id = (
  SELECT id FROM runs_run WHERE project_id = %s AND status = 'succeeded' ORDER BY created_at DESC LIMIT 1
) AND step.name = %s AND execution.status = 'passed'
ORDER BY execution.number DESC LIMIT 1
"""


@dataclass(frozen=True)
class Trial:
    """How a command ended and what its tool reported, by report name ("junit", "ruff", …)."""

    result: CommandResult
    reports: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.result.ok

    @property
    def verdict(self) -> str:
        """Return what the sandbox ended the command for; empty if it ended by itself."""
        own_end = self.result.verdict in {Verdict.PASSED, Verdict.FAILED}
        return "" if own_end else str(self.result.verdict)


@dataclass(frozen=True)
class End:
    """What a step's end makes of it, in words too, and what else is to be written in the same breath."""

    status: StepStatus
    message: str
    writes: Sequence[rows.Update] = ()


class Interrupted(Exception):
    """This node is stopping: what runs was ended, to be run again elsewhere."""


class OutOfTime(Exception):
    """The run has used up the time it may take."""


class Heartbeat:
    """Keeps the lease of a run alive between looks; says when to stop.

    While the database is away a command goes on for as long as the lease may be taken to last.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._looked = self._renewed = time.monotonic()
        self._lost = False
        self._interrupted = False

    def should_stop(self) -> bool:
        now = time.monotonic()
        self._interrupted = self._interrupted or stopping.is_overdue()
        if self._interrupted or is_out_of_time(self.run):
            return True
        try:
            self._look(now)
        except Error:
            connection.close()
            self._looked = now
            self._lost = now - self._renewed >= settings.LEASE_SECONDS
        return self._lost

    def check(self) -> None:
        """Raise why a command was ended, if it was not for its own sake."""
        if self._lost:
            raise transitions.LeaseLost(f"run {self.run.pk} was taken or cancelled")
        if self._interrupted:
            raise Interrupted
        check_time(self.run)

    def _look(self, now: float) -> None:
        if now - self._renewed >= settings.LEASE_SECONDS / 3:
            self._lost = not transitions.renew(self.run)
            self._looked = self._renewed = now
        elif now - self._looked >= LEASE_LOOK_SECONDS:
            self._lost = not transitions.is_held(self.run)
            self._looked = now


def is_out_of_time(run: Run) -> bool:
    return time.monotonic() >= run.out_of_time_at


def check_time(run: Run) -> None:
    """Raise what ends the work on a run between two commands."""
    if is_out_of_time(run):
        raise OutOfTime
    if stopping.is_asked():
        raise Interrupted


def begin(run: Run, step: Step) -> StepExecution:
    """Write down that a step is about to run."""
    if run.executions_begun is None:
        last = 0 if run.is_new else run.executions.aggregate(last=Max("number"))["last"]
        run.executions_begun = last or 0
    run.executions_begun += 1
    execution = StepExecution(run=run, step=step, number=run.executions_begun, fence=run.fence)
    transitions.write(run, rows.Insert(execution), marked(step, StepStatus.RUNNING))
    return execution


def carry_out(execution: StepExecution, workspace: Workspace) -> tuple[Trial, LogWriter]:
    """Run the step of an execution, its output going to the log; raise what ended it before its time."""
    writer = LogWriter(execution, settings.STEP_LOG_LIMIT_BYTES)
    heartbeat = Heartbeat(execution.run)
    trial = run_step(execution.step, workspace, heartbeat, writer.write)
    heartbeat.check()
    return trial, writer


def finish(execution: StepExecution, trial: Trial, writer: LogWriter, end: End) -> None:
    """Write down how a step ended: the rest of its log, its execution, its status, and an event."""
    run, result = execution.run, trial.result
    chunks = writer.close(result.output)
    values = {
        "status": ExecutionStatus.PASSED if result.ok else ExecutionStatus.FAILED,
        "verdict": trial.verdict,
        "exit_code": result.exit_code,
        "message": result.message[:500],
        "sandbox_level": result.level,
        "log_bytes": writer.seen_bytes,
        "log_truncated": writer.truncated,
        "log_characters": writer.characters,
        "reports": kept_reports(trial.reports),
        "duration_seconds": result.duration_seconds,
    }
    ended = rows.Update(StepExecution, {"id": execution.pk}, {"finished_at": rows.NOW, **values})
    event = RunEvent(run=run, kind="step", message=transitions.brief(end.message))
    log = [rows.Insert(chunk) for chunk in chunks]
    done = [marked(execution.step, end.status), *end.writes]
    transitions.write(run, ended, *done, rows.Insert(event), *log, **progress_of(execution))
    transitions.tell(event)
    for name, value in values.items():
        setattr(execution, name, value)


def last_green(step: Step) -> StepExecution | None:
    """Return the last passed execution of the step of this name in the project's last run that succeeded.

    Asked at every failure, so its text is ready. Only what a log is read by is loaded.
    """
    with rows.prepared_cursor() as cursor:
        project = Run._meta.get_field("project").get_db_prep_value(step.run.project_id, connection)
        cursor.execute(LAST_GREEN, [project, step.name])
        found = cursor.fetchone()
    if found is None:
        return None
    number, characters, name = found
    return StepExecution(pk=number, log_characters=characters, log_file=name)


def kept_reports(reports: Mapping[str, str]) -> dict[str, str]:
    """Return those that are small enough to keep, the smallest first, until there is no more room."""
    kept: dict[str, str] = {}
    left = KEPT_IN_ALL_CHARACTERS
    for name, text in sorted(reports.items(), key=lambda pair: (len(pair[1]), pair[0])):
        if len(text) <= min(KEPT_REPORT_CHARACTERS, left):
            kept[name] = text
            left -= len(text)
    return kept


def progress_of(execution: StepExecution) -> dict[str, int]:
    """Return what a first result of a step changes: the workers lost so far are forgotten."""
    run = execution.run
    if not run.workers_lost:
        return {}
    ended = [ExecutionStatus.PASSED, ExecutionStatus.FAILED]
    if execution.step.executions.filter(status__in=ended).exists():
        return {}
    run.workers_lost = 0
    return {"workers_lost": 0}


def marked(step: Step, status: StepStatus) -> rows.Update:
    """Return the write that gives a step its status; the object in hand has it from now on."""
    step.status = status
    return rows.Update(Step, {"id": step.pk}, {"status": status})


def run_step(
    step: Step,
    workspace: Workspace,
    heartbeat: Heartbeat,
    on_output: Callable[[bytes], None] | None = None,
) -> Trial:
    """Run a step's command and collect its reports; nothing is recorded."""
    reports = settings.WORK_DIR / "reports" / workers.directory_name()
    reports.mkdir(parents=True)
    try:
        workspace.sandbox.hand_over(reports)
        command = step_command(step, workspace, reports)
        began = time.time()
        result = workspace.sandbox.run(command, on_output, heartbeat.should_stop)
        own = {} if result.ok and step.kind != "security" else report_files.written_since(workspace.tree, began)
        found = own | collect(step, workspace, reports, heartbeat, result)
        return Trial(result, found)
    finally:
        shutil.rmtree(reports, ignore_errors=True)


def run_tool(
    workspace: Workspace,
    argv: Sequence[str],
    timeout_seconds: float,
    heartbeat: Heartbeat,
    *,
    network: bool = False,
) -> CommandResult:
    """Run a tool of the service or project in a workspace."""
    limits = Limits(wall_seconds=timeout_seconds, cpu_seconds=int(timeout_seconds) + 1)
    command = Command(
        argv=tuple(argv),
        workdir=workspace.tree,
        env={**tools().env(), **settings.STEP_ENV},
        path=search_path(),
        network=network,
        limits=limits,
        mounts=tuple(tools().mounts()),
        git_dir=workspace.git_dir,
    )
    result = workspace.sandbox.run(command, None, heartbeat.should_stop)
    heartbeat.check()
    return result


def step_command(step: Step, workspace: Workspace, reports: Path) -> Command:
    mount = Mount(reports, REPORTS_TARGET, writable=True)
    seen_at = workspace.sandbox.seen_at(mount)
    env = {**tools().env(), **settings.STEP_ENV, **step.env}
    env.update(toolchain.report_env(step.command, seen_at, env))
    return Command(
        argv=("/bin/sh", "-ec", step.command),
        workdir=workspace.tree,
        env=env,
        path=search_path(),
        network=step.network,
        limits=Limits(
            wall_seconds=step.timeout_seconds,
            cpu_seconds=step.timeout_seconds * 4,
            memory_bytes=settings.STEP_MEMORY_MIB << 20,
            output_bytes=settings.STEP_LOG_LIMIT_BYTES,
        ),
        mounts=(mount, *tools().mounts()),
        git_dir=workspace.git_dir,
    )


def collect(
    step: Step, workspace: Workspace, reports: Path, heartbeat: Heartbeat, result: CommandResult
) -> dict[str, str]:
    """Return what the tool says in a machine's format: a report it wrote, or one asked of it again."""
    found: dict[str, str] = {}
    with suppress(files.UnsafePath, FileNotFoundError):
        written = files.read_bytes(reports, JUNIT, REPORT_BYTES)
        found["junit"] = written.decode(errors="replace").replace("\0", "")
    wanted = toolchain.report_command(step.command)
    ended_by_itself = result.verdict in {Verdict.PASSED, Verdict.FAILED}
    if wanted and ended_by_itself and (not result.ok or step.kind == "security"):
        name, argv = wanted
        text = run_tool(workspace, argv, REPORT_SECONDS, heartbeat).text
        found[name] = text.replace("\0", "")
    return found


def workspace_seen_at(workspace: Workspace) -> str:
    """Return the path at which a step's tools saw the working tree."""
    return workspace.sandbox.seen_at(Mount(workspace.tree, WORKSPACE_TARGET))


def search_path() -> tuple[str, ...]:
    return (*PROJECT_TOOLS, str(tools().bin))


def sandbox_for(run: Run) -> Sandbox:
    mode = UNSANDBOXED if run.unsandboxed else settings.METABUILDER_SANDBOX
    return Sandbox(mode=mode, step_uid=settings.SANDBOX_STEP_UID)


@cache
def tools() -> Toolchain:
    return Toolchain(settings.DATA_DIR)
