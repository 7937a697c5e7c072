"""What healed this failure before is tried first: cheaper than any search, and proved anew like any other patch."""

from autofix import fixers
from autofix.strategies.base import Diagnosis, KnownPatch, Proposal, digest
from metabuilder.execution.workspace import PatchRejected, Workspace

MAX_TRIED = 3
UNSAFE = frozenset(fixer.name for fixer in fixers.FIXERS if fixer.is_unsafe)
SAFE = frozenset(fixer.name for fixer in fixers.FIXERS) - UNSAFE
OWN = frozenset({"repair", "expectation", "declare-dependency"})


def propose(diagnosis: Diagnosis) -> Proposal | None:
    """Return a known patch with which the step passes now, or None."""
    usable = (known for known in diagnosis.memory.known() if is_usable(known, diagnosis))
    for _, known in zip(range(MAX_TRIED), usable, strict=False):
        with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
            patch = applied(known, scratch)
            if digest(patch) in diagnosis.tried_patches:
                continue
            if not patch or not passes(scratch, diagnosis, known):
                diagnosis.memory.did_not_fit(known)
                continue
        return Proposal(
            patch=patch,
            fixer=known.fixer,
            verified=True,
            needs_approval=known.by_person or not is_trusted(known, diagnosis),
            reason=f"{known.told}; the step passed with it in a scratch copy",
            recalls=known.id,
        )
    return None


def is_usable(known: KnownPatch, diagnosis: Diagnosis) -> bool:
    """What a fixer is left alone for, may not do, or this run has tried already, is not repeated from memory either."""
    names = set(known.fixer.split(" + "))
    if names & set(diagnosis.circuits.left_out) or digest(known.patch) in diagnosis.tried_patches:
        return False
    return diagnosis.allow_unsafe_fixes or not names & UNSAFE


def is_trusted(known: KnownPatch, diagnosis: Diagnosis) -> bool:
    """What a model or an agent proposed is done unasked only as long as the tenant lets it act unasked."""
    names = set(known.fixer.split(" + "))
    if names <= SAFE | UNSAFE | OWN:
        return True
    helper = diagnosis.find_helper()
    return helper is not None and helper.may_apply and names == {helper.name}


def applied(known: KnownPatch, scratch: Workspace) -> str:
    """Return the patch as it is in this tree; empty where it does not fit."""
    before = scratch.head()
    try:
        scratch.apply(known.patch, known.fixer or "known fix", known.id)
    except PatchRejected:
        return ""
    return scratch.diff_between(before)


def passes(scratch: Workspace, diagnosis: Diagnosis, known: KnownPatch) -> bool:
    """True if the step passes in a copy; beyond safe fixes, what has passed before has to pass too."""
    bench = diagnosis.bench
    is_safe = set(known.fixer.split(" + ")) <= SAFE
    return bench.try_steps(scratch) is None and (is_safe or bench.try_others(scratch) is None)
