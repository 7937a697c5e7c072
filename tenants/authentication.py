"""API tokens: `Authorization: Bearer …`, and `Token …` for older clients."""

import re
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants.models import ApiToken

NOTED_EVERY = timedelta(minutes=1)
_WELL_FORMED = re.compile(rb"[A-Za-z0-9_]{16,200}")


class BearerAuthentication(KnoxAuthentication):
    def authenticate_header(self, request: Request) -> str:
        """Name the prefix this class answers to; knox compares the request's with it."""
        return "Bearer"

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        if not _WELL_FORMED.fullmatch(token):
            raise AuthenticationFailed("Invalid token.")
        user, found = super().authenticate_credentials(token)
        note_use(found)
        return user, found


class TokenAuthentication(BearerAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Token"


def note_use(token: ApiToken) -> None:
    """Remember when a token was last used, to the minute: not every request should write a row."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names the token."""

    target_class = "tenants.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token TOKEN`: the same as Bearer, for older clients.",
        }
