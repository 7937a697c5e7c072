"""Which fault comes when? Drawn from the seed and nothing else, so that a failure can be replayed.

A moment is a share of the runs that have come to rest, not a time: a slow machine meets the same
faults at the same point of the work.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

LAST_MOMENT = 0.93


@dataclass(frozen=True)
class PlannedFault:
    """`seed` is the fault's own: what one fault draws shifts no other."""

    number: int
    kind: str
    moment: float
    seed: str


def planned_faults(seed: int, count: int, weights: Mapping[str, int]) -> list[PlannedFault]:
    """Draw the faults in their order: every kind once while there is room, then by weight."""
    rng = random.Random(f"{seed} faults")
    once = list(weights)
    rng.shuffle(once)
    kinds = once[:count] + rng.choices(list(weights), list(weights.values()), k=max(0, count - len(once)))
    rng.shuffle(kinds)
    moments = sorted(rng.uniform(0, LAST_MOMENT) for _ in kinds)
    pairs = enumerate(zip(kinds, moments, strict=True), start=1)
    return [PlannedFault(number, kind, moment, f"{seed} fault {number}") for number, (kind, moment) in pairs]
