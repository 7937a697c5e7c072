"""What was learnt of a tenant's failures: fixes that proved themselves, those that people turned down, vain searches.

A fix is remembered under the failure's fingerprint when its step has passed with it, tried first when the
failure comes again (`strategies.recall`) and proved anew each time. It fades: its weight halves in
`HALF_LIFE` unless it helps again, and it is dropped when it does not help or is rolled back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from approvals.models import GateStatus
from autofix.models import Attempt, FruitlessSearch, KnownFix
from autofix.strategies import KnownPatch, digest
from autofix.timeline import Decision
from metabuilder.runs.models import Run

HALF_LIFE = timedelta(days=30)
FAINTEST = 0.05
# A patch that no longer fits may fit another branch: it is dropped after so many in a row.
MAX_MISFITS = 3
MAX_KNOWN = 3
# Of each tenant: the least recently useful make way.
MAX_KEPT = 2000
MAX_PATCH_CHARACTERS = 200_000
TURNED_DOWN_DAYS = 180
REJECTIONS_TO_LEAVE_OUT = 2
SEARCHED_ANEW_AFTER = timedelta(days=1)
FORGET_BATCH = 1000


@dataclass(frozen=True)
class TenantMemory:
    """What strategies may ask about the failure that is being decided about."""

    about: Decision

    def known(self) -> Sequence[KnownPatch]:
        found = list(of_failure(self.about)[:MAX_KEPT])
        now, project = timezone.now(), self.about.run.project_id
        strong = [fix for fix in found if weight(fix, now) >= FAINTEST]
        strong.sort(key=lambda fix: (fix.project_id != project, -weight(fix, now), str(fix.pk)))
        return [KnownPatch(str(fix.pk), fix.patch, fix.fixer, told(fix), fix.by_person) for fix in strong[:MAX_KNOWN]]

    def did_not_fit(self, known: KnownPatch) -> None:
        mine = KnownFix.objects.filter(pk=known.id)
        mine.update(failed=F("failed") + 1)
        mine.filter(failed__gte=MAX_MISFITS).delete()

    def is_fruitless(self, tree: str) -> bool:
        recent = FruitlessSearch.objects.filter(created_at__gt=Now() - SEARCHED_ANEW_AFTER)
        return recent.filter(**self._key(tree)).exists()

    def note_fruitless(self, tree: str) -> None:
        FruitlessSearch.objects.update_or_create(**self._key(tree), defaults={"created_at": Now()})

    def _key(self, tree: str) -> dict[str, Any]:  # Any: values of fields
        run, failure = self.about.run, self.about.failure
        return {"tenant_id": run.tenant_id, "fingerprint": failure.fingerprint, "tree": tree}


def of_failure(about: Decision) -> QuerySet[KnownFix]:
    return KnownFix.objects.filter(tenant_id=about.run.tenant_id, fingerprint=about.failure.fingerprint)


def weight(fix: KnownFix, now: datetime) -> float:
    """Return how much is left of what a fix has earned."""
    return float(fix.proved * 0.5 ** ((now - fix.proved_at) / HALF_LIFE))


def told(fix: KnownFix) -> str:
    times = "once" if fix.proved == 1 else f"{fix.proved} times"
    who = ", approved by a person" if fix.by_person else ""
    return f"healed this failure {times} before, last on {fix.proved_at:%Y-%m-%d}{who}"


def remember(run: Run, attempts: Iterable[Attempt]) -> None:
    """Keep the patches of attempts whose step has just passed."""
    ids = [attempt.pk for attempt in attempts if attempt.commit and attempt.undoes_id is None]
    for attempt in Attempt.objects.filter(pk__in=ids).defer("excerpt", "findings", "settings_used"):
        if attempt.patch and len(attempt.patch) <= MAX_PATCH_CHARACTERS:
            keep(run, attempt)


def keep(run: Run, attempt: Attempt) -> None:
    """Keep a patch, or count that it helped again: also where it had to be fitted to another tree."""
    own = KnownFix.objects.filter(tenant_id=run.tenant_id)
    again = {"proved": F("proved") + 1, "failed": 0, "proved_at": Now()}
    if attempt.recalls_id and own.filter(pk=attempt.recalls_id).update(**again):
        return
    key = {"fingerprint": attempt.fingerprint, "patch_digest": digest(attempt.patch)}
    if own.filter(**key).update(**again):
        return
    make_room(run)
    KnownFix.objects.bulk_create([new_fix(run, attempt, key["patch_digest"])], ignore_conflicts=True)


def new_fix(run: Run, attempt: Attempt, patch_digest: str) -> KnownFix:
    return KnownFix(
        tenant_id=run.tenant_id,
        fingerprint=attempt.fingerprint,
        project_id=run.project_id,
        attempt=attempt,
        signal=attempt.signal,
        message=attempt.message,
        fixer=attempt.fixer,
        patch=attempt.patch,
        patch_digest=patch_digest,
        by_person=attempt.gate_id is not None,
    )


def make_room(run: Run) -> None:
    own = KnownFix.objects.filter(tenant_id=run.tenant_id)
    if own.count() >= MAX_KEPT:
        oldest = own.order_by("proved_at").values_list("pk", flat=True)[: MAX_KEPT // 10]
        KnownFix.objects.filter(pk__in=list(oldest)).delete()


def disproved(attempt: Attempt) -> None:
    """Drop what an attempt that was taken back had repeated, or had taught."""
    KnownFix.objects.filter(Q(attempt=attempt) | Q(uses=attempt)).delete()


def turned_down(about: Decision) -> tuple[frozenset[str], Mapping[str, str]]:
    """Return the digests of the patches that people rejected for this failure, and the fixers to leave out, and why."""
    rejected = Attempt.objects.filter(
        run__tenant_id=about.run.tenant_id,
        fingerprint=about.failure.fingerprint,
        gate__status=GateStatus.REJECTED,
        started_at__gt=Now() - timedelta(days=TURNED_DOWN_DAYS),
    ).exclude(patch="")
    rows = list(rejected.order_by("-number").values_list("fixer", "patch")[:MAX_KEPT])
    times = Counter(name for fixer, _ in rows for name in fixer.split(" + ") if name)
    left_out = {
        name: f"left out: {name}: people rejected {count} of its patches for this failure"
        for name, count in times.items()
        if count >= REJECTIONS_TO_LEAVE_OUT
    }
    return frozenset(digest(patch) for _, patch in rows), left_out


def forget_faint(batch: int = FORGET_BATCH) -> int:
    """Delete what has faded and searches that are old; return how many rows."""
    longest_ago = Now() - HALF_LIFE * 12  # even a fix that helped two hundred times is faint by then
    faint = KnownFix.objects.filter(proved_at__lt=longest_ago).values_list("pk", flat=True)[:batch]
    old = FruitlessSearch.objects.filter(created_at__lt=Now() - SEARCHED_ANEW_AFTER)
    old_ids = list(old.values_list("pk", flat=True)[:batch])
    gone, _ = KnownFix.objects.filter(pk__in=list(faint)).delete()
    ended, _ = FruitlessSearch.objects.filter(pk__in=old_ids).delete()
    return gone + ended
