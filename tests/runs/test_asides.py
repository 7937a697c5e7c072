"""What a worker does aside is done in a process of its own. Each test starts a worker of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metabuilder.runs.asides import do_aside

SCRIPT = """
import multiprocessing, os, sys, time
import django
django.setup()
from metabuilder.runs.asides import do_aside

def note(name):
    with open(os.path.join(sys.argv[1], name), "w") as file:
        file.write(str(os.getpid()))

def work():
    {work}

def worker():
    note("worker")
    do_aside(work)
    note("after")

if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=worker, daemon=True)
    process.start()
    process.join()
"""


def start(folder: Path, work: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "metabuilder.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
    }
    return subprocess.Popen([sys.executable, "-c", SCRIPT.format(work=work), str(folder)], env=environment)


def pid_in(path: Path) -> int:
    until = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        assert time.monotonic() < until, f"{path.name} was never written"
        time.sleep(0.02)
    return int(path.read_text())


@pytest.mark.parametrize("end", ["pass", 'raise ValueError("a fault")', "sys.exit(3)"])
def test_it_is_another_process_whose_end_the_worker_survives(tmp_path, end):
    assert start(tmp_path, f'note("aside"); {end}').wait(60) == 0
    worker, aside, after = (pid_in(tmp_path / name) for name in ("worker", "aside", "after"))
    assert worker == after
    assert aside != worker


def test_it_does_not_outlive_a_killed_worker(tmp_path):
    process = start(tmp_path, 'note("aside"); time.sleep(60)')
    aside = pid_in(tmp_path / "aside")
    os.kill(pid_in(tmp_path / "worker"), signal.SIGKILL)
    process.wait(30)
    until = time.monotonic() + 10
    while Path(f"/proc/{aside}").exists() and "(zombie)" not in Path(f"/proc/{aside}/status").read_text():
        assert time.monotonic() < until, "it lives on"
        time.sleep(0.02)


def test_outside_a_worker_it_is_done_here():
    done = []
    do_aside(lambda: done.append(os.getpid()))
    assert done == [os.getpid()]
