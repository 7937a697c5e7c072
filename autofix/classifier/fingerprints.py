"""Are two failures the same? Equal across runs, machines and line shifts."""

import hashlib

from autofix.classifier.rules import compiled
from autofix.failures import Failure, Finding

# Where build systems put the source: what follows is the path inside the project.
_ROOTS = compiled(
    r"(?:/private)?(?:/tmp/pytest-of-[^/\s]+/pytest-\d+/[^/\s'\"]+|/(?:var/)?tmp/[^/\s'\"]+"
    r"|/home/runner/work/[^/\s]+/[^/\s'\"]+|/builds/[^/\s]+/[^/\s'\"]+|/github/workspace|/workspaces?|/usr/src/app"
    r"|/var/folders/[^\s'\"]+/T/[^/\s'\"]+)/"
)
_CHANGING = tuple(
    (compiled(pattern), name)
    for pattern, name in (
        (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b0x[0-9a-fA-F]+", "<address>"),
        (
            r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",
            "<date>",
        ),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
        (r"(?i)\b[0-9a-f]{12,64}\b", "<hash>"),
        (r"(?i)\b\d+(?:\.\d+)? ?(?:ms|s|secs?|seconds?|minutes?|µs|kB|MB|GB|bytes)\b", "<amount>"),
        (r"(?i)\b(?:pid|port|process|line)s?[ =:#]+\d+", "<number>"),
        (r":\d+(?::\d+)?(?:\b|$)", ":<line>"),
    )
)


def fingerprint(failure: Failure, workspace: str = "") -> str:
    parts = (
        failure.signal,
        failure.detail,
        failure.rule,
        normalised(relative(failure.message, workspace)),
        *sorted(normalised(finding) for finding in failure.finding_ids),
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def normalised(text: str) -> str:
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text


def relative(text: str, workspace: str = "") -> str:
    """The text with paths inside the project in place of paths on the machine."""
    root = workspace.rstrip("/")
    if root:
        text = text.replace(f"{root}/", "")
    return str(_ROOTS.sub("", text)) if "/" in text else text


def numbered(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """A second finding with the same id gets `#2`, so that solving one of two shows."""
    seen: dict[str, int] = {}
    result = []
    for finding in findings:
        seen[finding.id] = seen.get(finding.id, 0) + 1
        count = seen[finding.id]
        suffix = f"#{count}" if count > 1 else ""
        result.append(Finding(finding.id + suffix, finding.message, finding.location))
    return tuple(result)
