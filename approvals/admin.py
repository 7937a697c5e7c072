"""Where people see what is asked of them: the list of gates and the page of one.

Answering closes what the loop has open, so the answers are given in `autofix.admin`.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince

from approvals.models import Gate, GateStatus
from metabuilder.runs.templatetags import screens
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability

PENDING_FIRST = Case(When(status=GateStatus.PENDING, then=Value(0)), default=Value(1), output_field=IntegerField())


def digest(gate: Gate) -> str:
    """Name the patch that an approval of this gate would apply."""
    return hashlib.sha256(gate.effective_patch.encode()).hexdigest()


def shown(gate: Gate, request: HttpRequest, may_decide: bool) -> dict[str, Any]:  # Any: a context
    """What the template of one gate needs."""
    votes = list(gate.votes.select_related("user"))
    return {
        "gate": gate,
        "patch": gate.effective_patch,
        "patch_digest": digest(gate),
        "revision": gate.revisions.order_by("-id").first(),
        "votes": votes,
        "may_decide": may_decide and gate.status == GateStatus.PENDING,
        "has_voted": any(vote.actor == actor_name(request) for vote in votes),
    }


def actor_name(request: HttpRequest) -> str:
    return str(request.user.get_username())


class GateAdmin(ScopedAdmin):
    tenant_path = "run__tenant"
    list_display = ["state", "what", "kind", "run_link", "tenant", "age"]
    list_display_links = ["what"]
    list_filter = ["status", "kind", ("run__tenant", ScopedFilter)]
    search_fields = ["^id", "reason", "step", "run__title", "run__project__name"]
    list_select_related = ["run__tenant", "run__project"]
    empty_hint = (
        "Nothing waits for a decision. A run asks when it meets a security, policy or unknown failure; "
        "the question then appears here and in the number beside Approvals."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gate]:
        return super().get_queryset(request).select_related("run__tenant", "run__project")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:  # Any: names and expressions
        return (PENDING_FIRST, "-created_at", "-id")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        gate = self.get_object(request, object_id)
        if gate is None:
            return self.missing(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            **shown(gate, request, self.may(request, Capability.DECIDE, gate)),
            "opts": self.opts,
            "original": gate,
            "run": gate.run,
            "title": f"{screens.say(gate.status)}: {gate.reason}",
        }
        return TemplateResponse(request, "admin/approvals/gate/page.html", context)

    @admin.display(description="status", ordering="status")
    def state(self, gate: Gate) -> str:
        return render_to_string("metabuilder/status.html", screens.gate_status(gate.status))

    @admin.display(description="question")
    def what(self, gate: Gate) -> str:
        return format_html(
            '<span class="mb-two-lines"><b>{}</b><small>step {}</small></span>',
            gate.reason,
            gate.step,
        )

    @admin.display(description="run")
    def run_link(self, gate: Gate) -> str:
        url = reverse("admin:runs_run_change", args=[gate.run_id])
        return format_html('<a href="{}">{}</a>', url, gate.run)

    @admin.display(description="tenant", ordering="run__tenant__name")
    def tenant(self, gate: Gate) -> str:
        return str(gate.run.tenant)

    @admin.display(description="age", ordering="created_at")
    def age(self, gate: Gate) -> str:
        return waited(gate.created_at)


def waited(since: datetime) -> str:
    return timesince(since, depth=1)
