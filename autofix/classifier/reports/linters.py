"""What did eslint, pyright or golangci-lint find? Each writes JSON of its own shape; the rest is alike."""

from collections.abc import Callable, Iterator

from autofix.classifier.fingerprints import normalised
from autofix.classifier.reports.reading import MAX_FINDINGS, member, members, number_of, parsed, quoted, text_of
from autofix.failures import Failure, Finding, Location, Severity, Signal

ERROR = 2  # eslint's severity
Read = Callable[[object], Iterator[Finding]]
SHOWN = 11


def read_eslint(text: str) -> Failure | None:
    return _failure("eslint", Signal.LINT, _eslint(parsed(text)))


def read_pyright(text: str) -> Failure | None:
    return _failure("pyright", Signal.TYPECHECK, _pyright(parsed(text)))


def read_golangci(text: str) -> Failure | None:
    return _failure("golangci-lint", Signal.LINT, _golangci(parsed(text)))


def _eslint(report: object) -> Iterator[Finding]:
    """A message without a rule is a file that cannot be parsed. Warnings fail nothing."""
    for file in members(report):
        for item in members(file, "messages"):
            if number_of(item, "severity") == ERROR:
                yield finding(
                    text_of(file, "filePath"),
                    number_of(item, "line"),
                    text_of(item, "ruleId"),
                    text_of(item, "message"),
                )


def _pyright(report: object) -> Iterator[Finding]:
    for item in members(report, "generalDiagnostics"):
        if text_of(item, "severity") == "error":
            line = number_of(member(item, "range", "start"), "line") + 1
            yield finding(text_of(item, "file"), line, text_of(item, "rule"), text_of(item, "message"))


def _golangci(report: object) -> Iterator[Finding]:
    for item in members(report, "Issues"):
        place = member(item, "Pos")
        file, line = text_of(place, "Filename"), number_of(place, "Line")
        yield finding(file, line, text_of(item, "FromLinter"), text_of(item, "Text"))


def finding(file: str, line: int, code: str, text: str) -> Finding:
    message = " ".join(text.split())
    about = quoted(message) or normalised(message)
    return Finding(f"{file}:{code}:{about}", f"{code}: {message}" if code else message, Location(file, line, code))


def _failure(tool: str, signal: Signal, found: Iterator[Finding]) -> Failure | None:
    findings = tuple(dict.fromkeys(found))[:MAX_FINDINGS]
    if not findings:
        return None
    broken = [each for each in findings if _is_broken(tool, each)]
    first = (broken or findings)[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Failure(
        signal=Signal.RUNTIME if broken else signal,
        message=f"{tool} {first.message}{more}",
        rule=f"{tool}-report",
        detail="compile" if broken else "",
        subject=quoted(first.message),
        severity=Severity.LOW if signal is Signal.LINT and not broken else Severity.MEDIUM,
        confidence=0.98,
        excerpt="\n".join(_shown(each) for each in findings[:SHOWN]),
        locations=tuple(each.location for each in findings if each.location),
        findings=findings,
    )


def _is_broken(tool: str, found: Finding) -> bool:
    """True if the file cannot be read by its language at all."""
    code = found.location.code if found.location else ""
    return (tool == "eslint" and not code) or (tool == "golangci-lint" and code == "typecheck")


def _shown(found: Finding) -> str:
    place = found.location or Location("")
    return f"{place.file}:{place.line}: {found.message}"
