from autofix.failures import Failure, Finding, Signal
from autofix.progress import is_progress


def failure(signal: Signal, *ids: str, detail: str = "") -> Failure:
    findings = tuple(Finding(name, name) for name in ids)
    return Failure(signal, "", "", detail=detail, fingerprint=f"{signal}{ids}{detail}", findings=findings)


def test_fewer_findings_and_no_new_one_is_progress():
    assert is_progress(failure(Signal.LINT, "a", "b"), failure(Signal.LINT, "a"))


def test_another_finding_in_its_place_is_not():
    assert not is_progress(failure(Signal.LINT, "a", "b"), failure(Signal.LINT, "c"))


def test_the_same_failure_is_not():
    assert not is_progress(failure(Signal.LINT, "a"), failure(Signal.LINT, "a"))


def test_getting_from_import_to_assertion_is_progress_and_back_is_not():
    imports = failure(Signal.RUNTIME, "t", detail="import")
    asserts = failure(Signal.TEST_ASSERT, "t::x")
    assert is_progress(imports, asserts)
    assert not is_progress(asserts, imports)


def test_losing_all_findings_to_a_crash_is_not():
    assert not is_progress(failure(Signal.TEST_ASSERT, "a"), failure(Signal.UNKNOWN))
