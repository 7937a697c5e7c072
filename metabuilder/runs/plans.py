"""A plan is a run's ordered steps: where it comes from, when it is refused, how a delta changes it.

A plan given with the run beats `metabuilder.toml` in the source, which beats what is detected.
"""

import re
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from metabuilder.execution import toolchain
from metabuilder.runs.models import Plan, Run, Step
from metabuilder.runs.states import StepStatus

PLAN_FILE = "metabuilder.toml"
MAX_STEPS = 100
RESERVED_ENV = re.compile(r"^(LD_|GIT_|BASH_ENV$|ENV$|PATH$|HOME$|PYTHONHOME$|PYTHONSTARTUP$|IFS$)")
Kind = Annotated[str, Field(pattern="^(format|lint|typecheck|test|security|build|install|migrate|other)$")]


@dataclass(frozen=True)
class PlanError:
    field: str
    detail: str


class PlanRejected(Exception):
    """The plan cannot be used; `errors` names each field and what to do."""

    def __init__(self, errors: list[PlanError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


class StepInput(BaseModel):
    """A step as people write it. `timeout` is in seconds."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]*$")
    run: str = Field(min_length=1, max_length=20_000)
    kind: Kind | None = None
    timeout: int | None = Field(default=None, ge=1, le=86_400)
    env: dict[str, str] = Field(default_factory=dict, max_length=100)
    network: bool = False

    @field_validator("run")
    @classmethod
    def says_something(cls, run: str) -> str:
        if not run.strip() or "\0" in run:
            raise ValueError("write the command to run")
        return run

    @field_validator("env")
    @classmethod
    def leaves_the_loader_alone(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\0" in value:
                raise ValueError(f"{name!r} is not a name for a variable")
            if RESERVED_ENV.match(name):
                raise ValueError(f"{name} is set by the sandbox and cannot be changed")
        return env


class PlanInput(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: list[StepInput] = Field(min_length=1, max_length=MAX_STEPS)

    @field_validator("steps")
    @classmethod
    def names_differ(cls, steps: list[StepInput]) -> list[StepInput]:
        names = [step.name for step in steps]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps are named {name!r}")
        return steps


def parse(document: object) -> PlanInput:
    """Check a plan that somebody wrote; raise PlanRejected with every fault at once."""
    try:
        return PlanInput.model_validate(document, strict=True)
    except ValidationError as error:
        raise PlanRejected(
            [PlanError(".".join(str(part) for part in fault["loc"]) or "plan", _say(fault)) for fault in error.errors()]
        ) from None


def parse_toml(text: str) -> PlanInput:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanRejected([PlanError(PLAN_FILE, f"is not valid TOML: {error}")]) from None
    return parse(document)


def find(files: Collection[str], read: Callable[[str], str]) -> tuple[str, PlanInput]:
    """Return where the plan of a source comes from ("file", "detected") and the plan."""
    if PLAN_FILE in files:
        return "file", parse_toml(read(PLAN_FILE))
    steps = [
        {"name": step.name, "run": step.run, "kind": step.kind, "network": step.network}
        for step in toolchain.detect(files, read)
    ]
    if not steps:
        raise PlanRejected([PlanError("plan", f"nothing to build was recognised: add a {PLAN_FILE} or give a plan")])
    return "detected", parse({"steps": steps})


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
    run.plan_version, run.plan_source = 1, origin
    run.save(update_fields=["plan_version", "plan_source"])
    Plan.objects.create(run=run, version=1, document=document(run))


def document(run: Run) -> dict[str, Any]:  # Any: JSON
    return {"steps": [describe(step) for step in run.steps.order_by("position")]}


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


def _say(fault: Any) -> str:  # Any: pydantic's description of an error
    if fault["type"] == "extra_forbidden":
        return "unknown key; allowed are name, run, kind, timeout, env, network"
    return str(fault["msg"]).removeprefix("Value error, ")
