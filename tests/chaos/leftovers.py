"""Invariants of the machines: which processes are left, how the nodes stopped, what came as a surprise."""

from tests.chaos import processes
from tests.chaos.evidence import Evidence
from tests.chaos.stage import GRACE_SECONDS

STOPS_WITHIN = GRACE_SECONDS + 12.0


def no_process_survives(evidence: Evidence) -> list[str]:
    found = processes.mentioning(evidence.traces)
    return [f"process {each.pid} survives: {processes.command_line(each.pid)[:200]}" for each in found]


def no_orphan_survives(evidence: Evidence) -> list[str]:
    """A sandbox that was left behind may be stuck before it did anything: nothing leads from it to us."""
    return [f"left behind by a worker: {orphan}" for orphan in evidence.orphans]


def nodes_stop_in_time(evidence: Evidence) -> list[str]:
    slow = [f"a node took {s:.0f} s to stop" for s in evidence.stop_seconds if s > STOPS_WITHIN]
    return slow + [f"{name} did not stop when it was asked to" for name in evidence.did_not_stop]


def nothing_came_as_a_surprise(evidence: Evidence) -> list[str]:
    return list(evidence.surprises)
