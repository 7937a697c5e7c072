"""What is left when all is over, for the invariants to look at; the rest they read from the rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Evidence:
    """`ordered` are the titles of the runs that were started, `off` the times at which the kill switch
    was off, `machines` the directories of the nodes, `traces` the words that lead from a process to this
    harness, `orphans` what it had to adopt.
    """

    ordered: frozenset[str] = frozenset()
    off: tuple[tuple[datetime, datetime], ...] = ()
    machines: tuple[Path, ...] = ()
    sources: Path = Path()
    scratch: Path = Path()
    traces: tuple[str, ...] = ()
    did_not_stop: tuple[str, ...] = ()
    stop_seconds: tuple[float, ...] = ()
    orphans: tuple[str, ...] = ()
    surprises: tuple[str, ...] = ()


Check = Callable[[Evidence], list[str]]
