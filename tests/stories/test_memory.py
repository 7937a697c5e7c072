"""Whole runs that remember: what helped before is tried first, what people turned down is not asked again."""

import pytest

from approvals import gates
from approvals.gates import Decider
from autofix import memory
from autofix.driver import drive
from autofix.models import Control, FruitlessSearch, KnownFix
from autofix.playbooks import StrategyName
from autofix.strategies import STRATEGIES, Proposal
from autofix.strategies.repair import proposing
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process

LINT = {"name": "lint", "run": "ruff check .", "kind": "lint"}
SCAN = {"name": "scan", "run": "bandit -q -r .", "kind": "security"}
TEST = {"name": "test", "run": "pytest -q", "kind": "test"}
UNUSED = {"a.py": "import os\n\nprint(1)\n"}
WEAK = {"a.py": "import hashlib\n\nprint(hashlib.md5(b'x').hexdigest())\n"}
ON_ANOTHER_COMMIT = {"README": "more\n"}
FLAKY = """
from pathlib import Path


def test_it():
    ran, mark = Path(".ran").exists(), Path(".ran").write_text("")
    assert ran
"""
PATCH = "--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"


def approved(run, verdict=gates.approve):
    with driven_in_process(lambda _: None):
        verdict(run.gates.get(status="pending"), Decider("op"))
        run.refresh_from_db()
        return drive(run) if run.status == RunStatus.QUEUED else run


def test_what_helped_before_is_tried_first_and_proved_anew(build, story):
    assert build(UNUSED, [LINT]).status == RunStatus.SUCCEEDED
    known = KnownFix.objects.get()
    assert (known.proved, known.fixer, known.by_person) == (1, "ruff-unused", False)

    again = build({**UNUSED, **ON_ANOTHER_COMMIT}, [LINT])
    assert again.status == RunStatus.SUCCEEDED
    attempt = again.attempts.get()
    assert (attempt.recalls, attempt.fixer, attempt.verified) == (known, "ruff-unused", True)
    assert "healed this failure once before" in attempt.reason
    known.refresh_from_db()
    assert known.proved == 2


def test_what_does_not_fit_any_more_is_left_and_dropped_in_the_end(build):
    build(UNUSED, [LINT])
    known = KnownFix.objects.get()
    KnownFix.objects.filter(pk=known.pk).update(patch=PATCH, patch_digest="x", fixer="guess")
    run = build({**UNUSED, **ON_ANOTHER_COMMIT}, [LINT])
    assert run.attempts.get().recalls is None
    known.refresh_from_db()
    assert known.failed == 1
    KnownFix.objects.filter(pk=known.pk).update(failed=memory.MAX_MISFITS - 1)
    KnownFix.objects.exclude(pk=known.pk).delete()
    build({**UNUSED, "README": "and more\n"}, [LINT])
    assert not KnownFix.objects.filter(pk=known.pk).exists()


def test_a_patch_that_a_person_approved_asks_a_person_again(build):
    run = approved(build(WEAK, [SCAN]))
    assert run.status == RunStatus.SUCCEEDED
    assert KnownFix.objects.get().by_person
    again = build({**WEAK, **ON_ANOTHER_COMMIT}, [SCAN])
    assert again.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert "approved by a person" in again.gates.get().evidence["why"]


def test_a_patch_that_was_rejected_is_not_proposed_again(build):
    run = build(WEAK, [SCAN])
    assert run.gates.get().patch
    approved(run, gates.reject)
    again = build({**WEAK, **ON_ANOTHER_COMMIT}, [SCAN])
    assert again.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert again.gates.get().patch == ""


def test_another_tenant_knows_nothing_of_it(build, staging, tenant_two):
    build(UNUSED, [LINT])
    KnownFix.objects.update(tenant=tenant_two)
    assert build({**UNUSED, **ON_ANOTHER_COMMIT}, [LINT]).attempts.get().recalls is None


def test_a_search_that_found_nothing_is_not_repeated_in_the_same_tree(build, monkeypatch):
    searches = []
    monkeypatch.setattr(proposing, "searched", lambda *_: searches.append(1) or proposing.Report())
    files = {
        "a.py": "def f(x):\n    return x\n",
        "test_a.py": "from a import f\n\n\ndef test_f():\n    assert f(1) == 2\n",
    }
    run = build(files, [TEST])
    assert run.status == RunStatus.FAILED
    assert run.attempts.count() == 2  # run once more, then given up
    assert (len(searches), FruitlessSearch.objects.count()) == (1, 1)
    build({**files, **ON_ANOTHER_COMMIT}, [TEST])
    assert len(searches) == 2


@pytest.fixture
def a_patch_is_always_proposed(monkeypatch):
    proposal = Proposal(patch=PATCH, fixer="guess", verified=True)
    monkeypatch.setattr(STRATEGIES[StrategyName.PATCH], "propose", lambda _: proposal)


@pytest.mark.usefixtures("a_patch_is_always_proposed")
def test_where_the_step_passes_without_the_patch_the_patch_is_dropped(build, story):
    run = build({"test_a.py": FLAKY, "b.py": "x = 1\n"}, [TEST])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("test", "test_assert", "retry", "retried", True)]
    attempt = run.attempts.get()
    assert (attempt.control, attempt.patch) == (Control.PASSES, "")
    assert "flaky" in attempt.reason
    assert run.diff == ""


@pytest.mark.usefixtures("a_patch_is_always_proposed")
def test_where_it_still_fails_that_is_written_down(build):
    run = build({"test_a.py": "from b import x\n\n\ndef test():\n    assert x == 2\n", "b.py": "x = 1\n"}, [TEST])
    assert run.status == RunStatus.SUCCEEDED
    assert run.attempts.get().control == Control.FAILS


def test_changes_are_only_suggested_where_a_tenant_wants_it_so(build, staging, story):
    staging.modes = {"lint": "suggest"}
    staging.save()
    run = build(UNUSED, [LINT])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    gate = run.gates.get()
    assert (gate.kind, gate.verified) == ("policy", True)
    assert approved(run).status == RunStatus.SUCCEEDED


def test_a_shadow_changes_nothing_and_says_what_it_would_have_done(build, staging):
    staging.modes = {"lint": "shadow"}
    staging.save()
    run = build(UNUSED, [LINT])
    assert (run.status, run.diff) == (RunStatus.FAILED, "")
    attempt = run.attempts.get()
    assert (attempt.is_shadow, attempt.strategy, attempt.outcome) == (True, "patch", "gave_up")
    assert attempt.patch
    assert attempt.reason.startswith("shadow: it would have tried patch")
    assert not KnownFix.objects.exists()


def test_a_signal_that_is_off_ends_the_run(build, staging, story):
    staging.modes = {"lint": "off"}
    staging.save()
    run = build(UNUSED, [LINT])
    assert run.status == RunStatus.FAILED
    assert story(run) == [("lint", "lint", "give_up", "gave_up", False)]
    assert run.failure["reason"] == "auto-fix is off for lint failures"
