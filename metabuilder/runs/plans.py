"""A plan is a run's ordered steps: where it comes from, when it is refused, how a delta changes it.

A plan given with the run beats `metabuilder.toml` in the source, which beats what is detected.
"""

import tomllib
from collections.abc import Callable, Collection
from typing import Any

from django.db import transaction

from metabuilder.execution import toolchain
from metabuilder.runs.models import Plan, Run, Step
from metabuilder.runs.plan_input import PlanError, PlanInput, PlanRejected, parse
from metabuilder.runs.states import StepStatus

PLAN_FILE = "metabuilder.toml"


def parse_toml(text: str) -> PlanInput:
    return parse(loaded(text))


def loaded(text: str) -> dict[str, Any]:  # Any: TOML
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanRejected([PlanError(PLAN_FILE, f"is not valid TOML: {error}")]) from None


def find(files: Collection[str], read: Callable[[str], str]) -> tuple[str, PlanInput]:
    """Return where the plan of a source comes from ("file", "detected") and the plan.

    A file with nothing but rules leaves the steps to be detected.
    """
    written = loaded(read(PLAN_FILE)) if PLAN_FILE in files else {}
    if written and written.keys() != {"rules"}:
        return "file", parse(written)
    steps = [
        {"name": step.name, "run": step.run, "kind": step.kind, "network": step.network}
        for step in toolchain.detect(files, read)
    ]
    if not steps:
        raise PlanRejected([PlanError("plan", f"nothing to build was recognised: add a {PLAN_FILE} or give a plan")])
    return "detected", parse({**written, "steps": steps})


@transaction.atomic
def install(run: Run, plan: PlanInput, origin: str, default_timeout: int) -> None:
    """Make `plan` version 1 of a run that has none."""
    if run.plan_version:
        return
    for position, step in enumerate(plan.steps, start=1):
        Step.objects.create(
            run=run,
            position=position * 10,
            name=step.name,
            kind=step.kind or toolchain.kind_of(step.name, step.run),
            command=step.run,
            timeout_seconds=step.timeout or default_timeout,
            env=step.env,
            network=step.network,
        )
    run.plan_version, run.plan_source, run.rules = 1, origin, plan.rules
    run.save(update_fields=["plan_version", "plan_source", "rules"])
    Plan.objects.create(run=run, version=1, document=document(run))


def document(run: Run) -> dict[str, Any]:  # Any: JSON
    steps = [describe(step) for step in run.steps.order_by("position")]
    return {"steps": steps, "rules": run.rules} if run.rules else {"steps": steps}


def describe(step: Step) -> dict[str, Any]:  # Any: JSON
    return {
        "name": step.name,
        "run": step.command,
        "kind": step.kind,
        "timeout": step.timeout_seconds,
        "env": step.env,
        "network": step.network,
    }


@transaction.atomic
def apply_delta(run: Run, from_version: int, changes: list[dict[str, Any]]) -> bool:
    """Apply the changes of a plan delta as the next version; False if that was done already.

    A change is {"op": add|remove|replace|move, "step", "before": step or None, "after": step or
    None, "position": for add and move, the name of the step it comes before}.
    """
    if run.plan_version != from_version:
        return False
    for change in changes:
        _OPERATIONS[change["op"]](run, change)
    run.plan_version = from_version + 1
    run.save(update_fields=["plan_version"])
    Plan.objects.create(run=run, version=run.plan_version, document=document(run))
    return True


def _add(run: Run, change: dict[str, Any]) -> None:
    position = _make_room(run, change["position"])
    Step.objects.create(run=run, position=position, name=change["step"], **_fields(change["after"]))


def _remove(run: Run, change: dict[str, Any]) -> None:
    run.steps.filter(name=change["step"]).update(removed_in=run.plan_version + 1)


def _replace(run: Run, change: dict[str, Any]) -> None:
    run.steps.filter(name=change["step"]).update(status=StepStatus.PENDING, **_fields(change["after"]))


def _move(run: Run, change: dict[str, Any]) -> None:
    position = _make_room(run, change["position"])
    run.steps.filter(name=change["step"]).update(position=position)


_OPERATIONS = {"add": _add, "remove": _remove, "replace": _replace, "move": _move}


def _make_room(run: Run, before: str) -> int:
    """Return a free position just before the step named `before`, shifting the rest."""
    position = run.steps.values_list("position", flat=True).get(name=before)
    for step in run.steps.filter(position__gte=position).order_by("-position"):
        step.position += 10
        step.save(update_fields=["position"])
    return int(position)


def _fields(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": step["kind"],
        "command": step["run"],
        "timeout_seconds": step["timeout"],
        "env": step["env"],
        "network": step["network"],
    }
