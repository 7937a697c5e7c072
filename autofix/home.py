"""What needs me now? The admin's first page, the badge beside Approvals, the kill switch's banner."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from approvals.models import Gate, GateStatus
from autofix import policy
from autofix.models import Attempt, Episode, EpisodeOutcome, SwitchState
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus
from tenants.roles import Capability
from tenants.scoping import tenants_where

TARGET = 0.8
Context = dict[str, Any]  # Any: what a template reads


def frame(request: HttpRequest) -> Context:
    """What every page of the admin shows."""
    return {"kill_switch": policy.switch_state().value, "kill_switch_on": SwitchState.ON.value}


def pending_badge(request: HttpRequest) -> str:
    count = waiting_for(request).count()
    return str(count) if count else ""


def waiting_for(request: HttpRequest) -> QuerySet[Gate]:
    """Return the gates that this person may decide and has not answered yet."""
    mine = tenants_where(request.user, Capability.DECIDE)
    pending = Gate.objects.filter(status=GateStatus.PENDING, run__tenant__in=mine)
    return pending.exclude(votes__actor=request.user.get_username())


def dashboard(request: HttpRequest, context: Context) -> Context:
    since = timezone.now() - timedelta(hours=24)
    runs, attempts = rows(Run, request), rows(Attempt, request).filter(started_at__gte=since)
    failed = runs.filter(status=RunStatus.FAILED, finished_at__gte=since)
    active = runs.filter(status__in=[RunStatus.RUNNING, RunStatus.BACKING_OFF])
    queued = runs.filter(status=RunStatus.QUEUED)
    stamp = since.isoformat(timespec="seconds")
    return {
        **context,
        "waiting": waiting_for(request).select_related("run__tenant", "run__project")[:5],
        "figures": [
            figure("Waiting for you", waiting_for(request).count(), "front_hand", "ask", gates_url()),
            figure("Running", active.count(), "progress_activity", "busy", runs_url(status__in="running,backing_off")),
            figure("Queued", queued.count(), "hourglass_empty", "quiet", runs_url(status__in="queued")),
            figure(
                "Failed, last 24 h",
                failed.count(),
                "cancel",
                "bad",
                runs_url(status__in="failed", finished_at__gte=stamp),
            ),
        ],
        "success": success(request, stamp),
        "signals": by_signal(attempts, stamp),
        "recent": runs.select_related("tenant", "project").order_by("-created_at")[:8],
        "has_runs": runs.exists(),
    }


def success(request: HttpRequest, stamp: str) -> Context:
    """Episodes that ended verified without a person, of all that ended in the last 24 hours."""
    ended = Episode.objects.filter(run__tenant__in=tenants_where(request.user), ended_at__gte=stamp)
    figures = {"all": Count("pk"), "healed": Count("pk", Q(outcome=EpisodeOutcome.HEALED))}
    counts = ended.exclude(outcome=EpisodeOutcome.CANCELLED).aggregate(**figures)
    ratio = counts["healed"] / counts["all"] if counts["all"] else None
    return {
        **counts,
        "ratio": ratio,
        "bar": round((ratio or 0) * 100),
        "target": TARGET,
        "tone": "good" if ratio is not None and ratio >= TARGET else "warn",
        "url": attempts_url(started_at__gte=stamp),
    }


def by_signal(attempts: QuerySet[Attempt], stamp: str) -> list[Context]:
    counted = attempts.order_by().values("signal").annotate(count=Count("pk"), verified=Count("pk", Q(verified=True)))
    signals = sorted(counted, key=lambda row: -row["count"])
    most = signals[0]["count"] if signals else 1
    return [
        {
            **row,
            "bar": round(100 * row["count"] / most),
            "url": attempts_url(signal__exact=row["signal"], started_at__gte=stamp),
        }
        for row in signals
    ]


def rows(model: type[Any], request: HttpRequest) -> QuerySet[Any]:
    """Return the rows of a model that its list shows to this person."""
    return admin.site._registry[model].get_queryset(request)


def figure(label: str, value: int, icon: str, tone: str, url: str) -> Context:
    return {"label": label, "value": value, "icon": icon, "tone": tone, "url": url}


def gates_url() -> str:
    return _list("approvals_gate", status__exact="pending")


def runs_url(**query: str) -> str:
    return _list("runs_run", **query)


def attempts_url(**query: str) -> str:
    return _list("autofix_attempt", **query)


def _list(name: str, **query: str) -> str:
    return f"{reverse(f'admin:{name}_changelist')}?{urlencode(query)}"
