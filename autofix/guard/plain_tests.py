"""Does a patch make tests in other languages, or expected results, easier to pass? Line by line."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from autofix.guard.paths import is_test
from autofix.guard.violations import Change, Violation

CODE = frozenset(
    {
        ".js",
        ".jsx",
        ".ts",
        ".tsx",
        ".mjs",
        ".cjs",
        ".mts",
        ".cts",
        ".vue",
        ".svelte",
        ".go",
        ".rs",
        ".java",
        ".kt",
        ".kts",
        ".scala",
        ".groovy",
        ".cs",
        ".rb",
        ".php",
        ".swift",
        ".c",
        ".cc",
        ".cpp",
        ".h",
        ".hpp",
        ".dart",
        ".ex",
        ".exs",
        ".sh",
        ".bats",
        ".feature",
    }
)
SKIP = re.compile(
    r"\.(?:skip|only|todo|fixme|failing|skipIf|runIf)\b|\b(?:xit|xdescribe|xtest|xcontext|fit"
    r"|fdescribe)\s*\(|\bt\.Skip\w*\(|@Disabled|@Ignore|#\[ignore|\bpending\b|\bskip[ (]"
    r"|testing\.Short\(|Assert\.(?:Ignore|Inconclusive)|markTestSkipped|XCTSkip|@skip|@wip"
)
TEST = re.compile(
    r"\b(?:it|test|describe|specify|scenario)(?:\.each)?\s*[(`\"']"
    r"|\bfunc (?:Test|Benchmark|Fuzz)\w+|#\[(?:\w+::)?test|@(?:Parameterized)?Test\b"
    r"|\[(?:Fact|Theory|Test|TestMethod)\b"
    r"|\bfunction test\w+|\bdef test_|\bfun `|@test\b"
    r"|^\s*(?:Scenario|Example)s?\b|\bTEST(?:_F|_P)?\("
)
ASSERTION = re.compile(
    r"\b(?:expect|assert\w*|require\.\w+|should\w*|verify|fail\w*|EXPECT_\w+|ASSERT_\w+|t\.Error\w*"
    r"|t\.Fatal\w*|must\w*|panic!?|is\(|deepEqual|toBe\w*|toEqual|Then)\b"
)
EXIT = re.compile(r"\bprocess\.exit\s*\(|\bos\.Exit\s*\(|\bSystem\.exit\s*\(|\bexit!?\s*\(?\s*0")
MAX_SEARCH = 1_000_000_000
LAYOUT = re.compile(r"[\s;,()]+")


def applies(change: Change) -> bool:
    return is_test(change.path) and PurePosixPath(change.path).suffix not in (".py", ".pyi")


def violations(change: Change) -> Iterator[Violation]:
    if change.before is None or change.after is None:
        return
    if PurePosixPath(change.path).suffix not in CODE:
        if _squeezed(change.before) != _squeezed(change.after):
            yield change.flag("test-changed", "it changes what tests read or expect")
        return
    before, after = change.before.split("\n"), change.after.split("\n")
    for pattern, rule, words in (
        (SKIP, "test-skipped", "it skips tests or runs only some"),
        (EXIT, "exit-added", "it ends the process from a test"),
    ):
        if _count(pattern, after) > _count(pattern, before):
            yield change.flag(rule, words, _added_line(pattern, before, after))
    if _count(TEST, after) < _count(TEST, before):
        yield change.flag("test-deleted", "it has fewer tests than before")
    yield from _lost(change, before, after)


def _lost(change: Change, before: list[str], after: list[str]) -> Iterator[Violation]:
    lost = _lines(before) - _lines(after)
    whole = _squeezed(change.after or "").replace('"', "'")
    is_search_cheap = len(lost) * len(whole) < MAX_SEARCH
    gone = [line for line in lost if not is_search_cheap or _squeezed(line) not in whole]
    if any(ASSERTION.search(line) for line in gone):
        yield change.flag("assertion-loosened", "an assertion is gone or says something else")
    elif gone:
        yield change.flag("test-changed", "existing test code says something else")


def _lines(lines: list[str]) -> Counter[str]:
    """The lines that do something; imports and comments are free."""
    plain = (line.strip().replace('"', "'") for line in lines)
    free = ("//", "#!", "* ", "/*", "import ")
    return Counter(line for line in plain if line and not line.startswith(free))


def _squeezed(text: str) -> str:
    return LAYOUT.sub("", text)


def _count(pattern: re.Pattern[str], lines: list[str]) -> int:
    return sum(len(pattern.findall(line)) for line in lines)


def _added_line(pattern: re.Pattern[str], before: list[str], after: list[str]) -> int:
    old = set(before)
    numbered = enumerate(after, 1)
    return next((n for n, line in numbered if line not in old and pattern.search(line)), 0)
