"""Is this process alive, may it get traffic, and what do the numbers say? Open to anybody, like all probes.

`/readyz` also answers for the workers: entries that stay in the queue mean that nobody takes them.
"""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from autofix.collector import PRODUCT
from metabuilder.runs import turns

QUEUE_IS_STUCK = timedelta(minutes=5)


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    try:
        reasons = [*unapplied_migrations(), *stuck_queue()]
    except DatabaseError as error:
        reasons = [f"the database does not answer: {type(error).__name__}"]
    status = 503 if reasons else 200
    return JsonResponse({"status": "not ready" if reasons else "ok", "reasons": reasons}, status=status)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    text = generate_latest(REGISTRY) + generate_latest(PRODUCT)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def unapplied_migrations() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{len(plan)} migrations are not applied: run manage.py migrate"] if plan else []


def stuck_queue() -> list[str]:
    now = timezone.now()
    oldest = [
        OrmQ.objects.filter(lock__lte=now).order_by("lock").values_list("lock", flat=True).first(),
        turns.due().order_by("due_at").values_list("due_at", flat=True).first(),
    ]
    waited = max((now - moment for moment in oldest if moment is not None), default=timedelta())
    busy = turns.in_work().filter(lease_until__gte=Now()).exists()
    if waited < QUEUE_IS_STUCK or busy:  # somebody works: what is due waits its turn
        return []
    return [f"the oldest queue entry has waited for {int(waited.total_seconds())} s: is a worker running?"]
