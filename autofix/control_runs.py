"""Does a step still fail without the patch that is proposed for it? If not, it is flaky, and the patch is dropped.

A patch that a flaky test passes with looks like a fix and is none. What a linter, a compiler or a type
checker found is found again, so only failures of what runs are controlled.
"""

from dataclasses import replace
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from autofix.failures import Failure, Signal
from autofix.models import Attempt, Control, Outcome
from autofix.playbooks import StrategyName
from autofix.strategies import Diagnosis, Proposal
from autofix.timeline import Decision

MAY_BE_FLAKY = frozenset({Signal.TEST_ASSERT, Signal.RUNTIME, Signal.UNKNOWN})
NEVER_FLAKY = frozenset({"compile", "dependency", "import", "config", "tool", "lockfile", "conflict", "coverage"})
# A step that was flaky of late gets more chances to show it.
TIMES, TIMES_WHERE_SUSPECTED = 1, 3
OF_LATE = timedelta(days=30)


def controlled(
    about: Decision, strategy: StrategyName, proposal: Proposal, told: Diagnosis
) -> tuple[StrategyName, Proposal]:
    """Return what is to be done once the step has run again without the proposed patch."""
    if not proposal.patch or proposal.undoes or not may_be_flaky(about.failure):
        return strategy, proposal
    if told.bench.fails_unchanged(times(about)):
        return strategy, replace(proposal, control=Control.FAILS)
    reason = f"flaky: without any change the step passes; the patch that was proposed ({proposal.fixer}) is dropped"
    return StrategyName.RETRY, Proposal(reason=reason, control=Control.PASSES)


def may_be_flaky(failure: Failure) -> bool:
    return failure.signal in MAY_BE_FLAKY and failure.detail not in NEVER_FLAKY


def times(about: Decision) -> int:
    """Return how often the step is run: more often where it was flaky before."""
    run, step = about.run, about.step
    of_step = Attempt.objects.filter(
        run__project=run.project_id, step__name=step.name, started_at__gt=Now() - OF_LATE, signal__in=MAY_BE_FLAKY
    )
    was_flaky = of_step.filter(Q(control=Control.PASSES) | Q(outcome=Outcome.RETRIED, verified=True))
    return TIMES_WHERE_SUSPECTED if was_flaky.exists() else TIMES
