"""Ask, apply in a scratch copy, prove it there, tell what was wrong with it, ask again: a few times, then abstain."""

import secrets
from collections.abc import Mapping

from autofix.classifier.redaction import redact
from autofix.failures import Signal
from autofix.strategies.agent import editing, prompting
from autofix.strategies.agent.editing import BadAnswer
from autofix.strategies.agent.prompting import Earlier, Task
from autofix.strategies.base import Diagnosis, Helper, Message, Proposal, ToolLimits, digest
from metabuilder.execution.patches import PatchRejected, check
from metabuilder.execution.workspace import Workspace, WorkspaceError

ROUNDS = 3
NONE = "NONE"
NOT_FOR_MODELS = frozenset({Signal.TRANSIENT, Signal.INFRA, Signal.RATE_LIMIT, Signal.POLICY})
COMMAND_SECONDS = 600.0
TASK_FILE = ".meta-builder-task.md"


def propose(diagnosis: Diagnosis) -> Proposal | None:
    """Return what a tenant's model or agent proposes, proved; None where there is none, or it knows nothing."""
    helper = None if diagnosis.failure.signal in NOT_FOR_MODELS else diagnosis.find_helper()
    if helper is None or helper.name in diagnosis.circuits.left_out:
        return None
    return by_command(helper, diagnosis) if helper.command else by_answers(helper, diagnosis)


def by_answers(helper: Helper, diagnosis: Diagnosis) -> Proposal | None:
    mark = f"@@{secrets.token_hex(12)}@@"
    with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
        said = [Message("user", prompting.prompt(task_of(diagnosis, scratch), mark))]
        for _ in range(ROUNDS):
            reply = helper.ask(prompting.system(mark), said)
            if reply.problem or reply.text.strip().strip(".`") == NONE:
                return None
            try:
                return tried(reply.text, scratch, helper, diagnosis)
            except BadAnswer as bad:
                said += [Message("assistant", redact(reply.text)), Message("user", str(bad))]
    return None


def tried(answer: str, scratch: Workspace, helper: Helper, diagnosis: Diagnosis) -> Proposal:
    """Return a proposal that passes; raise BadAnswer, with the copy as it was, if the answer is none."""
    before = scratch.head()
    write(editing.edited(editing.edits_in(answer), lambda path: text_of(scratch, path)), scratch)
    return proved(before, scratch, helper, diagnosis)


def proved(before: str, scratch: Workspace, helper: Helper, diagnosis: Diagnosis) -> Proposal:
    if not scratch.commit(helper.name, f"{helper.name}-{secrets.token_hex(4)}"):
        raise BadAnswer("Your edits change nothing.")
    patch = scratch.diff_between(before)
    try:
        check(patch)
    except PatchRejected as rejected:
        raise BadAnswer(f"The patch cannot be applied: {rejected}.") from None
    why = "This very patch was tried before." if digest(patch) in diagnosis.tried_patches else left(scratch, diagnosis)
    if not why:
        reason = f"proposed by {helper.name}; the step passed with it in a scratch copy"
        needs_approval = not helper.may_apply
        return Proposal(patch=patch, fixer=helper.name, verified=True, needs_approval=needs_approval, reason=reason)
    scratch.revert(scratch.head(), secrets.token_hex(8))
    scratch.restore()
    raise BadAnswer(f"{why} Your edits were taken back: answer with all that is needed, for the files as they were.")


def left(scratch: Workspace, diagnosis: Diagnosis) -> str:
    """Return what is wrong with the copy, in words; empty if the step passes, and so does what passed before."""
    failure = diagnosis.bench.try_steps(scratch) or diagnosis.bench.try_others(scratch)
    if failure is None:
        return ""
    said = redact(f"{failure.message}\n{failure.excerpt[-prompting.MAX_EXCERPT :]}")
    return f"With your edits this fails: {said}\n"


def by_command(helper: Helper, diagnosis: Diagnosis) -> Proposal | None:
    """Let a command-line agent work in a scratch copy, in the sandbox; what it leaves behind is its proposal."""
    with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as copy:
        before = copy.head()
        copy.write(TASK_FILE, prompting.prompt(task_of(diagnosis, copy), "~~~~~~"))
        scratch = copy.as_seen_now()
        limits = ToolLimits(COMMAND_SECONDS, network=diagnosis.allow_network)
        diagnosis.bench.run_tool(scratch, ("sh", "-c", helper.command, "agent", TASK_FILE), limits)
        diagnosis.bench.run_tool(scratch, ("rm", "-f", TASK_FILE), ToolLimits())
        try:
            return proved(before, scratch, helper, diagnosis)
        except (BadAnswer, WorkspaceError):
            return None


def task_of(diagnosis: Diagnosis, scratch: Workspace) -> Task:
    files = prompting.chosen(diagnosis.failure, scratch.files(), lambda path: text_of(scratch, path))
    earlier = tuple(Earlier(each.what, each.came_of_it, each.patch) for each in diagnosis.earlier)
    return Task(diagnosis.step, diagnosis.command, diagnosis.failure, files, earlier)


def text_of(scratch: Workspace, path: str) -> str | None:
    try:
        return scratch.read(path) if path in scratch.files() else None
    except WorkspaceError:
        return None


def write(texts: Mapping[str, str], scratch: Workspace) -> None:
    try:
        for path, text in texts.items():
            scratch.write(path, text)
    except (WorkspaceError, ValueError) as error:
        scratch.restore()
        raise BadAnswer(f"A file cannot be written: {error}.") from None
