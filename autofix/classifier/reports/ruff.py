"""What did `ruff check --output-format json` find?"""

from autofix.classifier.fingerprints import normalised
from autofix.classifier.reports.reading import member, members, number_of, parsed, quoted, text_of
from autofix.classifier.rules import compiled
from autofix.failures import Failure, Finding, Location, Severity, Signal

SYNTAX = "invalid-syntax"
_SECURITY = compiled(r"^S[1-7]\d\d$")


def read(text: str) -> Failure | None:
    findings = [_finding(item) for item in members(parsed(text)) if text_of(item, "filename")]
    if not findings:
        return None
    secure = [found for found in findings if _SECURITY.search(_code(found))]
    broken = [found for found in findings if _code(found) in {SYNTAX, "E999"}]
    first = (secure or broken or findings)[0]
    if secure:
        return _failure(Signal.SECURITY, _code(first), first, [*secure, *findings])
    if broken:
        return _failure(Signal.RUNTIME, "compile", first, [*broken, *findings])
    return _failure(Signal.LINT, "", first, findings)


def _failure(signal: Signal, detail: str, first: Finding, findings: list[Finding]) -> Failure:
    ordered = tuple(dict.fromkeys(findings))
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    return Failure(
        signal=signal,
        message=f"ruff {first.message}{more}",
        rule="ruff-report",
        detail=detail,
        subject=quoted(first.message),
        severity=Severity.LOW if signal is Signal.LINT else Severity.MEDIUM,
        confidence=0.98,
        excerpt=_excerpt(ordered),
        locations=tuple(found.location for found in ordered if found.location),
        findings=ordered,
    )


def _excerpt(findings: tuple[Finding, ...]) -> str:
    return "\n".join(
        f"{found.location.file}:{found.location.line}: {found.message}" for found in findings[:11] if found.location
    )


def _finding(item: dict[str, object]) -> Finding:
    code = text_of(item, "code") or SYNTAX
    message = text_of(item, "message")
    place = Location(text_of(item, "filename"), number_of(member(item, "location"), "row"), code)
    about = quoted(message) or normalised(message)
    return Finding(f"{place.file}:{code}:{about}", f"{code}: {message}", place)


def _code(finding: Finding) -> str:
    return finding.location.code if finding.location else ""
