"""Which words can a pattern not do without? Where none of them stands, nobody need ask the pattern.

RE2's own prefilter works like that (Cox, "Regular Expression Matching with a Trigram Index", 2012). Here
it reads the part of RE2's syntax that rules use; of what it does not understand it says that any text may match.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

LONGEST = 12  # characters: longer ones only make the automaton larger
SHORTEST = 3  # ASCII characters; others are rare
MOST_WORDS = 64  # that the pieces of a sequence may be multiplied to
MOST_CHARACTERS = 10  # of a class that is spelled out
Words = frozenset[str]
EMPTY: Words = frozenset({""})
# Where a line begins or ends, and where a word does, stand in words as letters that no text has.
START, END, EDGE = "\x02", "\x03", "\x08"
AS_PATTERN = {START: "^", END: "$", EDGE: r"\b"}
ANCHORS = {"^": START, "$": END}
# On every other line of a healthy log: of no use.
OF_HEALTHY_LINES = """
passed pass ok test tests run running build done info debug note http https http:// https:// file files line
lines code exit module modules name type python npm node java src version package packages require required
requires requirement requirements check checks checking already satisfied collecting downloading downloaded
installing installed install using cached to for from the and with in at is of or on has have no all be been
was were are this that these it its you your by as will successfully success finished completed compiled
compiling compilation dependencies dependency config configuration configured source sources status available
selected coverage creating created copying plugin issues deployment deploying assertion assertions reading
writing loading waiting starting started updating updated update building skipped time total data path image
target server service request response release project resource resources default list set get post new old up
down out over label tag lock
"""
HEALTHY = frozenset(OF_HEALTHY_LINES.split())
# On the lines that are looked for, but on many of them.
OF_TROUBLE = frozenset(
    {
        *("error", "errors", "failed", "fail", "failure", "failures", "fatal", "warning", "warn"),
        *("could", "not", "cannot", "can't", "unable", "expected", "found"),
    }
)
USUAL = HEALTHY | OF_TROUBLE
PARTS_OF_USUAL = {word[at : at + LONGEST] for word in USUAL for at in range(len(word) - LONGEST + 1)}


class Part(NamedTuple):
    """What a piece of a pattern says: `exact`, all that it can match; `needed`, one of these is in any match;
    `each`, of what it is repeated, at least once.
    """

    exact: Words | None
    needed: Words | None
    each: Words | None = None


ANYTHING = Part(None, None)
NOTHING = Part(EMPTY, None)
ESCAPES = {"b": Part(frozenset({EDGE}), None), **dict.fromkeys("BAz", NOTHING), **dict.fromkeys("wWsSD", ANYTHING)}


_PIECES = re.compile(r"https?://|\.?[a-z_]+\(?|[1-9]\d{2,}|[^\x00-\x7f]|[^\w\s.,:/()-]")
_ENDING = re.compile(r"\.[a-z_]{1,6}")


class NotUnderstood(Exception):
    """A pattern has syntax that no rule of ours uses."""


class Needed(NamedTuple):
    """One of the `words`, patterns themselves, is in every match, apart from those of the patterns `others`."""

    words: Words
    others: tuple[str, ...] = ()


def needed(pattern: str) -> Needed:
    """Say what a text must have on it that a pattern may match; each of its alternatives is seen to on its own."""
    try:
        found = [(source, _best(part[:2])) for source, part in _Reader(pattern).alternatives()]
    except (NotUnderstood, IndexError):
        return Needed(frozenset(), (pattern,))
    parts = {_rarest_part(word) for _, each in found for word in each or ()}
    words = [_as_pattern(part, folds="(?i" in pattern) for part in parts]
    return Needed(frozenset(words), tuple(source for source, words in found if not words))


def _rarest_part(word: str) -> str:
    """Return what is looked for of a long word: by its beginning, "failed to " would find too much."""
    if len(word) <= LONGEST:
        return word
    small = word.casefold()
    rare = [piece.span() for piece in _PIECES.finditer(small) if piece[0] not in USUAL]

    def rare_letters(start: int) -> int:
        end = start + LONGEST
        if small[start:end] in PARTS_OF_USUAL:
            return 0
        return sum(max(0, min(last, end) - max(first, start)) for first, last in rare)

    best = max(range(len(word) - LONGEST + 1), key=rare_letters)
    return word[best : best + LONGEST]


def _as_pattern(word: str, *, folds: bool) -> str:
    """Write a word in RE2's syntax, for lines."""
    text = "".join(AS_PATTERN.get(letter) or re.escape(letter) for letter in word)
    return f"(?i:{text})" if folds else text


def _is_short(word: str) -> bool:
    return len(word) < SHORTEST and word.isascii()


def _best(choices: Iterable[Words | None]) -> Words | None:
    useful = [words for words in choices if words and min(map(_worth, words)) > 0]
    return max(useful, key=lambda words: (min(map(_worth, words)), -len(words)), default=None)


