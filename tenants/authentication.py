"""API tokens: `Authorization: Bearer …`, and `Token …` for older clients."""

from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.request import Request


class BearerAuthentication(KnoxAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenAuthentication(KnoxAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Token"
