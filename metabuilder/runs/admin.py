"""The list of runs and projects. The page of one run shows what heals it: `autofix.admin`."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django_q.admin import FailAdmin, QueueAdmin
from django_q.models import Failure, OrmQ, Schedule, Success

from metabuilder.admin_site import ModelAdmin, SuperuserOnly, moment_column
from metabuilder.runs.models import Project, Run, Step
from metabuilder.runs.states import StepStatus
from metabuilder.runs.templatetags import screens
from tenants.admin import ScopedAdmin, ScopedFilter


def step_count(**only: Any) -> Coalesce:  # Any: conditions on a step
    steps = Step.objects.filter(run=OuterRef("pk"), **only).order_by().values("run")
    return Coalesce(Subquery(steps.annotate(count=Count("pk")).values("count")), 0)


class RunAdmin(ScopedAdmin):
    empty_hint = "There are no runs yet. Start one on any directory or git URL, or seed a demo that heals itself:"
    empty_commands = ("manage.py build PATH_OR_URL --wait", "./scripts/seed_staging_v3.sh")
    list_display = ["state", "what", "tenant", "progress", "tries", "took", moment_column("created_at", "created")]
    list_display_links = ["what"]
    list_filter = ["status", ("tenant", ScopedFilter), ("project", ScopedFilter)]
    search_fields = ["^id", "title", "ref", "source_commit", "project__name", "project__location"]
    search_help_text = "Title, project, source, ref, commit or run id"
    list_select_related = ["tenant", "project"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request)
        return rows.annotate(
            steps_total=step_count(),
            steps_passed=step_count(status=StepStatus.PASSED),
            attempts_made=Count("attempts", distinct=True),
        )

    @admin.display(description="status", ordering="status")
    def state(self, run: Run) -> str:
        return render_to_string("metabuilder/status.html", screens.status(run.status))

    @admin.display(description="run", ordering="title")
    def what(self, run: Run) -> str:
        detail = f"{run.project.name} {run.ref or run.source_commit[:10]}".strip()
        return format_html('<span class="mb-two-lines"><b>{}</b><small>{}</small></span>', str(run), detail)

    @admin.display(description="steps")
    def progress(self, run: Any) -> str:  # Any: a run with the counts annotated above
        return f"{run.steps_passed}/{run.steps_total}" if run.steps_total else "–"

    @admin.display(description="attempts")
    def tries(self, run: Any) -> str:  # Any: as above
        return str(run.attempts_made or "–")

    @admin.display(description="duration", ordering=F("finished_at") - F("started_at"))
    def took(self, run: Run) -> str:
        return screens.duration(screens.until(run.started_at, run.finished_at))


@admin.register(Project)
class ProjectAdmin(ScopedAdmin):
    list_display = ["name", "tenant", "source_kind", "location"]
    list_filter = [("tenant", ScopedFilter), "source_kind"]
    search_fields = ["name", "location"]
    list_select_related = ["tenant"]


# A schedule or a queued task names any function to call. No one makes any here, and only a
# platform admin sees what waits and what broke.
admin.site.unregister([Schedule, Success, Failure, OrmQ])


class QueueRowAdmin(SuperuserOnly):
    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(OrmQ)
class QueuedMessageAdmin(QueueRowAdmin, QueueAdmin, ModelAdmin):
    actions = None


@admin.register(Failure)
class BrokenTaskAdmin(QueueRowAdmin, FailAdmin, ModelAdmin):
    actions = None
