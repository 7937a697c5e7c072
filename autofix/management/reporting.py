"""What the commands print about a run: its progress as it happens, its timeline, its failure."""

from collections.abc import Callable

from autofix.models import Attempt
from metabuilder.runs.models import Run, RunEvent


def progress(write: Callable[[str], object]) -> Callable[[RunEvent], None]:
    """Return what prints each event of a run as it happens."""

    def tell(event: RunEvent) -> None:
        write(f"  {event.created_at:%H:%M:%S}Z  {event.message}")

    return tell


def timeline(run: Run) -> list[str]:
    """Return the Auto-Fix Timeline as lines of a table."""
    attempts = list(run.attempts.select_related("step").order_by("number"))
    if not attempts:
        return ["Auto-Fix Timeline: nothing had to be healed."]
    head = f"{'#':>2}  {'step':<12}{'signal':<18}{'strategy':<10}{'outcome':<15}{'verified':<10}waited"
    return ["Auto-Fix Timeline", head, *(_row(attempt) for attempt in attempts)]


def _row(attempt: Attempt) -> str:
    signal = f"{attempt.signal}/{attempt.detail}" if attempt.detail else attempt.signal
    verified = {True: "yes", False: "no", None: "-"}[attempt.verified]
    waited = f"{attempt.backoff_seconds:.1f} s" if attempt.backoff_seconds else "-"
    return (
        f"{attempt.number:>2}  {attempt.step.name:<12}{signal:<18}{attempt.strategy:<10}"
        f"{attempt.outcome:<15}{verified:<10}{waited:<8}{attempt.fixer}"
    )
