"""Does a patch silence a tool instead of doing what it asks? Counts must not grow in any file.

`# noqa: E501` counts for E501 and `# noqa` for everything, so that widening one is seen too.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from autofix.guard.violations import Change, Violation

CODES = r"[ \t]*[:=(\[ ][ \t]*(?P<codes>[\w./@-]+(?:[ \t]*,[ \t]*[\w./@-]+)*)"
WITH_CODES = {
    "noqa": r"#[ \t]*(?:ruff|flake8)?[ \t]*:?[ \t]*noqa(?:[ \t]*:[ \t]*(?P<codes>[A-Za-z]+\d+"
    r"(?:[ \t,]+[A-Za-z]+\d+)*))?",
    "ruff: disable": r"#[ \t]*ruff:[ \t]*(?:disable|[\w-]*ignore)"
    r"(?:[ \t]*\[(?P<codes>[\w, -]+)\])?",
    "type: ignore": r"#[ \t]*type:[ \t]*ignore(?:\[(?P<codes>[\w, -]+)\])?",
    "pyright: ignore": r"#[ \t]*pyright:[ \t]*ignore(?:\[(?P<codes>[\w, -]+)\])?",
    "ty: ignore": r"#[ \t]*(?:ty|pyre|pyrefly)[:-][ \t]*(?:ignore|fixme)"
    r"(?:\[(?P<codes>[\w, -]+)\])?",
    "nosec": r"#[ \t]*nosec\b(?:[ \t:]*(?P<codes>B\d+(?:[ \t,]+B\d+)*))?",
    "pylint: disable": r"pylint:[ \t]*(?:disable|skip-file)[\w-]*"
    r"(?:[ \t]*=[ \t]*(?P<codes>[\w-]+(?:[ \t]*,[ \t]*[\w-]+)*))?",
    "eslint-disable": r"(?:eslint|tslint|oxlint|stylelint|biome|deno-lint|jshint)[-:]"
    rf"(?:disable|ignore)[\w-]*(?:{CODES})?",
    "nolint": r"//[ \t]*nolint\b(?:[ \t]*:[ \t]*(?P<codes>[\w-]+(?:[ \t]*,[ \t]*[\w-]+)*))?",
    "allow attribute": r"#!?\[(?:cfg_attr\([^\]]{0,80}?)?(?:allow|expect)\((?P<codes>[\w:, ]+)\)",
    "@SuppressWarnings": r"@(?:file:)?Suppress(?:Warnings|Lint|FBWarnings)?\b"
    r"(?:\([ \t{]*(?P<codes>[^)}]*)\)?)?",
    "rubocop:disable": r"rubocop:(?:disable|todo)[ \t]+(?P<codes>[\w/]+(?:[ \t]*,[ \t]*[\w/]+)*)?",
    "shellcheck disable": r"shellcheck[ \t]+disable[ \t]*=[ \t]*(?P<codes>[\w-]+(?:,[\w-]+)*)",
}
PLAIN = {
    "pragma: no cover": r"#[ \t]*pragma:[ \t]*no[ \t]?(?:cover|branch|mutate)",
    "formatter off": r"#[ \t]*(?:fmt|yapf):[ \t]*(?:off|skip|disable)"
    r"|#[ \t]*isort:[ \t]*(?:skip|off)"
    r"|prettier-ignore|clang-format[ \t]+off|@formatter:off|#\[rustfmt::skip\]",
    "mypy: ignore": r"#[ \t]*(?:mypy|pyright):[ \t]*(?!ignore\[|strict)[\w-]+"
    r"|@(?:\w+\.)*no_type_check\b",
    "@ts-ignore": r"@ts-(?:ignore|expect-error|nocheck)",
    "coverage ignore": r"(?:istanbul|c8|v8)[ \t]+ignore|LCOV_EXCL|coverage:ignore|:nocov:",
    "NOLINT": r"\bNOLINT(?:NEXTLINE|BEGIN)?\b|\bNOSONAR\b|\bnoinspection\b|\blint:ignore\b",
    "scanner ignore": r"(?:checkov|tfsec|trivy|kics|hadolint|semgrep|gitleaks|trufflehog|snyk)"
    r"[: \t-]*(?:skip|ignore|allow)|nosemgrep|lgtm[ \t]*\[|pragma:[ \t]*allowlist",
    "linter off": r"(?:yamllint|markdownlint|swiftlint|ktlint|credo|phpcs|phpstan|djlint|vale)"
    r"[: \t-]+(?:disable|ignore|suppress|off)|codingStandardsIgnore",
    "#[ignore]": r"#\[ignore(?:\s*=[^\]]*)?\]",
    "#pragma": r"#pragma[ \t]+(?:warning[ \t]*\(?[ \t]*disable"
    r"|(?:GCC|clang)[ \t]+diagnostic[ \t]+ignored)",
    "warnings ignored": r"(?:filterwarnings|simplefilter)\(\s*(?:action[ \t]*=[ \t]*)?[\"']ignore",
}
ALL = WITH_CODES | PLAIN
PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in ALL.items()}
EVERYTHING = "everything"
PROSE = frozenset({".md", ".rst", ".txt", ".adoc"})
PROSE_PATTERNS = ("linter off", "formatter off")
SHOWN = 4_000  # how much of either end of a line is looked at: no pattern may cost more


def violations(change: Change) -> Iterator[Violation]:
    if change.after is None:
        return
    if change.before is None and change.path.endswith(".pyi"):
        yield change.flag("suppression-added", "a stub hides its module from the type checker")
    before, after = counts(change.before or "", change.path), counts(change.after, change.path)
    for (name, code), number in sorted(after.items()):
        if number > before[name, code]:
            what = name if code == EVERYTHING else f"{name} {code}"
            line = _added_line(change, name)
            yield change.flag("suppression-added", f"it adds a suppression: {what}", line)


def counts(text: str, path: str) -> Counter[tuple[str, str]]:
    """How often each tool is told to look away, by what it shall not see."""
    only = PROSE_PATTERNS if PurePosixPath(path).suffix in PROSE else PATTERNS.keys()
    plain = "\n".join(_ends(line) for line in text.split("\n"))
    found: Counter[tuple[str, str]] = Counter()
    for name in only:
        matches = PATTERNS[name].finditer(plain)
        found.update((name, code) for match in matches for code in _codes(match))
    return found


def _ends(line: str) -> str:
    """With single blanks only: where several `[ \t]*` can share a long run, search never ends."""
    line = " ".join(line.split())
    return line if len(line) <= 2 * SHOWN else f"{line[:SHOWN]}\n{line[-SHOWN:]}"


def _codes(match: re.Match[str]) -> list[str]:
    listed = match.groupdict().get("codes") or ""
    return sorted(set(re.split(r"[\s,]+", listed.strip()))) if listed.strip() else [EVERYTHING]


def _added_line(change: Change, name: str) -> int:
    old = set((change.before or "").split("\n"))
    for number, line in enumerate((change.after or "").split("\n"), 1):
        if line not in old and PATTERNS[name].search(_ends(line)):
            return number
    return 0
