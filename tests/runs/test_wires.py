"""A process that is killed while it waits, puts or takes holds up nobody else."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context

import pytest

from metabuilder.runs.wires import MESSAGE_BYTES, Flag, Timer, Wire

FORK = get_context("fork")
SOON_SECONDS = 10.0


@pytest.fixture
def start() -> Iterator[Callable]:
    """Start processes; whatever is left of them at the end is killed."""
    started = []

    def begin(target: Callable, *args: object):
        process = FORK.Process(target=target, args=args, daemon=True)
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()


def take(work: Wire, done: Wire) -> None:
    for message in iter(work.get, "STOP"):
        done.put(message)


def put_for_ever(wire: Wire) -> None:
    while True:
        wire.put("x" * 100)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_each_message_is_taken_once_and_whole(start):
    work, done = Wire(), Wire()
    takers = [start(take, work, done) for _ in range(3)]
    for number in range(200):
        work.put({"number": number, "text": "é" * number})
    assert sorted(done.get()["number"] for _ in range(200)) == list(range(200))
    for _ in takers:
        work.put("STOP")
    for taker in takers:
        taker.join(SOON_SECONDS)
        assert taker.exitcode == 0


def test_the_death_of_one_who_waits_holds_up_nobody(start):
    work, done = Wire(), Wire()
    for _ in range(20):
        waits = start(take, work, done)
        work.put("are you there")
        assert done.get() == "are you there"
        os.kill(waits.pid, signal.SIGKILL)
        waits.join()
    start(take, work, done)
    work.put("still works")
    assert done.get() == "still works"


def test_the_death_of_one_who_puts_holds_up_nobody(start):
    wire = Wire()
    for _ in range(10):
        puts = start(put_for_ever, wire)
        assert wire.get() == "x" * 100
        os.kill(puts.pid, signal.SIGKILL)
        puts.join()
    while not wire.empty():
        assert wire.get() == "x" * 100  # never a part of one
    wire.put("after all")
    assert (wire.qsize(), wire.get(), wire.qsize()) == (1, "after all", 0)


def test_a_full_wire_waits_for_a_taker(start):
    wire, done = Wire(2), Wire()

    def put_three() -> None:
        for number in range(3):
            wire.put(number)
        done.put("all three")

    start(put_three)
    wait_until(lambda: not wire.empty())
    time.sleep(0.2)
    assert done.empty()
    assert wire.get() == 0
    assert done.get() == "all three"


def test_what_is_too_large_is_dropped_and_said(caplog):
    wire = Wire()
    wire.put("x" * MESSAGE_BYTES)
    assert wire.empty()
    assert "must be small" in caplog.text


def test_a_flag_is_seen_by_the_others(start):
    asked, seen = Flag(), Flag()

    def answer() -> None:
        if asked.wait(SOON_SECONDS):
            seen.set()

    start(answer)
    assert not seen.wait(0.05)
    asked.set()
    assert seen.wait(SOON_SECONDS)


def test_a_timer_is_seen_by_the_others(start):
    timer = Timer()
    assert timer.value == -1

    def tell() -> None:
        with timer.get_lock():
            timer.value = 2.5
            time.sleep(60)

    start(tell)
    wait_until(lambda: timer.value == 2.5)
    with timer.get_lock():
        timer.value -= 1
    assert timer.value == 1.5
