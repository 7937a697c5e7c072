"""Which upstream hosts and fixers are left alone for a tenant, and what each run's luck says about them.

One row for each host or fixer that failed a tenant lately; none where all is well, so that a run
whose steps pass reads none. Every change is one conditional UPDATE by the database's clock. When
to open, and for how long: `breaker`. Which host it was: `upstreams`. The waiting of runs that are
held back is the queue's, as any other wait.
"""

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from autofix import breaker, fixers, policy, upstreams
from autofix.breaker import Outage, Standing
from autofix.failures import Failure, Signal
from autofix.models import Attempt, AttemptState, Circuit, Outcome
from autofix.playbooks import StrategyName, playbook
from autofix.timeline import Decision
from metabuilder.runs import transitions
from metabuilder.runs.executions import UNSANDBOXED
from metabuilder.runs.models import Run, Step

HOST, FIXER = "host", "fixer"
EVENT = "circuit"
NOT_FETCHED = "not_fetched"  # the event of a source that could not be fetched and is tried again
# Of each kind for a tenant: logs may name any number of hosts, and each row costs.
MAX_CIRCUITS = 200
FORGET_BATCH = 1000
FIXER_NAMES = frozenset(fixer.name for fixer in fixers.FIXERS)
_rng = random.Random()


def count(about: Decision) -> Standing:
    """Count a step's failure against the host it names, and say what the circuits hold back because of it."""
    host = _host(about.run, about.step, about.failure)
    outage = _failed(about.run, HOST, host) if host else None
    patches = any(rung.strategy == StrategyName.PATCH for rung in playbook(about.failure))
    return Standing(outage, _left_out(about) if patches else {})


def did_not_help(attempt: Attempt) -> None:
    """Count a patch that was taken back against the fixers that made it."""
    for name in _fixers(attempt):
        _failed(attempt.run, FIXER, name)


def proved(run: Run, step: Step, attempts: Iterable[Attempt]) -> None:
    """Close the circuits of what a step was healed with: it works."""
    named = Q()
    for attempt in attempts:
        host = _host(run, step, _failure(attempt)) if attempt.outcome == Outcome.RETRIED else ""
        if host:
            named |= Q(kind=HOST, name=host)
        for name in _fixers(attempt):
            named |= Q(kind=FIXER, name=name)
    if named:
        _worked(run, named)


def source_failed(run: Run) -> Outage | None:
    """Count a fetch that failed against the host of the run's source."""
    host = upstreams.host_of(run.project.location)
    return _failed(run, HOST, host) if host else None


def waits_for_source(run: Run) -> bool:
    """True if another worker had the run before and got no tree of it; free of charge."""
    return not run.is_new and not run.tree_at


def source_came(run: Run) -> None:
    """Close the circuit of the source's host: a run that waited for it has its source."""
    host = upstreams.host_of(run.project.location)
    if host:
        _worked(run, Q(kind=HOST, name=host))


def put_off(run: Run) -> bool:
    """Give a claimed run back that waits for a host which is still left alone; True if it was given back.

    Costs no attempt, and a run that was never put off no query. Whoever comes first once the circuit
    is half open may try; a run that has waited long enough goes on whatever the circuit says.
    """
    waits_for, since = _awaited(run)
    if not waits_for:
        return False
    outage = _still_out(run, waits_for)
    effective = policy.for_run(run) if outage else None
    if outage is None or effective is None or not effective.enabled:
        return False
    cap = effective.budget.backoff_cap_seconds
    now = outage.until - timedelta(seconds=outage.seconds_left)
    if breaker.has_waited_enough((now - since).total_seconds(), cap):
        transitions.note(run, EVENT, f"goes on though {outage.why}: it has waited long enough")
        return False
    transitions.back_off(run, f"put off: {outage.why}", breaker.wait_seconds(0, outage, cap, _rng))
    return True


def close(circuit: Circuit) -> bool:
    """Let a host or fixer be tried again at once, on a person's word; False if it was closed already."""
    return _shut(Circuit.objects.filter(pk=circuit.pk).exclude(open_until=None))


def is_open() -> Q:
    """The condition for a circuit that holds something back now."""
    return Q(open_until__gt=Now())


