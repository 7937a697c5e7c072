"""How is a step's output shown? Its last lines, colours kept, everything else made harmless.

Output is untrusted: terminal commands, links and hidden text are dropped, characters that reorder
text are spelt out, and `ansi2html` escapes the rest. `paint` is pure; `window` reads the pieces.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ansi2html import Ansi2HTMLConverter
from django.utils.html import escape, html_safe

WINDOW_LINES = 2000
LINE_CHARACTERS = 4000
KEPT_COLOURS = 8
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
_STRINGS = re.compile(r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?")
_COMMANDS = re.compile(r"\x1b\[(?![0-9;]*m)[0-?]*[ -/]*[@-~]?|\x1b(?!\[)[ -/]*[0-~]?|\x1b(?!\[)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_DECEIVING = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
CODE_DIGITS = 3
EXTENDED = frozenset({38, 48})
# Of the extended colours only the sixteen that have a class of their own: 38;5;0 to 38;5;15.
BASIC_COLOURS: dict[tuple[int, ...], list[int]] = {
    (38, 5, index): [code] for index, code in enumerate([*range(30, 38), *range(90, 98)])
}
# Weight, slant, underline and foreground; hidden text and backgrounds could make text invisible.
_SHOWN_STYLES = frozenset({0, 1, 2, 3, 4, 22, 23, 24, *range(30, 38), 39, *range(90, 98)})


@html_safe
@dataclass(frozen=True)
class Painted:
    """Text as HTML: `ansi2html` or `escape` made it, and both escape."""

    html: str

    def __str__(self) -> str:
        return self.html


@dataclass(frozen=True)
class Line:
    number: int
    painted: Painted


@dataclass(frozen=True)
class Cursor:
    """The first character not shown yet: its place in the output, and its line's number."""

    offset: int = 0
    line: int = 1

    def __str__(self) -> str:
        return f"{self.offset}.{self.line}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        match = re.fullmatch(r"(\d{1,12})\.(\d{1,12})", text)
        return cls(*(int(part) for part in match.groups())) if match else cls()


@dataclass(frozen=True)
class Window:
    """The last lines after a cursor, how many were left out before them, and where to go on."""

    lines: list[Line]
    left_out: int
    cursor: Cursor


def window(pieces: Iterable[tuple[int, str]], after: Cursor, is_over: bool) -> Window:
    """Read pieces and their places from the cursor's on; an unfinished last line waits until it is whole."""
    kept: deque[tuple[int, str]] = deque(maxlen=WINDOW_LINES)
    rest, cursor = "", after
    for offset, text in pieces:
        *whole, last = text[max(0, after.offset - offset) :].split("\n")
        for line in whole:
            kept.append((cursor.line, (rest + line)[:LINE_CHARACTERS]))
            rest, cursor = "", Cursor(cursor.offset, cursor.line + 1)
        if whole:
            cursor = Cursor(offset + len(text) - len(last), cursor.line)
        rest = (rest + last)[: LINE_CHARACTERS + 1]
    if rest and is_over:
        kept.append((cursor.line, rest[:LINE_CHARACTERS]))
    first = kept[0][0] if kept else after.line
    return Window(paint_lines(kept), first - after.line, cursor)


def paint_lines(lines: Iterable[tuple[int, str]]) -> list[Line]:
    """Paint each line by itself; a colour that was not switched off goes on in the next."""
    painted, colours = [], ""
    for number, text in lines:
        clean = colours + sanitize(text)
        painted.append(Line(number, paint(clean)))
        colours = "".join([match.group() for match in COLOUR.finditer(clean)][-KEPT_COLOURS:])
        _, reset, after = colours.rpartition("\x1b[0m")
        colours = after if reset else colours
    return painted


def paint(clean: str) -> Painted:
    if "\x1b" not in clean:
        return Painted(escape(clean))
    return Painted(Ansi2HTMLConverter(inline=False).convert(clean, full=False, ensure_trailing_newline=False))


def sanitize(text: str) -> str:
    """Leave of terminal sequences the colours that are shown, and no other control character."""
    text = _COMMANDS.sub("", _STRINGS.sub("", text))
    text = COLOUR.sub(_shown_style, text)
    text = text.removesuffix("\r").replace("\r", "\n")
    return visible(_CONTROLS.sub("", text))


def visible(text: str) -> str:
    """Spell out characters that are not seen but change how a line reads."""
    return _DECEIVING.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)


def _shown_style(match: re.Match[str]) -> str:
    codes = [int(code or 0) for code in match.group(1).split(";") if len(code) <= CODE_DIGITS]
    if EXTENDED.intersection(codes):
        codes = BASIC_COLOURS.get(tuple(codes), [])
    shown = [str(code) for code in codes if code in _SHOWN_STYLES]
    return f"\x1b[{';'.join(shown)}m" if shown else ""


def plain(text: str) -> str:
    """Leave of untrusted text neither colours nor control characters."""
    return COLOUR.sub("", sanitize(text))
