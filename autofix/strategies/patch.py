"""Let deterministic fixers work on a scratch copy, one after the other, until the step passes there.

The proposal is everything they changed together. A chain that only gets part of the way is
proposed too, when what is left is strictly less: the loop keeps it only if the step bears it out.
For failing tests that no fixer has a recipe for, a repair is searched for: see `repair`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from autofix import fixers
from autofix.failures import Failure
from autofix.fixers.base import Fixer, ToolResult
from autofix.guard.paths import matches
from autofix.playbooks import ASKS_A_PERSON
from autofix.progress import is_progress
from autofix.strategies import agent, recall, repair
from autofix.strategies.base import Bench, Diagnosis, Proposal, ToolLimits, digest
from metabuilder.execution.workspace import Workspace, WorkspaceError

MAX_LINKS = 12


@dataclass
class Seen:
    """What is known of a tree as long as nobody did anything to it."""

    is_touched: bool = False
    files: Sequence[str] | None = None


@dataclass(frozen=True)
class ScratchTree:
    """A scratch workspace as fixers see it."""

    workspace: Workspace
    bench: Bench
    command: str = ""
    network: bool = False
    seen: Seen = field(default_factory=Seen)

    def after_trial(self) -> "ScratchTree":
        """Return the tree as it was last committed: what else was done to it is no part of a fix."""
        if not self.seen.is_touched:
            return self
        self.workspace.restore()
        return replace(self, workspace=self.workspace.as_seen_now(), seen=Seen())

    def run(self, argv: Sequence[str], timeout_seconds: float = 120) -> ToolResult:
        self.seen.is_touched, self.seen.files = True, None
        return self.bench.run_tool(self.workspace, argv, ToolLimits(timeout_seconds, self.network))

    def read(self, path: str) -> str:
        try:
            return self.workspace.read(path)
        except WorkspaceError as error:
            raise FileNotFoundError(str(error)) from None

    def write(self, path: str, text: str) -> None:
        self.seen.is_touched, self.seen.files = True, None
        self.workspace.write(path, text)

    def files(self) -> Sequence[str]:
        if self.seen.files is None:
            self.seen.files = self.workspace.files()
        return self.seen.files


@dataclass(frozen=True)
class Link:
    """A fixer that changed something, the commit that holds it, and what the step then complains about."""

    fixer: Fixer
    commit: str
    left: Failure | None


@dataclass
class Chain:
    """The fixers that changed something so far; `start` is the commit before the first."""

    start: str
    first: Failure
    links: list[Link] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)

    @property
    def left(self) -> Failure | None:
        return self.links[-1].left if self.links else self.first

    @property
    def helped(self) -> bool:
        return self.left is None or is_progress(self.first, self.left)

    @property
    def names(self) -> str:
        return " + ".join(dict.fromkeys(link.fixer.name for link in self.links))[:100]

    def proved(self) -> "Chain":
        """Return what may be proposed: what is unsafe only if the step passes with it."""
        if self.left is None:
            return self
        safe = takewhile(lambda link: not link.fixer.is_unsafe, self.links)
        return replace(self, links=list(safe))

    def patch(self, workspace: Workspace) -> str:
        return workspace.diff_between(self.start, self.links[-1].commit) if self.links else ""


class Patch:
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        """Try what helped before, then the fixers, which know a recipe; then search; then ask the tenant's model."""
        known = recall.propose(diagnosis) or self.fix(diagnosis)
        return known or repair.propose(diagnosis) or agent.propose(diagnosis) or ask_for_network(diagnosis)

    def fix(self, diagnosis: Diagnosis) -> Proposal | None:
        failure = diagnosis.failure
        if self.next_fixer(Chain("", failure), diagnosis) is None:
            return None
        with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
            tree = ScratchTree(scratch, diagnosis.bench, diagnosis.command)
            chain = self.work_through(tree, diagnosis).proved()
            patch = chain.patch(scratch)
        if not is_text(patch) or not chain.helped or digest(patch) in diagnosis.tried_patches:
            return None
        return Proposal(
            patch=patch,
            fixer=chain.names,
            verified=chain.left is None,
            needs_approval=any(link.fixer.needs_approval for link in chain.links),
            reason=reason(chain, diagnosis),
        )

    def work_through(self, tree: ScratchTree, diagnosis: Diagnosis) -> Chain:
        chain = Chain(tree.workspace.head(), diagnosis.failure)
        while chain.left is not None and len(chain.links) < MAX_LINKS:
            fixer = self.next_fixer(chain, diagnosis)
            if fixer is None:
                return chain
            chain.asked.add((fixer.name, chain.left.fingerprint))
            network = fixer.wants_network and diagnosis.allow_network
            link = try_out(fixer, chain.left, replace(tree, network=network), f"link-{len(chain.asked)}")
            if link is not None:
                chain.links.append(link)
            if chain.left is not None:
                tree = tree.after_trial()
        return chain

    def next_fixer(self, chain: Chain, diagnosis: Diagnosis) -> Fixer | None:
        """Return the first fixer not asked yet about the failure as it is now."""
        failure = chain.left
        if failure is None:
            return None
        candidates = [*fixers.for_failure(failure, diagnosis.kind)]
        for kind in diagnosis.regressed_kinds:
            candidates += fixers.for_failure(failure, kind)
        allowed = (fixer for fixer in candidates if is_allowed(fixer, diagnosis))
        return next((fixer for fixer in allowed if (fixer.name, failure.fingerprint) not in chain.asked), None)


