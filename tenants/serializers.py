"""Tenants and tokens as the API shows and takes them; `StrictSerializer` is what every input is."""

import re
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from tenants.models import ApiToken, Tenant

MAX_TOKEN_DAYS = 365
DEFAULT_TOKEN_DAYS = 90
_LOOKS_LIKE_AN_ID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys it does not take, so that a misspelt or forbidden one is never ignored."""

    def to_internal_value(self, data: Any) -> Any:  # Any: whatever somebody sent
        if isinstance(data, Mapping):
            taken = [name for name, field in self.fields.items() if not field.read_only]
            refuse_unknown(data, taken)
        return super().to_internal_value(data)


def refuse_unknown(data: Mapping[str, Any], taken: list[str]) -> None:  # Any: JSON
    unknown = [str(key) for key in data if key not in taken]
    if unknown:
        allowed = f"taken are {', '.join(taken)}" if taken else "none is taken here"
        raise ValidationError(
            {key: [ErrorDetail(f"This key is not taken here; {allowed}.", "unknown")] for key in unknown}
        )


class NothingSerializer(StrictSerializer):
    """For requests whose body, if there is one, is an empty object."""


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    role = serializers.CharField(read_only=True, allow_null=True, default=None, help_text="Your role in it.")

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "role", "allow_network", "protected_paths", "created_at"]


class TenantChangeSerializer(StrictSerializer):
    name = serializers.CharField(max_length=100)
    allow_network = serializers.BooleanField(
        required=False, help_text="Steps whose plan asks for the network may have it."
    )
    protected_paths = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        max_length=200,
        help_text="Globs that no patch may touch without a person's approval.",
    )


class NewTenantSerializer(TenantChangeSerializer):
    slug = serializers.SlugField(max_length=50)

    def validate_slug(self, slug: str) -> str:
        if _LOOKS_LIKE_AN_ID.fullmatch(slug):
            raise ValidationError("A slug must not look like an id.")
        if Tenant.objects.filter(slug=slug).exists():
            raise ValidationError("There is a tenant with this slug already.", "unique")
        return slug


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    key = serializers.CharField(source="token_key", help_text="What the token begins with.")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)

    class Meta:
        model = ApiToken
        fields = ["key", "name", "tenant", "created_at", "expires_at", "last_used_at"]


class MadeTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, allow_null=True, help_text="The token itself, shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class NewTokenSerializer(StrictSerializer):
    name = serializers.CharField(max_length=100, default="token")
    tenant = serializers.CharField(
        max_length=50,
        default=None,
        allow_null=True,
        help_text="The tenant, by id or slug, to which the token is limited.",
    )
    expires_in_days = serializers.IntegerField(min_value=1, max_value=MAX_TOKEN_DAYS, default=DEFAULT_TOKEN_DAYS)
