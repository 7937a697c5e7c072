"""What the harness prints: how far it is, and in the end what was done, how soon it recovered, what is wrong."""

import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from metabuilder.runs.models import Run, RunEvent
from metabuilder.runs.states import RunStatus
from tests.chaos.scene import Killing, Scene

SHOWN = 12
ENDS_OF_TRACEBACKS = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Lost|Rejected|Unavailable)\b.*", re.MULTILINE)
BEGAN = time.monotonic()


def say(text: str) -> None:
    sys.stdout.write(f"{time.monotonic() - BEGAN:6.1f} s  {text}\n")
    sys.stdout.flush()


def tell(scene: Scene, found: Mapping[str, Sequence[str]]) -> None:
    """Print the whole report."""
    lines = [*faults(scene), "", *outcomes(), "", *recovery(scene.killings), "", *errors(scene)]
    for name, faults_found in found.items():
        lines += ["", f"VIOLATED: {name} ({len(faults_found)})", *(f"  {fault}" for fault in faults_found[:SHOWN])]
    lines += ["", "FAIL" if found else "PASS", f"replay with: {scene.stage.options.replay}"]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def faults(scene: Scene) -> list[str]:
    rows = [f"  {count:5}  {kind}" for kind, count in scene.done.most_common()]
    missed = [f"  {count:5}  {kind} (nobody to do it to)" for kind, count in scene.missed.most_common()]
    return ["", f"faults: {scene.done.total()}", *rows, *missed]


def outcomes() -> list[str]:
    statuses = Counter(Run.objects.order_by().values_list("status", flat=True))
    return [f"runs: {statuses.total()}", *(f"  {count:5}  {status}" for status, count in statuses.most_common())]


def recovery(killings: Sequence[Killing]) -> list[str]:
    """Say how long runs waited from the death of their worker until the sweep, and until another took them."""
    lines = [f"runs whose worker was killed: {len(killings)}"]
    for what, status in (("released", RunStatus.QUEUED), ("taken over", RunStatus.RUNNING)):
        seconds = sorted(filter(None, (seconds_until(killing, status) for killing in killings)))
        if seconds:
            p50, p95 = share(seconds, 0.5), share(seconds, 0.95)
            lines.append(f"  {what} after: p50 {p50:.1f} s, p95 {p95:.1f} s, max {seconds[-1]:.1f} s ({len(seconds)})")
    return lines


def seconds_until(killing: Killing, status: RunStatus) -> float | None:
    """None if a person moved the run before that, or if it had been given back just before the killing."""
    events = RunEvent.objects.filter(run=killing.run, kind="status", created_at__gt=killing.moment).order_by("id")
    for event in events:
        if event.actor or event.new_status not in {RunStatus.QUEUED, RunStatus.RUNNING}:
            return None
        if event.new_status == status:
            return (event.created_at - killing.moment).total_seconds()
        if event.new_status == RunStatus.RUNNING:
            return None
    return None


def share(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def errors(scene: Scene) -> list[str]:
    """Count how tracebacks in the nodes' logs ended: no violation, but worth a look."""
    ends = Counter(end for node in scene.nodes for end in tracebacks(node.log))
    return ["errors in the nodes' logs:", *(f"  {count:5}  {end}" for end, count in ends.most_common(SHOWN))]


def tracebacks(log: Path) -> list[str]:
    text = log.read_text(errors="replace") if log.exists() else ""
    return [re.sub(r"[0-9a-f-]{36}|\d+", "N", end)[:150] for end in ENDS_OF_TRACEBACKS.findall(text)]
