"""Let deterministic fixers work on a scratch copy, one after the other, until the step passes there.

The proposal is everything they changed together. A chain that only gets part of the way is
proposed too, when what is left is strictly less: the loop keeps it only if the step bears it out.
For failing tests that no fixer has a recipe for, a repair is searched for: see `repair`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from autofix import fixers
from autofix.failures import Failure, Signal
from autofix.fixers.base import Fixer, ToolResult
from autofix.progress import is_progress
from autofix.strategies import repair
from autofix.strategies.base import Bench, Diagnosis, Proposal, digest
from metabuilder.execution.workspace import Workspace, WorkspaceError

MAX_LINKS = 8


@dataclass(frozen=True)
class ScratchTree:
    """A scratch workspace as fixers see it."""

    workspace: Workspace
    bench: Bench

    def after_trial(self) -> "ScratchTree":
        """Return the tree as the fixers left it: what the steps did to it on trial is no part of a fix."""
        self.workspace.restore()
        return replace(self, workspace=replace(self.workspace, untracked_before=self.workspace.untracked()))

    def run(self, argv: Sequence[str], timeout_seconds: float = 120) -> ToolResult:
        return self.bench.run_tool(self.workspace, argv, timeout_seconds)

    def read(self, path: str) -> str:
        try:
            return self.workspace.read(path)
        except WorkspaceError as error:
            raise FileNotFoundError(str(error)) from None

    def write(self, path: str, text: str) -> None:
        self.workspace.write(path, text)

    def files(self) -> Sequence[str]:
        return self.workspace.files()


@dataclass
class Chain:
    """The fixers that changed something so far, and what the step still complains about."""

    first: Failure
    left: Failure | None
    links: list[Fixer] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)

    @property
    def helped(self) -> bool:
        return self.left is None or is_progress(self.first, self.left)


class Patch:
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        """Ask the fixers, which know a recipe; search for a repair where none of them does."""
        return self.by_recipe(diagnosis) or repair.propose(diagnosis)

    def by_recipe(self, diagnosis: Diagnosis) -> Proposal | None:
        failure = diagnosis.failure
        if self.next_fixer(Chain(failure, failure), diagnosis) is None:
            return None
        with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
            before = scratch.head()
            chain = self.work_through(ScratchTree(scratch, diagnosis.bench), diagnosis)
            patch = scratch.diff_between(before) if chain.links else ""
        if not is_text(patch) or not chain.helped or digest(patch) in diagnosis.tried_patches:
            return None
        return Proposal(
            patch=patch,
            fixer=" + ".join(dict.fromkeys(fixer.name for fixer in chain.links))[:100],
            verified=chain.left is None,
            needs_approval=any(fixer.needs_approval for fixer in chain.links),
            reason=reason(chain, diagnosis),
        )

    def work_through(self, tree: ScratchTree, diagnosis: Diagnosis) -> Chain:
        chain = Chain(diagnosis.failure, diagnosis.failure)
        while chain.left is not None and len(chain.links) < MAX_LINKS:
            fixer = self.next_fixer(chain, diagnosis)
            if fixer is None:
                return chain
            chain.asked.add((fixer.name, chain.left.fingerprint))
            if fixer.apply(tree, chain.left) and tree.workspace.commit(fixer.name, f"link-{len(chain.asked)}"):
                chain.links.append(fixer)
                chain.left = diagnosis.bench.try_steps(tree.workspace)
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
        may_ask_person = diagnosis.failure.signal == Signal.SECURITY
        for fixer in candidates:
            if (fixer.needs_approval and not may_ask_person) or fixer.name in diagnosis.circuits.left_out:
                continue
            if (fixer.name, failure.fingerprint) not in chain.asked:
                return fixer
        return None


def reason(chain: Chain, diagnosis: Diagnosis) -> str:
    helped = "the step passed with it" if chain.left is None else "it removed part of the findings"
    return "; ".join((f"{helped} in a scratch copy", *diagnosis.circuits.left_out.values()))


def is_text(patch: str) -> bool:
    """True for a patch that can be kept and shown: not empty, and UTF-8 throughout."""
    try:
        return bool(patch.encode())
    except UnicodeEncodeError:
        return False
