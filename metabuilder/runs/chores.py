"""Work that has to be done from time to time: what it is called, how often, and which node does it now.

Whoever moves a chore's date on has taken it. If that node dies meanwhile, the chore waits for its
next turn: each must bear being late and being done twice.
"""

from datetime import timedelta

from django.db.models.functions import Now

from metabuilder.runs.models import Chore

EVERY: dict[str, timedelta] = {
    "expire": timedelta(seconds=30),
    "tidy": timedelta(minutes=10),
}
OF_EACH_NODE = "machine"


def take_due() -> list[str]:
    """Return the chores that are due, each to one node only."""
    known = dict(Chore.objects.filter(name__in=EVERY).values_list("name", "due_at"))
    Chore.objects.bulk_create(
        [Chore(name=name, due_at=Now()) for name in EVERY if name not in known], ignore_conflicts=True
    )
    return [name for name, interval in EVERY.items() if _take(name, interval)]


def report(name: str, text: str) -> None:
    """Keep what came of a chore, for people to see."""
    Chore.objects.filter(name=name).update(done_at=Now(), report=text[:500])


def _take(name: str, interval: timedelta) -> bool:
    due = Chore.objects.filter(name=name, due_at__lte=Now())
    return bool(due.exists() and due.update(due_at=Now() + interval))
