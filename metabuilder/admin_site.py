"""The one place that knows the admin theme (unfold): its site, its classes, who may enter what.

Apps take their admin classes from here. A page that belongs to no model is added to `site.pages`
by the app that has it. Who sees which rows: `tenants.admin.ScopedAdmin`. Menus: `navigation`.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.sites import UnfoldAdminSite


class ModelAdmin(UnfoldModelAdmin):
    """`empty_hint` says in an empty list what to do next; `empty_commands` what to type."""

    empty_hint = ""
    empty_commands: tuple[str, ...] = ()
    list_per_page = 25
    list_filter_sheet = False
    show_full_result_count = False
    actions = None


def moment_column(field: str, title: str = "") -> Callable[[Any], str]:
    """Make a list's column of a time: shown in the reader's zone, exact in UTC on hover."""

    @admin.display(description=title or field.replace("_", " "), ordering=field)
    def column(row: Any) -> str:
        return moment(getattr(row, field))

    return column


def moment(when: datetime | None) -> str:
    return render_to_string("metabuilder/moment.html", {"when": when})


class SuperuserOnly(admin.ModelAdmin):
    """Whatever Django permissions somebody holds: only a platform admin gets in."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


class ConsoleSite(UnfoldAdminSite):
    index_title = "Home"
    index_template = "admin/home.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.pages: list[URLPattern] = []

    def extra_urls(self) -> list[URLPattern]:
        return self.pages

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Search anew each time: unfold would show rows for minutes after a role was taken away."""
        term = request.GET.get("s", "").lower()
        digest = hashlib.sha256(f"{request.user.pk}_{term}".encode()).hexdigest()
        cache.delete(f"unfold_search_{digest}")
        response: HttpResponse = super().search(request, extra_context)
        return response


def add_pages(pages: list[URLPattern]) -> None:
    """Put pages that belong to no model under the admin's address."""
    cast(ConsoleSite, admin.site).pages += pages


def signed_in(request: HttpRequest) -> User:
    """Return who asks; every page of the admin has made sure that somebody is signed in."""
    return cast(User, request.user)


def is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser
