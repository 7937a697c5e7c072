"""The product's task with steps that are no-ops: rows, leases and decisions are as in production.

Only in the process that imports this: a workspace is a name, a step's command is not run, and a retry
waits as long as its step's command asks for (`flaky 0.5`; zero if it asks for nothing). `nap 2` waits two
seconds, as for a command: the lease is looked at and renewed meanwhile.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings

from autofix import budget, tasks
from metabuilder.execution.command import CommandResult, Verdict
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.supervision import STOP_CHECK_SECONDS
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import executions, workspaces
from metabuilder.runs.executions import Heartbeat, Trial
from metabuilder.runs.models import Run, Step

FLAKY, NAP = "flaky", "nap"
LOG = b"ERROR: Connection reset by peer\n"


class NoWorkspace(Workspace):
    """A tree without files, in which nothing ever changes."""

    def head(self) -> str:
        return "0" * 40

    def applied_keys(self) -> frozenset[str]:
        return frozenset()

    def files(self) -> list[str]:
        return []

    def untracked(self) -> frozenset[str]:
        return frozenset()

    def break_locks(self) -> None:
        """There are none."""

    def restore(self) -> None:
        """Nothing was changed."""

    def remove(self) -> None:
        """There is nothing."""


class _Waits:
    """How long the retry waits that is decided next in this process."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def backoff_seconds(self, *_: Any, **__: Any) -> float:  # Any: what the product's own is given
        return self.seconds


_waits = _Waits()


def advance(*given: Any, **named: Any) -> Any:  # Any: what the queue hands over
    sign(os.getpid())
    return tasks.advance(*given, **named)


@cache
def sign(worker: int) -> None:
    """Leave word which processes are workers: django-q2's other ones look alike."""
    (Path(settings.BENCH_SCRATCH) / f"worker-{worker}").touch()


def open_nothing(run: Run, *_: Any, **__: Any) -> Workspace:  # Any: patches and keys
    return NoWorkspace(settings.WORK_DIR / "workspaces" / str(run.pk), Sandbox(mode="none"))


def leave_alone(*_: Any, **__: Any) -> None:  # Any: a run
    """There is no tree to tidy up."""


def run_nothing(
    step: Step, workspace: Workspace, heartbeat: Heartbeat, on_output: Callable[[bytes], None] | None = None
) -> Trial:
    """Pass at once; a flaky step fails the first time, as a cut connection does."""
    if step.command.startswith(NAP):
        nap(float(step.command.removeprefix(NAP)), heartbeat)
    if not step.command.startswith(FLAKY) or not is_first_time(step):
        return Trial(CommandResult(Verdict.PASSED, 0, 0.0, b"", 0, False, "none", ""))
    _waits.seconds = float(step.command.removeprefix(FLAKY) or 0)
    if on_output is not None:
        on_output(LOG)
    return Trial(CommandResult(Verdict.FAILED, 1, 0.0, LOG, len(LOG), False, "none", "it exited with code 1"))


def nap(seconds: float, heartbeat: Heartbeat) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not heartbeat.should_stop():
        time.sleep(min(STOP_CHECK_SECONDS, left))


def is_first_time(step: Step) -> bool:
    """Files are what a real command would tell its second start by: no row is read for it."""
    mark = Path(settings.BENCH_SCRATCH) / str(step.run_id)
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def replace(module: ModuleType, name: str, stand_in: Callable[..., Any]) -> None:
    """Put a stand-in for a function of the product's, wherever a module has it under its name."""
    original = getattr(module, name)
    for loaded in list(sys.modules.values()):
        if getattr(loaded, "__name__", "").startswith(("autofix", "metabuilder")) and (
            getattr(loaded, name, None) is original
        ):
            setattr(loaded, name, stand_in)


def become_noop() -> None:
    replace(workspaces, "open_for", open_nothing)
    replace(workspaces, "tidy_up", leave_alone)
    replace(executions, "run_step", run_nothing)
    replace(budget, "backoff_seconds", _waits.backoff_seconds)


become_noop()
