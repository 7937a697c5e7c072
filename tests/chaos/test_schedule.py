"""The same seed gives the same runs and the same faults."""

from tests.chaos.faults import faults_for
from tests.chaos.scenarios import SCENARIOS, planned_runs
from tests.chaos.schedule import LAST_MOMENT, planned_faults

WEIGHTS = {name: weight for name, (_, weight) in faults_for("postgresql").items()}


def test_a_seed_gives_the_same_runs_and_faults_again():
    assert planned_runs(7, 50) == planned_runs(7, 50)
    assert planned_faults(7, 50, WEIGHTS) == planned_faults(7, 50, WEIGHTS)


def test_another_seed_gives_others():
    assert planned_runs(7, 50) != planned_runs(8, 50)
    assert planned_faults(7, 50, WEIGHTS) != planned_faults(8, 50, WEIGHTS)


def test_every_scenario_and_every_fault_comes_up_where_there_is_room():
    assert {run.scenario for run in planned_runs(1, len(SCENARIOS))} == set(SCENARIOS)
    assert {fault.kind for fault in planned_faults(1, len(WEIGHTS), WEIGHTS)} == set(WEIGHTS)


def test_faults_come_in_the_order_of_the_work():
    moments = [fault.moment for fault in planned_faults(3, 40, WEIGHTS)]
    assert moments == sorted(moments)
    assert moments[-1] <= LAST_MOMENT


def test_sqlite_has_no_server_to_crash():
    assert set(faults_for("postgresql")) - set(faults_for("sqlite")) == {
        "crash database",
        "restart database",
        "cut connections",
    }
