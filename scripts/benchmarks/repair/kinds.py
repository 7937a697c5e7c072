"""Every kind of case: what breaks, how many of two hundred it is, and whether a person has to be asked."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.benchmarks.repair.breakages import (
    asking,
    migrations,
    packages,
    seeded,
    style,
    types_and_snapshots,
    waiting,
)
from scripts.benchmarks.repair.workshop import Built, Site


@dataclass(frozen=True)
class Kind:
    """`signal` is the row of the report; `share` the number of cases in a whole corpus, `quick` in a small one."""

    signal: str
    make: Callable[[Site], Built]
    share: int
    quick: int = 1
    asks: bool = False
    is_deterministic: bool = False
    settings: tuple[str, ...] = ()


SHORT_WAITS = ("backoff_cap_seconds=10",)
STYLE, PACKAGES, WAITING, FAULTS = "lint, format", "dependency, lock, migration", "transient, rate limit", "faults"

KINDS: dict[str, Kind] = {
    "fault": Kind(FAULTS, seeded.fault, 88, quick=8),
    "format": Kind(STYLE, style.unformatted, 8, is_deterministic=True),
    "lint": Kind(STYLE, style.lint, 16, quick=3, is_deterministic=True),
    "import-order": Kind(STYLE, style.import_order, 7, is_deterministic=True),
    "missing-import": Kind(STYLE, style.missing_import, 8, quick=2, is_deterministic=True),
    "type-error": Kind("typecheck", types_and_snapshots.type_error, 10, quick=2),
    "missing-dependency": Kind(PACKAGES, packages.missing_dependency, 8, quick=2, is_deterministic=True),
    "version-conflict": Kind(PACKAGES, packages.version_conflict, 6, is_deterministic=True),
    "stale-lock": Kind(PACKAGES, packages.stale_lock, 5, is_deterministic=True),
    "missing-migration": Kind(PACKAGES, migrations.missing, 4, is_deterministic=True),
    "conflicting-migration": Kind(PACKAGES, migrations.conflicting, 4, is_deterministic=True),
    "stale-snapshot": Kind("snapshot", types_and_snapshots.stale_snapshot, 4),
    "flaky-test": Kind(WAITING, waiting.flaky, 5, settings=SHORT_WAITS),
    "connection": Kind(WAITING, waiting.connection, 10, quick=2, settings=SHORT_WAITS),
    "timeout": Kind(WAITING, waiting.timeout, 5, settings=SHORT_WAITS),
    "rate-limit": Kind(WAITING, waiting.rate_limit, 8, settings=SHORT_WAITS),
    "disk-full": Kind("infra", waiting.disk_full, 2, settings=SHORT_WAITS),
    "vulnerable-pin": Kind("asks a person", asking.vulnerable_pin, 5, asks=True),
    "secret": Kind("asks a person", asking.secret, 6, asks=True),
    "wrong-test": Kind("asks a person", seeded.wrong_test, 8, asks=True),
    "licence": Kind("asks a person", asking.licence, 2, asks=True),
    "silent": Kind("asks a person", asking.silent, 2, asks=True, settings=SHORT_WAITS),
}
