"""What did bandit find?"""

from autofix.classifier.fingerprints import normalised
from autofix.classifier.reports.reading import (
    SEVERITIES,
    members,
    number_of,
    parsed,
    quoted,
    text_of,
    worst,
)
from autofix.failures import Failure, Finding, Location, Severity, Signal

SEVERITY = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}


def read(text: str) -> Failure | None:
    items = [item for item in members(parsed(text), "results") if text_of(item, "test_id")]
    if not items:
        return None
    items.sort(key=lambda item: -SEVERITIES.index(_severity(item)))
    first = items[0]
    findings = tuple(_finding(item) for item in items)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Failure(
        signal=Signal.SECURITY,
        message=f"bandit {text_of(first, 'test_id')}: {text_of(first, 'issue_text')}{more}",
        rule="bandit-report",
        detail=text_of(first, "test_id"),
        subject=text_of(first, "test_name"),
        severity=worst([_severity(item) for item in items]),
        confidence=0.98,
        excerpt="\n".join(_shown(item) for item in items[:5]),
        locations=tuple(found.location for found in findings if found.location),
        findings=findings,
    )


def _severity(item: dict[str, object]) -> Severity:
    return SEVERITY.get(text_of(item, "issue_severity").upper(), Severity.MEDIUM)


def _finding(item: dict[str, object]) -> Finding:
    code, message = text_of(item, "test_id"), text_of(item, "issue_text")
    place = Location(text_of(item, "filename"), number_of(item, "line_number"), code)
    secret = code in {"B105", "B106", "B107"}
    about = "" if secret else quoted(message) or normalised(message)
    shown = message.split(":")[0] if secret else message
    return Finding(f"{place.file}:{code}:{about}", f"{code}: {shown}", place)


def _shown(item: dict[str, object]) -> str:
    place = f"{text_of(item, 'filename')}:{number_of(item, 'line_number')}"
    return f"{place}: {text_of(item, 'test_id')} {text_of(item, 'issue_text')}"
