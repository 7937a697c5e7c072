"""Which runs does a list show? By status, tenant, project, time, title."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus
from tenants import scoping


class TenantFilter(django_filters.CharFilter):
    """By a tenant's id or slug; one that cannot be seen matches nothing."""

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        return qs.filter(scoping.named(value, self.field_name)) if value else qs


class RunFilter(django_filters.FilterSet):
    status = django_filters.MultipleChoiceFilter(choices=[(status.value, status.value) for status in RunStatus])
    tenant = TenantFilter(help_text="Id or slug.")
    project = django_filters.UUIDFilter(field_name="project_id")
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    search = django_filters.CharFilter(field_name="title", lookup_expr="icontains", help_text="Part of the title.")

    class Meta:
        model = Run
        fields = ["status", "tenant", "project", "created_after", "created_before", "search"]
