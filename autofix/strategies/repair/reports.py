"""What the search reported, read with care: it ran beside the code that it searched in."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_PATCHES = 20
MAX_EDITS = 8
MAX_TEXT = 20_000
MAX_TOLD = 100


@dataclass(frozen=True)
class Edit:
    """Replace the bytes from `start` up to `end` of a file."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Plausible:
    """A patch that passes. `doubt`: others pass too and behave differently, or it is of a kind that often does."""

    edits: tuple[Edit, ...]
    template: str
    doubt: str = ""


@dataclass(frozen=True)
class Doubt:
    """What a test would have to expect for all to pass. `told` has old and new; `others` pass and run the same code."""

    edits: tuple[Edit, ...]
    told: tuple[tuple[str, str], ...]
    others: int


@dataclass(frozen=True)
class Report:
    patches: tuple[Plausible, ...] = ()
    doubt: Doubt | None = None
    reason: str = ""
    tests: int = 0
    alike: int = 0
    figures: dict[str, object] = field(default_factory=dict)
    is_finished: bool = True


def read(output: str, mark: str, editable: Sequence[str], tests: Sequence[str] = ()) -> Report:
    """Return the report in an output; one without patches where there is none, or not a sound one."""
    line = next((line for line in output.splitlines() if line.startswith(mark)), None)
    if line is None:
        return Report(reason="the search did not come to an end", is_finished=False)
    try:
        plain = json.loads(line[len(mark) :])
        return sound(plain, frozenset(editable), frozenset(tests))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Report(reason="the search's report cannot be read", is_finished=False)


def sound(plain: dict[str, object], editable: frozenset[str], tests: frozenset[str]) -> Report:
    figures = plain.get("figures")
    patches = plain.get("patches")
    found = [plausible(patch, editable) for patch in (patches if isinstance(patches, list) else [])[:MAX_PATCHES]]
    figures = figures if isinstance(figures, dict) else {}
    return Report(
        patches=tuple(found),
        doubt=doubt_in(plain.get("doubt"), tests),
        reason=str(plain["reason"])[:300],
        tests=int(figures.get("failing", 0)) + int(figures.get("passing", 0)),
        alike=int(figures.get("alike", 0)),
        figures=figures,
    )


def plausible(plain: Any, editable: frozenset[str]) -> Plausible:  # Any: JSON, of whatever shape
    edits = edits_in(plain["edits"], editable)
    return Plausible(edits, str(plain["template"])[:40], str(plain.get("doubt", ""))[:300])


def doubt_in(plain: Any, tests: frozenset[str]) -> Doubt | None:  # Any: JSON, of whatever shape
    if plain is None:
        return None
    told = tuple((str(old)[:MAX_TOLD], str(new)[:MAX_TOLD]) for old, new in plain["told"][:MAX_EDITS])
    return Doubt(edits_in(plain["edits"], tests), told, int(plain["others"]))


def edits_in(plain: Any, allowed: frozenset[str]) -> tuple[Edit, ...]:  # Any: JSON, of whatever shape
    edits: list[Edit] = []
    for path, start, end, text in plain[:MAX_EDITS]:
        sane = isinstance(start, int) and isinstance(end, int) and 0 <= start <= end
        if path not in allowed or not sane or not isinstance(text, str) or len(text) > MAX_TEXT:
            raise ValueError(path)
        edits.append(Edit(path, start, end, text))
    return tuple(edits)


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with edits made; raise ValueError where they cut through a character."""
    data = text.encode()
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        data = data[: edit.start] + edit.text.encode() + data[edit.end :]
    return data.decode()
