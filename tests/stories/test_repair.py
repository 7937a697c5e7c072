"""A failing test that no fixer knows a recipe for: the fault is searched for, and the run goes on."""

from metabuilder.runs.states import RunStatus

TEST = {"name": "test", "run": "pytest -q", "kind": "test"}
LEDGER = '''"""Sums of money."""


def clamp(amount, lowest, highest):
    return max(lowest, min(amount, highest))


def greatest_common_divisor(a, b):
    if b == 0:  # nothing left to divide
        return a
    return greatest_common_divisor(a % b, b)
'''
TESTS = """import pytest

from ledger import clamp, greatest_common_divisor


@pytest.mark.parametrize(("a", "b", "divisor"), [(17, 0, 17), (37, 600, 1), (20, 100, 20), (624129, 2061517, 18913)])
def test_divisor(a, b, divisor):
    assert greatest_common_divisor(a, b) == divisor


def test_clamp():
    assert clamp(5, 0, 3) == 3
"""


def test_a_fault_without_a_recipe_is_found_and_proved_with_the_step_itself(build, story):
    run = build({"ledger.py": LEDGER, "test_ledger.py": TESTS}, [TEST])
    assert run.status == RunStatus.SUCCEEDED
    [attempt] = story(run)
    assert attempt[2:] == ("patch", "patch_applied", True)
    assert run.attempts.get().fixer == "repair"
    assert "+    return greatest_common_divisor(b, a % b)" in run.diff
    assert "passes all 5 tests" in run.attempts.get().reason


def test_a_test_that_asks_for_the_impossible_is_left_to_people(build, story):
    wrong = TESTS.replace("assert clamp(5, 0, 3) == 3", "assert clamp(5, 0, 3) == 3 and clamp(5, 0, 3) == 4")
    healthy = LEDGER.replace("(a % b, b)", "(b, a % b)")
    run = build({"ledger.py": healthy, "test_ledger.py": wrong}, [TEST], max_per_step_attempts=1)
    assert run.status == RunStatus.FAILED
    assert run.diff == ""
    assert "patch" not in [row[2] for row in story(run)]


def test_where_no_edit_of_the_code_helps_a_person_is_asked_whether_the_test_is_wrong(build, story):
    wrong = TESTS.replace("(20, 100, 20)", "(20, 100, 21)")
    healthy = LEDGER.replace("(a % b, b)", "(b, a % b)")
    run = build({"ledger.py": healthy, "test_ledger.py": wrong}, [TEST])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    gate = run.gates.get()
    assert (gate.kind, gate.verified) == ("policy", True)
    assert "-@pytest.mark.parametrize" in gate.patch
    assert "(20, 100, 20)" in gate.patch
    assert "expects 21 where the code gives 20" in gate.reason
    assert "3 other tests that run the same code pass" in gate.evidence["why"]
    assert gate.evidence["violations"]
