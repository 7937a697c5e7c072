"""What do the lines around a line make of it: source that was shown, an error with a trace, a test's output?"""

from autofix.classifier.lines import LINE_CAP, Window
from autofix.classifier.rules import compiled

CONSOLE_LINES = 30
QUOTED_LINES = 60
INDENT_IN_JEST = 4

_FRAME = compiled(r"^\s*File \"[^\"]+\", line \d+")
_BAR = compiled(r"^[ \t]{2,}\| +\S")
_FENCE = compiled(r"^\s*```")
# Whatever failed on the way, it is there now.
ALL_THERE = compiled(
    r"(?i)^\W*(?:(?:everything|all)\b.{0,40}\b(?:downloaded|installed|done|completed?|uploaded|published|recovered)\b"
    r"|(?:download|upload|fetch|transfer)\w* (?:is |was )?(?:completed?|succeeded|successful(?:ly)?|done)\b)"
)
_STACK = compiled(r"^(?:# )?\s*(?:at|❯) \S")
_JEST_CONSOLE = compiled(r"^ {2,4}console\.\w+(?: |$)")
_VITEST_CONSOLE = compiled(r"^std(?:err|out) \| \S")


def is_source(index: int, window: Window) -> bool:
    """Python shows under each frame of a traceback the line that ran: code, whatever it mentions."""
    if index == 0 or not _FRAME.search(window.lines[index - 1][:LINE_CAP]):
        return False
    return _indent(window.lines[index]) > _indent(window.lines[index - 1])


def is_quoted(index: int, window: Window) -> bool:
    """Another log, or a page of documentation, that is shown: behind a bar, or between fences."""
    line = window.lines[index][:LINE_CAP]
    if _BAR.search(line):
        return True
    earlier = window.lines[max(0, index - QUOTED_LINES) : index]
    return sum(_FENCE.search(each[:LINE_CAP]) is not None for each in earlier) % 2 == 1


def unquoted(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that say something themselves, after the last that says that whatever failed is there now."""
    kept: list[str] = []
    is_open = False
    for line in lines:
        is_fence = _FENCE.search(line) is not None
        is_open ^= is_fence
        if not is_fence and not is_open and not _BAR.search(line):
            kept = [] if ALL_THERE.search(line) else [*kept, line]
    return tuple(kept)


def has_trace(index: int, window: Window) -> bool:
    return any(_STACK.search(line[:LINE_CAP]) for line in window.around(index)[2])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def is_printed_by_a_test(index: int, window: Window) -> bool:
    """jest and vitest show what the code under test wrote to the console in blocks of their own, passed or not."""
    earlier = window.lines[max(0, index - CONSOLE_LINES) : index][::-1]
    for line in earlier:
        if _JEST_CONSOLE.search(line[:LINE_CAP]):
            return True
        if line.strip() and _indent(line) < INDENT_IN_JEST:
            break
    for line in earlier:
        if _VITEST_CONSOLE.search(line[:LINE_CAP]):
            return True
        if not line.strip():
            break
    return False
