"""Break a private cluster in every way we know, and check that it lost nothing. Development only."""

import importlib
import os
import random
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

HARNESS = "tests.chaos"
COUNTS = {"runs": (1, 100_000), "faults": (0, 100_000), "seed": (0, 1 << 62), "nodes": (1, 16)}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=200)
        parser.add_argument("--faults", type=int, default=60)
        parser.add_argument("--seed", type=int, help="the same seed gives the same runs and faults")
        parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
        parser.add_argument("--nodes", type=int, help="worker nodes (2; on SQLite 1)")
        parser.add_argument("--keep", action="store_true", help="leave directories and logs behind")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        if settings.METABUILDER_ENV != "development":
            raise CommandError("chaos runs only where METABUILDER_ENV is development.", returncode=2)
        arguments = argv(options)
        try:
            # By name and only here: production has no tests, and must not need them.
            importlib.import_module(HARNESS)
        except ModuleNotFoundError:
            raise CommandError("chaos needs the tests of a source checkout.", returncode=2) from None
        # The harness becomes this process, with an environment of its own: the database that is
        # configured here is never opened.
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", HARNESS, *arguments])  # noqa: S606  (no shell is wanted)


def argv(options: dict[str, Any]) -> list[str]:  # Any: parsed options
    """Return the harness' own command line; it leaves nothing to defaults."""
    nodes = options["nodes"] or (1 if options["database"] == "sqlite" else 2)
    seed = random.randrange(1 << 31) if options["seed"] is None else options["seed"]
    values = {"runs": options["runs"], "faults": options["faults"], "seed": seed, "nodes": nodes}
    for name, value in values.items():
        low, high = COUNTS[name]
        if not low <= value <= high:
            raise CommandError(f"--{name} is {value}; it must be from {low} to {high}.", returncode=2)
    words = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    return [*words, "--database", options["database"], *(["--keep"] if options["keep"] else [])]
