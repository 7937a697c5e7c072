"""Fresh inputs: those that tests use, changed a little and mixed, within what they have in common."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .recording import Call

NUMBERS = (0, 1, -1, 2, 3, 7, 10, 100)
MAX_LENGTH = 40
BIG = 1e15
Value = Any  # of any type that the tests pass


def inputs(calls: Sequence[Call], count: int, rng: random.Random) -> list[Call]:
    """Return calls with arguments that no test used, as far as can be told."""
    by_code: dict[object, list[Call]] = {}
    for call in calls:
        by_code.setdefault(call.code, []).append(call)
    made = []
    for group in by_code.values():
        for _ in range(count // len(by_code) + 1):
            made.append(varied(group, rng))
    return made


def varied(group: Sequence[Call], rng: random.Random) -> Call:
    call = rng.choice(group)
    arguments, named = list(call.arguments), dict(call.named)
    places: list[int | str] = [*range(len(arguments)), *named]
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 2, 3)))):
        pool = [value_at(other, place) for other in group if has(other, place)]
        value = value_at(call, place)
        changed = rng.choice(pool) if rng.random() < 0.3 else mutated(value, pool, rng)
        if isinstance(place, int):
            arguments[place] = changed
        else:
            named[place] = changed
    return Call(call.code, tuple(arguments), named)


def has(call: Call, place: int | str) -> bool:
    return place < len(call.arguments) if isinstance(place, int) else place in call.named


def value_at(call: Call, place: int | str) -> Value:
    return call.arguments[place] if isinstance(place, int) else call.named[place]


def mutated(value: Value, pool: Sequence[Value], rng: random.Random) -> Value:
    """Return a value of the same kind; one of a kind that nothing is known of stays as it is."""
    mutate = BY_KIND.get(type(value))
    return copy_or_same(value) if mutate is None else mutate(value, pool, rng)


def truth(value: bool, pool: Sequence[Value], rng: random.Random) -> bool:
    return not value


def real(value: float, pool: Sequence[Value], rng: random.Random) -> float:
    near = value + rng.uniform(-1, 1)
    return rng.choice((near, value * rng.choice((0.5, 2, 10, 0.1, -1)), float(int(near)) if abs(near) < BIG else near))


def integer(value: int, pool: Sequence[Value], rng: random.Random) -> int:
    pool = [other for other in pool if type(other) is int]
    low = min(pool, default=value)
    chosen = rng.choice((value + 1, value - 1, value + rng.randint(-3, 3), value * 2, rng.choice(NUMBERS), *pool[:3]))
    if abs(value) > 1000:
        chosen = rng.choice((chosen, value * 10, value // 10, value + rng.randint(-999, 999)))
    return int(chosen if low < 0 or chosen >= 0 else abs(chosen))


def text(value: str, pool: Sequence[Value], rng: random.Random) -> str:
    pool = [other for other in pool if type(other) is str] or [value]
    letters = sorted(set("".join(pool))) or ["a"]
    signs = list(value)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(signs))
        deed = rng.random()
        if deed < 0.35 and at < len(signs):
            signs[at] = rng.choice(letters)
        elif deed < 0.65:
            signs.insert(at, rng.choice(letters))
        elif deed < 0.85 and at < len(signs):
            del signs[at]
        elif at < len(signs):
            signs[at] = signs[at].swapcase()
    joined = "".join(signs)
    return rng.choice((joined, joined, joined, value + rng.choice(pool), value.title(), value.upper(), value * 2))


def sequence(value: Collection[Value], pool: Sequence[Value], rng: random.Random) -> Value:
    kind: Any = type(value)  # a list, a tuple or a set
    values = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else list(value)
    was_sorted, was_unique = is_sorted(values), is_unique(values)
    others = [each for other in pool if isinstance(other, (list, tuple, set, frozenset)) for each in other][:200]
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(values))
        deed = rng.random()
        if deed < 0.4 and at < len(values):
            values[at] = mutated(values[at], others, rng)
        elif deed < 0.7 and others and len(values) < MAX_LENGTH:
            values.insert(at, rng.choice(others))
        elif deed < 0.85 and at < len(values):
            del values[at]
        elif not was_sorted:
            rng.shuffle(values)
    if was_unique and len(values) > 1:
        values = [value for number, value in enumerate(values) if value not in values[:number]]
    return kind(sorted(values) if was_sorted and len(values) > 1 and is_ordered(values) else values)


def is_sorted(values: Sequence[Value]) -> bool:
    return len(values) > 2 and is_ordered(values) and list(values) == sorted(values)


def is_ordered(values: Sequence[Value]) -> bool:
    return all(type(value) is type(values[0]) and isinstance(value, (int, float, str)) for value in values)


def is_unique(values: Sequence[Value]) -> bool:
    return len(values) > 1 and all(value not in values[:number] for number, value in enumerate(values))


def mapping(value: dict[Value, Value], pool: Sequence[Value], rng: random.Random) -> dict[Value, Value]:
    changed = dict(value)
    for key in rng.sample(list(changed), min(len(changed), 2)):
        if rng.random() < 0.25 and len(changed) > 1:
            del changed[key]
        else:
            changed[key] = mutated(changed[key], list(value.values()), rng)
    return changed


def copy_or_same(value: Value) -> Value:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # copying runs the project's code
        return value


BY_KIND: dict[type, Callable[[Value, Sequence[Value], random.Random], Value]] = {
    bool: truth,
    int: integer,
    float: real,
    str: text,
    list: sequence,
    tuple: sequence,
    set: sequence,
    frozenset: sequence,
    dict: mapping,
}
