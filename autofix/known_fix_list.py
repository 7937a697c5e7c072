"""The list of known fixes: what a tenant's failures were healed with, to be tried first; its admins may forget one."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from autofix.models import KnownFix
from metabuilder.admin_site import moment_column
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability


class KnownFixAdmin(ScopedAdmin):
    """Read-only; "forget" is a list action, which the admin only takes by POST."""

    list_display = ["message", "fixer", "tenant", "proved", "by_person", moment_column("proved_at", "last helped")]
    list_filter = ["signal", "by_person", ("tenant", ScopedFilter)]
    search_fields = ["message", "fixer", "fingerprint"]
    list_select_related = ["tenant"]
    fields = [
        *("tenant", "project", "signal", "message", "fingerprint", "fixer", "by_person"),
        *("proved", "proved_at", "failed", "attempt", "patch", "created_at"),
    ]
    actions = ["forget"]  # type: ignore[assignment]  # None elsewhere: no list has actions
    empty_hint = (
        "Nothing is known yet. A patch with which its step has passed is remembered here under the failure's "
        "fingerprint, and tried first when the same failure comes again."
    )

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Capability.ADMINISTER)

    @admin.action(description="Forget: do not try these first any more", permissions=["forget"])
    def forget(self, request: HttpRequest, chosen: QuerySet[KnownFix]) -> None:
        for known in chosen.select_related("tenant"):
            if not self.may(request, Capability.ADMINISTER, known):
                messages.error(request, f"Only an admin of {known.tenant} may forget “{known}”. It was left.")
                continue
            self.log_change(request, known, "Forgotten.")
            KnownFix.objects.filter(pk=known.pk).delete()
            messages.success(request, f"Forgotten: {known}.")
