"""How do planned runs become rows? By the function that the API and the command line call."""

from pathlib import Path

from autofix.control import start_run
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, SourceKind
from tenants.models import Tenant
from tests.chaos.scenarios import TENANTS, PlannedRun


def make_tenants() -> None:
    for slug in TENANTS:
        Tenant.objects.get_or_create(slug=slug, defaults={"name": slug.title(), "backoff_cap_seconds": 1})


def start(planned: PlannedRun, sources: Path) -> None:
    """Start a run unless it has been started: the connection may have broken after the commit."""
    if Run.objects.filter(title=planned.title).exists():
        return
    start_run(
        Order(
            tenant=Tenant.objects.get(slug=planned.tenant),
            source_kind=SourceKind(planned.source_kind),
            location=str(sources / planned.template),
            plan={"steps": [dict(step) for step in planned.steps]},
            title=planned.title,
            overrides=planned.overrides,
            actor="chaos",
            any_directory=True,
        )
    )