def forget_quiet(batch: int = FORGET_BATCH) -> int:
    """Delete rows of what has not failed for long; return how many."""
    quiet = Circuit.objects.filter(Q(_quiet(HOST), kind=HOST) | Q(_quiet(FIXER), kind=FIXER))
    return int(Circuit.objects.filter(pk__in=list(quiet.values_list("pk", flat=True)[:batch])).delete()[0])


def _failed(run: Run, kind: str, name: str) -> Outage | None:
    """Count a failure, open the circuit if that is due, and return until when it is left alone."""
    mine = Circuit.objects.filter(tenant=run.tenant_id, kind=kind, name=name)
    if not _add_failure(mine, kind) and _make_room(run, kind):
        Circuit.objects.bulk_create([Circuit(tenant_id=run.tenant_id, kind=kind, name=name)], ignore_conflicts=True)
        _add_failure(mine, kind)
    seen = mine.annotate(now=Now()).first()
    if seen is not None and _may_open(seen, run):
        _open(mine, seen, run)
        seen = mine.annotate(now=Now()).first()
    return _outage(seen)


def _add_failure(mine: QuerySet[Circuit], kind: str) -> int:
    """One more in a row, or the first anew where the last was long ago; return 0 where there is no row."""
    long_quiet = _quiet(kind)

    def anew(field: str, first: int | None, usual: F | CombinedExpression) -> Case:
        of: Any = Circuit._meta.get_field(field)  # Any: a column, not a relation
        return Case(When(long_quiet, then=Value(first, output_field=of)), default=usual, output_field=of)

    return mine.update(
        failures=anew("failures", 1, F("failures") + 1),
        opened=anew("opened", 0, F("opened")),
        open_until=anew("open_until", None, F("open_until")),
        trial=anew("trial", None, F("trial")),
        changed_at=Now(),
    )


def _may_open(seen: Any, run: Run) -> bool:  # Any: a circuit with the database's time beside it
    if seen.open_until is None:
        return breaker.opens(seen.failures)
    return bool(seen.open_until <= seen.now or seen.trial == run.pk)


def _open(mine: QuerySet[Circuit], seen: Circuit, run: Run) -> None:
    """Open a circuit that is as it was seen; whoever is first does, and says so on its run."""
    length = timedelta(seconds=breaker.open_seconds(seen.opened + 1, _rng))
    ready = Q(open_until=None) | Q(open_until__lte=Now()) | Q(trial=run.pk)
    opened = mine.filter(ready, opened=seen.opened).update(
        opened=F("opened") + 1, open_until=Now() + length, trial=None, changed_at=Now()
    )
    if opened:
        words = f"{seen} failed {seen.failures} times in a row: left alone for {length.total_seconds():.0f} s"
        transitions.note(run, EVENT, f"circuit opened: {words}", data=_data(seen, "opened"))


def _still_out(run: Run, host: str) -> Outage | None:
    """Return the outage of a host unless this run may try it now, perhaps as the only one."""
    mine = Circuit.objects.filter(tenant=run.tenant_id, kind=HOST, name=host).exclude(open_until=None)
    seen: Any = mine.annotate(now=Now()).first()  # Any: a circuit with the database's time beside it
    if seen is None or seen.trial == run.pk or _take_trial(seen, run):
        return None
    return _outage(mine.annotate(now=Now()).first())


def _take_trial(seen: Any, run: Run) -> bool:  # Any: as above
    """Be the one that tries a half-open circuit; False if it is not half open, or another one is.

    For as long as the trial may take, the circuit is open to all others.
    """
    if seen.open_until > seen.now:
        return False
    half_open = Circuit.objects.filter(pk=seen.pk, open_until__lte=Now())
    until = Now() + timedelta(seconds=breaker.TRIAL_SECONDS)
    taken = half_open.update(trial=run.pk, open_until=until, changed_at=Now())
    if taken:
        transitions.note(run, EVENT, f"circuit half open: this run tries {seen}", data=_data(seen, "trial"))
    return bool(taken)


