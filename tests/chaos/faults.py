"""What can go wrong with machines, processes, the database and the queue? One function for each.

A fault says in a few words what it did, or nothing if there was nobody to do it to: it is then tried
again a little later. What people do to runs: `people`.
"""

import random
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

from django.db import connection
from django_q.models import OrmQ
from django_q.tasks import async_task

from metabuilder.runs.models import Priority, Run, StepExecution
from metabuilder.runs.states import ExecutionStatus, RunStatus
from tests.chaos import feeding, people, processes
from tests.chaos.nodes import Node
from tests.chaos.processes import Process
from tests.chaos.scenarios import FULL_DISK, planned_run
from tests.chaos.scene import Scene, patiently, some
from tests.chaos.stage import LEASE_SECONDS

Fault = Callable[[Scene, random.Random], str]
DELIVERIES = 3
MAX_FULL_DISKS = 3
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid = ANY(%s)"
OTHERS = (
    "SELECT pid, query ILIKE 'LISTEN%%' FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid"
)


def kill_worker_in_step(scene: Scene, rng: random.Random) -> str:
    return kill_holder(scene, rng, in_step=True)


def kill_worker_between_steps(scene: Scene, rng: random.Random) -> str:
    return kill_holder(scene, rng, in_step=False)


def kill_holder(scene: Scene, rng: random.Random, *, in_step: bool) -> str:
    held = patiently(scene.held)
    in_steps = set(patiently(runs_in_a_step))
    wanted = {pid for run, pid in held.items() if (run in in_steps) == in_step}
    victims = [hand for node in scene.nodes for hand in node.hands() if hand.pid in wanted]
    if not victims:
        return ""
    victim = rng.choice(victims)
    scene.note_killings([victim], held)
    processes.send(victim, signal.SIGKILL)
    return f"worker {victim.pid}"


def runs_in_a_step() -> list:
    return list(StepExecution.objects.filter(status=ExecutionStatus.RUNNING).values_list("run_id", flat=True))


def kill_idle_worker(scene: Scene, rng: random.Random) -> str:
    """Kill a worker that waits for work: it may hold the lock of the queue that all of its node wait at."""
    busy = set(patiently(scene.held).values())
    idle = [hand for node in scene.nodes for hand in node.hands() if hand.pid in scene.workers - busy]
    return kill_one(rng, idle, "worker")


def kill_helper(scene: Scene, rng: random.Random) -> str:
    """Kill a pusher or monitor: a child of a sentinel that has never held a run."""
    helpers = [hand for node in scene.nodes for hand in node.hands() if hand.pid not in scene.workers]
    return kill_one(rng, helpers, "pusher or monitor")


def kill_sentinel(scene: Scene, rng: random.Random) -> str:
    return kill_with_all_runs(scene, rng, [sentinel for node in scene.nodes if (sentinel := node.sentinel())])


def kill_main(scene: Scene, rng: random.Random) -> str:
    mains = [p for node in scene.nodes for p in node.processes() if node.main and p.pid == node.main.pid]
    return kill_with_all_runs(scene, rng, mains)


def kill_with_all_runs(scene: Scene, rng: random.Random, candidates: list[Process]) -> str:
    """Kill a process whose death takes workers along."""
    if not candidates:
        return ""
    victim = rng.choice(candidates)
    scene.note_killings(processes.with_descendants([victim]), patiently(scene.held))
    processes.send(victim, signal.SIGKILL)
    return f"process {victim.pid}"


def kill_one(rng: random.Random, candidates: list[Process], what: str) -> str:
    if not candidates:
        return ""
    victim = rng.choice(candidates)
    return f"{what} {victim.pid}" if processes.send(victim, signal.SIGKILL) else ""


def kill_node(scene: Scene, rng: random.Random) -> str:
    """Kill all processes of a node at once, as a power cut does; its disk stays."""
    node = rng.choice(scene.nodes)
    scene.note_killings(node.processes(), patiently(scene.held))
    node.kill()
    return node.name


def deploy(scene: Scene, rng: random.Random) -> str:
    """SIGTERM to a node, which is started again once it has ended."""
    frozen = {process.pid for process in scene.frozen}
    nodes = [node for node in scene.nodes if node.is_up() and not frozen & {p.pid for p in node.processes()}]
    if not nodes:
        return ""
    node = rng.choice(nodes)
    node.ask_to_stop()
    return node.name


def freeze_worker(scene: Scene, rng: random.Random) -> str:
    """Stop a worker that holds a run for longer than its lease; what it runs in a sandbox goes on."""
    wanted = set(patiently(scene.held).values()) - {process.pid for process in scene.frozen}
    victims = [hand for node in quiet_nodes(scene) for hand in node.hands() if hand.pid in wanted]
    return freeze(scene, rng, [rng.choice(victims)]) if victims else ""


def freeze_node(scene: Scene, rng: random.Random) -> str:
    """Stop all of a node for longer than its leases, as a virtual machine that is moved."""
    nodes = [node for node in quiet_nodes(scene) if node.is_up()]
    if not nodes:
        return ""
    return freeze(scene, rng, processes.with_descendants(rng.choice(nodes).processes()))


