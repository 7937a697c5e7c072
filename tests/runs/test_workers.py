"""Whose is a name, and does that process live? A dead one that nobody buries does not."""

import os
import subprocess

from metabuilder.runs import workers


def name_of(pid: int) -> str:
    host, _, _ = workers.own_name().rpartition(":")
    return f"{host}:{pid}@{workers._start_of(str(pid))}"


def test_this_process_lives_and_another_of_its_number_does_not():
    assert workers.may_live_here(workers.own_name())
    assert not workers.may_live_here(workers.own_name() + "1")
    assert not workers.may_live_here(f"elsewhere:{os.getpid()}@1")


def test_a_dead_process_that_nobody_has_buried_is_dead():
    with subprocess.Popen(["sleep", "60"]) as child:
        name, directory = name_of(child.pid), workers.directory_name()
        directory = directory.replace(workers.directory_prefix(), f"{name.replace(':', '.').replace('@', '.')}.")
        assert workers.may_live_here(name)
        assert not workers.is_abandoned(directory)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but not buried
        assert not workers.may_live_here(name)
        assert workers.is_abandoned(directory)


def test_a_directory_of_this_process_is_not_abandoned_and_an_unknown_one_neither():
    assert not workers.is_abandoned(workers.directory_name())
    for name in ("scratch-x1", "a.b", "", "elsewhere.1.2.abc"):
        assert not workers.is_abandoned(name)