def _worked(run: Run, named: Q) -> None:
    bad = Circuit.objects.filter(named, tenant=run.tenant_id).exclude(failures=0, open_until=None)
    for seen in bad.order_by("pk"):
        if _shut(Circuit.objects.filter(pk=seen.pk, opened=seen.opened)) and seen.open_until:
            transitions.note(run, EVENT, f"circuit closed: {seen} works again", data=_data(seen, "closed"))


def _shut(rows: QuerySet[Circuit]) -> bool:
    return bool(rows.update(failures=0, opened=0, open_until=None, trial=None, changed_at=Now()))


def _left_out(about: Decision) -> dict[str, str]:
    """Return the fixers to leave out and why; one that is half open is tried by the first that needs it."""
    run, wanted = about.run, {fixer.name for fixer in fixers.for_failure(about.failure, about.step.kind)}
    if not wanted:
        return {}
    open_ones = Circuit.objects.filter(tenant=run.tenant_id, kind=FIXER).exclude(open_until=None)
    out: dict[str, str] = {}
    for seen in open_ones.annotate(now=Now()).order_by("name"):
        if seen.trial != run.pk and not (seen.name in wanted and _take_trial(seen, run)):
            out[seen.name] = f"left out: {seen.name}: {seen.failures} of its patches in a row did not help; " + (
                f"tried again from {seen.open_until:%H:%M:%S} UTC"
            )
    for name in sorted(wanted & out.keys()):
        transitions.note(run, EVENT, out[name])
    return out


def _awaited(run: Run) -> tuple[str, Any]:  # Any: a date, or None beside an empty name
    """Return the host that a run waits for before it goes on, and since when."""
    if run.is_new:
        return "", None
    if waits_for_source(run):
        failed = run.events.filter(kind=NOT_FETCHED).order_by("-id").first()
        return (upstreams.host_of(run.project.location), failed.created_at) if failed else ("", None)
    waiting = run.attempts.filter(state=AttemptState.DECIDED, outcome=Outcome.RETRIED, backoff_seconds__gt=0)
    attempt = waiting.select_related("step").order_by("number").last()
    if attempt is None:
        return "", None
    return _host(run, attempt.step, _failure(attempt)), attempt.started_at


def _failure(attempt: Attempt) -> Failure:
    """Return what names the host in the failure that an attempt answered."""
    signal = Signal(attempt.signal)
    return Failure(signal, attempt.message, attempt.rule, detail=attempt.detail, excerpt=attempt.excerpt)


def _host(run: Run, step: Step, failure: Failure) -> str:
    """Return the host a step could not use; where it has no network, that says nothing about the host."""
    is_cut_off = settings.METABUILDER_SANDBOX != UNSANDBOXED and not run.unsandboxed
    if failure.signal not in upstreams.SIGNALS or (is_cut_off and not step.network):
        return ""
    return upstreams.upstream_host(failure)


def _fixers(attempt: Attempt) -> list[str]:
    """Return the fixers that answer for an attempt; for a patch that a person decided on, none does."""
    if attempt.outcome != Outcome.PATCH_APPLIED or attempt.gate_id is not None:
        return []
    return sorted(FIXER_NAMES.intersection(attempt.fixer.split(" + ")))


def _make_room(run: Run, kind: str) -> bool:
    """True if the tenant may have one more row of this kind; what is long quiet makes way for it."""
    held = Circuit.objects.filter(tenant=run.tenant_id, kind=kind)
    if held.count() < MAX_CIRCUITS:
        return True
    return bool(held.filter(_quiet(kind)).delete()[0])


def _quiet(kind: str) -> Q:
    long_ago = Now() - timedelta(seconds=breaker.QUIET_SECONDS[kind])
    return Q(changed_at__lt=long_ago) & (Q(open_until=None) | Q(open_until__lt=long_ago))


def _outage(seen: Any) -> Outage | None:  # Any: as above
    if seen is None or seen.open_until is None:
        return None
    return Outage(seen.name, seen.failures, seen.open_until, (seen.open_until - seen.now).total_seconds())


def _data(circuit: Circuit, what: str) -> dict[str, str]:
    return {"kind": circuit.kind, "name": circuit.name, "what": what}
