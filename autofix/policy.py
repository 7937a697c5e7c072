"""What the loop may do for a run: run, then tenant, then platform; with where each value came from.

The platform's explicit `false` and the kill switch beat whatever tenants and runs say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from autofix.budget import Budget
from autofix.failures import Signal
from autofix.models import KillSwitch, SwitchState
from metabuilder.runs.models import Run
from tenants.models import AutofixOverrides, Tenant

FIELDS = (
    "autofix_enabled",
    "max_total_attempts",
    "max_per_step_attempts",
    "backoff_cap_seconds",
)
Value = bool | int


class Mode(StrEnum):
    """How much is done about the failures of one signal."""

    OFF = "off"  # nothing: the failed step ends its run
    SHADOW = "shadow"  # nothing, but what would have been done is written down
    SUGGEST = "suggest"  # changes are proposed to a person; running a step again needs nobody
    AUTO = "auto"  # what is verified and needs nobody's agreement is done


@dataclass(frozen=True)
class Effective:
    """The values in force for a tenant or run, and the level each came from."""

    values: Mapping[str, Value]
    sources: Mapping[str, str]
    locked: str = ""  # why auto-fix is off for everyone, in words; empty when it is not
    modes: Mapping[str, str] = field(default_factory=dict)  # what a tenant has set; other signals: auto

    @property
    def budget(self) -> Budget:
        return Budget(
            int(self.values["max_total_attempts"]),
            int(self.values["max_per_step_attempts"]),
            float(self.values["backoff_cap_seconds"]),
        )

    @property
    def enabled(self) -> bool:
        return bool(self.values["autofix_enabled"])

    def mode(self, signal: str) -> Mode:
        """Return the mode of a signal; one that is unknown here does the least harm: suggest."""
        try:
            return Mode(self.modes.get(signal, Mode.AUTO))
        except ValueError:
            return Mode.SUGGEST


class InvalidOverride(Exception):
    """A value that may not be set; `field` names it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


def platform_values() -> dict[str, Value]:
    flag = settings.FEATURE_META_V3_AUTOFIX
    return {
        "autofix_enabled": settings.AUTOFIX_DEFAULT if flag is None else flag,
        "max_total_attempts": settings.META_V3_MAX_TOTAL_ATTEMPTS,
        "max_per_step_attempts": settings.META_V3_MAX_PER_STEP_ATTEMPTS,
        "backoff_cap_seconds": settings.META_V3_BACKOFF_CAP_SECONDS,
    }


def for_tenant(tenant: Tenant) -> Effective:
    return _resolve([("tenant", tenant)], _lock(None), tenant)


def for_run(run: Run) -> Effective:
    """Return what is in force for a run at this moment; the run and its tenant are brought up to date."""
    fresh = Run.objects.select_related("tenant").only("started_under_drain", "tenant", *FIELDS).get(pk=run.pk)
    run.tenant = fresh.tenant
    for name in FIELDS:
        setattr(run, name, getattr(fresh, name))
    return _resolve([("run", run), ("tenant", run.tenant)], _lock(run), run.tenant)


def switch_state() -> SwitchState:
    """Return the kill switch; a switch that cannot be read is off."""
    try:
        state = KillSwitch.objects.values_list("state", flat=True).first()
        return SwitchState.ON if state is None else SwitchState(state)
    except (DatabaseError, ValueError):
        return SwitchState.OFF


def check_overrides(own: Mapping[str, Any], inherited: Effective) -> None:  # Any: bool, int, None by field
    """Refuse a level's own per-step budget above the total in force; ranges are the fields'.

    An inherited per-step budget is no fault of this level: it is held down to the total (`_resolve`).
    """
    per_step = own.get("max_per_step_attempts")
    total = own.get("max_total_attempts") or inherited.values["max_total_attempts"]
    if per_step is not None and int(per_step) > int(total):
        raise InvalidOverride(
            "max_per_step_attempts", f"the per-step budget ({per_step}) cannot be above the total ({total})"
        )


def checked_modes(wanted: Any, own: Mapping[str, str]) -> dict[str, str]:  # Any: whatever somebody sent
    """Return a tenant's modes with those wanted in their place; null or "auto" takes one away."""
    if not isinstance(wanted, Mapping):
        raise InvalidOverride("modes", "send an object of signals and modes, such as {'lint': 'suggest'}")
    modes = dict(own)
    for signal, mode in wanted.items():
        if signal not in list(Signal):
            raise InvalidOverride("modes", f"there is no signal {str(signal)[:40]!r}; there are {', '.join(Signal)}")
        if mode is not None and mode not in list(Mode):
            raise InvalidOverride("modes", f"{signal}: choose one of {', '.join(Mode)}")
        modes.pop(signal, None)
        if mode not in (None, Mode.AUTO):
            modes[signal] = str(mode)
    return modes


def _lock(run: Run | None) -> str:
    if settings.FEATURE_META_V3_AUTOFIX is False:
        return "switched off for the platform by FEATURE_META_V3_AUTOFIX"
    state = switch_state()
    if state == SwitchState.OFF:
        return "switched off for the platform by the kill switch"
    if state == SwitchState.DRAIN and (run is None or run.started_under_drain):
        return "the kill switch is draining: runs started since then get no auto-fix"
    return ""


def _resolve(levels: list[tuple[str, AutofixOverrides]], locked: str, tenant: Tenant) -> Effective:
    values: dict[str, Value] = {}
    sources: dict[str, str] = {}
    platform = platform_values()
    for name in FIELDS:
        values[name], sources[name] = platform[name], "platform"
        for level, owner in levels:
            own: Value | None = getattr(owner, name)
            if own is not None:
                values[name], sources[name] = own, level
                break
    if locked:
        values["autofix_enabled"], sources["autofix_enabled"] = False, "platform"
    # A level may lower the total below an inherited per-step budget: the lower one holds.
    values["max_per_step_attempts"] = min(int(values["max_per_step_attempts"]), int(values["max_total_attempts"]))
    return Effective(values, sources, locked, tenant.modes)
