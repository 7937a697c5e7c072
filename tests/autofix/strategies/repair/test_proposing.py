"""Which failures are searched for, and in which files."""

from unittest.mock import Mock

import pytest

from autofix.budget import Budget
from autofix.failures import Failure, Finding, Signal
from autofix.strategies.base import Diagnosis
from autofix.strategies.repair.commands import PytestCommand
from autofix.strategies.repair.proposing import command_of, is_editable, propose


def diagnosis(
    signal: Signal = Signal.TEST_ASSERT, *, run: str = "pytest", detail: str = "", test: str = ""
) -> Diagnosis:
    findings = (Finding(test, "failed"),) if test else ()
    failure = Failure(signal, "failed", "junit-report", detail=detail, findings=findings)
    plan = [{"name": "lint", "run": "ruff check ."}, {"name": "test", "run": run, "env": {"A": "1"}}]
    return Diagnosis("test", "test", failure, Mock(), Mock(), plan, Budget(5, 5, 1))


def test_it_runs_pytest_as_the_step_does():
    assert command_of(diagnosis(run="B=2 pytest -x tests")) == PytestCommand(("tests",), "", {"A": "1", "B": "2"})


def test_a_command_it_does_not_understand_is_guessed_at_only_for_tests_it_knows_by_name():
    assert command_of(diagnosis(run="make test")) is None
    assert command_of(diagnosis(run="make test", test="test_a.py::test_it")) == PytestCommand()


@pytest.mark.parametrize("signal", [signal for signal in Signal if signal not in ("test_assert", "runtime")])
def test_other_failures_are_not_its_business(signal):
    assert propose(diagnosis(signal)) is None


@pytest.mark.parametrize("detail", ["compile", "dependency", "tool", "config"])
def test_nor_are_those_that_no_edit_of_code_cures(detail):
    assert propose(diagnosis(Signal.RUNTIME, detail=detail)) is None


@pytest.mark.parametrize("path", ["a.py", "src/pkg/core.py", "pkg/testing_tools.py"])
def test_sources_may_be_edited(path):
    assert is_editable(path)


@pytest.mark.parametrize(
    "path",
    ["test_a.py", "tests/tools.py", "conftest.py", "pkg/conftest.py", "setup.py", "docs/conf.py", "a.toml", ".ci/x.py"],
)
def test_tests_and_configuration_may_not(path):
    assert not is_editable(path)
