"""What healed this failure before is tried first: cheaper than any search, and proved anew like any other patch."""

from autofix.failures import Signal
from autofix.strategies.base import Diagnosis, KnownPatch, Proposal, digest
from metabuilder.execution.workspace import PatchRejected, Workspace

MAX_TRIED = 3


def propose(diagnosis: Diagnosis) -> Proposal | None:
    """Return a known patch with which the step passes now, or None."""
    usable = (known for known in diagnosis.memory.known() if is_usable(known, diagnosis))
    for _, known in zip(range(MAX_TRIED), usable, strict=False):
        with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
            patch = applied(known, scratch)
            if not patch or not passes(scratch, diagnosis):
                diagnosis.memory.did_not_fit(known)
                continue
        return Proposal(
            patch=patch,
            fixer=known.fixer,
            verified=True,
            needs_approval=known.by_person,
            reason=f"{known.told}; the step passed with it in a scratch copy",
            recalls=known.id,
        )
    return None


def is_usable(known: KnownPatch, diagnosis: Diagnosis) -> bool:
    """What a fixer is left alone for, or this run has tried already, is not repeated from memory either."""
    left_out = set(known.fixer.split(" + ")) & set(diagnosis.circuits.left_out)
    return not left_out and digest(known.patch) not in diagnosis.tried_patches


def applied(known: KnownPatch, scratch: Workspace) -> str:
    """Return the patch as it is in this tree; empty where it does not fit."""
    before = scratch.head()
    try:
        scratch.apply(known.patch, known.fixer or "known fix", known.id)
    except PatchRejected:
        return ""
    return scratch.diff_between(before)


def passes(scratch: Workspace, diagnosis: Diagnosis) -> bool:
    """True if the step passes in a copy; beyond layout and style, what has passed before has to pass too."""
    bench = diagnosis.bench
    is_style = diagnosis.failure.signal is Signal.LINT
    return bench.try_steps(scratch) is None and (is_style or bench.try_others(scratch) is None)
