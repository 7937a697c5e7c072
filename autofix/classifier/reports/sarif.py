"""What does a SARIF report say? Linters and security scanners write it: the tool's name decides."""

from dataclasses import dataclass

from autofix.classifier.fingerprints import normalised
from autofix.classifier.reports.reading import (
    SEVERITIES,
    member,
    members,
    number_of,
    parsed,
    text_of,
    worst,
)
from autofix.failures import Failure, Finding, Location, Severity, Signal

LINTERS = (
    *("ruff", "eslint", "pylint", "flake8", "clippy", "rubocop", "shellcheck", "golangci"),
    *("stylelint", "hadolint", "checkstyle", "ktlint", "swiftlint", "biome"),
)
TYPE_CHECKERS = ("mypy", "pyright", "phpstan", "psalm")
LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM}
# The scale that GitHub documents for the property `security-severity`.
SCORES = (
    (9.0, Severity.CRITICAL),
    (7.0, Severity.HIGH),
    (4.0, Severity.MEDIUM),
    (0.0, Severity.LOW),
)


@dataclass(frozen=True)
class _Result:
    tool: str
    signal: Signal
    severity: Severity
    finding: Finding


def read(text: str) -> Failure | None:
    results = [result for run in members(parsed(text), "runs") for result in _results(run)]
    if not results:
        return None
    results.sort(key=lambda each: (each.signal is not Signal.SECURITY, -SEVERITIES.index(each.severity)))
    first = results[0]
    more = f" (and {len(results) - 1} more)" if len(results) > 1 else ""
    return Failure(
        signal=first.signal,
        message=f"{first.tool} {first.finding.message}{more}",
        rule="sarif-report",
        detail=_code(first) if first.signal is not Signal.LINT else "",
        severity=worst([each.severity for each in results if each.signal is first.signal]),
        confidence=0.95,
        excerpt="\n".join(f"{each.tool}: {each.finding.message}" for each in results[:11]),
        locations=tuple(each.finding.location for each in results if each.finding.location),
        findings=tuple(each.finding for each in results),
    )


def _results(run: dict[str, object]) -> list[_Result]:
    driver = member(run, "tool", "driver")
    tool = text_of(driver, "name") or "A scan:"
    rules = {text_of(rule, "id"): rule for rule in members(driver, "rules")}
    return [
        _result(item, tool, rules.get(text_of(item, "ruleId"), {}))
        for item in members(run, "results")
        if _counts(item, rules.get(text_of(item, "ruleId"), {}))
    ]


def _counts(item: dict[str, object], rule: dict[str, object]) -> bool:
    """Suppressed results and mere notes are no failures, nor are results of checks that passed."""
    if members(item, "suppressions") or text_of(item, "kind") in {"pass", "notApplicable"}:
        return False
    return _level(item, rule) in LEVELS


def _level(item: dict[str, object], rule: dict[str, object]) -> str:
    stated = text_of(item, "level") or text_of(member(rule, "defaultConfiguration"), "level")
    return stated or "warning"


def _result(item: dict[str, object], tool: str, rule: dict[str, object]) -> _Result:
    code = text_of(item, "ruleId")
    message = text_of(member(item, "message"), "text")
    place = _place(item, code)
    finding_id = f"{place.file if place else ''}:{code}:{normalised(message)}"
    severity = _scored(rule) or LEVELS[_level(item, rule)]
    return _Result(tool, _signal(tool, rule), severity, Finding(finding_id, f"{code}: {message}", place))


def _place(item: dict[str, object], code: str) -> Location | None:
    for found in members(item, "locations"):
        physical = member(found, "physicalLocation")
        file = text_of(member(physical, "artifactLocation"), "uri").removeprefix("file://")
        if file:
            return Location(file, number_of(member(physical, "region"), "startLine"), code)
    return None


def _signal(tool: str, rule: dict[str, object]) -> Signal:
    name = tool.lower()
    if "security-severity" in member(rule, "properties"):
        return Signal.SECURITY
    if any(linter in name for linter in LINTERS):
        return Signal.LINT
    return Signal.TYPECHECK if any(each in name for each in TYPE_CHECKERS) else Signal.SECURITY


def _scored(rule: dict[str, object]) -> Severity | None:
    try:
        score = float(str(member(rule, "properties").get("security-severity", "")))
    except ValueError:
        return None
    return next((severity for least, severity in SCORES if score >= least), None)


def _code(result: _Result) -> str:
    return result.finding.location.code if result.finding.location else ""
