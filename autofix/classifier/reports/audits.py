"""Which dependencies have known holes? pip-audit, npm audit and osv-scanner say so in JSON."""

from collections.abc import Iterable, Iterator

from autofix.classifier.reports.reading import MAX_FINDINGS, SEVERITIES, member, members, parsed, text_of, worst
from autofix.failures import Failure, Finding, Severity, Signal

LEVELS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}
SHOWN = 11
Hole = tuple[Severity, Finding]


def read_pip_audit(text: str) -> Failure | None:
    return _failure("pip-audit", _pip_audit(parsed(text)))


def read_npm_audit(text: str) -> Failure | None:
    return _failure("npm audit", _npm_audit(parsed(text)))


def read_osv(text: str) -> Failure | None:
    return _failure("osv-scanner", _osv(parsed(text)))


def _pip_audit(report: object) -> Iterator[Hole]:
    for package in [*members(report, "dependencies"), *members(report)]:
        named = f"{text_of(package, 'name')} {text_of(package, 'version')}".strip()
        for hole in members(package, "vulns"):
            fixed = hole.get("fix_versions")
            later = f", fixed in {fixed[0]}" if isinstance(fixed, list) and fixed and isinstance(fixed[0], str) else ""
            yield Severity.HIGH, _hole(text_of(package, "name"), text_of(hole, "id"), f"{named}{later}")


def _npm_audit(report: object) -> Iterator[Hole]:
    """An entry that only names other entries has its hole from one of them."""
    found = member(report, "vulnerabilities")
    for name in found:
        for advisory in members(member(found, name), "via"):
            code = text_of(advisory, "url").rpartition("/")[2] or text_of(advisory, "title")
            level = LEVELS.get(text_of(advisory, "severity").lower(), Severity.MEDIUM)
            yield level, _hole(name, code, f"{name} {text_of(advisory, 'range')}: {text_of(advisory, 'title')}".strip())


def _osv(report: object) -> Iterator[Hole]:
    for result in members(report, "results"):
        for each in members(result, "packages"):
            package = member(each, "package")
            named = f"{text_of(package, 'name')} {text_of(package, 'version')}".strip()
            for hole in members(each, "vulnerabilities"):
                level = text_of(member(hole, "database_specific"), "severity").lower()
                words = f"{named}: {text_of(hole, 'summary')}" if text_of(hole, "summary") else named
                yield LEVELS.get(level, Severity.HIGH), _hole(text_of(package, "name"), text_of(hole, "id"), words)


def _hole(package: str, code: str, words: str) -> Finding:
    return Finding(f"{package}:{code}", f"{code}: {words}")


def _failure(tool: str, holes: Iterable[Hole]) -> Failure | None:
    found = sorted(dict.fromkeys(holes), key=lambda hole: -SEVERITIES.index(hole[0]))[:MAX_FINDINGS]
    if not found:
        return None
    findings = tuple(finding for _, finding in found)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Failure(
        signal=Signal.SECURITY,
        message=f"{tool} {findings[0].message}{more}",
        rule=f"{tool.replace(' ', '-')}-report",
        detail="dependency",
        subject=findings[0].id.partition(":")[0],
        severity=worst([severity for severity, _ in found]),
        confidence=0.98,
        excerpt="\n".join(finding.message for finding in findings[:SHOWN]),
        findings=findings,
    )
