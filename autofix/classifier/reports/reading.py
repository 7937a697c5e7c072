"""How is JSON read that anyone may have written? A wrong shape gives an empty value."""

import json
from typing import TypeGuard

from autofix.classifier.rules import compiled
from autofix.failures import Severity

MAX_FINDINGS = 2000
LONGEST_TEXT = 2000
SEVERITIES = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_QUOTED = compiled(r"[`\"']([^`\"']{1,120})[`\"']")


def parsed(text: str) -> object:
    """None where it is not JSON, too deep or with a number too long."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def members(value: object, key: str = "") -> list[dict[str, object]]:
    """The objects in a list, or in the list that an object has under `key`."""
    found = value.get(key) if key and _is_object(value) else value
    if not isinstance(found, list):
        return []
    return [item for item in found[:MAX_FINDINGS] if _is_object(item)]


def member(value: object, *path: str) -> dict[str, object]:
    for key in path:
        value = value.get(key) if _is_object(value) else None
    return value if _is_object(value) else {}


def text_of(value: dict[str, object], key: str) -> str:
    """Return a text that can be searched and stored; half characters, which JSON can spell, become `?`."""
    found = value.get(key)
    return found[:LONGEST_TEXT].encode(errors="replace").decode() if isinstance(found, str) else ""


def number_of(value: dict[str, object], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) and 0 <= found < 10**9 else 0


def quoted(message: str) -> str:
    """The name that a message is about: the first one in quotes or backticks."""
    found = _QUOTED.search(message)
    return str(found.group(1)) if found else ""


def worst(severities: list[Severity]) -> Severity:
    return max(severities, key=SEVERITIES.index, default=Severity.MEDIUM)


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
