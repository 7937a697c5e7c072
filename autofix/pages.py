"""The pages under Settings → Builder: a tenant's Auto-Fix (v3), and the platform's kill switch."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from autofix import control, figures, policy
from autofix.failures import Signal
from autofix.models import Attempt, KillSwitch, SwitchState
from metabuilder.admin_site import signed_in
from tenants.models import Tenant
from tenants.roles import Capability
from tenants.scoping import is_able, tenants_where

LABELS = {
    "autofix_enabled": "Auto-fix",
    "max_total_attempts": "Attempts per run",
    "max_per_step_attempts": "Attempts per step",
    "backoff_cap_seconds": "Longest wait (seconds)",
}
HELP = {
    "autofix_enabled": "Heal failed steps: retry, patch, re-plan, roll back, or ask a person.",
    "max_total_attempts": "Healing attempts in one run, 1 to 20.",
    "max_per_step_attempts": "Healing attempts on one step, 1 to 10, at most those per run.",
    "backoff_cap_seconds": "Longest wait before a retry, 1 to 300 seconds.",
}
MODES = {
    policy.Mode.AUTO: "Auto",
    policy.Mode.SUGGEST: "Suggest",
    policy.Mode.SHADOW: "Shadow",
    policy.Mode.OFF: "Off",
}
MODE_EFFECTS = {
    "Auto": "what is verified is done; what needs a person waits for one.",
    "Suggest": "every change waits for a person; a step may run again by itself.",
    "Shadow": "nothing is done, the run fails; what would have been done is on its timeline.",
    "Off": "nothing is tried: the failed step ends its run.",
}
WORDS: dict[object, str] = {True: "on", False: "off"}
PERIODS = (1, 7, 30)
SWITCH_EFFECTS = {
    SwitchState.ON: "Failed steps are healed, as tenants and runs have it set.",
    SwitchState.DRAIN: "Runs already started keep auto-fix. Runs started from now on do not get it.",
    SwitchState.OFF: "Nothing is healed, for anyone. A failed step ends its run.",
}
Context = dict[str, Any]  # Any: what a template reads


class OverridesForm(forms.ModelForm):
    """A tenant's own values; an empty one is inherited from the platform."""

    autofix_enabled = forms.TypedChoiceField(
        choices=[("", "Inherit"), ("on", "On"), ("off", "Off")],
        coerce=lambda word: word == "on",
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )

    class Meta:
        model = Tenant
        fields = policy.FIELDS
        widgets = {name: forms.NumberInput(attrs={"inputmode": "numeric"}) for name in policy.FIELDS[1:]}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["autofix_enabled"] = WORDS.get(self.instance.autofix_enabled, "")
        for name in policy.FIELDS:
            self.fields[name].label = LABELS[name]
            self.fields[name].help_text = HELP[name]
        for signal in Signal:
            mode = str(self.instance.modes.get(signal, policy.Mode.AUTO))
            self.fields[f"mode_{signal}"] = forms.ChoiceField(
                label=signal.replace("_", " "), choices=list(MODES.items()), initial=mode, required=False
            )

    def clean(self) -> Context:
        cleaned = super().clean() or {}
        wanted = {
            str(signal): cleaned.get(f"mode_{signal}") or None for signal in Signal if f"mode_{signal}" in self.data
        }
        cleaned["modes"] = policy.checked_modes(wanted, self.instance.modes)
        inherited = policy.Effective(policy.platform_values(), {})
        try:
            policy.check_overrides(cleaned, inherited)
        except policy.InvalidOverride as error:
            self.add_error(error.field, error.detail[:1].upper() + error.detail[1:] + ".")
        return cleaned


def urls(site: AdminSite) -> list[URLPattern]:
    return [
        path("settings/builder/autofix-v3/", site.admin_view(autofix_settings), name="builder_autofix"),
        path("settings/builder/strategies/", site.admin_view(strategies), name="builder_strategies"),
        path("settings/builder/platform/", site.admin_view(platform), name="builder_platform"),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def autofix_settings(request: HttpRequest) -> HttpResponse:
    tenants = list(tenants_where(request.user))
    tenant = chosen(tenants, request.GET.get("tenant", ""))
    if tenant is None:
        return page(request, "no_tenant", "Auto-Fix (v3)", {})
    may_change = is_able(request.user, tenant, Capability.ADMINISTER)
    if request.method == "POST" and not may_change:
        raise PermissionDenied("Only an admin of the tenant may change its settings.")
    form = OverridesForm(request.POST or None, instance=tenant)
    if request.method == "POST" and form.is_valid():
        return save(request, form)
    tenant.refresh_from_db()  # a form that is refused has left its values on it
    context = {
        "rows": setting_rows(form, tenant),
        "form": form,
        "modes": [form[f"mode_{signal}"] for signal in Signal],
        "mode_effects": MODE_EFFECTS,
        "tenants": tenants,
        "tenant": tenant,
        "may_change": may_change,
        "locked": policy.for_tenant(tenant).locked,
    }
    return page(request, "autofix", "Auto-Fix (v3)", context)


def setting_rows(form: OverridesForm, tenant: Tenant) -> list[Context]:
    """Return for each field: where its value comes from, and what is in force."""
    effective = policy.for_tenant(tenant)
    platform = policy.platform_values()
    return [
        {
            "field": form[name],
            "is_own": getattr(tenant, name) is not None,
            "effective": in_words(effective.values[name]),
            "platform": in_words(platform[name]),
            "limited": is_limited(tenant, name, effective),
        }
        for name in policy.FIELDS
    ]


def chosen(tenants: list[Tenant], slug: str) -> Tenant | None:
    """Return the tenant of that name, the first where none is named; another's does not exist."""
    if not slug:
        return tenants[0] if tenants else None
    for tenant in tenants:
        if slug in {tenant.slug, str(tenant.pk)}:
            return tenant
    raise Http404("There is no such tenant.")


def save(request: HttpRequest, form: OverridesForm) -> HttpResponse:
    tenant = form.instance
    tenant.modes = form.cleaned_data["modes"]
    tenant.save(update_fields=[*policy.FIELDS, "modes"])
    changed = [said_of(form, name) for name in form.changed_data]
    site_admin = admin.site._registry[Tenant]
    if changed:
        site_admin.log_change(request, tenant, "Auto-Fix (v3). " + "; ".join(changed))
    done = "; ".join(changed) or "nothing was different"
    messages.success(request, f"Saved for {tenant}, by {request.user}. {done}.")
    return HttpResponseRedirect(f"{reverse('admin:builder_autofix')}?tenant={tenant.slug}")


@require_http_methods(["GET", "HEAD"])
def strategies(request: HttpRequest) -> HttpResponse:
    """Show how well each strategy and fixer did in the tenants that this person may see."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else PERIODS[0]
    since = timezone.now() - timedelta(days=days)
    attempts = Attempt.objects.filter(run__tenant__in=tenants_where(request.user), started_at__gte=since)
    linked = {"started_at__gte": since.isoformat(timespec="seconds")}
    context = {
        "days": days,
        "periods": PERIODS,
        "stages": list(figures.STAGES),
        "strategies": [
            shown(row, {**linked, "strategy__exact": row["strategy"]}) for row in figures.by_strategy(attempts)
        ],
        "fixers": [shown(row, {**linked, "q": row["fixer"]}) for row in figures.by_fixer(attempts)],
    }
    return page(request, "strategies", "Strategies", context)


def shown(row: Context, query: dict[str, str]) -> Context:
    url = f"{reverse('admin:autofix_attempt_changelist')}?{urlencode(query)}"
    return {**row, "numbers": [row[stage] for stage in figures.STAGES], "url": url}


@require_http_methods(["GET", "HEAD", "POST"])
def platform(request: HttpRequest) -> HttpResponse:
    if not request.user.is_superuser:
        raise PermissionDenied("Only a platform admin may see and throw the kill switch.")
    if request.method == "POST":
        return throw(request)
    state = policy.switch_state()
    context = {
        "state": state,
        "switch": KillSwitch.objects.select_related("changed_by").first(),
        "choices": [switch_choice(choice, state) for choice in SwitchState],
        "platform": [(LABELS[n], in_words(v)) for n, v in policy.platform_values().items()],
    }
    return page(request, "platform", "Platform", context)


def throw(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("state", "")
    if wanted not in SwitchState.values:
        messages.error(request, "Choose on, drain or off. Nothing was changed.")
    else:
        control.switch(SwitchState(wanted), signed_in(request))
        messages.success(request, f"The kill switch is now: {wanted}. Changed by {request.user}.")
    return HttpResponseRedirect(reverse("admin:builder_platform"))


def switch_choice(choice: SwitchState, state: SwitchState) -> Context:
    affected = control.runs_under_switch(choice).select_related("tenant", "project")
    return {
        "state": choice.value,
        "effect": SWITCH_EFFECTS[choice],
        "is_current": choice == state,
        "count": affected.count(),
        "runs": affected[:10],
    }


def page(request: HttpRequest, name: str, title: str, context: Context) -> HttpResponse:
    full = {**admin.site.each_context(request), "title": f"Builder: {title}", "crumb": title, **context}
    return TemplateResponse(request, f"admin/settings/{name}.html", full)


def is_limited(tenant: Tenant, name: str, effective: policy.Effective) -> bool:
    """True where the value in force is neither the tenant's nor the platform's: something caps it."""
    own = getattr(tenant, name)
    asked = policy.platform_values()[name] if own is None else own
    return bool(effective.values[name] != asked)


def said_of(form: OverridesForm, name: str) -> str:
    if name in LABELS:
        return f"{LABELS[name]}: {own_words(form.instance, name)}"
    return f"{form.fields[name].label} failures: {form.cleaned_data[name] or policy.Mode.AUTO}"


def own_words(tenant: Tenant, name: str) -> str:
    own = getattr(tenant, name)
    return "inherited" if own is None else in_words(own)


def in_words(value: object) -> str:
    return WORDS.get(value, str(value)) if isinstance(value, bool) else str(value)
