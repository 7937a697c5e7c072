"""The list of circuits: which hosts and fixers are left alone for a tenant; its admins may close one."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

from autofix import breaker, circuits
from autofix.models import Circuit
from metabuilder.admin_site import moment_column
from tenants.admin import ScopedAdmin, ScopedFilter
from tenants.roles import Capability

UNTIL, CHANGED = moment_column("open_until", "left alone until"), moment_column("changed_at", "changed")


class CircuitAdmin(ScopedAdmin):
    """Read-only; "close now" is a list action, which the admin only takes by POST."""

    list_display = ["name", "kind", "tenant", "state", "failures", "opened", UNTIL, CHANGED]
    list_filter = ["kind", ("tenant", ScopedFilter)]
    search_fields = ["name"]
    list_select_related = ["tenant"]
    fields = ["tenant", "kind", "name", "state", "failures", "opened", "open_until", "trial", "changed_at"]
    readonly_fields = ["state"]
    actions = ["close_now"]  # type: ignore[assignment]  # None elsewhere: no list has actions
    empty_hint = (
        f"All is well: nothing has failed a tenant lately. After {breaker.FAILURES_TO_OPEN} failures in a row an "
        "upstream host's retries wait for it, and a fixer whose patches do not help is left out, for a while."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Circuit]:
        rows: QuerySet[Circuit] = super().get_queryset(request).annotate(now=Now())
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:  # Any: names and expressions
        return (F("open_until").desc(nulls_last=True), "-changed_at", "pk")

    def has_close_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Capability.ADMINISTER)

    @admin.display(description="state")
    def state(self, circuit: Any) -> str:  # Any: a circuit with the database's time beside it
        if circuit.open_until is None:
            return "closed"
        if circuit.open_until <= circuit.now:
            return "half open: the next run tries"
        return "a run tries" if circuit.trial else "open"

    @admin.action(description="Close now: let them be tried again at once", permissions=["close"])
    def close_now(self, request: HttpRequest, chosen: QuerySet[Circuit]) -> None:
        for circuit in chosen.select_related("tenant"):
            if not self.may(request, Capability.ADMINISTER, circuit):
                messages.error(request, f"Only an admin of {circuit.tenant} may close {circuit}. It was left as it is.")
            elif circuits.close(circuit):
                self.log_change(request, circuit, "Closed now.")
                messages.success(
                    request, f"Closed: {circuit} of {circuit.tenant}. Runs that wait come back in their time."
                )
            else:
                messages.info(request, f"{circuit} of {circuit.tenant} was closed already.")
