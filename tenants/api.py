"""What every endpoint shares: how bodies are read, lists are paged, errors are told, callers slowed."""

from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.throttling import UserRateThrottle


class NewestFirstPagination(CursorPagination):
    ordering = "-created_at"
    page_size_query_param = "page_size"
    max_page_size = 200


class AnyTypeJSONParser(JSONParser):
    media_type = "*/*"


class CallerThrottle(UserRateThrottle):
    scope = "caller"