@lru_cache(maxsize=4096)
def _worth(word: str) -> int:
    """Say how seldom a word may be; 0 is no help at all."""
    plain = word.strip(START + END + EDGE)
    if _is_short(plain):
        return 0
    parts = _PIECES.findall(plain.casefold())
    rare = [part for part in parts if part not in USUAL and not _ENDING.fullmatch(part)]
    seldom = sum(len(part.encode()) for part in rare)
    of_trouble = sum(len(part) for part in parts if part in OF_TROUBLE)
    if seldom < SHORTEST and of_trouble <= SHORTEST:
        return 0
    return min(4 * seldom + of_trouble + 2 * (len(word) - len(plain)), 4 * LONGEST)


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.folds = "(?i" in pattern

    def alternatives(self) -> Iterator[tuple[str, Part]]:
        """Yield each alternative of the whole pattern as a pattern, and what it says."""
        flags = re.match(r"(?:\(\?[ims]+\))?", self.text)
        start = self.at = len(flags[0]) if flags else 0
        if "(?i)" in self.text[start:]:
            raise NotUnderstood  # it holds for the alternatives behind it as well
        while True:
            part = self._sequence()
            yield self.text[: flags.end() if flags else 0] + self.text[start : self.at], part
            if not self._next_is("|"):
                break
            start = self.at = self.at + 1
        if self.at != len(self.text):
            raise NotUnderstood

    def _alternatives(self) -> Part:
        parts = [self._sequence()]
        while self._next_is("|"):
            self.at += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        exact = [part.exact for part in parts]
        best = [_best(part[:2]) for part in parts]
        return Part(_together(exact, MOST_WORDS * 4), _together(best, 1 << 30))

    def _sequence(self) -> Part:
        """Multiply what is exact; where that ends, what came so far is one choice of what is needed."""
        run, choices, is_exact = EMPTY, [], True
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            part = self._repeated()
            if part.exact is not None and len(run) * len(part.exact) <= MOST_WORDS:
                run = frozenset(before + after for before in run for after in part.exact)
                continue
            is_exact = False
            beginning = part.each if part.each and len(run) * len(part.each) <= MOST_WORDS else EMPTY
            choices += [frozenset(before + after for before in run for after in beginning), part.needed]
            end = part.exact or part.each or EMPTY
            run = end if len(end) <= MOST_WORDS else EMPTY
        return Part(run if is_exact else None, _best([*choices, run]))

    def _repeated(self) -> Part:
        part = self._atom()
        while self.at < len(self.text) and self.text[self.at] in "*+?{":
            part = self._times(part)
        return part

    def _times(self, part: Part) -> Part:
        sign = self.text[self.at]
        least, most = {"*": ("0", ""), "+": ("1", ""), "?": ("0", "1")}.get(sign, ("", ""))
        self.at += 1
        if sign == "{":
            end = self.text.index("}", self.at)
            least, comma, most = self.text[self.at : end].partition(",")
            most = most if comma else least
            self.at = end + 1
        if self._next_is("?"):
            self.at += 1  # as few as possible
        if least == "0":
            return Part(part.exact | EMPTY, None) if most == "1" and part.exact is not None else ANYTHING
        return part if most == "1" else Part(None, _best(part[:2]), part.exact)

    def _atom(self) -> Part:
        sign = self.text[self.at]
        self.at += 1
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        if sign == ".":
            return ANYTHING
        return Part(frozenset({ANCHORS[sign]}), None) if sign in ANCHORS else self._letters({sign})

    def _group(self) -> Part:
        if self._next_is("?"):
            end = min(position for mark in ":>)" if (position := self.text.find(mark, self.at)) >= 0)
            kind, self.at = self.text[self.at : end + 1], end + 1
            if kind.endswith(")"):
                return NOTHING  # flags
            if not (kind.startswith("?P<") or kind.strip("?ims-:") == ""):
                raise NotUnderstood
        part = self._alternatives()
        if not self._next_is(")"):
            raise NotUnderstood
        self.at += 1
        return part

    def _class(self) -> Part:
        is_other = self._next_is("^")
        self.at += is_other
        letters: set[str] = set()
        first = self.at
        while self.at == first or not self._next_is("]"):
            sign = self.text[self.at]
            self.at += 1
            if sign == "\\":
                sign = self.text[self.at]
                self.at += 1
                is_other |= sign.isalnum()  # \w, \d, ...: too many to spell out
            elif sign == "[":
                is_other |= self._next_is(":")  # [:alpha:]
            if self._next_is("-") and self.text[self.at + 1] != "]":
                last = self.text[self.at + 1]
                self.at += 2
                if ord(last) - ord(sign) >= MOST_CHARACTERS or last == "\\":
                    is_other = True
                else:
                    letters.update(map(chr, range(ord(sign), ord(last) + 1)))
            letters.add(sign)
        self.at += 1
        return ANYTHING if is_other or len(letters) > MOST_CHARACTERS else self._letters(letters)

    def _escape(self) -> Part:
        sign = self.text[self.at]
        self.at += 1
        if sign in ESCAPES:
            return ESCAPES[sign]
        if sign == "d":
            return self._letters(set("0123456789"))
        if sign == "t":
            return self._letters({"\t"})
        if sign == "x":
            self.at += 2
            return self._letters({chr(int(self.text[self.at - 2 : self.at], 16))})
        if sign.isalnum():
            raise NotUnderstood
        return self._letters({sign})

    def _letters(self, letters: set[str]) -> Part:
        """Small ones where case does not count; there, what is not ASCII could be written in many ways."""
        if not self.folds:
            return Part(frozenset(letters), None)
        if not all(letter.isascii() for letter in letters):
            return ANYTHING
        return Part(frozenset(map(str.lower, letters)), None)

    def _next_is(self, sign: str) -> bool:
        return self.text.startswith(sign, self.at)


def _together(parts: list[Words | None], most: int) -> Words | None:
    known = [part for part in parts if part]
    words = frozenset[str]().union(*known)
    return words if len(known) == len(parts) and len(words) <= most else None
