"""Which gates does a list show?"""

import django_filters

from approvals.models import Gate, GateKind, GateStatus
from metabuilder.runs.filters import TenantFilter


class GateFilter(django_filters.FilterSet):
    status = django_filters.MultipleChoiceFilter(choices=GateStatus.choices)
    kind = django_filters.MultipleChoiceFilter(choices=GateKind.choices)
    run = django_filters.UUIDFilter(field_name="run_id")
    tenant = TenantFilter(field_name="run__tenant", help_text="Id or slug.")

    class Meta:
        model = Gate
        fields = ["status", "kind", "run", "tenant"]
