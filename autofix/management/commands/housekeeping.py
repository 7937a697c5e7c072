"""Let gates expire, and remove old logs, executions, uploads and workspaces, now instead of at the next turn."""

from typing import Any

from django.core.management.base import BaseCommand

from autofix import housekeeping


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"database: {housekeeping.keep_database_tidy()}")
        self.stdout.write(f"this machine: {housekeeping.keep_machine_tidy()}")
