"""The page Settings → Builder → Classify a log: paste or upload one, and read what it is taken for and why."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from autofix import pages, rulebooks
from autofix.answers import suggestion
from autofix.classifier import Evidence, classify, classify_stream
from autofix.failures import Failure
from autofix.playbooks import rungs_left
from tenants.scoping import tenants_where

MOST_PASTED = 2_000_000
CHUNK_BYTES = 64 << 10


class LogForm(forms.Form):
    """A log, pasted or as a file; whatever bytes it has."""

    step_name = forms.CharField(
        widget=forms.TextInput(attrs={"class": "mb-input"}),
        max_length=200,
        required=False,
        label="Step",
        help_text="Its name, if you know it.",
    )
    exit_code = forms.IntegerField(
        widget=forms.NumberInput(attrs={"class": "mb-input"}),
        required=False,
        min_value=-255,
        max_value=255,
        label="Exit code",
    )
    log = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 14, "class": "mb-input mb-log-in", "spellcheck": "false"}),
        required=False,
        strip=False,
        max_length=MOST_PASTED,
        label="Log",
    )
    file = forms.FileField(required=False, allow_empty_file=True, label="or a file")

    def clean(self) -> dict[str, Any]:  # Any: as Django has it
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("log", "").strip() and cleaned.get("file") is None:
            self.add_error("log", "Paste a log, or choose a file.")
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
def classify_log(request: HttpRequest) -> HttpResponse:
    tenant = pages.chosen(list(tenants_where(request.user)), request.GET.get("tenant", ""))
    form = LogForm(request.POST, request.FILES) if request.method == "POST" else LogForm()
    context: pages.Context = {"form": form, "tenant": tenant}
    if request.method == "POST" and form.is_valid():
        rules = rulebooks.of_tenant(tenant) if tenant else ()
        failure = judged(form.cleaned_data, rules)
        context |= {"failure": failure, "suggested": suggestion(failure, rungs_left(failure, []))}
    return pages.page(request, "classify", "Classify a log", context)


def judged(said: dict[str, Any], rules: rulebooks.Rules) -> Failure:  # Any: checked values
    evidence = Evidence(step_name=said["step_name"], log=said["log"], exit_code=said["exit_code"], own_rules=rules)
    file: UploadedFile[Any] | None = said["file"]
    if file is None:
        return classify(evidence)
    return classify_stream(evidence, (chunk.decode(errors="replace") for chunk in file.chunks(CHUNK_BYTES)))
