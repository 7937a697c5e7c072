"""How does a log of any size become clean lines? Colours, progress and CI prefixes go."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from autofix.classifier.rules import compiled

BLOCK_CHARS = 128 * 1024
LINE_CAP = 4096
LINES_BEFORE = 4
LINES_AFTER = 6
TAIL_LINES = 11
END_LINES = 60
CONTEXT_LINE_CAP = 400

# The standard library's `re`: these patterns cannot backtrack (neighbouring classes share no
# character), and re2's Python `sub` is a hundred times slower on text full of colour codes.
_ESCAPES = re.compile(
    r"\x1b(?:_bk;t=\d{1,20}\x07|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-B]|[@-Z=>c78])"
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r")) + b"\x7f"
_THIN_SPACE = "\u2009"  # pnpm has one on each side of WARN and ERROR
_REWRITTEN = re.compile(r"^[^\n]*\r", re.MULTILINE)
_LINE_END = re.compile(r"\r+$", re.MULTILINE)
_CI_PREFIX = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?\]? "
    r"(?:\d\d[OE][+ ]?)?"
    r"|\[\d\d:\d\d:\d\d(?:\.\d{1,6})?\](?: ?[:A-Za-z]:? ?\t ?(?:\[[^\]\n]{1,60}\] )?| )"
    r"|\[[\w .-]{1,40}:L\d{1,6}:\d{1,6}s\] "
    r"|#\d{1,4} \d{1,6}\.\d{1,6} "
    r"|(?:\d\d:\d\d:\d\d )?[a-z][\w.-]{0,60}[-_.]\d{1,3} {1,20}\| )",
    re.MULTILINE,
)
_CI_MARKS = re.compile(
    r"^(?:##\[(?:error|warning|debug|command|section|endgroup)\]|::(?:error|warning)[^:\n]{0,400}::"
    r"|section_(?:start|end):\d{1,12}:[\w.-]{0,80}(?:\[[^\]\n]{0,80}\])?)",
    re.MULTILINE,
)
# Programs that run several commands at once write before each line whose it is. Only a name that such
# a program's own line shows counts: `[types] > app@1.0.0 types`, `app:types: cache miss`, `app types$ tsc`.
_RUNNER = compiled(
    r"(?m)^(?:(?:\[[^\]\n]{1,40}\])?(\[[^\]\n]{1,60}\]) (?:> \S+@\S+ \S+$|.{1,200} exited with code \S+$)"
    r"|(\[[^\]\n]{1,60}\]:) Process (?:started|exited)"
    r"|([\w@/.:-]{1,80}:) (?:cache (?:miss|hit|bypass)|> \S+@\S+ \S+$)"
    r"|([\w@/.-]{1,80} [\w:.-]{1,40})\$ \S)"
)
# A name in brackets that stands before line after line is a runner's as well, unless it says how bad a line is.
_TAG = compiled(r"(?m)^(\[[a-z][\w./@:-]{0,40}\]) \S")
FEWEST_LINES = 3
LEVELS = frozenset(
    {
        *("[trace]", "[debug]", "[info]", "[notice]", "[note]", "[warning]", "[warn]", "[error]", "[err]"),
        *("[fatal]", "[critical]", "[fail]", "[failed]", "[success]", "[ok]", "[pass]"),
    }
)
_RUNNER_MARKS = r"^\[[a-z][\w./@:-]*\] \S|\] > |: > | exited with code |: Process |: cache |\w\$ "
RUNNER_NAMES = 100
# Most logs have none of all this: to find that out, one pass of re2 takes a fraction of the time.
_MAY_BE_UNCLEAN = compiled(f"(?m)(?:{_CI_PREFIX.pattern}|{_CI_MARKS.pattern}|{_RUNNER_MARKS}|{_THIN_SPACE})")


@dataclass(frozen=True)
class Window:
    """Some lines of the log as UTF-8, with the lines around them. It becomes text only where it has to be read."""

    raw: bytes
    before: list[str]
    after: list[str]
    first_number: int

    @cached_property
    def lines(self) -> list[str]:
        return self.raw.removesuffix(b"\n").decode().split("\n")

    @property
    def last_lines(self) -> list[str]:
        return self.ending(TAIL_LINES)

    def ending(self, count: int) -> list[str]:
        return [line.decode() for line in self.raw.removesuffix(b"\n").rsplit(b"\n", count)[-count:]]

    def around(self, index: int) -> tuple[list[str], str, list[str]]:
        """The lines before, the line, the lines after."""
        before = (self.before + self.lines[max(0, index - LINES_BEFORE) : index])[-LINES_BEFORE:]
        after = self.lines[index + 1 : index + 1 + LINES_AFTER]
        after = (after + self.after)[:LINES_AFTER]
        return _capped(before), self.lines[index][:CONTEXT_LINE_CAP], _capped(after)


def last_of(last: Iterable[Window], count: int) -> tuple[str, ...]:
    """The last lines that are not blank, of the last windows."""
    lines = [line for window in deque(last, maxlen=2) for line in window.ending(2 * count) if line.strip()]
    return tuple(_capped(lines[-count:]))


def windows(chunks: Iterable[str]) -> Iterator[Window]:
    before: list[str] = []
    held: bytes | None = None
    number = 1
    for block in blocks(chunks):
        raw = clean(block)
        if held is not None:
            after = [line.decode() for line in raw.split(b"\n", LINES_AFTER)[:LINES_AFTER]]
            window = Window(held, before, after, number)
            yield window
            number += held.removesuffix(b"\n").count(b"\n") + 1
            before = window.last_lines[-LINES_BEFORE:]
        held = raw
    if held is not None:
        yield Window(held, before, [], number)


def chunks_of(log: str) -> Iterator[str]:
    return (log[start : start + BLOCK_CHARS] for start in range(0, len(log), BLOCK_CHARS))


def blocks(chunks: Iterable[str]) -> Iterator[str]:
    """Whole lines, about 64 K characters at a time; of a giant line, only its beginning."""
    carry = ""
    for chunk in chunks:
        text = carry + chunk
        cut = text.rfind("\n") + 1
        if cut:
            yield text[:cut]
        carry = _shortened(text[cut:])
    if carry:
        yield carry


def clean(block: str) -> bytes:
    """Take out colours, what a progress bar wrote over, control characters and the prefixes of CI systems."""
    if "\x1b" in block:
        block = _ESCAPES.sub("", block)
    if "\r" in block:
        block = _REWRITTEN.sub("", _LINE_END.sub("", block))
    raw = block.encode("utf-8", "replace").translate(None, _CONTROL)
    if not _MAY_BE_UNCLEAN.search(raw):
        return raw
    text = _CI_MARKS.sub("", _CI_PREFIX.sub("", raw.decode().replace(_THIN_SPACE, " ")))
    names = _names_before_lines(text)
    return (_without_names(text, names) if names else text).encode()


def _names_before_lines(text: str) -> set[str]:
    """Return the names that a runner of several commands writes before their lines."""
    tags = Counter(match[1] for match in _TAG.finditer(text))
    found = {tag for tag, lines in tags.most_common(RUNNER_NAMES) if lines >= FEWEST_LINES} - LEVELS
    for match in _RUNNER.finditer(text):
        bracket, yarn, task, pnpm = match.groups()
        found.add(bracket or yarn or task or f"{pnpm}:")
        if len(found) >= RUNNER_NAMES:
            break
    return found


def _without_names(text: str, names: Iterable[str]) -> str:
    any_name = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    return re.sub(rf"^(?:\[[^\]\n]{{1,40}}\])?(?:{any_name})(?: |$)", "", text, flags=re.MULTILINE)


def _shortened(unfinished: str) -> str:
    if len(unfinished) <= 2 * LINE_CAP:
        return unfinished
    rewritten = unfinished.rfind("\r", 0, -1) + 1
    return unfinished[rewritten:][:LINE_CAP]


def _capped(lines: list[str]) -> list[str]:
    return [line[:CONTEXT_LINE_CAP] for line in lines]
