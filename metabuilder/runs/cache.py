"""Which working trees may stay on this machine? What the rows can make again goes when nobody needs it.

A tree is taken out of its place while its run's row is locked and rests, so that no worker can open it
in that moment, and is then deleted at leisure. Read first: `workspaces`, which makes the trees.
"""

import logging
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from metabuilder.execution.sandbox import Sandbox, SandboxUnavailable
from metabuilder.execution.workspace import Workspace
from metabuilder.runs import executions, workers
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus

ROOT_NAME = re.compile(r"(?P<run>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.\d+)?")
TAKEN_OUT = "removing-"
LEFT_OVER_SECONDS = 2 * 3600.0
MAX_ENTRIES = 200_000
MEASURE_SECONDS = 30.0
BLOCK_BYTES = 512
OVER = frozenset({RunStatus.SUCCEEDED, RunStatus.CANCELLED})
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tree:
    root: Path
    run_id: UUID


def tidy_up() -> dict[str, int]:
    """Remove what is not needed on this machine; return how much of each kind."""
    return {
        "trees": sum(remove(tree) for tree in unneeded()) + sum(delete(root) for root in taken_out()),
        "left-overs": sum(delete(path) for path in left_over()),
        "trees for room": make_room(settings.WORKSPACE_CACHE_MIB << 20),
    }


def trees() -> Iterator[Tree]:
    for root in children("workspaces"):
        if match := ROOT_NAME.fullmatch(root.name):
            yield Tree(root, UUID(match["run"]))


def taken_out() -> list[Path]:
    return [root for root in children("workspaces") if root.name.startswith(TAKEN_OUT)]


def unneeded() -> list[Tree]:
    """Return the trees that no run will use again, as far as can be seen without a lock."""
    here = list(trees())
    runs = Run.objects.in_bulk({tree.run_id for tree in here})
    return [tree for tree in here if is_unneeded(tree.root, runs.get(tree.run_id))]


def is_unneeded(root: Path, run: Run | None) -> bool:
    if run is None:
        return True
    if not is_at_rest(run):
        return False
    return run.status in OVER or run.pruned_at is not None or run.tree_at != f"{socket.gethostname()}:{root}"


def is_at_rest(run: Run) -> bool:
    """A worker that lost the run may still be at work in its tree, until it finds out."""
    return run.status != RunStatus.RUNNING and not (run.lease_owner and workers.may_live_here(run.lease_owner))


def remove(tree: Tree, *, even_if_needed: bool = False) -> bool:
    """Remove a tree, unless its run has been taken up meanwhile or somebody else is just looking at it."""
    with transaction.atomic():
        run = Run.objects.select_for_update(skip_locked=True).filter(pk=tree.run_id).first()
        if run is None and Run.objects.filter(pk=tree.run_id).exists():
            return False
        if not (is_unneeded(tree.root, run) or (even_if_needed and run is not None and is_at_rest(run))):
            return False
        aside = tree.root.with_name(f"{TAKEN_OUT}{uuid4().hex}")
        try:
            tree.root.rename(aside)
        except FileNotFoundError:  # its worker has just removed it
            return False
    return delete(aside, executions.sandbox_for(run) if run is not None else None)


def delete(path: Path, sandbox: Sandbox | None = None) -> bool:
    """Delete a directory, whatever a step left in it. What resists is tried again the next time."""
    own = Sandbox(mode=settings.METABUILDER_SANDBOX, step_uid=settings.SANDBOX_STEP_UID)
    try:
        Workspace(path, sandbox or own).remove()
    except (SandboxUnavailable, OSError) as error:
        logger.warning("%s can only be removed in part: %s", path, error)
        shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


def left_over() -> list[Path]:
    """Return scratch copies and reports of workers that are gone, or older than what any worker does now."""
    host, _, _ = workers.own_name().rpartition(":")
    mine = Run.objects.filter(status=RunStatus.RUNNING, lease_owner__startswith=f"{host}:")
    oldest = mine.aggregate(oldest=Min("claimed_at"))["oldest"]
    until = time.time() - LEFT_OVER_SECONDS
    until = min(until, oldest.timestamp()) if oldest else until
    found = [path for name in ("scratch", "reports") for path in children(name)]
    return [path for path in found if workers.is_abandoned(path.name) or changed_at(path) < until]


def make_room(limit_bytes: int) -> int:
    """Remove trees of runs that are at rest, the least recently used first, until the rest fits."""
    here = list(trees())
    runs = Run.objects.in_bulk({tree.run_id for tree in here})
    sizes = measured(here)
    excess = sum(sizes.values()) - limit_bytes
    known = [tree for tree in here if tree.run_id in runs]
    removed = 0
    for tree in sorted(known, key=lambda tree: last_used(runs[tree.run_id])):
        if excess <= 0:
            break
        if remove(tree, even_if_needed=True):
            excess -= sizes[tree]
            removed += 1
    return removed


def measured(here: Sequence[Tree]) -> dict[Tree, int]:
    """Return what each tree takes; those for which there is no time left are taken to be like the others."""
    sizes: dict[Tree, int] = {}
    begun = time.monotonic()
    for tree in here:
        is_late = time.monotonic() - begun > MEASURE_SECONDS
        sizes[tree] = sum(sizes.values()) // len(sizes) if is_late and sizes else size_of(tree.root)
    return sizes


def last_used(run: Run) -> datetime:
    return run.claimed_at or run.created_at


def size_of(root: Path) -> int:
    """Return how much disk a directory takes, going by its first entries where there are very many."""
    size = entries = 0
    waiting = [str(root)]
    while waiting and entries < MAX_ENTRIES:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # it is gone, or a step has closed it
            continue
    return size


def children(name: str) -> list[Path]:
    directory: Path = settings.WORK_DIR / name
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir() and not path.is_symlink())
    except FileNotFoundError:
        return []


def changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
