"""Decide a gate at the command line, and drive its run on in this process."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from approvals.gates import AlreadyDecided, Decider
from approvals.models import Gate
from autofix import control
from autofix.driver import drive
from autofix.management import reporting
from metabuilder.execution.patches import PatchRejected
from metabuilder.runs.transitions import driven_in_process


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("gate_id", type=str)
        parser.add_argument("verdict", choices=["approve", "reject"])
        parser.add_argument("--comment", default="")
        parser.add_argument("--patch", metavar="FILE", help="apply this instead of the proposal")

    def handle(self, *args: Any, **options: Any) -> None:
        gate = gate_named(options["gate_id"])
        by = Decider(name=f"{getpass.getuser()} at the command line")
        if options["verdict"] == "reject" and options["patch"]:
            raise CommandError("--patch goes with approve.", returncode=2)
        with driven_in_process(reporting.progress(self.stdout.write)):
            decide(gate, by, options)
            self.stdout.write(f"gate {gate.pk} is {gate.status}")
            run = drive(gate.run)
        for line in reporting.timeline(run):
            self.stdout.write(line)
        self.stdout.write(f"RUN_ID={run.pk}")
        self.stdout.write(f"RUN_STATUS={run.status}")


def decide(gate: Gate, by: Decider, options: dict[str, Any]) -> None:
    try:
        if options["verdict"] == "approve":
            patch = read_patch(options["patch"]) if options["patch"] else ""
            control.approve(gate, by, options["comment"], patch)
        else:
            control.reject(gate, by, options["comment"])
    except (AlreadyDecided, PatchRejected) as error:
        raise CommandError(str(error), returncode=2) from None


def gate_named(text: str) -> Gate:
    try:
        return Gate.objects.select_related("run").get(pk=UUID(text))
    except (ValueError, Gate.DoesNotExist):
        raise CommandError(f"{text}: there is no such gate.", returncode=2) from None


def read_patch(name: str) -> str:
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--patch {name}: {error}", returncode=2) from None
