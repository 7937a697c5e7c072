"""Commands that a killed process leaves behind are ended by the one that adopts them."""

import os
import subprocess
import sys
import textwrap

FIRST = """
import os, signal, subprocess, time
from metabuilder.runs import orphans
orphans.adopt()
"""
ORPHAN = """
command = ["setsid", "sh", "-c", "{command} & echo $!; exec sleep 60"]
worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
orphan = int(worker.stdout.readline())
worker.kill()
worker.wait()
assert orphan in orphans.children(), orphans.children()
"""
BOX = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--json-status-fd"]


def said(program: str, **popen) -> list[str]:
    command = [sys.executable, "-c", FIRST + textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, **popen)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def adopted(command: str, then: str) -> list[str]:
    return said(ORPHAN.format(command=command) + textwrap.dedent(then))


def test_at_the_end_everything_is_ended_and_what_that_leaves_in_turn():
    words = adopted("sh -c 'sleep 60 & sleep 60; true'", "print(orphans.end_all(5.0), orphans.children())")
    assert words == ["True", "[]"]


def test_a_daemon_of_a_step_without_a_sandbox_is_left_alone_until_then():
    then = """
        home = orphans.Orphanage()
        rounds = [home.make_round([]) for _ in range(3)]
        print(sum(rounds), orphan in orphans.children())
        os.kill(orphan, signal.SIGKILL)
        """
    assert adopted("sleep 60", then) == ["0", "True"]


def test_who_is_dead_is_buried():
    then = """
        home = orphans.Orphanage()
        home._not_ours = frozenset()
        os.kill(orphan, signal.SIGKILL)
        time.sleep(0.2)
        print(home.make_round([]), orphans.children())
        """
    assert adopted("sleep 60", then) == ["0", "[]"]


def test_a_sandbox_whose_worker_died_before_it_began_is_ended_in_the_second_round():
    """Nobody reads its first words, so its outer process ends; its inner one waits for a word from that."""
    reader, writer = os.pipe()
    os.close(reader)
    program = f"""
        home = orphans.Orphanage()
        subprocess.Popen({BOX} + ["{writer}", "sleep", "60"], pass_fds=({writer},), stdout=subprocess.DEVNULL).wait(10)
        rounds = []
        for _ in range(3):
            rounds.append(home.make_round([]))
            time.sleep(0.3)
        print(*rounds, orphans.children())
        """
    words = said(program, pass_fds=(writer,))
    os.close(writer)
    assert words == ["0", "1", "0", "[]"]


def test_a_living_worker_and_its_sandbox_are_known():
    program = f"""
        reader, writer = os.pipe()
        home = orphans.Orphanage()
        box = subprocess.Popen({BOX} + [str(writer), "sleep", "60"], pass_fds=[writer], stdout=subprocess.DEVNULL)
        print([home.make_round([box.pid]) for _ in range(3)], box.poll())
        orphans.end_all(5.0)
        """
    assert said(program) == ["[0,", "0,", "0]", "None"]
