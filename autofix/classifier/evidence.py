"""What a failed step left behind. All the classifier may look at; read `__init__.py` next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from autofix.classifier.rules import Rule


@dataclass(frozen=True)
class Evidence:
    """`kind` is the step's kind, `verdict` the sandbox's word on how the command ended.

    `workspace` is the directory the step ran in: paths below it are shown relative.
    `green_log` is what the same step wrote when it last passed: its lines are no cause.
    `own_rules` are the tenant's and the plan's: what they match comes before anything that ours do.
    `now` is when the log was written; only a `Retry-After` date needs it.
    """

    step_name: str
    log: str
    exit_code: int | None = None
    kind: str = ""
    command: str = ""
    reports: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    workspace: str = ""
    green_log: str = ""
    own_rules: tuple[Rule, ...] = ()
    now: datetime | None = None
