"""Is this process alive, may it get traffic, and what do the numbers say? Open to anybody, like all probes.

`/readyz` also answers for the workers: entries that stay in the queue mean that nobody takes them.
"""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from autofix.collector import PRODUCT

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
    oldest = OrmQ.objects.filter(lock__lte=timezone.now()).order_by("lock").first()
    if oldest is None or oldest.lock is None or timezone.now() - oldest.lock < QUEUE_IS_STUCK:
        return []
    waited = int((timezone.now() - oldest.lock).total_seconds())
    return [f"the oldest queue entry has waited for {waited} s: is a worker running?"]
