from typing import Any

from django.urls import path

from autofix.correction_views import CorrectionViewSet
from autofix.rule_views import RuleViewSet
from autofix.views import (
    ClassificationViewSet,
    GateDecisionViewSet,
    HealingRunViewSet,
    PlanDeltaViewSet,
    RunSettingsViewSet,
    TenantSettingsViewSet,
    TimelineViewSet,
)


def settings_methods(change: str) -> dict[str, Any]:  # Any: what DRF's stubs want
    return {"get": "show_settings", **dict.fromkeys(["post", "put", "patch"], change)}


urlpatterns = [
    path("runs", HealingRunViewSet.as_view({"get": "list", "post": "create"}), name="run-list"),
    path("runs/<uuid:pk>", HealingRunViewSet.as_view({"get": "retrieve"}), name="run-detail"),
    path("runs/<uuid:pk>/cancel", HealingRunViewSet.as_view({"post": "cancel"}), name="run-cancel"),
    path("runs/<uuid:pk>/retry", HealingRunViewSet.as_view({"post": "retry"}), name="run-retry"),
    path(
        "runs/<uuid:pk>/settings",
        RunSettingsViewSet.as_view(settings_methods("run_settings")),
        name="run-settings",
    ),
    path(
        "tenants/<str:tenant>/settings",
        TenantSettingsViewSet.as_view(settings_methods("tenant_settings")),
        name="tenant-settings",
    ),
    path("tenants/<str:tenant>/rules", RuleViewSet.as_view({"get": "list", "post": "create"}), name="rule-list"),
    path("tenants/<str:tenant>/rules/try", RuleViewSet.as_view({"post": "try_out"}), name="rule-try"),
    path("tenants/<str:tenant>/rules/preview", RuleViewSet.as_view({"post": "preview"}), name="rule-preview"),
    path(
        "tenants/<str:tenant>/rules/<uuid:pk>",
        RuleViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="rule-detail",
    ),
    path(
        "tenants/<str:tenant>/corrections",
        CorrectionViewSet.as_view({"get": "list", "post": "create"}),
        name="correction-list",
    ),
    path(
        "tenants/<str:tenant>/corrections/<uuid:pk>",
        CorrectionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="correction-detail",
    ),
    path("runs/<uuid:pk>/autofix", TimelineViewSet.as_view({"get": "retrieve"}), name="run-autofix"),
    path(
        "runs/<uuid:pk>/plan-delta",
        PlanDeltaViewSet.as_view({"get": "retrieve"}),
        name="run-plan-delta",
    ),
    path(
        "approvals/<uuid:pk>/approve",
        GateDecisionViewSet.as_view({"post": "approve"}),
        name="gate-approve",
    ),
    path(
        "approvals/<uuid:pk>/reject",
        GateDecisionViewSet.as_view({"post": "reject"}),
        name="gate-reject",
    ),
    path(
        "classify-failure",
        ClassificationViewSet.as_view({"post": "classify_failure"}),
        name="classify-failure",
    ),
]
