from django.urls import path

from approvals.views import EscalationViewSet, GateViewSet

urlpatterns = [
    path("approvals", GateViewSet.as_view({"get": "list"}), name="gate-list"),
    path("approvals/<uuid:pk>", GateViewSet.as_view({"get": "retrieve"}), name="gate-detail"),
    path(
        "runs/<uuid:pk>/escalation",
        EscalationViewSet.as_view({"get": "retrieve"}),
        name="run-escalation",
    ),
]
