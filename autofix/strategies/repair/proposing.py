"""From a failed step to a proposal: is it for us, search in a scratch copy, and bear the patch out in another.

Nothing of the search is trusted but the edits it names, and those only once the step itself has passed with them.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace

from autofix.failures import Failure, Signal
from autofix.guard import paths
from autofix.strategies.base import Bench, Diagnosis, Proposal, ToolLimits, digest
from autofix.strategies.repair import commands, packing, reports
from autofix.strategies.repair.commands import PytestCommand
from autofix.strategies.repair.reports import Doubt, Edit, Plausible, Report
from metabuilder.execution.workspace import Workspace, WorkspaceError

SIGNALS = frozenset({Signal.TEST_ASSERT, Signal.RUNTIME})
NOT_OURS = frozenset({"compile", "dependency", "tool", "config"})
SEARCH_SECONDS = 90.0
# On a crowded machine the search may take four times its time by the clock, and it has to come to an end.
TIMEOUT_SECONDS = 4 * SEARCH_SECONDS + 60
NAME = "repair"
NAME_OF_DOUBT = "expectation"
ALIKE = "{} other edits do too and behave alike"
PLUMBING = frozenset({"setup.py", "noxfile.py", "conftest.py", "fabfile.py", "tasks.py", "versioneer.py"})
NOT_SOURCE = frozenset({"docs", "doc", "examples", "example", "benchmarks", "benchmark", "bench", ".github", "scripts"})
MAX_TRIALS = 3
MAX_NAMED = 500


def propose(diagnosis: Diagnosis) -> Proposal | None:
    """Return an edit with which the step passes, or None: abstain."""
    command = command_of(diagnosis)
    if command is None:
        return None
    bench, workspace = diagnosis.bench, diagnosis.workspace
    tree = workspace.tree_id()
    if diagnosis.memory.is_fruitless(tree):
        return None
    with workspace.scratch(bench.scratch_root, bench.scratch_prefix) as scratch:
        report = searched(scratch, command, diagnosis)
    for patch in report.patches[:MAX_TRIALS]:
        proposal = borne_out(patch, report, diagnosis)
        if proposal is not None:
            return proposal
    if report.doubt is not None and (asked := doubtful_test(report.doubt, diagnosis)):
        return asked
    if report.is_finished:
        diagnosis.memory.note_fruitless(tree)
    return None


def command_of(diagnosis: Diagnosis) -> PytestCommand | None:
    """Return how the failed step runs pytest; None where the failure is not one for the search."""
    failure = diagnosis.failure
    if failure.signal not in SIGNALS or failure.detail in NOT_OURS or NAME in diagnosis.circuits.left_out:
        return None
    step = next((step for step in diagnosis.plan if step.get("name") == diagnosis.step), {})
    command = commands.understood(str(step.get("run", "")))
    if command is not None:
        env = step.get("env")
        return replace(command, env={**env, **command.env}) if isinstance(env, dict) else command
    if any("::" in name for name in failure.finding_ids):
        return PytestCommand()  # a guess: the step itself has the last word
    return None


def searched(scratch: Workspace, command: PytestCommand, diagnosis: Diagnosis) -> Report:
    editable = [path for path in scratch.files() if is_editable(path)]
    if not editable:
        return Report(reason="there is nothing to edit")
    mark = f"@{secrets.token_hex(16)}@"
    job = {
        "directory": command.directory,
        "arguments": command.arguments,
        "files": editable,
        "tests": named_tests(diagnosis.failure),
        "seconds": SEARCH_SECONDS,
        "mark": mark,
    }
    env = {name: str(value) for name, value in command.env.items()}
    result = diagnosis.bench.run_tool(scratch, packing.command(env, json.dumps(job)), ToolLimits(TIMEOUT_SECONDS))
    return reports.read(result.output, mark, editable, [path for path in scratch.files() if paths.is_test(path)])


def is_editable(path: str) -> bool:
    """True for source files: no tests, nothing beside them, no configuration."""
    *directories, name = path.split("/")
    return (
        name.endswith(".py")
        and not paths.is_test(path)
        and name not in PLUMBING
        and not NOT_SOURCE & set(directories[:1])
        and not any(paths.matches(path, glob) for glob in paths.PROTECTED)
    )


def named_tests(failure: Failure) -> list[str]:
    return sorted(name for name in failure.finding_ids if "::" in name)[:MAX_NAMED]


def borne_out(patch: Plausible, report: Report, diagnosis: Diagnosis) -> Proposal | None:
    """Return a patch as a proposal if the step itself passes with it in a copy."""
    bench = diagnosis.bench
    with diagnosis.workspace.scratch(bench.scratch_root, bench.scratch_prefix) as scratch:
        diff = written(patch.edits, scratch)
        if not diff or digest(diff) in diagnosis.tried_patches or not passes(scratch, bench):
            return None
    doubtful = bool(patch.doubt)
    return Proposal(patch=diff, fixer=NAME, verified=True, needs_approval=doubtful, reason=reason(patch, report))


def passes(scratch: Workspace, bench: Bench) -> bool:
    """True if the step passes in a copy, and so do the tests and type checks that have passed before."""
    return bench.try_steps(scratch) is None and bench.try_others(scratch) is None


def doubtful_test(doubt: Doubt, diagnosis: Diagnosis) -> Proposal | None:
    """Ask a person whether a test is wrong, with what it would have to expect; only where the step passes so."""
    with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
        diff = written(doubt.edits, scratch)
        if not diff or digest(diff) in diagnosis.tried_patches or not passes(scratch, diagnosis.bench):
            return None
    wanted = ", ".join(f"{old} where the code gives {new}" for old, new in doubt.told)
    others = "1 other test" if doubt.others == 1 else f"{doubt.others} other tests"
    return Proposal(
        patch=diff,
        fixer=NAME_OF_DOUBT,
        verified=True,
        needs_approval=True,
        question=f"Is the test wrong? It expects {wanted}",
        reason=f"no edit of the code that was tried passes all tests, and {others} that run the same code pass; "
        "approve to change the test, reject if the code is at fault",
    )


def written(edits: Sequence[Edit], scratch: Workspace) -> str:
    """Make edits in a copy and return them as a diff; empty where they cannot be made."""
    before = scratch.head()
    try:
        for path in dict.fromkeys(edit.path for edit in edits):
            mine = [edit for edit in edits if edit.path == path]
            scratch.write(path, reports.edited(scratch.read(path), mine))
        return scratch.diff_between(before) if scratch.commit(NAME, NAME) else ""
    except (WorkspaceError, ValueError):
        return ""


def reason(patch: Plausible, report: Report) -> str:
    """Say what is known, and no more: tests pass."""
    said = [f"passes all {report.tests} tests"]
    if patch.doubt:
        said.append(patch.doubt)
    elif report.alike:
        said.append("1 other edit does too and behaves alike" if report.alike == 1 else ALIKE.format(report.alike))
    return "; ".join(said)
