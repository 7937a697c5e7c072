"""The page of one run, with what healed it and what waits for a person; decisions; attempts.

The page is a head and six tabs, each a template of its own that the browser asks for again every
two seconds while the run goes on (`live`). What changes something is a POST here and one call of
`control`. Lists: `metabuilder.runs.admin`, `approvals.admin`. Other pages: `pages`, `home`.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_POST

from approvals.admin import GateAdmin, actor_name, digest, shown
from approvals.gates import AlreadyDecided, Decider
from approvals.models import Gate, GateStatus
from autofix import control, pages, policy, timeline
from autofix.circuit_list import CircuitAdmin
from autofix.classify_page import classify_log
from autofix.correction_list import CorrectionAdmin
from autofix.known_fix_list import KnownFixAdmin
from autofix.model_list import ModelCallAdmin, ModelEndpointAdmin
from autofix.models import Attempt, Circuit, Correction, KnownFix, ModelCall, ModelEndpoint, TenantRule
from autofix.rule_list import RuleAdmin
from metabuilder.admin_site import add_pages, moment_column, signed_in
from metabuilder.execution.patches import PatchRejected
from metabuilder.runs import console
from metabuilder.runs import logs as output_logs
from metabuilder.runs.admin import RunAdmin
from metabuilder.runs.models import Run, StepExecution
from metabuilder.runs.states import FINAL, ExecutionStatus, RunStatus
from metabuilder.runs.templatetags import screens
from metabuilder.runs.transitions import CannotMove
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability

Context = dict[str, Any]  # Any: what a template reads
STOP_POLLING = 286  # htmx: show this and do not ask again
EVENTS_SHOWN = 500


@admin.register(Run)
class RunPageAdmin(RunAdmin):
    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        mine = [
            path("<uuid:run_id>/live/<slug:part>/", site(self.live), name="runs_run_live"),
            path("<uuid:run_id>/log/<int:number>/", site(self.log), name="runs_run_log"),
            path("<uuid:run_id>/cancel/", site(self.cancel), name="runs_run_cancel"),
            path("<uuid:run_id>/retry/", site(self.retry), name="runs_run_retry"),
        ]
        return [*mine, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        if run is None:
            return self.missing(request, object_id)
        tab = request.GET.get("tab", "")
        if tab not in TABS:
            tab = "approvals" if run.status == RunStatus.PAUSED_AWAITING_APPROVAL else "timeline"
        above, panel = self.part(request, run, "head"), self.part(request, run, tab)
        context = {
            **self.admin_site.each_context(request),
            **above,
            **panel,
            "head_seen": fingerprint("head", above),
            "panel_seen": "" if run.is_final or tab == "logs" else fingerprint(tab, panel),
            "opts": self.opts,
            "original": run,
            "title": f"{screens.say(run.status)}: {run}",
            "tab": tab,
            "tabs": tabs(run),
            "panel": template_of(tab),
        }
        return TemplateResponse(request, "admin/runs/run/page.html", context)

    @method_decorator(require_GET)
    def live(self, request: HttpRequest, run_id: str, part: str) -> HttpResponse:
        """Answer with a part of the page, or 204 while it is as the browser has it."""
        if part not in PARTS:
            raise Http404("The page of a run has no such part.")
        run = self.one(request, run_id)
        context = self.part(request, run, part)
        seen = fingerprint(part, context)
        if seen == request.GET.get("seen") and not run.is_final:
            return HttpResponse(status=204)
        html = render_to_string(template_of(part), {**context, "seen": seen}, request)
        return HttpResponse(html, status=STOP_POLLING if run.is_final else 200)

    @method_decorator(require_GET)
    def log(self, request: HttpRequest, run_id: str, number: int) -> HttpResponse:
        """Answer with the lines after `?after=`, or with the executions after this one (`?next`)."""
        run = self.one(request, run_id)
        if "next" in request.GET:
            return later_groups(request, run, number)
        execution = get_object_or_404(run.executions.select_related("step"), number=number)
        after = request.GET.get("after", "")
        context = {"run": run, **log_lines(execution, console.Cursor.parse(after))}
        return TemplateResponse(request, "admin/runs/run/log_lines.html", context)

    @method_decorator(require_POST)
    def cancel(self, request: HttpRequest, run_id: str) -> HttpResponse:
        return self.operate(request, run_id, control.cancel, "The run is cancelled.")

    @method_decorator(require_POST)
    def retry(self, request: HttpRequest, run_id: str) -> HttpResponse:
        return self.operate(request, run_id, control.retry, "The run starts again from the failed step.")

    def operate(self, request: HttpRequest, run_id: str, do: Callable[[Run, str], Run], done: str) -> HttpResponse:
        run = self.one(request, run_id)
        if not self.may(request, Capability.OPERATE, run):
            raise PermissionDenied("Your role may look at runs, but not cancel or retry them.")
        try:
            do(run, actor_name(request))
        except CannotMove as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:runs_run_change", args=[run.pk]))

    def one(self, request: HttpRequest, run_id: str) -> Run:
        run: Run = get_object_or_404(self.get_queryset(request), pk=run_id)
        return run

    def part(self, request: HttpRequest, run: Run, name: str) -> Context:
        able = {
            "may_operate": self.may(request, Capability.OPERATE, run),
            "may_decide": self.may(request, Capability.DECIDE, run),
        }
        return {"run": run, **able, **PARTS[name](request, run, able["may_decide"])}


@admin.register(Gate)
class DecidedGateAdmin(GateAdmin):
    """Approve and reject: by POST only, and only the patch that the page showed."""

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        mine = [
            path("<uuid:gate_id>/approve/", site(self.approve), name="approvals_gate_approve"),
            path("<uuid:gate_id>/reject/", site(self.reject), name="approvals_gate_reject"),
        ]
        return [*mine, *super().get_urls()]

    @method_decorator(require_POST)
    def approve(self, request: HttpRequest, gate_id: str) -> HttpResponse:
        gate = self.gate_to_decide(request, gate_id)
        if request.POST.get("shown") != digest(gate):
            messages.error(request, "The patch was revised since you looked. Look at it again.")
            return self.back(request, gate)
        try:
            control.approve(gate, decider(request), comment(request), revised(request, gate))
        except AlreadyDecided as decided:
            messages.warning(request, str(decided))
        except PatchRejected as error:
            messages.error(request, f"Your patch cannot be used: {error} Nothing was decided.")
        else:
            messages.success(request, after_approval(gate))
        return self.back(request, gate)

    @method_decorator(require_POST)
    def reject(self, request: HttpRequest, gate_id: str) -> HttpResponse:
        gate = self.gate_to_decide(request, gate_id)
        try:
            control.reject(gate, decider(request), comment(request))
        except AlreadyDecided as decided:
            messages.warning(request, str(decided))
        else:
            messages.success(request, "Rejected. The run has failed, with your reason.")
        return self.back(request, gate)

    def gate_to_decide(self, request: HttpRequest, gate_id: str) -> Gate:
        gate: Gate = get_object_or_404(self.get_queryset(request), pk=gate_id)
        if not self.may(request, Capability.DECIDE, gate):
            raise PermissionDenied("Your role may look at approvals, but not decide them.")
        return gate

    def back(self, request: HttpRequest, gate: Gate) -> HttpResponseRedirect:
        if request.POST.get("back") == "run":
            url = reverse("admin:runs_run_change", args=[gate.run_id])
            return HttpResponseRedirect(f"{url}?tab=approvals")
        return HttpResponseRedirect(reverse("admin:approvals_gate_change", args=[gate.pk]))


@admin.register(Attempt)
class AttemptAdmin(ScopedAdmin):
    tenant_path = "run__tenant"
    list_display = ["__str__", "run", "step", "outcome", "verified", moment_column("started_at", "time")]
    list_filter = ["signal", "strategy", "outcome", "verified", ("run__tenant", ScopedFilter)]
    ordering = ["-started_at"]
    search_fields = ["^id", "message", "fixer", "fingerprint", "run__title"]
    list_select_related = ["run__project", "step"]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        """An attempt is read where it belongs: in its run's timeline."""
        attempt = self.get_object(request, object_id)
        if attempt is None:
            return self.missing(request, object_id)
        url = reverse("admin:runs_run_change", args=[attempt.run_id])
        return HttpResponseRedirect(f"{url}?tab=timeline#attempt-{attempt.number}")


