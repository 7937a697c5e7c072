"""Corrections in the admin: a person says what a failure really was, and writes the rule that it suggests."""

from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from autofix import corrections
from autofix.corrections import Label, NotCorrected
from autofix.failures import Signal
from autofix.models import Attempt, Correction
from autofix.rulebooks import written
from metabuilder.admin_site import moment_column, signed_in
from metabuilder.runs.templatetags.screens import visible
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability
from tenants.scoping import is_able, visible_to

SAID = moment_column("created_at", "said")
EXCERPT = '<pre class="mb-excerpt" tabindex="0">{}</pre>'
WORDS = ["signal", "detail", "cause", "note"]


class CorrectionForm(forms.ModelForm):
    about = forms.UUIDField(widget=forms.HiddenInput)
    request: HttpRequest

    class Meta:
        model = Correction
        fields = WORDS
        labels = {"signal": "It really was"}
        help_texts = {"cause": "The line of the failure's excerpt that names the cause, copied. It may be left empty."}

    def __init__(self, *given: Any, **named: Any) -> None:  # Any: Django's own
        super().__init__(*given, **named)
        types = cast(forms.ChoiceField, self.fields["signal"])
        types.choices = [("", "Choose what failed"), *((str(s), str(s)) for s in Signal)]
        types.initial = ""

    def clean(self) -> dict[str, Any]:
        """Check the correction as the API does; who may not correct does not get here."""
        cleaned = super().clean() or {}
        attempt = attempt_for(self.request, cleaned.get("about"))
        if attempt is None:
            self.add_error(None, "There is no such attempt. Open a run's timeline and choose one there.")
        elif not self.errors:
            try:
                corrections.check(attempt, label_of(cleaned))
            except NotCorrected as error:
                self.add_error("signal" if error.field == "type" else error.field, str(error))
        return cleaned


class CorrectionAdmin(ScopedAdmin):
    form = CorrectionForm
    list_display = [
        "step",
        "was",
        "now",
        "rule_that_erred",
        "tenant",
        "created_by",
        moment_column("created_at", "said"),
    ]
    list_filter = ["signal", "was_signal", ("tenant", ScopedFilter)]
    search_fields = ["step", "cause", "note", "excerpt", "was_rule"]
    list_select_related = ["tenant", "created_by"]
    fields = ["about", *WORDS]
    empty_hint = (
        "Nothing was corrected yet. Where a run's timeline takes a failure for what it was not, open the attempt and "
        "say what it really was: that becomes an example, and suggests a rule."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # Any: Django's own
        if obj is None:
            attempt = attempt_for(request, request.POST.get("about") or request.GET.get("about"))
            return [(None, {"fields": self.fields, "description": seen(attempt) if attempt else ""})]
        about = ["step", "kind", "command", "was", "now", "cause", "note", "said"]
        return [
            (None, {"fields": about}),
            ("What the log says", {"fields": ["said_by_the_log"]}),
            ("A rule that would have known", {"fields": ["suggestion"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*(name for _, part in self.get_fieldsets(request, obj) for name in part["fields"])] if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # as above
        if change:
            return super().get_form(request, obj, change=change, **{**kwargs, "form": forms.ModelForm})
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        attempt = attempt_for(request, request.POST.get("about") or request.GET.get("about"))
        if attempt is None:
            messages.info(request, "Choose the attempt whose failure was taken for what it was not.")
            return HttpResponseRedirect(reverse("admin:autofix_attempt_changelist"))
        title = f"{attempt.step.name}: what was it really?"
        answer: HttpResponse = super().add_view(request, form_url, {**(extra_context or {}), "title": title})
        return answer

    def save_model(self, request: HttpRequest, obj: Correction, form: Any, change: bool) -> None:  # Any: a form
        attempt = attempt_for(request, form.cleaned_data["about"])
        if attempt is not None:
            kept = corrections.correct(attempt, label_of(form.cleaned_data), signed_in(request))
            obj.pk, obj._state.adding = kept.pk, False

    def response_add(self, request: HttpRequest, obj: Correction, post_url_continue: str | None = None) -> HttpResponse:
        messages.success(request, "Your word is kept. Below is a rule that would have known.")
        return HttpResponseRedirect(reverse("admin:autofix_correction_change", args=[obj.pk]))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:  # Any: Django's own
        """The row itself says who and when."""

    @admin.display(description="was taken for", ordering="was_signal")
    def was(self, row: Correction) -> str:
        return " ".join(filter(None, (row.was_signal, row.was_detail)))

    @admin.display(description="is", ordering="signal")
    def now(self, row: Correction) -> str:
        return " ".join(filter(None, (row.signal, row.detail)))

    @admin.display(description="by the rule", ordering="was_rule")
    def rule_that_erred(self, row: Correction) -> str:
        return row.was_rule or "none"

    @admin.display(description="said by")
    def said(self, row: Correction) -> str:
        return f"{row.created_by or 'somebody who is gone'}, {row.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="excerpt")
    def said_by_the_log(self, row: Correction) -> str:
        return format_html(EXCERPT, visible(row.excerpt))

    @admin.display(description="suggested")
    def suggestion(self, row: Correction) -> str:
        rule = corrections.suggestion(row)
        if rule is None:
            return "The log says too little for a rule of its own."
        link = f"{reverse('admin:autofix_tenantrule_add')}?{urlencode({**written(rule), 'tenant': row.tenant_id})}"
        words = "Look at it, and add it to the own rules"
        return format_html(
            '<code>{}</code><br><a class="underline" href="{}">{}</a>', visible(rule["pattern"]), link, words
        )

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.may(request, Capability.OPERATE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, Capability.OPERATE, obj)


def attempt_for(request: HttpRequest, key: object) -> Attempt | None:
    """Return an attempt whose failure this person may correct."""
    try:
        rows = visible_to(Attempt.objects.select_related("run__tenant", "step"), request.user, "run__tenant")
        attempt: Attempt | None = rows.filter(pk=str(key)).first()
    except (ValueError, forms.ValidationError):
        return None
    return attempt if attempt and is_able(request.user, attempt.run.tenant, Capability.OPERATE) else None


def seen(attempt: Attempt) -> str:
    """Return what a person needs before their eyes to say what it was."""
    taken_for = " ".join(filter(None, (attempt.signal, attempt.detail)))
    words = "Step {} was taken for <b>{}</b>: {}"
    return format_html(
        f"<p>{words}</p>{EXCERPT}", attempt.step.name, taken_for, visible(attempt.message), visible(attempt.excerpt)
    )


def label_of(cleaned: dict[str, Any]) -> Label:  # Any: a form's values
    return Label(
        Signal(cleaned["signal"]), cleaned.get("detail", ""), cleaned.get("cause", ""), cleaned.get("note", "")
    )
