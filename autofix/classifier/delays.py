"""How long does the other side ask us to wait?"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from autofix.classifier.rules import compiled

LONGEST_SECONDS = 24 * 3600.0
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_HEADER = compiled(r"(?i)retry[-_]after['\"]?\s*[:=]\s*['\"]?(\d{1,9}(?:\.\d{1,3})?)(?:\D|$)")
_GMT = r"((?:mon|tue|wed|thu|fri|sat|sun)[a-z]*, [^'\"\r\n]{10,30}?GMT)"
_HEADER_DATE = compiled(rf"(?i)retry-after['\"]?\s*[:=]\s*['\"]?{_GMT}")
_DATE = compiled(rf"(?im)^\W{{0,2}}date: {_GMT}")
_UNITS = r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)"
_WORDS = compiled(
    r"(?i)(?:(?:again|retry(?:ing)?|limit resets?|available)(?: again)? (?:in|after)"
    rf"|wait(?: for)?)(?: at least| about)? ((?:\d{{1,6}}(?:\.\d{{1,6}})?\s?{_UNITS}[\s,]{{0,2}}(?:and )?)+)"
)
_PART = compiled(r"(?i)(\d{1,6}(?:\.\d{1,6})?)\s*(ms|mil|s|m|h|d)?[a-z]*")


def asked_for(text: str, now: datetime | None = None) -> float | None:
    """The seconds to wait, or None where the text does not say."""
    header = _HEADER.search(text)
    if header:
        return _bounded(float(header.group(1)))
    date = _HEADER_DATE.search(text)
    if date:
        return _until(date.group(1), _moment(text, now))
    words = _WORDS.search(text)
    return _bounded(_sum(words.group(1))) if words else None


def said(words: str) -> float | None:
    """The seconds of a duration such as `30`, `1m 5s` or `250 ms`; None if it is none."""
    return _bounded(_sum(words)) if _PART.search(words) else None


def _sum(words: str) -> float:
    total = 0.0
    for part in _PART.finditer(words):
        unit = (part.group(2) or "s").lower()
        total += float(part.group(1)) * _UNIT_SECONDS["ms" if unit == "mil" else unit]
    return total


def _moment(text: str, now: datetime | None) -> datetime:
    stated = _DATE.search(text)
    parsed = _parsed(stated.group(1)) if stated else None
    return parsed or now or datetime.now(UTC)


def _until(date: str, moment: datetime) -> float | None:
    parsed = _parsed(date)
    return _bounded((parsed - moment).total_seconds()) if parsed else None


def _parsed(date: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_SECONDS)
