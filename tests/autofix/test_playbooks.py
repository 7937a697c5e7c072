import pytest

from autofix.failures import Failure, Signal
from autofix.playbooks import PLAYBOOKS, StrategyName, last_resort, rungs_left


def failure(signal: Signal, detail: str = "") -> Failure:
    return Failure(signal, "it failed", "rule", detail=detail)


@pytest.mark.parametrize("signal", Signal)
def test_every_signal_has_a_playbook(signal):
    assert signal in PLAYBOOKS


@pytest.mark.parametrize("signal", [Signal.SECURITY, Signal.POLICY, Signal.UNKNOWN])
def test_a_person_decides_about_security_policy_and_the_unknown(signal):
    assert last_resort(failure(signal)) == StrategyName.ESCALATE


def test_nothing_is_tried_on_a_policy_violation():
    assert rungs_left(failure(Signal.POLICY), []) == ()


def test_no_detail_talks_a_security_finding_out_of_its_gate():
    assert StrategyName.REPLAN not in rungs_left(failure(Signal.SECURITY, "dependency"), [])


def test_the_unknown_is_retried_twice():
    climbed = [StrategyName.RETRY] * 2
    assert StrategyName.RETRY in rungs_left(failure(Signal.UNKNOWN), climbed[:1])
    assert StrategyName.RETRY not in rungs_left(failure(Signal.UNKNOWN), climbed)


def test_a_missing_dependency_is_planned_for_before_it_is_patched():
    rungs = rungs_left(failure(Signal.RUNTIME, "dependency"), [])
    assert rungs.index(StrategyName.REPLAN) < rungs.index(StrategyName.PATCH)


def test_a_missing_credential_is_not_retried():
    assert rungs_left(failure(Signal.INFRA, "auth"), []) == ()


@pytest.mark.parametrize(
    ("signal", "detail", "message"),
    [
        (Signal.INFRA, "auth", "git has no credentials for the remote"),
        (Signal.RUNTIME, "config", "The environment variable API_TOKEN is not set"),
        (Signal.RUNTIME, "config", "SECRET_KEY is missing from the settings"),
    ],
)
def test_a_setting_that_only_a_person_has_is_asked_for(signal, detail, message):
    assert last_resort(Failure(signal, message, "rule", detail=detail)) == StrategyName.ESCALATE


@pytest.mark.parametrize(
    ("detail", "message"), [("config", "make has no target nosuch"), ("compile", "the environment is odd"), ("", "x")]
)
def test_other_mistakes_are_the_ends_of_runs(detail, message):
    assert last_resort(Failure(Signal.RUNTIME, message, "rule", detail=detail)) == StrategyName.GIVE_UP
