"""What a worker's death costs: kill -9 in the middle of a step, then how long until the run goes on."""

import os
import signal
import time
from collections.abc import Iterator

from scripts.benchmarks.bed import Bed, Running
from scripts.benchmarks.figures import Comparison, Figure, Options, Target, progress
from scripts.benchmarks.processes import children

KILLS = (3, 10)
AT_ONCE = 3  # killed one by one, but waited for together
STEP = "sleep 2"
INTO_THE_STEP_SECONDS = 0.7
GIVE_UP_SECONDS = 120.0
GOES_ON = "kill -9 until the run goes on"


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    found, kills, lost = Comparison(), options.pick(*KILLS), 0
    with bed.running(bed.real("bubblewrap")) as running:
        for done in range(0, kills, AT_ONCE):
            progress(f"resume: after {done} kills of {kills}")
            killed = [kill_one(running) for _ in range(min(AT_ONCE, kills - done))]
            lost += sum(not goes_on(running, run_id, moment, found) for run_id, moment in killed)
    yield Figure("runs lost to kill -9", float(lost), "runs", target=Target(0, 0))
    yield found.figure(GOES_ON, "s", None, ", median")
    yield Figure(f"{GOES_ON}, longest", found.largest("ours", GOES_ON), "s", target=Target(45, 15))


def kill_one(running: Running) -> tuple[str, float]:
    """Kill the worker that runs a step; return the run, and when that was."""
    run_id = running.agent.call("start_id", commands=[STEP])
    running.agent.call("wait_for_execution", run=run_id)
    time.sleep(INTO_THE_STEP_SECONDS)
    worker, moment = busy_worker(running), time.time()
    os.kill(worker, signal.SIGKILL)
    return str(run_id), moment


def goes_on(running: Running, run_id: str, killed_at: float, found: Comparison) -> bool:
    """Wait until the run's step is begun again; True if the run then succeeds."""
    resumed_at = running.agent.call("wait_for_execution", run=run_id, after=killed_at, seconds=GIVE_UP_SECONDS)
    found.add("ours", GOES_ON, resumed_at - killed_at)
    return bool(running.agent.call("wait_for_end", run=run_id) == "succeeded")


def busy_worker(running: Running) -> int:
    """Return the worker that has a command running: no other child of a sentinel has children."""
    sentinels = children(running.cluster.pid)
    busy = [worker for sentinel in sentinels for worker in children(sentinel) if children(worker)]
    if len(busy) != 1:
        raise RuntimeError(f"{len(busy)} workers have a command running; one should")
    return busy[0]
