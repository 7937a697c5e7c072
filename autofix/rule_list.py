"""A tenant's own rules in the admin: what its admins know of their logs, checked as it is written."""

from typing import Any

from django import forms
from django.db.models import ForeignKey
from django.http import HttpRequest

from autofix import rulebooks
from autofix.classifier.own_rules import RuleRejected
from autofix.models import TenantRule
from metabuilder.admin_site import moment_column, signed_in
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability
from tenants.scoping import tenants_where


class RuleForm(forms.ModelForm):
    class Meta:
        model = TenantRule
        fields = ["tenant", "name", "enabled", *rulebooks.FIELDS, "retryable"]

    def clean(self) -> dict[str, Any]:
        """Check the rule as the classifier will; nothing that it could not use is stored."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            rulebooks.made_of(cleaned)
            if self.instance._state.adding:
                rulebooks.check_room(cleaned["tenant"])
        except RuleRejected as error:
            self.add_error(error.field, str(error))
        except rulebooks.TooManyRules as error:
            self.add_error(None, str(error))
        return cleaned


class RuleAdmin(ScopedAdmin):
    form = RuleForm
    list_display = ["name", "tenant", "enabled", "signal", "detail", "message", moment_column("created_at", "written")]
    list_filter = ["enabled", "signal", ("tenant", ScopedFilter)]
    search_fields = ["name", "pattern", "message"]
    list_select_related = ["tenant"]
    fieldsets = [
        (None, {"fields": ["tenant", "name", "enabled"]}),
        ("What it finds", {"fields": ["pattern", "unless", "example", "counter"]}),
        ("What that means", {"fields": ["signal", "detail", "message", "severity", "confidence", "retryable"]}),
    ]
    empty_hint = (
        "No rules of your own yet. Write one for what only your builds say, such as a licence server without seats: "
        "it is tried before ours. What a log is taken for now: Builder, Classify a log."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["tenant"] if obj else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:  # Any: as in the class above
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "tenant" and not request.user.is_superuser:
            field.queryset = tenants_where(request.user, Capability.ADMINISTER)
        return field

    def save_model(self, request: HttpRequest, obj: TenantRule, form: Any, change: bool) -> None:  # Any: a form
        if not change:
            obj.created_by = signed_in(request)
        super().save_model(request, obj, form, change)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.may(request, Capability.ADMINISTER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, Capability.ADMINISTER, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)
