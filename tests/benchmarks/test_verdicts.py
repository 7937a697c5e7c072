"""What a run said becomes an outcome, and outcomes become figures."""

import pytest

from scripts.benchmarks.repair import report, verdicts
from scripts.benchmarks.repair.verdicts import Findings, Outcome, Result

GATE = {
    "status": "pending",
    "kind": "security",
    "reason": "B105",
    "signal": {"excerpt": "x"},
    "evidence": {"why": "no fix"},
}
ATTEMPT = {"strategy": "patch"}


def told(status: str = "succeeded", gates: tuple = (), attempts: tuple = (ATTEMPT,)) -> dict:
    return {
        "run": {"status": status, "failure": None},
        "gates": list(gates),
        "timeline": {"attempts": list(attempts)},
        "executions": [],
    }


@pytest.mark.parametrize(
    ("run", "findings", "asks", "outcome"),
    [
        (told(), Findings(), False, Outcome.HEALED),
        (told(), Findings(wrong="hidden tests fail"), False, Outcome.WRONG),
        (told(), Findings(weaker="a test is gone", wrong="x"), False, Outcome.WEAKENED),
        (told(), Findings(), True, Outcome.WRONG),
        (told(gates=({**GATE, "status": "approved"},)), Findings(weaker="a person saw it"), True, Outcome.AFTER_GATE),
        (told(gates=({**GATE, "status": "approved"},)), Findings(wrong="x"), True, Outcome.WRONG),
        (told("failed"), Findings(), False, Outcome.ABSTAINED),
        (told("paused_awaiting_approval", (GATE,)), Findings(), True, Outcome.ABSTAINED),
        (told(attempts=()), Findings(), False, Outcome.BROKEN),
    ],
)
def test_an_outcome_follows_from_what_the_run_and_the_referee_say(run, findings, asks, outcome):
    assert verdicts.outcome_of(run, findings, asks)[0] == outcome


def test_a_gate_shows_evidence_when_it_says_what_failed_and_why_it_asks():
    assert verdicts.has_evidence([GATE])
    assert not verdicts.has_evidence([{**GATE, "signal": {"excerpt": ""}}])
    assert not verdicts.has_evidence([])


def test_time_to_green_is_from_the_first_failure_to_the_passing_of_the_same_step():
    def execution(step: str, status: str, started: float, ended: float) -> dict:
        return {"step": step, "status": status, "started": started, "ended": ended, "seconds": ended - started}

    run = [execution("a", "passed", 0, 1), execution("b", "failed", 1, 3), execution("a", "passed", 4, 5)]
    assert verdicts.times({"executions": run}) == (None, None)
    assert verdicts.times({"executions": [*run, execution("b", "passed", 6, 8)]}) == (5, 2)


def test_figures_count_each_case_once_and_know_what_is_missed():
    results = [
        Result("fault", "fault-0", Outcome.HEALED, wall_seconds=20),
        Result("fault", "fault-1", Outcome.WRONG, wall_seconds=20),
        Result("lint", "lint-0", Outcome.HEALED, seconds_to_green=2.0, step_seconds=1.0),
        Result("secret", "secret-0", Outcome.ABSTAINED, asked=True, evidence=True),
        Result("flaky-test", "flaky-0", Outcome.BROKEN),
    ]
    found = {figure.name.partition(" (")[0]: figure for figure in report.figures(results)}
    assert found["wrong"].value == 25
    assert found["wrong"].verdict == "MISSED"
    assert found["faults: green within 120 s"].value == 100
    assert found["faults: right, of those green"].value == 50
    assert found["asked a person with evidence, where one must be"].verdict == "ok, aim"
    assert found["deterministic fixes: to green, in times of the step"].value == 2
    assert [line.split()[0] for line in report.unhealed(results)] == ["fault-1", "flaky-0"]
    assert len(list(report.table(results))) == 9
