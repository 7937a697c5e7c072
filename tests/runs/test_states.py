import pytest

from metabuilder.runs import states
from metabuilder.runs.states import FINAL, MAY_FOLLOW, RunStatus


def test_a_run_that_succeeded_stays_so():
    assert not MAY_FOLLOW[RunStatus.SUCCEEDED]


@pytest.mark.parametrize("old", RunStatus)
def test_nothing_succeeds_without_having_run(old):
    if old != RunStatus.RUNNING:
        assert RunStatus.SUCCEEDED not in MAY_FOLLOW[old]


@pytest.mark.parametrize("old", sorted(set(RunStatus) - FINAL))
def test_everything_unfinished_can_be_cancelled(old):
    states.check(old, RunStatus.CANCELLED)


def test_a_forbidden_move_says_which():
    with pytest.raises(states.ForbiddenTransition, match="succeeded cannot become running"):
        states.check("succeeded", "running")
