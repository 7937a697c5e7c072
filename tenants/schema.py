"""How the OpenAPI document is put: operations named after their path, errors told as problems."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from tenants.problems import MEDIA_TYPE

BASE = "/api/meta/v2/"


class ProblemErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    # The name is DRF's own on serializers; this one is never given data.
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]


class ProblemSchema(AutoSchema):
    def get_tags(self) -> list[str]:
        return [self.path.removeprefix(BASE).split("/")[0]]

    def get_description(self) -> str:  # type: ignore[override]  # as AutoSchema has it
        """Leave out what a view tells its programmers: an operation's summary says enough."""
        return ""

    def get_operation_id(self) -> str:
        return str(super().get_operation_id()).removeprefix("meta_v2_")

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:  # Any: OpenAPI
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        told = OpenApiResponse(ProblemSerializer, "A problem, told as RFC 9457 says.")
        bodies["default"] = self._get_response_for_code(  # type: ignore[no-untyped-call]
            told, "default", [MEDIA_TYPE], direction
        )
        return bodies
