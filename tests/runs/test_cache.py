"""Trees that nobody needs leave this machine; one that is worked in never does."""

import os
import socket
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from metabuilder.runs import cache, workers
from metabuilder.runs.models import Run
from tests.approvals.test_gates import at_once
from tests.factories import RunFactory

pytestmark = pytest.mark.django_db
MIB = 1 << 20
GONE = f"{socket.gethostname()[:60]}:1@0"


@pytest.fixture(autouse=True)
def work(tmp_path, settings) -> Path:
    settings.WORK_DIR = tmp_path
    settings.METABUILDER_SANDBOX = "none"
    return tmp_path


def tree(work: Path, name: object, mib: int = 0) -> Path:
    root = work / "workspaces" / str(name)
    (root / "tree" / "src").mkdir(parents=True)
    (root / "git").mkdir()
    (root / "tree" / "src" / "data").write_bytes(os.urandom(mib * MIB) if mib else b"x")
    return root


def run_here(work: Path, status: str, mib: int = 0, hours_ago: int = 0, **values) -> tuple[Run, Path]:
    """A run that was last worked on here so many hours ago, and its tree."""
    run = RunFactory(status=status, **values)
    root = tree(work, run.pk, mib)
    Run.objects.filter(pk=run.pk).update(
        tree_at=f"{socket.gethostname()}:{root}", claimed_at=Now() - timedelta(hours=hours_ago)
    )
    return run, root


@pytest.mark.parametrize(
    ("status", "stays"),
    [
        ("succeeded", False),
        ("cancelled", False),
        ("failed", True),
        ("queued", True),
        ("backing_off", True),
        ("paused_awaiting_approval", True),
        ("running", True),
    ],
)
def test_a_tree_stays_as_long_as_its_run_may_go_on(work, status, stays):
    _, root = run_here(work, status)
    assert cache.tidy_up()["trees"] == (not stays)
    assert root.exists() == stays


def test_a_tree_whose_run_is_pruned_or_unknown_goes(work):
    _, pruned = run_here(work, "failed", pruned_at="2020-01-01T00:00:00Z")
    unknown = tree(work, uuid4())
    assert cache.tidy_up()["trees"] == 2
    assert not pruned.exists()
    assert not unknown.exists()


def test_a_tree_goes_once_its_run_rests_elsewhere_and_its_worker_is_gone(work):
    run, root = run_here(work, "queued", lease_owner=workers.own_name())
    fresh = tree(work, f"{run.pk}.7")
    Run.objects.filter(pk=run.pk).update(tree_at=f"{socket.gethostname()}:{fresh}")
    cache.tidy_up()
    assert root.exists()  # whoever has lost the run may not know it yet
    Run.objects.filter(pk=run.pk).update(lease_owner=GONE)
    cache.tidy_up()
    assert (root.exists(), fresh.exists()) == (False, True)


def test_a_tree_that_is_being_made_stays(work):
    run = RunFactory(status="running", tree_at="other:/elsewhere", lease_owner=GONE)
    root = tree(work, f"{run.pk}.2")
    cache.tidy_up()
    assert root.exists()


def test_a_run_that_is_taken_up_meanwhile_keeps_its_tree(work):
    run, root = run_here(work, "cancelled")
    (seen,) = cache.unneeded()
    Run.objects.filter(pk=run.pk).update(status="running")
    assert not cache.remove(seen)
    assert not cache.remove(seen, even_if_needed=True)
    assert root.exists()


def test_what_is_no_tree_is_left_alone(work):
    other = tree(work, "notes")
    cache.tidy_up()
    assert other.exists()


def test_a_removal_that_was_broken_off_is_gone_on_with(work):
    rest = tree(work, f"{cache.TAKEN_OUT}{uuid4().hex}")
    cache.tidy_up()
    assert not rest.exists()


def test_the_least_recently_used_trees_make_room(work, settings):
    settings.WORKSPACE_CACHE_MIB = 5
    ages = {"failed": 1, "paused_awaiting_approval": 3, "backing_off": 2}
    roots = {age: run_here(work, status, mib=2, hours_ago=age)[1] for status, age in ages.items()}
    assert cache.tidy_up()["trees for room"] == 1
    assert {age: root.exists() for age, root in roots.items()} == {1: True, 2: True, 3: False}


def test_a_running_run_keeps_its_tree_however_little_room_there_is(work, settings):
    settings.WORKSPACE_CACHE_MIB = 1
    _, running = run_here(work, "running", mib=3, hours_ago=9)
    _, failed = run_here(work, "failed", mib=1)
    assert cache.tidy_up()["trees for room"] == 1
    assert (running.exists(), failed.exists()) == (True, False)


def test_below_the_limit_nothing_goes(work, settings):
    settings.WORKSPACE_CACHE_MIB = 64
    _, root = run_here(work, "failed", mib=3)
    assert cache.tidy_up()["trees for room"] == 0
    assert root.exists()


def left_over(work: Path, kind: str, hours_ago: float) -> Path:
    path = work / kind / uuid4().hex
    path.mkdir(parents=True)
    moment = time.time() - hours_ago * 3600
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize("kind", ["scratch", "reports"])
def test_what_a_worker_left_behind_goes_after_some_hours(work, kind):
    old, young = left_over(work, kind, 3), left_over(work, kind, 1)
    assert cache.tidy_up()["left-overs"] == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_what_a_run_of_this_machine_may_still_use_stays(work):
    run_here(work, "running", hours_ago=4, lease_owner=GONE)
    before, since = left_over(work, "scratch", 5), left_over(work, "scratch", 3)
    cache.tidy_up()
    assert (before.exists(), since.exists()) == (False, True)


@pytest.mark.django_db(transaction=True)
def test_two_nodes_of_a_machine_at_once_do_it_once(work):
    roots = [run_here(work, "succeeded")[1] for _ in range(10)]
    assert at_once(cache.tidy_up, cache.tidy_up) == [None, None]
    cache.tidy_up()
    assert not any(root.exists() for root in roots)
    assert list((work / "workspaces").iterdir()) == []


@pytest.mark.parametrize("kind", ["scratch", "reports"])
def test_what_a_killed_worker_of_this_machine_left_goes_at_once(work, kind):
    mine = work / kind / workers.directory_name()
    dead = work / kind / workers.directory_name().replace(f".{os.getpid()}.", ".1.")
    elsewhere = work / kind / f"other-{workers.directory_name()}"
    for directory in (mine, dead, elsewhere):
        directory.mkdir(parents=True)
    assert cache.tidy_up()["left-overs"] == 1
    assert [mine.exists(), dead.exists(), elsewhere.exists()] == [True, False, True]
