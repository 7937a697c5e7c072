"""What does a function do with some inputs, in a form that can be compared?"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from types import CodeType, FunctionType
from typing import Any

from . import limits
from .fresh import copy_or_same, inputs
from .recording import Call

CALL_SECONDS = 0.1
TOTAL_SECONDS = 1.0
MAX_ITEMS = 200
MAX_DEPTH = 5
FRESH = 240
MAX_RECORDED = 150
PLAIN = (int, str, bytes, bool, type(None), complex, range)
SLOW, RAISED = "slow", "raised "


def chosen(calls: Sequence[Call], seed: int) -> tuple[list[Call], int]:
    """Return inputs to compare behaviour on: recorded ones, how many, then fresh ones."""
    rng = random.Random(seed)
    distinct: dict[str, Call] = {}
    for call in calls:
        distinct.setdefault(f"{id(call.code)} {shown(call.arguments)} {shown(call.named)}", call)
    recorded = list(distinct.values())
    rng.shuffle(recorded)
    recorded = recorded[:MAX_RECORDED]
    return [*recorded, *(inputs(recorded, FRESH, rng) if recorded else ())], len(recorded)


def outcomes(calls: Iterable[Call], functions: Callable[[CodeType], FunctionType | None]) -> list[str]:
    """Return for each call what came of it, as a short hash; SLOW where it took too long, "" where it is not known."""
    found, slow = [], 0
    for call in calls:
        function = functions(call.code)
        outcome = "" if function is None or slow * CALL_SECONDS > TOTAL_SECONDS else outcome_of(call, function)
        slow += outcome == SLOW
        found.append(outcome)
    return found


def outcome_of(call: Call, function: FunctionType) -> str:
    arguments = [copy_or_same(argument) for argument in call.arguments]
    named = {name: copy_or_same(value) for name, value in call.named.items()}
    with limits.clock(CALL_SECONDS) as clock:
        try:
            result = shown(function(*arguments, **named))
            text = f"{result} {shown(arguments)}"
        except BaseException as error:  # noqa: BLE001  # of the code under repair
            return SLOW if clock.rings else f"{RAISED}{type(error).__name__[:30]}"
    return SLOW if clock.rings else hashlib.sha1(text.encode(errors="replace"), usedforsecurity=False).hexdigest()[:10]


def shown(value: Any, depth: int = 0) -> str:  # Any: whatever the project passes and returns
    """Return a text that is equal for equal values, wherever in memory they are."""
    kind = type(value)
    if kind in PLAIN:
        return repr(value)
    if kind is float:
        return f"{value:.9g}"
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}.{value.__qualname__}"
    if depth >= MAX_DEPTH:
        return kind.__name__
    parts = parts_of(value, depth + 1)
    return f"{kind.__name__}{parts[:MAX_ITEMS]}" if parts is not None else of_object(value, depth)


def parts_of(value: Any, depth: int) -> list[str] | None:  # Any: see above
    """Return the texts of what a container or an iterator holds; None for what is neither."""
    if isinstance(value, dict):
        return sorted(f"{shown(key, depth)}:{shown(each, depth)}" for key, each in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(shown(each, depth) for each in value)
    if isinstance(value, (list, tuple)) or hasattr(type(value), "__next__"):
        return [shown(each, depth) for each in islice(value, MAX_ITEMS)]
    return None


def of_object(value: Any, depth: int) -> str:  # Any: an object of a class of the project
    held = dict(getattr(value, "__dict__", {}))
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in slots:
        if name not in ("__dict__", "__weakref__"):
            held[name] = getattr(value, name, None)
    if held:
        return f"{type(value).__name__}{shown(held, depth + 1)}"
    text = repr(value)
    return type(value).__name__ if " at 0x" in text else f"{type(value).__name__} {text[:500]}"
