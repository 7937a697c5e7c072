"""What a failure can be. Pure values; the classifier makes them, everything else reads them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Signal(StrEnum):
    TRANSIENT = "transient"
    INFRA = "infra"
    RATE_LIMIT = "rate_limit"
    LINT = "lint"
    TYPECHECK = "typecheck"
    TEST_ASSERT = "test_assert"
    RUNTIME = "runtime"
    SCHEMA_MIGRATION = "schema_migration"
    SECURITY = "security"
    POLICY = "policy"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Location:
    """A place in the source; `line` counts from 1, 0 where only the file is known."""

    file: str
    line: int = 0
    code: str = ""


@dataclass(frozen=True)
class Finding:
    """One of the things a failed step complained about: a lint finding, a failing test, a CVE.

    `id` is equal for the same finding across runs and line shifts
    (`tests/test_x.py::test_a`, `src/a.py:F401:os`).
    """

    id: str
    message: str
    location: Location | None = None


@dataclass(frozen=True)
class Failure:
    """What failed and how sure we are.

    `detail` is the free, finer kind (`dependency`, `import`, `timeout`, `format`, `compile`, …);
    `subject` is the thing it is about where there is one (the missing module, the undefined name).
    """

    signal: Signal
    message: str
    rule: str
    detail: str = ""
    subject: str = ""
    severity: Severity = Severity.MEDIUM
    confidence: float = 0.5
    retryable: bool = False
    requires_replan: bool = False
    retry_after_seconds: float | None = None
    excerpt: str = ""
    fingerprint: str = ""
    locations: tuple[Location, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    @property
    def finding_ids(self) -> frozenset[str]:
        return frozenset(finding.id for finding in self.findings)