def is_allowed(fixer: Fixer, diagnosis: Diagnosis) -> bool:
    """What a person has to agree to is for what a person is asked about, or declares its failures one by one."""
    is_for_person = diagnosis.failure.signal in ASKS_A_PERSON or bool(fixer.details)
    if fixer.needs_approval and not is_for_person:
        return False
    if fixer.is_unsafe and not diagnosis.allow_unsafe_fixes:
        return False
    return fixer.name not in diagnosis.circuits.left_out


def try_out(fixer: Fixer, failure: Failure, tree: ScratchTree, key: str) -> Link | None:
    """Let a fixer work, and see what the step says then; what it may not do is taken back."""
    workspace = tree.workspace
    if not fixer.apply(tree, failure) or not workspace.commit(fixer.name, key):
        return None
    done = workspace.head()
    if all(may_touch(fixer, path) for path in workspace.paths_in(done)):
        left = tree.bench.try_steps(workspace)
        if not fixer.is_unsafe or tree.bench.try_others(workspace) is None:
            return Link(fixer, done, left)
    workspace.revert(done, f"{key}-back")
    return None


def ask_for_network(diagnosis: Diagnosis) -> Proposal | None:
    """Say which tool has to be run where there is a network, if one is all that is missing."""
    if diagnosis.allow_network:
        return None
    fitting = [each for each in fixers.for_failure(diagnosis.failure, diagnosis.kind) if each.wants_network]
    files = diagnosis.workspace.files() if fitting else []
    named = [each for each in fitting if any(path.rpartition("/")[2] in each.touches for path in files)]
    if not named:
        return None
    command = " ".join(named[0].command)
    return Proposal(
        fixer=named[0].name,
        needs_approval=True,
        reason=f"`{command}` needs the network, which this tenant does not allow its steps: allow it and run again, "
        f"or run `{command}` yourself and approve with that patch",
    )


def may_touch(fixer: Fixer, path: str) -> bool:
    return any(matches(path, pattern) for pattern in fixer.touches)


def reason(chain: Chain, diagnosis: Diagnosis) -> str:
    helped = "the step passed with it" if chain.left is None else "it removed part of the findings"
    return "; ".join((f"{helped} in a scratch copy", *diagnosis.circuits.left_out.values()))


def is_text(patch: str) -> bool:
    """True for a patch that can be kept and shown: not empty, and UTF-8 throughout."""
    try:
        return bool(patch.encode())
    except UnicodeEncodeError:
        return False