def decider(request: HttpRequest) -> Decider:
    return Decider(actor_name(request), signed_in(request))


def comment(request: HttpRequest) -> str:
    return request.POST.get("comment", "").strip()


def revised(request: HttpRequest, gate: Gate) -> str:
    """Return the patch a person edited in the form; empty where it is the one proposed."""
    patch = request.POST.get("patch", "").replace("\r\n", "\n")
    proposed = gate.effective_patch.replace("\r\n", "\n")
    return "" if patch.strip() == proposed.strip() else patch.rstrip("\n") + "\n"


def after_approval(gate: Gate) -> str:
    if gate.status == GateStatus.APPROVED:
        return "Approved. The run goes on from here."
    return f"Your approval is recorded; {gate.required_approvals - gate.approvals} more needed."


def head(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    effective = policy.for_run(run)
    return {
        "steps": run.steps.all(),
        "effective": effective,
        "settings_rows": [
            (pages.LABELS[name], value, effective.sources[name]) for name, value in effective.values.items()
        ],
        "attempts_used": timeline.attempts_that_acted(run).count(),
        "waiting_gate": run.gates.filter(status=GateStatus.PENDING).first(),
        "can_cancel": run.status in control.MAY_CANCEL,
        "can_retry": run.status in control.MAY_RETRY,
    }


def attempts(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    rows = run.attempts.select_related("step", "gate", "execution", "undoes", "plan_delta", "correction")
    return {"attempts": rows, "episodes": run.episodes.select_related("step")}


def logs(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    """The last execution is open; an earlier one fetches its lines when it is opened."""
    groups = list(run.executions.select_related("step"))
    last = groups[-1] if groups else None
    return {
        "groups": groups,
        "last": last,
        "open_lines": log_lines(last, console.Cursor()) if last else None,
    }


def diff(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    return {}


def plan(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    deltas = run.plan_deltas.select_related("attempt")
    return {"steps": run.steps.all(), "plans": run.plans.all(), "deltas": deltas}


def approvals(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    ordered = sorted(run.gates.all(), key=lambda gate: gate.status != GateStatus.PENDING)
    return {"gates": [shown(gate, request, may_decide) for gate in ordered]}


def events(request: HttpRequest, run: Run, may_decide: bool) -> Context:
    return {"events": run.events.order_by("-id")[:EVENTS_SHOWN]}


TABS: dict[str, Callable[[HttpRequest, Run, bool], Context]] = {
    "timeline": attempts,
    "logs": logs,
    "diff": diff,
    "plan": plan,
    "approvals": approvals,
    "events": events,
}
PARTS = {"head": head, **TABS}
TITLES = {"timeline": "Auto-Fix Timeline"}


def tabs(run: Run) -> list[Context]:
    pending = run.gates.filter(status=GateStatus.PENDING).count()
    counts = {"timeline": run.attempts.count(), "approvals": pending}
    return [{"name": name, "title": TITLES.get(name, name.title()), "count": counts.get(name)} for name in TABS]


def template_of(part: str) -> str:
    return f"admin/runs/run/{part}.html"


def fingerprint(part: str, context: Context) -> str:
    """Name what a part shows. Rendered without the request: forms then carry no token of their own."""
    html = render_to_string(template_of(part), context)
    return hashlib.sha256(html.encode()).hexdigest()[:16]


def log_lines(execution: StepExecution, after: console.Cursor) -> Context:
    is_over = execution.status != ExecutionStatus.RUNNING
    return {
        "execution": execution,
        "window": console.window(output_logs.pieces(execution, after.offset), after, is_over),
        "goes_on": not is_over,
    }


def later_groups(request: HttpRequest, run: Run, number: int) -> HttpResponse:
    later = list(run.executions.filter(number__gt=number).select_related("step"))
    is_over = run.status in FINAL
    if not later and not is_over:
        return HttpResponse(status=204)
    last = later[-1] if later else None
    context = {
        "run": run,
        "groups": later,
        "last": last,
        "open_lines": log_lines(last, console.Cursor()) if last else None,
        "last_number": last.number if last else number,
        "goes_on": not is_over,
    }
    return TemplateResponse(request, "admin/runs/run/log_groups.html", context)


admin.site.register(Circuit, CircuitAdmin)
admin.site.register(KnownFix, KnownFixAdmin)
admin.site.register(ModelEndpoint, ModelEndpointAdmin)
admin.site.register(ModelCall, ModelCallAdmin)
admin.site.register(TenantRule, RuleAdmin)
add_pages(pages.urls(admin.site))
add_pages([path("settings/builder/classify/", admin.site.admin_view(classify_log), name="builder_classify")])
admin.site.register(Correction, CorrectionAdmin)
