"""Switch auto-fix for the whole platform: on, drain (started runs keep it), off; or show it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from autofix import control, policy
from autofix.models import SwitchState


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", choices=[*SwitchState.values, "status"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["state"] != "status":
            control.switch(SwitchState(options["state"]), user=None)
        state = policy.switch_state()
        self.stdout.write(f"{state.value}: {state.label.partition(': ')[2]}")
        affected = control.runs_under_switch(state)
        self.stdout.write(f"{affected.count()} unfinished runs get no auto-fix")
