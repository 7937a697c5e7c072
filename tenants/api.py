"""What every endpoint shares: how bodies are read, lists are paged, callers slowed, errors told.

Settings name these by dotted path and DRF loads them while it is being imported itself, so nothing
here may import a view. Read next: `problems`, `endpoints`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from tenants.problems import field_error, problem_handler

__all__ = ["AnyTypeJSONParser", "CallerThrottle", "NewestFirstPagination", "problem_handler"]
MAX_DEPTH = 50


class NewestFirstPagination(CursorPagination):
    """Pages by cursor; a view with another order names it in `page_ordering`."""

    ordering = ("-created_at", "-pk")
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> tuple[str, ...]:  # Any: a view of any kind
        return tuple(getattr(view, "page_ordering", self.ordering))

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:  # Any: rows, and a view, of any kind
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError):  # not base64, or no date in it
            raise field_error("cursor", "This is no cursor of this list.") from None


class CallerThrottle(UserRateThrottle):
    scope = "caller"


class AnyTypeJSONParser(BaseParser):
    """Reads a JSON body whatever its Content-Type says; refuses what JSON readers disagree about."""

    media_type = "*/*"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # Any: JSON
        try:
            value = json.loads(
                stream.read().decode("utf-8"),
                object_pairs_hook=_object,
                parse_constant=_no_constant,
                parse_float=_finite,
            )
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        _check_depth(value)
        return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:100]!r} is there twice")
        if not key.isprintable():  # unprintable keys cannot be named in an answer
            raise ValueError(f"the key {key[:100]!r} has characters that cannot be shown")
        found[key] = value
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:30]} is too large")
    return number


def _check_depth(value: Any) -> None:  # Any: JSON
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise ParseError("The body is nested too deeply.")


def _children(value: Any) -> Sequence[Any]:  # Any: JSON
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
