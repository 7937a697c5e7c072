"""W4: from a POST to the first command's start, and what web server, cluster and database use while idle."""

import json
import random
import shlex
import string
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.benchmarks.bed import ROOT, Bed, Running, Side, free_port
from scripts.benchmarks.figures import Comparison, Figure, Options, Target, progress
from scripts.benchmarks.processes import Service, wait_until_quiet

POSTS = (30, 100)
WARM_UP_POSTS = 8  # every thread of every web process has answered
IDLE_SECONDS = (10, 30)
UP_SECONDS = 30.0
LATENCY, BY_COMMAND = "POST to the first command's start", "POST to what the command's own clock says"


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    found = Comparison()
    side = bed.real("bubblewrap")
    progress("W4: POSTs to an idle system")
    with bed.running(side) as running, serving(side) as (web, address):
        token = running.agent.call("prepare", source=str(side.source))
        for _ in range(WARM_UP_POSTS):
            post(running, address, token)
        for _ in range(options.repetitions):
            measure_idle(running, web, options.pick(*IDLE_SECONDS), found)
        for _ in range(options.pick(*POSTS)):
            time.sleep(random.uniform(0.05, 0.3))  # in step with nothing that polls
            started, said = post(running, address, token)
            found.add("ours", LATENCY, started)
            found.add("ours", BY_COMMAND, said)
    yield found.figure(LATENCY, "s", None, ", median")
    yield Figure(f"{LATENCY}, p95", found.p95("ours", LATENCY), "s", target=Target(0.3, 0.15))
    yield Figure(f"{BY_COMMAND}, p95", found.p95("ours", BY_COMMAND), "s")
    yield found.figure("idle, web, cluster and database", "% of a core", Target(2, 1))


@contextmanager
def serving(side: Side) -> Iterator[tuple[Service, str]]:
    """Start the web server as the Procfile has it, on a free port."""
    bind = f"127.0.0.1:{free_port()}"
    line = next(line for line in (ROOT / "scripts/Procfile").read_text().splitlines() if line.startswith("web:"))
    program, *arguments = shlex.split(string.Template(line.removeprefix("web:")).substitute(BIND=bind))
    env = {**side.environment, "BASE_URL": f"http://{bind}"}
    web_log = side.root / "web.log"
    with Service([str(Path(sys.executable).parent / program), *arguments], ROOT, env, web_log) as web:
        wait_until_up(web, f"http://{bind}/healthz")
        wait_until_quiet([web])
        yield web, f"http://{bind}"


def wait_until_up(web: Service, address: str) -> None:
    give_up = time.monotonic() + UP_SECONDS
    while web.is_running() and time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the web server does not answer: {web.words()}")


def post(running: Running, address: str, token: str) -> tuple[float, float]:
    """Start a run over the API; return when its command began, by the rows and by the command's own clock."""
    steps = [{"name": "clock", "run": "date +%s.%N"}]
    body = {"tenant": "bench", "source": {"path": str(running.side.source)}, "plan": {"steps": steps}}
    request = urllib.request.Request(
        f"{address}/api/meta/v2/runs",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    sent = time.time()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            run_id = json.load(answer)["id"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"POST was answered {error.code}: {error.read()[:500]!r}") from None
    began, said = running.agent.call("wait_for_start", run=run_id)
    return began - sent, said - sent


def measure_idle(running: Running, web: Service, seconds: float, found: Comparison) -> None:
    before, started = running.cpu_seconds() + web.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    spent = running.cpu_seconds() + web.cpu_seconds() - before
    found.add("ours", "idle, web, cluster and database", 100 * spent / (time.monotonic() - started))
