"""What templates of the admin need to say: statuses, times, durations, diffs."""

from datetime import datetime
from typing import Any

from django import template

from metabuilder.runs import console, diffs

register = template.Library()

# word -> (icon, tone); the tone is a class of app.css, the word is always written beside it.
STATUSES: dict[str, tuple[str, str]] = {
    "queued": ("hourglass_empty", "quiet"),
    "running": ("progress_activity", "busy"),
    "backing_off": ("timer", "warn"),
    "paused_awaiting_approval": ("front_hand", "ask"),
    "succeeded": ("check_circle", "good"),
    "failed": ("cancel", "bad"),
    "cancelled": ("block", "quiet"),
    "pending": ("schedule", "quiet"),
    "passed": ("check_circle", "good"),
    "lost": ("link_off", "warn"),
    "approved": ("thumb_up", "good"),
    "rejected": ("thumb_down", "bad"),
    "expired": ("timer_off", "warn"),
    "retried": ("refresh", "quiet"),
    "patch_applied": ("healing", "busy"),
    "replanned": ("alt_route", "busy"),
    "rolled_back": ("undo", "warn"),
    "escalated": ("front_hand", "ask"),
    "gave_up": ("flag", "bad"),
}
SHORT_SECONDS = 10
NARROW = "\u00a0"  # keeps a number and its unit on one line
UNKNOWN = ("help", "quiet")
# A gate's "pending" waits for a person, a step's only for its turn.
WORDS = {"paused_awaiting_approval": "awaiting approval"}


@register.inclusion_tag("metabuilder/status.html")
def status(word: str, label: str = "") -> dict[str, str]:
    icon, tone = STATUSES.get(word, UNKNOWN)
    return {"icon": icon, "tone": tone, "word": label or say(word)}


@register.inclusion_tag("metabuilder/status.html")
def gate_status(word: str) -> dict[str, str]:
    icon, tone = ("front_hand", "ask") if word == "pending" else STATUSES.get(word, UNKNOWN)
    return {"icon": icon, "tone": tone, "word": "waiting for a decision" if word == "pending" else word}


@register.filter
def say(word: object) -> str:
    return WORDS.get(str(word), str(word).replace("_", " "))


@register.inclusion_tag("metabuilder/moment.html")
def moment(when: datetime | None) -> dict[str, Any]:  # Any: a template's context
    return {"when": when}


@register.filter
def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < SHORT_SECONDS:
        return f"{seconds:.1f}{NARROW}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{NARROW}h {minutes}{NARROW}min"
    return f"{minutes}{NARROW}min {rest}{NARROW}s" if minutes else f"{rest}{NARROW}s"


@register.filter
def until(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds between two moments; None while one of them is missing."""
    return (end - start).total_seconds() if start and end else None


@register.filter
def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


@register.filter
def visible(text: object) -> str:
    """Spell out characters that would change how an untrusted text reads."""
    return console.visible(console.plain(str(text)))


@register.inclusion_tag("metabuilder/diff.html")
def diff_table(text: str) -> dict[str, diffs.Diff]:
    return {"diff": diffs.read(text)}
