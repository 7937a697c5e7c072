"""The baseline's work: one task per attempt of a step, each of which queues the next."""

import os
import subprocess

from django_q.tasks import async_task

STEPS = 3
FLAKY = 2


def attempt(run: str, step: int, again: bool = False) -> int:
    """Do nothing, as a step; the second fails once and queues its retry. Return the worker's pid."""
    if step == FLAKY and not again:
        queue_attempt(run, step, again=True)
    elif step < STEPS:
        queue_attempt(run, step + 1)
    return os.getpid()


def queue_attempt(run: str, step: int, again: bool = False) -> None:
    async_task("scripts.benchmarks.raw.tasks.attempt", run, step, again, task_name=name_of(run, step, again))


def command(run: str, left: int) -> int:
    """Run `true` and queue the next of `left` such steps."""
    subprocess.run(["true"], check=True)
    if left > 1:
        queue_command(run, left - 1)
    return os.getpid()


def queue_command(run: str, left: int) -> None:
    name = name_of(run, STEPS) if left == 1 else f"{run}/left-{left}"
    async_task("scripts.benchmarks.raw.tasks.command", run, left, task_name=name)


def name_of(run: str, step: int, again: bool = False) -> str:
    return f"{run}/{step}{'-again' if again else ''}"
