"""What do the lines around a line make of it: source that was shown, an error with a trace, a test's output?"""

from autofix.classifier.lines import LINE_CAP, Window
from autofix.classifier.rules import compiled

CONSOLE_LINES = 30
INDENT_IN_JEST = 4

_FRAME = compiled(r"^\s*File \"[^\"]+\", line \d+")
_STACK = compiled(r"^(?:# )?\s*(?:at|❯) \S")
_JEST_CONSOLE = compiled(r"^ {2,4}console\.\w+(?: |$)")
_VITEST_CONSOLE = compiled(r"^std(?:err|out) \| \S")


def is_source(index: int, window: Window) -> bool:
    """Python shows under each frame of a traceback the line that ran: code, whatever it mentions."""
    if index == 0 or not _FRAME.search(window.lines[index - 1][:LINE_CAP]):
        return False
    return _indent(window.lines[index]) > _indent(window.lines[index - 1])


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
