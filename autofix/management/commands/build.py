"""Start a run on a directory, git URL or archive; with --wait drive it to its end in this process."""

import json
from argparse import ArgumentParser
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Field

from autofix import policy
from autofix.control import start_run
from autofix.driver import drive
from autofix.management import reporting
from autofix.serializers import HealingRunSerializer
from metabuilder.execution.archives import ArchiveRejected, check_archive
from metabuilder.runs import plans
from metabuilder.runs.intake import Order, QueueFull, RunRefused
from metabuilder.runs.models import Run, SourceKind, Upload
from metabuilder.runs.plan_input import PlanRejected
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from tenants.models import Tenant

EXIT_CODES = {
    RunStatus.SUCCEEDED: 0,
    RunStatus.FAILED: 1,
    RunStatus.CANCELLED: 1,
    RunStatus.PAUSED_AWAITING_APPROVAL: 3,
}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="a directory, a git URL, or a .tar.gz/.zip archive")
        parser.add_argument("--plan", help="a plan file (TOML or JSON) to use instead of the source's")
        parser.add_argument("--ref", default="", help="branch, tag or commit of a git source")
        parser.add_argument("--tenant", default="", help="slug; may be left out if there is one tenant")
        parser.add_argument("--setting", action="append", default=[], metavar="K=V")
        parser.add_argument("--title", default="")
        parser.add_argument("--wait", action="store_true", help="drive the run here and now")
        parser.add_argument("--diff", metavar="FILE", help="with --wait: write the change here")
        parser.add_argument("--json", action="store_true", help="print the run as the API shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["diff"] and not options["wait"]:
            raise CommandError("--diff needs --wait: the change is known at the end.", returncode=2)
        if options["diff"]:
            write_change(options["diff"], "")  # a place that cannot be written to is known before hours of building
        with self.progress(options):
            run = self.start(options)
            if options["wait"]:
                drive(run)
                for line in reporting.timeline(run):
                    self.say(options, line)
        if options["diff"]:
            write_change(options["diff"], change_of(run))
        if options["json"]:
            self.stdout.write(json.dumps(HealingRunSerializer(run).data, default=str, indent=2))
        self.say(options, f"run {run.pk} is {run.status}")
        if options["wait"] and EXIT_CODES[RunStatus(run.status)]:
            raise SystemExit(EXIT_CODES[RunStatus(run.status)])

    def progress(self, options: dict[str, Any]) -> AbstractContextManager[None]:
        if not options["wait"]:
            return nullcontext()
        return driven_in_process(reporting.progress(lambda line: self.say(options, line)))

    def start(self, options: dict[str, Any]) -> Run:
        try:
            return start_run(self.order(options))
        except (RunRefused, PlanRejected, policy.InvalidOverride) as error:
            raise CommandError(str(error), returncode=2) from None
        except QueueFull as error:
            raise CommandError(str(error), returncode=1) from None

    def say(self, options: dict[str, Any], line: str) -> None:
        """Print progress: to standard error where standard output carries JSON."""
        (self.stderr if options["json"] else self.stdout).write(line)

    def order(self, options: dict[str, Any]) -> Order:
        tenant = tenant_named(options["tenant"])
        kind, location = source_of(options["source"], tenant)
        return Order(
            tenant=tenant,
            source_kind=kind,
            location=location,
            ref=options["ref"],
            plan=plan_in(options["plan"]) if options["plan"] else None,
            title=options["title"],
            overrides=overrides_in(options["setting"]),
            actor="command line",
            any_directory=True,
        )


def tenant_named(slug: str) -> Tenant:
    tenants = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.all()[:2])
    if len(tenants) == 1:
        return tenants[0]
    known = ", ".join(Tenant.objects.values_list("slug", flat=True)[:20]) or "none yet"
    raise CommandError(f"--tenant must name a tenant; there are: {known}.", returncode=2)


def source_of(source: str, tenant: Tenant) -> tuple[SourceKind, str]:
    """Tell what SOURCE is; an archive becomes an upload of the tenant."""
    path = Path(source)
    if path.is_dir():
        return SourceKind.PATH, str(path.resolve())
    if path.is_file():
        return SourceKind.UPLOAD, upload(path, tenant)
    if "://" in source or "@" in source:
        return SourceKind.GIT, source
    raise CommandError(f"{source}: there is no such directory or archive.", returncode=2)


def upload(path: Path, tenant: Tenant) -> str:
    try:
        check_archive(path)
    except ArchiveRejected as error:
        raise CommandError(f"{path.name}: {error}.", returncode=2) from None
    with path.open("rb") as file:
        row = Upload.objects.create(
            tenant=tenant, file=File(file, path.name), name=path.name, size_bytes=path.stat().st_size
        )
    return str(row.pk)


def plan_in(name: str) -> object:
    try:
        text = Path(name).read_text()
        if name.endswith(".json"):
            return json.loads(text)
        return asdict(plans.parse_toml(text))
    except (OSError, ValueError) as error:
        raise CommandError(f"--plan {name}: {error}", returncode=2) from None


def overrides_in(settings: list[str]) -> dict[str, bool | int]:
    """Read K=V pairs into checked values of the run's own settings."""
    overrides: dict[str, bool | int] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in policy.FIELDS or not value:
            known = ", ".join(policy.FIELDS)
            raise CommandError(f"--setting {setting}: write NAME=VALUE; known are {known}.", returncode=2)
        overrides[name] = read_value(name, value)
    return overrides


def read_value(name: str, text: str) -> bool | int:
    field = cast("Field", Run._meta.get_field(name))
    try:
        value: bool | int = field.clean(text.title(), None)
    except ValidationError as error:
        raise CommandError(f"--setting {name}={text}: {error.messages[0]}", returncode=2) from None
    return value


def write_change(name: str, change: str) -> None:
    try:
        Path(name).write_text(change, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--diff {name}: {error.strerror}", returncode=2) from None


def change_of(run: Run) -> str:
    """Return the run's whole change or, at a gate, the proposed one."""
    gate = run.gates.filter(status="pending").first()
    return gate.patch if gate else run.diff
