"""When a circuit opens, for how long, and how long a run waits for it."""

import random
from datetime import UTC, datetime

import pytest

from autofix import breaker
from autofix.breaker import Outage

NOW = datetime(2026, 1, 1, 12, 0, 7, tzinfo=UTC)


def waits(planned: float, left: float, cap: float) -> list[float]:
    outage = Outage("pypi.org", 5, NOW, left)
    return [breaker.wait_seconds(planned, outage, cap, random.Random(seed)) for seed in range(500)]


def test_it_opens_at_the_fifth_failure_in_a_row():
    assert [breaker.opens(failures) for failures in (1, 4, 5, 6)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("times", "longest"), [(0, 30), (1, 30), (2, 60), (3, 120), (5, 480), (6, 600), (99, 600), (10**9, 600)]
)
def test_it_stays_open_twice_as_long_each_time_up_to_ten_minutes(times, longest):
    lengths = [breaker.open_seconds(times, random.Random(seed)) for seed in range(500)]
    assert longest * 0.75 <= min(lengths) < longest * 0.77
    assert longest * 0.98 < max(lengths) <= longest


def test_a_retry_waits_until_it_is_half_open_and_not_all_at_once():
    lengths = waits(0.5, 20, 60)
    assert min(lengths) >= 20
    assert max(lengths) <= 26
    assert len(set(lengths)) == 500


def test_a_retry_waits_no_longer_than_the_runs_cap():
    lengths = waits(0.5, 500, 60)
    assert min(lengths) >= 45
    assert max(lengths) <= 60
    assert len(set(lengths)) == 500


def test_a_longer_wait_that_a_server_asked_for_is_kept():
    assert set(waits(40, 5, 60)) == {40}
    assert set(waits(60, 500, 60)) == {60}


def test_nothing_changes_while_all_is_well():
    assert breaker.wait_seconds(3.5, None, 60, random.Random(1)) == 3.5


def test_no_run_is_put_off_for_ever():
    assert not breaker.has_waited_enough(239, 60)
    assert breaker.has_waited_enough(240, 60)


def test_it_says_why():
    assert Outage("pypi.org", 7, NOW, 3).why == (
        "pypi.org failed 7 times in a row and is left alone until 12:00:07 UTC"
    )
