"""How the OpenAPI document describes errors: every operation may answer with a problem."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from tenants.problems import MEDIA_TYPE


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
    errors = ProblemErrorSerializer(many=True, required=False)


class ProblemSchema(AutoSchema):
    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:  # Any: OpenAPI
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        answer = OpenApiResponse(ProblemSerializer, "A problem, told as RFC 9457 says.")
        bodies["default"] = self._get_response_for_code(
            answer, "default", media_types=[MEDIA_TYPE], direction=direction
        )
        return bodies
