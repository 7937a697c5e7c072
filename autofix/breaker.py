"""When is something that keeps failing left alone, and for how long? Pure: numbers in, numbers out.

A circuit is closed while all is well. After `FAILURES_TO_OPEN` failures in a row it opens: nothing
is tried for a while, twice as long each time. Then it is half open: one run may try, and what comes
of that closes it or opens it again. M. Nygard, "Release It!", 2nd ed. 2018, "Circuit Breaker";
Microsoft, "Circuit Breaker pattern", Azure Architecture Center, which also lets failures grow old
so that rare ones never add up. Effects: `circuits`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30.0
LONGEST_OPEN_SECONDS = 600.0
# How long one run may try alone. It may have been cancelled or lost: then another one may.
TRIAL_SECONDS = 60.0
# Failures further apart than this are not in a row.
QUIET_SECONDS = {"host": 900.0, "fixer": 86_400.0}
MAX_DOUBLINGS = 10
# Waits of one decision, each up to the run's cap, before it is carried out though the circuit is open.
MAX_WAITS = 4
SPREAD = 0.25


@dataclass(frozen=True)
class Outage:
    """Something is left alone until then: `seconds_left` more by the database's clock."""

    name: str
    failures: int
    until: datetime
    seconds_left: float

    @property
    def why(self) -> str:
        return f"{self.name} failed {self.failures} times in a row and is left alone until {self.until:%H:%M:%S} UTC"


@dataclass(frozen=True)
class Standing:
    """What the circuits say about one failure: the host it waits for, the fixers left out and why."""

    outage: Outage | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def opens(failures: int) -> bool:
    """Say whether a closed circuit opens at this many failures in a row."""
    return failures >= FAILURES_TO_OPEN


def open_seconds(times_opened: int, rng: random.Random) -> float:
    """Return how long to stay open the first, second, … time in a row: a quarter of it is jitter."""
    doublings = min(max(times_opened - 1, 0), MAX_DOUBLINGS)
    longest = min(LONGEST_OPEN_SECONDS, OPEN_SECONDS * 2**doublings)
    return rng.uniform(longest * (1 - SPREAD), longest)


def wait_seconds(planned: float, outage: Outage | None, cap_seconds: float, rng: random.Random) -> float:
    """Return the wait before a retry: not before the circuit half opens, within the run's cap.

    Spread either way, so that runs that wait for one host do not all come back at one moment.
    """
    if outage is None:
        return planned
    until = outage.seconds_left * (1 + rng.uniform(0, SPREAD)) + rng.uniform(0, 1)
    wait = max(planned, until)
    return wait if wait < cap_seconds else max(planned, cap_seconds * rng.uniform(1 - SPREAD, 1))


def has_waited_enough(seconds_since_decision: float, cap_seconds: float) -> bool:
    """True once a run goes on whatever the circuit says: no run waits for ever.

    The cap says how patient its people are; a run that is never tried helps nobody.
    """
    return seconds_since_decision >= MAX_WAITS * cap_seconds
