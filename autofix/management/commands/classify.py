"""Say what failed, from a log in a file or on standard input."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from autofix.answers import classification
from autofix.classifier import Evidence, classify

MAX_CHARACTERS = 256 << 20


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="a log, or - for standard input")
        parser.add_argument("--step", default="", help="the step's name, if it is known")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = classification(classify(Evidence(step_name=options["step"], log=read(options["file"]))))
        if options["json"]:
            self.stdout.write(json.dumps(answer, indent=2))
            return
        detail = f" ({answer['detail']})" if answer["detail"] else ""
        self.stdout.write(f"{answer['type']}{detail}: {answer['message']}")
        self.stdout.write(
            f"severity {answer['severity']}, confidence {answer['confidence']:.0%}, "
            f"rule {answer['rule']}, next: {answer['suggested_strategy']}"
        )
        if answer["excerpt"]:
            self.stdout.write("\n" + answer["excerpt"])


def read(name: str) -> str:
    """Return the log as text; bytes that are not UTF-8 become U+FFFD."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_CHARACTERS).decode(errors="replace")
        with open(name, "rb") as file:
            return file.read(MAX_CHARACTERS).decode(errors="replace")
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", returncode=2) from None
