"""Opens a run's working tree: the one on this disk, or one made anew from source and patches.

The database is the truth and a workspace a cache: source commit + patches in order give the tree.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from django.conf import settings

from metabuilder.execution import files, sandbox, sources
from metabuilder.execution.patches import PatchRejected
from metabuilder.execution.sandbox import SandboxUnavailable
from metabuilder.execution.workspace import Workspace, WorkspaceError, create
from metabuilder.runs import executions, plan_input, plans, transitions, uploads, workers
from metabuilder.runs.executions import UNSANDBOXED, Heartbeat
from metabuilder.runs.models import Run, SourceKind, Upload
from metabuilder.runs.states import RunStatus, StepStatus

READY = "ready"
PREPARES = ("install", "build", "migrate", "other")


class CannotPrepare(Exception):
    """The run cannot begin; `field` names what is at fault, the text says what to do.

    `may_pass`: the same may work later, as a fetch over a network.
    """

    def __init__(self, field: str, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.may_pass = may_pass


@dataclass(frozen=True)
class AppliedPatch:
    """A patch that belongs to the run's tree. `key` makes applying it twice the same as once."""

    patch: str
    message: str
    key: str


def open_for(run: Run, applied: Sequence[AppliedPatch], known_keys: frozenset[str]) -> Workspace:
    """Return the workspace of a run that this worker holds; raise CannotPrepare if there is none.

    A tree is used again only where the run was last, and only if it holds no patch whose key the
    rows do not know: one of a worker that died before it could write it down. A worker that lost
    the run but may live still keeps the tree for itself: what it runs cannot reach the new one.
    """
    root = default_root(run).with_name(f"{run.pk}.{run.fence}") if is_shared(run) else root_of(run)
    here = f"{socket.gethostname()}:{root}"
    watched = replace(executions.sandbox_for(run), should_stop=Heartbeat(run).should_stop)
    workspace = Workspace(root, watched)
    if run.tree_at == here and (root / READY).exists():
        workspace.break_locks()  # of a git that was killed with its worker
        if workspace.applied_keys() <= known_keys:
            return workspace
    try:
        probe(watched.mode)
        workspace = rebuild(run, workspace, applied)
        if not run.plan_version:
            origin, plan = plans.find(workspace.files(), workspace.read)
            plans.install(run, plan, origin, settings.STEP_TIMEOUT_SECONDS)
    except sources.SourceRejected as error:
        transient = error.field == "git_url" and bool(run.source_commit or "fetched" in error.message)
        raise CannotPrepare(error.field, f"{error.field}: {error.message}", may_pass=transient) from None
    except plan_input.PlanRejected as error:
        raise CannotPrepare("plan", str(error)) from None
    except SandboxUnavailable as error:
        raise CannotPrepare("sandbox", str(error)) from None
    except PatchRejected as error:
        raise CannotPrepare("source", f"the source has changed since: {error}") from None
    (root / READY).touch()
    run.tree_at = here
    transitions.owned(run).update(tree_at=here)
    return workspace


def rebuild(run: Run, workspace: Workspace, applied: Sequence[AppliedPatch]) -> Workspace:
    """Make the tree from the source and the patches; steps that prepare it will run again."""
    workspace.remove()
    workspace.root.parent.mkdir(parents=True, exist_ok=True)
    prepared = fetch(run, workspace)
    if run.source_commit and prepared.commit != run.source_commit:
        raise CannotPrepare("source", "The source is not what it was when the run began.")
    workspace = create(workspace.root, workspace.sandbox, prepared)
    if not run.source_commit:
        run.source_commit, run.origin_commit = prepared.commit, prepared.origin or ""
        run.save(update_fields=["source_commit", "origin_commit"])
        for note in prepared.notes:
            transitions.note(run, "source", note)
    for patch in applied:
        workspace.apply(patch.patch, patch.message, patch.key)
    run.steps.filter(status=StepStatus.PASSED, kind__in=PREPARES).update(status=StepStatus.PENDING)
    return workspace


def fetch(run: Run, workspace: Workspace) -> sources.PreparedSource:
    """Fetch the source, at the commit that the run began with if it has begun."""
    if run.project.source_kind == SourceKind.UPLOAD:
        return fetch_upload(run, workspace)
    source = source_of(run)
    ref = run.ref
    if source.kind in {sources.SourceKind.REMOTE, sources.SourceKind.REPOSITORY}:
        ref = run.origin_commit or run.ref
    return sources.fetch(source, workspace.root, workspace.sandbox, ref or None)


def fetch_upload(run: Run, workspace: Workspace) -> sources.PreparedSource:
    upload = Upload.objects.filter(pk=run.project.location).first()
    if upload is None:
        raise CannotPrepare("source", "The uploaded source was removed because it was too old. Send it again.")
    try:
        with uploads.local_copy(upload) as archive:
            source = sources.Source(sources.SourceKind.ARCHIVE, str(archive))
            return sources.fetch(source, workspace.root, workspace.sandbox, run.ref or None)
    except uploads.UploadOutOfReach as error:
        raise CannotPrepare("source", str(error), may_pass=not error.is_gone) from None


def source_of(run: Run) -> sources.Source:
    project = run.project
    if project.location.startswith("/") and str(Path(project.location).resolve()) != project.location:
        raise CannotPrepare("source", f"{project.location} now leads somewhere else.")
    if project.source_kind == SourceKind.PATH:
        return sources.Source(sources.SourceKind.DIRECTORY, project.location)
    return sources.validate_git_url(project.location, None)


def is_shared(run: Run) -> bool:
    """True if another worker may still be at work in the run's tree here."""
    if not run.lost_by or run.lost_by == run.lease_owner:
        return False
    return run.unsandboxed or settings.METABUILDER_SANDBOX == UNSANDBOXED or workers.may_live_here(run.lost_by)


def tidy_up(run: Run) -> None:
    """Remove the tree of a run that is over for good; a failed one may be started again."""
    if run.status in {RunStatus.SUCCEEDED, RunStatus.CANCELLED}:
        Workspace(root_of(run), executions.sandbox_for(run)).remove()


def text_at_rest(run: Run, path: str) -> str | None:
    """Return a file of the run's tree as it is on this machine, None if it is not here."""
    try:
        return Workspace(root_of(run), executions.sandbox_for(run)).read(path)
    except (WorkspaceError, files.UnsafePath, OSError):
        return None


def root_of(run: Run) -> Path:
    """Return where the run's tree is on this machine, or would be."""
    host, _, path = run.tree_at.partition(":")
    default = default_root(run)
    is_here = host == socket.gethostname() and Path(path).parent == default.parent
    return Path(path) if is_here else default


def default_root(run: Run) -> Path:
    root: Path = settings.WORK_DIR / "workspaces" / str(run.pk)
    return root


@cache
def probe(mode: str) -> str:
    """Return the level of isolation that this machine really gives; remembered per process."""
    return sandbox.probe(mode)
