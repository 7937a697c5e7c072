"""Invariants of workspaces: source commit + recorded patches = the run's diff = the tree that is left."""

import re
import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from autofix import remedies
from metabuilder.execution import sources
from metabuilder.execution.patches import PatchRejected
from metabuilder.execution.workspace import ATTEMPT_TRAILER, Workspace, WorkspaceError, create
from metabuilder.runs import executions, workspaces
from metabuilder.runs.models import Run, SourceKind
from metabuilder.runs.states import RunStatus
from metabuilder.runs.storable import storable
from tests.chaos.evidence import Evidence

KINDS = {SourceKind.PATH: sources.SourceKind.DIRECTORY, SourceKind.GIT: sources.SourceKind.REPOSITORY}
MAY_HAVE_A_TREE = frozenset(RunStatus) - {RunStatus.SUCCEEDED, RunStatus.CANCELLED}


def diffs_are_source_and_patches(evidence: Evidence) -> list[str]:
    found = []
    for run in Run.objects.exclude(source_commit="").select_related("project"):
        patches = tuple((patch.patch, patch.key) for patch in remedies.applied_patches(run))
        rebuilt = change_of(run, tuple(patch for patch, _ in patches), evidence.scratch)
        if rebuilt != run.diff:
            found.append(f"{run.title} ({run.status}): its diff is not source + {len(patches)} recorded patches")
    return found


def change_of(run: Run, patches: tuple[str, ...], scratch: Path) -> str:
    """Return the change that patches make to a run's source."""
    if not patches:
        return ""
    return rebuilt(run.project.source_kind, run.project.location, patches, run.source_commit, scratch)


@cache
def rebuilt(kind: str, location: str, patches: tuple[str, ...], commit: str, scratch: Path) -> str:
    """Fetch a source anew and apply patches; many runs have the same of both."""
    root = scratch / "rebuilt"
    sandbox = executions.sandbox_for(Run())
    shutil.rmtree(root, ignore_errors=True)
    try:
        prepared = sources.fetch(sources.Source(KINDS[SourceKind(kind)], location), root, sandbox, None)
        if prepared.commit != commit:
            return f"the source's commit is {prepared.commit}, the run's is {commit}"
        workspace = create(root, sandbox, prepared)
        for number, patch in enumerate(patches):
            workspace.apply(patch, "rebuilt", f"rebuilt-{number}")
        return storable(workspace.diff_between(commit))
    except (PatchRejected, WorkspaceError) as error:
        return f"cannot be rebuilt: {error}"
    finally:
        shutil.rmtree(root, ignore_errors=True)


def trees_are_as_the_rows_say(_: Evidence) -> list[str]:
    """A tree that is still where the rows say it is has the run's diff, and each patch as one commit."""
    found = []
    for run in Run.objects.filter(status__in=MAY_HAVE_A_TREE).exclude(tree_at=""):
        root = Path(run.tree_at.partition(":")[2])
        if run.tree_at.startswith(f"{socket.gethostname()}:") and (root / workspaces.READY).exists():
            workspace = Workspace(root, executions.sandbox_for(run))
            found += [f"{run.title} ({run.status}): {fault}" for fault in faults_of(run, workspace)]
    return found


def faults_of(run: Run, workspace: Workspace) -> Iterator[str]:
    if storable(workspace.diff_between(run.source_commit)) != run.diff:
        yield "its tree is not what its diff says"
    twice = [key for key, times in keys_in(workspace).items() if times > 1]
    if twice:
        yield f"its tree has the patch of {twice} more than once"
    unknown = workspace.applied_keys() - {str(key) for key in run.attempts.values_list("pk", flat=True)}
    if unknown:
        yield f"its tree has patches that nobody recorded: {sorted(unknown)}"


def keys_in(workspace: Workspace) -> Counter[str]:
    log = workspace._git("log", "--format=%B", "HEAD", "--")
    return Counter(re.findall(rf"^{ATTEMPT_TRAILER}: (\S+)$", log, re.MULTILINE))


def no_workspace_is_left(evidence: Evidence) -> list[str]:
    """A failed run's stays, for it may be started again; so does one that waits for a person."""
    status = {str(pk): status for pk, status in Run.objects.values_list("pk", "status")}
    found = []
    for machine in evidence.machines:
        for tree in entries(machine / "workspaces"):
            run = status.get(tree.name.partition(".")[0], "unknown")
            if run not in MAY_HAVE_A_TREE:
                found.append(f"{machine.name}: a workspace of a run that is {run}: {tree.name}")
    return found


def nothing_is_left_in_scratch(evidence: Evidence) -> list[str]:
    directories = [machine / name for machine in evidence.machines for name in ("scratch", "reports")]
    return [f"{left} is left" for directory in directories for left in entries(directory)]


def entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []
