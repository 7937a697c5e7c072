"""A tenant's model in the admin: where it is, what it may cost, whether it may act; and what was asked of it."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.db.models import ForeignKey
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from autofix import model_calls
from autofix.models import ModelCall, ModelEndpoint
from autofix.strategies.agent.endpoint import EndpointError, check
from metabuilder import sealing
from metabuilder.admin_site import moment_column, signed_in
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability
from tenants.scoping import tenants_where


class KeyInput(UnfoldAdminTextInputWidget):
    """Never shows what was typed, also when the form comes back with an error."""

    input_type = "password"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:  # Any: as Django's widgets
        context: dict[str, Any] = super().get_context(name, None, attrs)
        return context


class EndpointForm(forms.ModelForm):
    key = forms.CharField(
        required=False,
        strip=True,
        max_length=500,
        widget=KeyInput(attrs={"autocomplete": "off"}),
        validators=[RegexValidator(r"^[!-~]+$", "A key has no spaces and only plain characters: paste it whole.")],
        help_text="Sent as a bearer token. Sealed when saved and never shown again; empty: it stays as it is, unless "
        "the URL changes.",
    )
    forget_key = forms.BooleanField(required=False, help_text="Remove the key that is kept.")

    class Meta:
        model = ModelEndpoint
        labels = {"base_url": "Base URL"}
        fields = [
            *("tenant", "enabled", "base_url", "model", "command", "may_apply"),
            *("max_run_tokens", "month_budget", "input_price", "output_price"),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse what could not be asked; nothing is sent to find out."""
        cleaned = super().clean() or {}
        url, command = cleaned.get("base_url", ""), cleaned.get("command", "")
        if url and command:
            self.add_error("command", "Either a URL or a command, not both.")
        if url:
            try:
                check(url, settings.META_V3_MODEL_HOSTS)
            except EndpointError as error:
                self.add_error("base_url", str(error)[:1].upper() + str(error)[1:] + ".")
        if cleaned.get("enabled") and not command and not (url and cleaned.get("model")):
            self.add_error("enabled", "To turn it on, give a URL and a model, or a command.")
        return cleaned


class ModelEndpointAdmin(ScopedAdmin):
    form = EndpointForm
    list_display = ["__str__", "tenant", "enabled", "may_apply", "spent", moment_column("changed_at", "changed")]
    list_filter = ["enabled", ("tenant", ScopedFilter)]
    list_select_related = ["tenant"]
    fieldsets = [
        (None, {"fields": ["tenant", "enabled", "may_apply"]}),
        ("A model", {"fields": ["base_url", "model", "key", "forget_key", "has_key"]}),
        ("Or a coding agent", {"fields": ["command"]}),
        ("Budgets", {"fields": ["max_run_tokens", "month_budget", "input_price", "output_price", "spent"]}),
    ]
    empty_hint = (
        "No model is set up, and none is needed: fixers, search and retries work without. A model, or a coding "
        "agent, is asked last, about what nothing else could repair."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["has_key", "spent", *(["tenant"] if obj else [])]

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:  # Any: as in the class above
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "tenant" and not request.user.is_superuser:
            field.queryset = tenants_where(request.user, Capability.ADMINISTER)
        return field

    def save_model(self, request: HttpRequest, obj: ModelEndpoint, form: Any, change: bool) -> None:  # Any: a form
        if form.cleaned_data["forget_key"] or "base_url" in form.changed_data:
            obj.sealed_key = ""  # a key goes to the address that it was entered for, and to no other
        if form.cleaned_data["key"]:
            obj.sealed_key = sealing.seal(form.cleaned_data["key"])
        obj.changed_by = signed_in(request)
        super().save_model(request, obj, form, change)

    def has_key(self, row: ModelEndpoint) -> bool:
        return row.has_key

    has_key.boolean = True  # type: ignore[attr-defined]  # as Django's admin documents it

    def spent(self, row: ModelEndpoint) -> str:
        return f"{model_calls.spent_this_month(row):.2f} of {row.month_budget}" if row.pk else "-"

    spent.short_description = "spent this month"  # type: ignore[attr-defined]  # as above

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.may(request, Capability.ADMINISTER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, Capability.ADMINISTER, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


class ModelCallAdmin(ScopedAdmin):
    list_display = ["__str__", "run", "problem", "tokens", "cost", moment_column("created_at", "time")]
    list_filter = [("tenant", ScopedFilter)]
    search_fields = ["step", "model", "problem"]
    list_select_related = ["tenant", "run__project"]
    fields = [
        *("tenant", "run", "step", "model", "problem", "input_tokens", "output_tokens", "cost", "seconds"),
        *("created_at", "prompt", "answer"),
    ]
    readonly_fields = ["tokens"]
    empty_hint = "Nothing was asked of a model yet. Each question is kept here with its answer, secrets masked."

    def tokens(self, call: ModelCall) -> str:
        return f"{call.input_tokens} in, {call.output_tokens} out"
