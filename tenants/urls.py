from django.urls import path

from tenants.views import TenantViewSet, TokenViewSet

urlpatterns = [
    path("tenants", TenantViewSet.as_view({"get": "list", "post": "create"}), name="tenant-list"),
    path(
        "tenants/<str:tenant>",
        TenantViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="tenant-detail",
    ),
    path("tokens", TokenViewSet.as_view({"get": "list", "post": "create"}), name="token-list"),
    path("tokens/<str:key>", TokenViewSet.as_view({"delete": "destroy"}), name="token-detail"),
]
