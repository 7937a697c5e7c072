"""`manage.py qcluster`: a worker node. Start as many as you want, on as many machines."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from metabuilder.runs.node import Node


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # they load every page of the web site; `migrate` and CI make them
    help = "Starts a worker node; SIGTERM or Ctrl-C hands its runs back and stops it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run-once", action="store_true", help="Start, stop again, and exit.")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        node = Node()
        node.start()
        if options["run_once"]:
            node.stop()
        sys.exit(node.wait() and not options["run_once"])