def quiet_nodes(scene: Scene) -> list[Node]:
    """Nodes that are not stopping: a deploy would have to wait for what is frozen."""
    return [node for node in scene.nodes if node.asked_at is None]


def freeze(scene: Scene, rng: random.Random, victims: list[Process]) -> str:
    stopped = {each for each in victims if processes.send(each, signal.SIGSTOP)}
    scene.frozen |= stopped
    seconds = LEASE_SECONDS + rng.uniform(0.5, 6)
    # By a thread: what is frozen may hold a lock of SQLite's that everybody else waits for.
    timer = threading.Timer(seconds, thaw, (scene, stopped))
    timer.daemon = True
    timer.start()
    scene.after(seconds, partial(thaw, scene, stopped))
    return f"{len(stopped)} processes"


def thaw(scene: Scene, stopped: set[Process]) -> None:
    """Let them go on; doing it again does nothing."""
    for process in stopped:
        processes.send(process, signal.SIGCONT)
    scene.frozen -= stopped


def crash_database(scene: Scene, rng: random.Random) -> str:
    return restart_database(scene, rng, crash=True)


def restart_database_in_order(scene: Scene, rng: random.Random) -> str:
    return restart_database(scene, rng, crash=False)


def restart_database(scene: Scene, rng: random.Random, *, crash: bool) -> str:
    postgres = scene.stage.postgres
    assert postgres is not None
    began = time.monotonic()
    if crash:
        postgres.crash()
        time.sleep(rng.uniform(0, 2.5))
        postgres.start()
    else:
        postgres.restart()
    return f"away for {time.monotonic() - began:.1f} s"


def cut_connections(scene: Scene, rng: random.Random) -> str:
    """End some of the others' connections, and all that listen for the doorbell."""

    def cut() -> int:
        with connection.cursor() as cursor:
            cursor.execute(OTHERS)
            rows = cursor.fetchall()
            chosen = [pid for pid, listens in rows if listens or rng.random() < 0.5]
            cursor.execute(CUT, [chosen])
            return len(chosen)

    return f"{patiently(cut)} connections"


def drop_queue(scene: Scene, rng: random.Random) -> str:
    rows = patiently(lambda: OrmQ.objects.all().delete()[0])
    if scene.stage.postgres is not None:
        return f"{rows} rows, {cut_connections(scene, rng)}"
    return f"{rows} rows"


def deliver_again(scene: Scene, rng: random.Random) -> str:
    """Send wake-ups for runs that need none: in work, waiting, paused, over."""
    runs = patiently(lambda: list(Run.objects.order_by("title").values_list("pk", flat=True)))
    chosen = some(rng, runs, 6)
    for run in chosen * DELIVERIES:
        patiently(partial(async_task, "autofix.tasks.advance", str(run)))
    return f"{len(chosen)} runs, {DELIVERIES} times each" if chosen else ""


def fill_disk(scene: Scene, rng: random.Random) -> str:
    """Start a run that writes more into its workspace than a step may; one at a time, a few in all."""
    pending = patiently(lambda: Run.objects.filter(title__endswith=FULL, status__in=UNFINISHED).exists())
    if pending or scene.extra_runs >= MAX_FULL_DISKS:
        return "" if pending else "enough disks were filled"
    scene.extra_runs += 1
    planned = planned_run(9000 + scene.extra_runs, FULL, FULL_DISK, rng)
    patiently(partial(feeding.start, planned, scene.stage.sources))
    patiently(lambda: Run.objects.filter(title=planned.title).update(priority=Priority.PERSON))
    return planned.title


FULL = "fills"
UNFINISHED = [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.BACKING_OFF]

# Each with its weight. The names are what the report counts.
ON_ANY_DATABASE: dict[str, tuple[Fault, int]] = {
    "kill worker in a step": (kill_worker_in_step, 7),
    "kill worker between steps": (kill_worker_between_steps, 6),
    "kill idle worker": (kill_idle_worker, 2),
    "kill pusher or monitor": (kill_helper, 3),
    "kill sentinel": (kill_sentinel, 2),
    "kill main process": (kill_main, 1),
    "kill node": (kill_node, 3),
    "deploy node": (deploy, 4),
    "freeze worker": (freeze_worker, 4),
    "freeze node": (freeze_node, 1),
    "drop queue rows": (drop_queue, 3),
    "deliver again": (deliver_again, 4),
    "fill disk": (fill_disk, 1),
    "flip tenant settings": (people.flip_settings, 4),
    "flip kill switch": (people.flip_switch, 2),
    "decide gate at once": (people.race_for_gate, 7),
    "cancel runs": (people.cancel_some, 4),
    "retry runs": (people.retry_some, 4),
}
ON_POSTGRESQL: dict[str, tuple[Fault, int]] = {
    "crash database": (crash_database, 2),
    "restart database": (restart_database_in_order, 1),
    "cut connections": (cut_connections, 3),
}


def faults_for(database: str) -> dict[str, tuple[Fault, int]]:
    return ON_ANY_DATABASE if database == "sqlite" else {**ON_ANY_DATABASE, **ON_POSTGRESQL}
