"""Every address of the service. API paths have no trailing slash; the admin's have one, as Django's do."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from metabuilder import health

API = "api/meta/v2/"
admin.autodiscover()

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path(API, include("autofix.urls")),
    path(API, include("approvals.urls")),
    path(API, include("metabuilder.runs.urls")),
    path(API, include("tenants.urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
handler400 = "tenants.problems.bad_request"
handler403 = "tenants.problems.permission_denied"
handler404 = "tenants.problems.page_not_found"
handler500 = "tenants.problems.server_error"
