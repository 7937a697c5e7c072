"""A person says what a failure really was: that is kept as a labelled example, and a rule is suggested by it."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models.functions import Now

from autofix.classifier.own_rules import LONGEST_TEXT
from autofix.failures import Signal
from autofix.models import Attempt, Correction
from autofix.suggestions import likely_cause, suggested_rule


class NotCorrected(Exception):
    """What was said is no correction; `field` is what has to be changed."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Label:
    """What somebody says that a failure was. `cause` is a line of the failure's excerpt, or a part of one."""

    signal: Signal
    detail: str = ""
    cause: str = ""
    note: str = ""


def check(attempt: Attempt, label: Label) -> None:
    """Raise NotCorrected where a label is none for this attempt's failure."""
    if (label.signal, label.detail) == (attempt.signal, attempt.detail):
        raise NotCorrected("type", f"It was taken for {' '.join(filter(None, (label.signal, label.detail)))} already.")
    if label.cause.strip() not in attempt.excerpt:
        raise NotCorrected("cause", "Copy a line, or a part of one, from the failure's excerpt.")


def correct(attempt: Attempt, label: Label, user: User | None) -> Correction:
    """Write down what an attempt's failure really was; a second word on the same one replaces the first."""
    check(attempt, label)
    values = {
        "tenant": attempt.run.tenant,
        "run": attempt.run,
        "step": attempt.step.name,
        "kind": attempt.step.kind,
        "command": attempt.step.command,
        "was_signal": attempt.signal,
        "was_detail": attempt.detail,
        "was_rule": attempt.rule,
        "signal": label.signal,
        "detail": label.detail,
        "cause": label.cause.strip(),
        "note": label.note,
        "excerpt": attempt.excerpt,
        "created_by": user,
        "created_at": Now(),
    }
    correction, _ = Correction.objects.update_or_create(attempt=attempt, defaults=values)
    correction.refresh_from_db(fields=["created_at"])
    return correction


def suggestion(correction: Correction) -> dict[str, Any] | None:  # Any: a rule's values
    """Return a rule that would have known, as it is written over HTTP; None if the log says too little."""
    if correction.signal == Signal.UNKNOWN:
        return None
    cause = correction.cause or likely_cause(correction.excerpt)
    return suggested_rule(cause[:LONGEST_TEXT], Signal(correction.signal), correction.detail)
