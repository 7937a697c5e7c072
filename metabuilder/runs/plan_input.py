"""May a plan that somebody wrote be used? Every fault is said at once, with its field and what to do."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

MAX_STEPS = MAX_NAME = MAX_VARIABLES = 100
MAX_COMMAND = 20_000
MAX_RULES = 50
DAY = 86_400
KINDS = ("format", "lint", "typecheck", "test", "security", "build", "install", "migrate", "other")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED_ENV = re.compile(r"^(LD_|GIT_|BASH_ENV$|ENV$|PATH$|HOME$|PYTHONHOME$|PYTHONSTARTUP$|IFS$)")
Faults = Iterator[tuple[str, str]]  # where, what


@dataclass(frozen=True)
class PlanError:
    field: str
    detail: str


class PlanRejected(Exception):
    """The plan cannot be used; `errors` names each field and what to do."""

    def __init__(self, errors: list[PlanError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


@dataclass(frozen=True)
class StepInput:
    """A step as people write it. `timeout` is in seconds."""

    name: str
    run: str
    kind: str | None = None
    timeout: int | None = None
    env: dict[str, str] = field(default_factory=dict)
    network: bool = False


@dataclass(frozen=True)
class PlanInput:
    """`rules` are the project's own of the classifier, as they were written."""

    steps: list[StepInput]
    rules: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON


def parse(document: object) -> PlanInput:
    """Check a plan that somebody wrote; raise PlanRejected with every fault at once."""
    errors = [PlanError(where, what) for where, what in _of_plan(document)]
    if errors or not isinstance(document, Mapping):
        raise PlanRejected(errors)
    return PlanInput([StepInput(**step) for step in document["steps"]], document.get("rules", []))


def _of_plan(document: object) -> Faults:
    if not isinstance(document, Mapping):
        yield "plan", 'write a table or object with "steps"'
        return
    yield from _unknown(document, ("steps", "rules"), "")
    yield from _of_rules(document.get("rules", []))
    steps = document.get("steps")
    if "steps" not in document:
        yield "steps", "is required"
    elif not isinstance(steps, list):
        yield "steps", "write a list of steps"
    elif not 1 <= len(steps) <= MAX_STEPS:
        yield "steps", f"write at least 1 and at most {MAX_STEPS} steps; these are {len(steps)}"
    else:
        faults = [fault for number, step in enumerate(steps) for fault in _of_step(step, f"steps.{number}")]
        yield from faults or _twice([step["name"] for step in steps])


def _of_rules(rules: object) -> Faults:
    if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
        yield "rules", "write a list of tables or objects"
        return
    if len(rules) > MAX_RULES:
        yield "rules", f"write at most {MAX_RULES} rules; these are {len(rules)}"
        return
    names = [str(rule.get("name")) for rule in rules]
    for number, rule in enumerate(rules):
        fault = import_string(settings.PLAN_RULE_FAULT)(rule)
        if fault is not None:
            yield f"rules.{number}.{fault[0]}", fault[1]
        elif names[number] in names[:number]:
            yield f"rules.{number}.name", f"two rules are named {names[number]!r}"


def _twice(names: list[str]) -> Faults:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "steps", f"two steps are named {name!r}"


def _of_step(step: object, where: str) -> Faults:
    if not isinstance(step, Mapping):
        yield where, f"write a table or object with {', '.join(CHECKS)}"
        return
    yield from _unknown(step, CHECKS.keys(), f"{where}.")
    for name, (is_required, check) in CHECKS.items():
        if name in step:
            yield from check(step[name], f"{where}.{name}")
        elif is_required:
            yield f"{where}.{name}", "is required"


def _unknown(table: Mapping[Any, Any], known: Any, where: str) -> Faults:  # Any: keys as somebody wrote them
    for key in table:
        if key not in known:
            yield f"{where}{key}", f"unknown key; allowed are {', '.join(known)}"


def _name(value: object, where: str) -> Faults:
    if not isinstance(value, str):
        yield where, "write a string"
    elif not 1 <= len(value) <= MAX_NAME:
        yield where, f"write at least 1 and at most {MAX_NAME} characters; these are {len(value)}"
    elif not NAME.fullmatch(value):
        yield where, "write letters, digits, spaces and . _ : / -, a letter or digit first"


def _run(value: object, where: str) -> Faults:
    if not isinstance(value, str):
        yield where, "write a string, the command to run"
    elif not value.strip() or "\0" in value:
        yield where, "write the command to run"
    elif len(value) > MAX_COMMAND:
        yield where, f"write at most {MAX_COMMAND:,} characters; these are {len(value):,}"


def _kind(value: object, where: str) -> Faults:
    if value is not None and value not in KINDS:
        yield where, f"choose one of {', '.join(KINDS)}"


def _timeout(value: object, where: str) -> Faults:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        yield where, "write a whole number of seconds, an integer"
    elif not 1 <= value <= DAY:
        yield where, f"write seconds from 1 to {DAY:,} (a day)"


def _env(value: object, where: str) -> Faults:
    if not isinstance(value, Mapping):
        yield where, "write a table or object of names and strings"
        return
    if len(value) > MAX_VARIABLES:
        yield where, f"write at most {MAX_VARIABLES} variables; these are {len(value)}"
    for name, text in value.items():
        if not isinstance(text, str):
            yield f"{where}.{name}", "write a string"
        elif not isinstance(name, str) or not VARIABLE.fullmatch(name) or "\0" in text:
            yield where, f"{name!r} is not a name for a variable"
        elif RESERVED_ENV.match(name):
            yield where, f"{name} is set by the sandbox and cannot be changed"


def _network(value: object, where: str) -> Faults:
    if not isinstance(value, bool):
        yield where, "write true or false"


CHECKS: dict[str, tuple[bool, Callable[[object, str], Faults]]] = {
    "name": (True, _name),
    "run": (True, _run),
    "kind": (False, _kind),
    "timeout": (False, _timeout),
    "env": (False, _env),
    "network": (False, _network),
}
