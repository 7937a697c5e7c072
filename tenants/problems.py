"""How is an error told? As RFC 9457 `application/problem+json`, by every endpoint and every error page.

`problem_handler` turns exceptions raised in a view into problems; the pages below it answer under
/api/ where no view was reached.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotFound,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response

MEDIA_TYPE = "application/problem+json"
NO_FIELD = "non_field_errors"
MISSING = "There is nothing here, or it is not yours to see."
MAX_ERRORS = 50


class Conflict(APIException):
    """The thing is not in a state in which this can be done to it."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"


class TooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class LengthRequired(APIException):
    status_code = HTTPStatus.LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = "Send a Content-Length: chunked bodies are not read."


class Unavailable(APIException):
    """The database does not answer; the same request may work in a moment."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The database does not answer just now. Try again in a moment."
    wait = 2


class Full(APIException):
    """Too much waits already: `status` 429 if it is the caller's, 503 if it is everybody's."""

    default_code = "full"

    def __init__(self, detail: str, status: HTTPStatus, wait: int) -> None:
        super().__init__(detail)
        self.status_code = status
        self.wait = wait


class ProblemRenderer(JSONRenderer):
    media_type = MEDIA_TYPE
    format = "problem"


def field_error(field: str, detail: str, code: str = "invalid") -> ValidationError:
    """Make the refusal of one field; a field below another is named `source.path`."""
    return ValidationError({field: [ErrorDetail(detail, code)]})


def problem_handler(exc: Exception, context: dict[str, Any]) -> Response | None:  # Any: DRF's
    error = as_api_exception(exc)
    if error is None:
        return None
    response = Response(describe(error), status=error.status_code, headers=headers_of(error))
    request = context["request"]
    if not isinstance(getattr(request, "accepted_renderer", None), BrowsableAPIRenderer):
        request.accepted_renderer = ProblemRenderer()
        request.accepted_media_type = MEDIA_TYPE
    return response


def as_api_exception(exc: Exception) -> APIException | None:
    if isinstance(exc, Http404):
        return NotFound(MISSING)
    if isinstance(exc, DjangoPermissionDenied):
        return PermissionDenied()
    if isinstance(exc, OperationalError):
        return Unavailable()
    if isinstance(exc, RequestDataTooBig):
        return TooLarge("The request is larger than is accepted here.")
    return exc if isinstance(exc, APIException) else None


def headers_of(error: APIException) -> dict[str, str]:
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    header = getattr(error, "auth_header", None)  # set by DRF where a sign-in would help
    if header:
        headers["WWW-Authenticate"] = header
    return headers


def describe(error: APIException) -> dict[str, Any]:  # Any: JSON
    if not isinstance(error, ValidationError):
        return problem(error.status_code, text_of(error))
    errors = list(flatten(error.detail))
    return problem(error.status_code, summary(errors), errors)


def text_of(error: APIException) -> str:
    if isinstance(error, Throttled):
        return f"Too many requests. Try again in {headers_of(error)['Retry-After']} seconds."
    return str(error.detail)


def problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:  # Any: JSON
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    if errors:
        body["errors"] = errors[:MAX_ERRORS]
    return body


def flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:  # Any: DRF nests it freely
    """Yield the errors of a nested description, each with its field as a dotted path."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            here = path if name == NO_FIELD else f"{path}.{name}".lstrip(".")
            yield from flatten(inner, here)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            here = f"{path}.{index}" if isinstance(inner, dict) else path
            yield from flatten(inner, here.lstrip("."))
    else:
        yield {"field": path, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def summary(errors: list[dict[str, str]]) -> str:
    if not errors:
        return "The request is not valid."
    first = errors[0]
    text = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    more = len(errors) - 1
    return f"{text} (and {more} more)" if more else text


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    body = json.dumps(problem(status, detail), separators=(",", ":"))
    return HttpResponse(body, status=status, content_type=MEDIA_TYPE, headers=headers)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return answer(413, "The request is larger than is accepted here.")
    return answer(400, "The request is not valid.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request):
        return defaults.permission_denied(request, exception)
    return answer(403, "You may not do that.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request):
        return defaults.page_not_found(request, exception)
    return answer(404, MISSING)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not is_api(request):
        return defaults.server_error(request)
    return answer(500, "The service failed on this request. The error is in its log.")
