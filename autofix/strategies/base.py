"""A strategy looks at a failure and proposes what to change. It changes nothing itself."""

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autofix.breaker import Standing
from autofix.budget import Budget
from autofix.failures import Failure
from autofix.fixers.base import ToolResult
from metabuilder.execution.workspace import Workspace

_PLACES = re.compile(r"(?m)^index [0-9a-f]+\.\.[0-9a-f]+.*\n|(?<=^@@) -\d+(?:,\d+)? \+\d+(?:,\d+)? (?=@@)")


@dataclass(frozen=True)
class Suspect:
    """The last patch that was kept before a step failed that had passed before it."""

    attempt_id: str
    number: int
    reverse_patch: str


@dataclass(frozen=True)
class ToolLimits:
    timeout_seconds: float = 120.0
    network: bool = False


@dataclass(frozen=True)
class Bench:
    """What a strategy may try out, in scratch copies only. Nothing of it is recorded.

    `try_steps` runs the failing step, and those that its patch must spare, in a copy; it returns
    the first failure, or None when all passed. `try_others` does so for the tests and type checks
    that have passed before: what may change the meaning of code has to pass them too.
    `fails_unchanged` is the control run: whether the step still fails without any patch.
    """

    scratch_root: Path
    try_steps: Callable[[Workspace], Failure | None]
    run_tool: Callable[[Workspace, Sequence[str], ToolLimits], ToolResult]
    try_others: Callable[[Workspace], Failure | None]
    scratch_prefix: str = "scratch-"
    fails_unchanged: Callable[[int], bool] = lambda _: True


@dataclass(frozen=True)
class KnownPatch:
    """A patch that healed this failure before. `told` says when and where, for people."""

    id: str
    patch: str
    fixer: str
    told: str
    by_person: bool = False


class Memory(Protocol):
    """What was learnt in a tenant of one failure. Forgetting is up to who keeps it."""

    def known(self) -> Sequence[KnownPatch]:
        """Return patches that healed the failure before, the best first."""
        ...

    def did_not_fit(self, known: KnownPatch) -> None:
        """Note that a patch does not apply or does not help any more."""
        ...

    def is_fruitless(self, tree: str) -> bool:
        """True if a repair was searched for in this very tree of late, and none was found."""
        ...

    def note_fruitless(self, tree: str) -> None: ...


class NoMemory:
    """Knows nothing and learns nothing."""

    def known(self) -> Sequence[KnownPatch]:
        return ()

    def did_not_fit(self, known: KnownPatch) -> None:
        pass

    def is_fruitless(self, tree: str) -> bool:  # noqa: ARG002
        return False

    def note_fruitless(self, tree: str) -> None:
        pass


@dataclass(frozen=True)
class Message:
    """What was said to a model ("user") or by it ("assistant")."""

    role: str
    text: str


@dataclass(frozen=True)
class Reply:
    """A model's answer, or the problem, in words, because of which there is none."""

    text: str = ""
    problem: str = ""


class Helper(Protocol):
    """A tenant's model or coding agent. `command` is empty for a model, which is asked instead."""

    @property
    def name(self) -> str: ...

    @property
    def may_apply(self) -> bool:
        """Whether what it proposes, once proved, needs nobody's agreement."""
        ...

    @property
    def command(self) -> str: ...

    def ask(self, system: str, messages: Sequence[Message]) -> Reply:
        """Put a conversation to the model, inside the tenant's and the run's budgets; never raises for its sake."""
        ...


@dataclass(frozen=True)
class EarlierTry:
    """What was tried for the step in this run, what came of it, and the patch if there was one."""

    what: str
    came_of_it: str
    patch: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All that a strategy is told. `plan` is the list of steps as the plan document has them."""

    step: str
    kind: str
    failure: Failure
    workspace: Workspace
    bench: Bench
    plan: Sequence[dict[str, Any]]
    budget: Budget
    retries_so_far: int = 0
    allow_network: bool = False
    allow_unsafe_fixes: bool = True
    suspect: Suspect | None = None
    tried_patches: frozenset[str] = frozenset()
    regressed_kinds: tuple[str, ...] = ()
    circuits: Standing = Standing()
    memory: Memory = field(default_factory=NoMemory)
    find_helper: Callable[[], Helper | None] = lambda: None
    earlier: Sequence[EarlierTry] = ()
    rng: random.Random = field(default_factory=random.Random)

    @property
    def command(self) -> str:
        """The command of the step that failed; empty if the plan does not have it."""
        found = (str(step["run"]) for step in self.plan if step["name"] == self.step)
        return next(found, "")


@dataclass(frozen=True)
class Proposal:
    """What to change before the step runs again. All empty: run it again as it is.

    `verified` says whether the step passed with the patch in a scratch copy; None: not tried.
    `recalls` is the id of the known patch that it repeats. `control` is what running the step again
    without the patch showed; `after` names the strategies that were asked before and had no idea.
    `question` is what a person is asked, where that says more than what the guard found.
    """

    patch: str = ""
    plan_changes: tuple[dict[str, Any], ...] = ()
    delay_seconds: float = 0.0
    fixer: str = ""
    reason: str = ""
    verified: bool | None = None
    undoes: str = ""
    needs_approval: bool = False
    recalls: str = ""
    control: str = ""
    after: tuple[str, ...] = ()
    question: str = ""

    @property
    def changes_or_waits(self) -> bool:
        """False if there is nothing to carry out: the step runs again at once, as it is."""
        return bool(self.patch or self.plan_changes or self.delay_seconds)


class Strategy(Protocol):
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        """Return a proposal, or None when out of ideas. The workspace is left as it was."""
        ...


def digest(patch: str) -> str:
    """Return what tells a patch from another: what it does, not the names of the blobs or the lines it does it at."""
    return hashlib.sha256(_PLACES.sub("", patch).encode()).hexdigest()
