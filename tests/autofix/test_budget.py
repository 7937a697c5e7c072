import random

import pytest

from autofix.budget import Budget, backoff_seconds


def test_a_budget_says_which_limit_is_reached():
    budget = Budget(6, 3, 60)
    assert budget.spent(5, 2) == ""
    assert "run's budget of 6" in budget.spent(6, 0)
    assert "step's budget of 3" in budget.spent(3, 3)


@pytest.mark.parametrize("earlier", range(12))
def test_backoff_doubles_its_ceiling_up_to_the_cap(earlier):
    waits = [backoff_seconds(earlier, 60, None, random.Random(seed)) for seed in range(300)]
    ceiling = min(60, 2**earlier)
    assert 0 <= min(waits) <= max(waits) <= ceiling
    assert max(waits) > 0.9 * ceiling


def test_backoff_waits_at_least_as_long_as_the_server_asks():
    waits = [backoff_seconds(0, 60, 30, random.Random(seed)) for seed in range(100)]
    assert 30 <= min(waits) <= max(waits) <= 33


def test_a_server_that_asks_for_more_than_the_cap_gets_the_cap():
    assert backoff_seconds(3, 60, 3600, random.Random(1)) == 60
