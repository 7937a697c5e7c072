"""What runs offer to read. `autofix.urls` has what starts and changes them, and shows one whole."""

from django.urls import path

from metabuilder.runs.views import DiffViewSet, EventViewSet, LogViewSet, UploadViewSet

urlpatterns = [
    path("uploads", UploadViewSet.as_view({"post": "create"}), name="upload-list"),
    path("runs/<uuid:pk>/logs", LogViewSet.as_view({"get": "retrieve"}), name="run-logs"),
    path("runs/<uuid:pk>/diff", DiffViewSet.as_view({"get": "retrieve"}), name="run-diff"),
    path("runs/<uuid:pk>/events", EventViewSet.as_view({"get": "list"}), name="run-events"),
]
