"""Which rules may match on which line of a text? All of them are asked in one pass; RE2 has the last word on a line."""

import hashlib
import json
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from autofix.classifier import literals
from autofix.classifier.literals import needed
from autofix.classifier.rules import SET_MEMORY_BYTES, Match, Rule, compiled, load, pattern_set
from autofix.failures import Signal

_GROUP = re.compile(r"\(\?P<\w+>")
_BOUND = re.compile(r"(?<!\\)\{(\d+),\d+\}")
Find = Callable[[bytes, int], Any]  # a match, as re2 has them; it has no types
Rings = dict[int, set[int]]  # by the line's index, the indexes of the rules, and of the markers behind them
# Where a log changes from one thing to another: seen in the same pass as the rules.
FAILURES, SUMMARY, COMMAND, TRACEBACK, CHAINED, DRIVER = range(6)
MARKERS = (
    r"^=+ (?:FAILURES|ERRORS) =+$",
    r"^=+ .*\d+ (?:failed|passed|errors?|skipped)\b.* in [\d.]+m?s.*$",
    r"^##\[group\]Run |^\$ \S",
    r"^\s*Traceback \(most recent call last\):|^[A-Z]\w+ {2,}Traceback \(most recent call last\)$",
    r"^\s*(?:During handling of the above exception, another exception occurred:"
    r"|The above exception was the direct cause of the following exception:)",
    r"^\s*File \"\S*/site-packages/(?:aio_pika|aiokafka|aiomysql|aioredis|amqp|asyncmy|asyncpg|cassandra"
    r"|clickhouse_\w+|elastic_transport|kafka|kombu|ldap3|motor|nats|neo4j|pg8000|pika|psycopg\w*|pymemcache"
    r"|pymongo|pymysql|redis)/\S+\.py\", line \d+",
)


class RuleSet(ABC):
    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules

    @abstractmethod
    def rings(self, raw: bytes) -> Rings:
        """Return where in a text of many lines, UTF-8, which rule may match; too much rather than too little."""

    def best(self, line: str, kind: str = "", without: frozenset[Signal] = frozenset()) -> Match | None:
        """The match of highest rank on one line, of none of the types `without`."""
        rings = self.rings(line.encode("utf-8", "replace"))
        return self.best_of(set().union(*rings.values()), line, kind, without)

    def best_of(
        self, indexes: Iterable[int], line: str, kind: str = "", without: frozenset[Signal] = frozenset()
    ) -> Match | None:
        """As `best`, of the rules that are known to ring on this line."""
        best: Match | None = None
        for index in sorted(indexes):
            if index >= len(self.rules):
                break
            rule = self.rules[index]
            if rule.signal in without:
                continue
            if rule.holds_for(kind) and (best is None or rule.rank > best.rule.rank):
                best = rule.match(line) or best
        return best


class Rulebook(RuleSet):
    """Our rules. A line is looked at only if a word stands on it that some rule cannot do without (`literals`).

    To look for words, RE2's automaton needs a hundredth of the states that it needs for the rules.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        super().__init__(rules)
        self._made: tuple[Find, Find, Any] | None = None  # re2 has no types
        self.cache: Path | None = None  # a directory of ours: working the words out takes a second in each process

    def rings(self, raw: bytes) -> Rings:
        self._made = self._made or self._make()  # which most commands of manage.py do not need
        word, other, each = self._made
        lines = dict((*_lines_with(other, raw), *_lines_with(word, raw)))
        found = {number: each.Match(raw[begin:end]) for number, (begin, end) in lines.items()}
        return {number: set(indexes) for number, indexes in found.items() if indexes}

    def _make(self) -> tuple[Find, Find, Any]:
        """Compile the words, the patterns that have none, and the set of all patterns and markers."""
        words, without = worked_out([rule.pattern for rule in self.rules], self.cache)
        others = [f"(?m:{_GROUP.sub('(?:', text)})" for text in (*MARKERS, *without)]
        every = pattern_set((*(_wider(rule.pattern) for rule in self.rules), *MARKERS))
        # A search would do, but to say where a match begins RE2 makes a second automaton, which reads backwards.
        any_word = compiled(f"(?ms:.*?(?:{'|'.join(words)}))", SET_MEMORY_BYTES).match
        other = compiled("|".join(others), SET_MEMORY_BYTES, never_nl=True).search
        return any_word, other, every


def worked_out(patterns: Sequence[str], cache: Path | None) -> tuple[list[str], list[str]]:
    """Return the words of patterns, and the patterns without any; from the cache, if it has them."""
    kept = cache / f"words-{_digest(patterns)}.json" if cache is not None else None
    with suppress(OSError, ValueError, TypeError):
        if kept is not None:
            words, others = json.loads(kept.read_text())
            return words, others
    needs = [needed(pattern) for pattern in patterns]
    words = sorted({word for need in needs for word in need.words})
    others = [text for need in needs for text in need.others]
    if kept is not None:
        _keep(kept, json.dumps([words, others]))
    return words, others


def _digest(patterns: Sequence[str]) -> str:
    """Return what tells a cache's content: the patterns, and the module that works the words out."""
    source = Path(literals.__file__).read_bytes()
    return hashlib.sha256(source + "\0".join(patterns).encode()).hexdigest()[:32]


def _keep(path: Path, text: str) -> None:
    """Write a file as a whole or not at all; where that cannot be done, the next process works it out again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)


def _wider(pattern: str) -> str:
    """Take a repetition's upper bound away: RE2 spells each out, and the rule itself has the last word."""
    return _BOUND.sub(r"{\1,}", pattern)


def _lines_with(find: Find, text: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the number of each line on which a match ends, and where the line begins and ends."""
    number = position = 0
    while (match := find(text, position)) is not None:
        at = max(match.end() - 1, position)  # a match lies on one line, or ends where a word ends
        number += text.count(b"\n", position, at)
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        yield number, (text.rfind(b"\n", 0, at) + 1, end)
        position, number = end + 1, number + 1


class OwnRules(RuleSet):
    """A tenant's rules. RE2 bounds what anybody's pattern can cost."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        super().__init__(rules)
        self._set = pattern_set(rule.pattern for rule in rules)

    def rings(self, raw: bytes) -> Rings:
        found: Rings = {}
        for index in self._set.Match(raw) or ():
            for line in lines_of(raw, [match.span() for match in self.rules[index].anywhere.finditer(raw)]):
                found.setdefault(line, set()).add(index)
        return found


def lines_of(raw: bytes, spans: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield the indexes of the lines that these pieces of a text lie on."""
    line = counted = 0
    for start, end in sorted(spans):
        line += raw.count(b"\n", counted, start)
        counted = start
        yield from range(line, line + raw.count(b"\n", start, max(start, end - 1)) + 1)


@lru_cache(maxsize=64)
def own_rules(rules: tuple[Rule, ...]) -> OwnRules:
    """Return the set of a tenant's rules, which is made once."""
    return OwnRules(rules)


RULES = Rulebook(load(Path(__file__).with_name("rulebook")))
