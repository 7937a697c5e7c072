"""What did `mypy --output json` find? One JSON object a line."""

from autofix.classifier.fingerprints import normalised
from autofix.classifier.reports.reading import (
    MAX_FINDINGS,
    member,
    number_of,
    parsed,
    quoted,
    text_of,
)
from autofix.failures import Failure, Finding, Location, Signal

# A missing import makes other errors, so it is named first.
FIRST = ("syntax", "import-not-found", "import-untyped")
COMPILE = "syntax"


def read(text: str) -> Failure | None:
    items = [member(parsed(line)) for line in text.splitlines() if line.startswith("{")]
    errors = [item for item in items if text_of(item, "severity") == "error" and text_of(item, "file")]
    if not errors:
        return None
    errors = errors[:MAX_FINDINGS]
    first = min(errors, key=lambda item: _weight(text_of(item, "code")))
    code = text_of(first, "code")
    findings = tuple(_finding(item) for item in errors)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Failure(
        signal=Signal.RUNTIME if code == COMPILE else Signal.TYPECHECK,
        message=f"mypy: {text_of(first, 'message')}{more}",
        rule="mypy-report",
        detail="compile" if code == COMPILE else code,
        subject=quoted(text_of(first, "message")),
        confidence=0.98,
        requires_replan=code == "import-untyped",
        excerpt="\n".join(_shown(found) for found in findings[:11]),
        locations=tuple(found.location for found in findings if found.location),
        findings=findings,
    )


def _weight(code: str) -> int:
    return FIRST.index(code) if code in FIRST else len(FIRST)


def _finding(item: dict[str, object]) -> Finding:
    code, message = text_of(item, "code"), text_of(item, "message")
    place = Location(text_of(item, "file"), number_of(item, "line"), code)
    return Finding(f"{place.file}:{code}:{normalised(message)}", message, place)


def _shown(finding: Finding) -> str:
    place = finding.location or Location("")
    return f"{place.file}:{place.line}: error: {finding.message}  [{place.code}]"
