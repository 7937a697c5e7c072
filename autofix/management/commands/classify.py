"""Say what failed, from a log in a file or on standard input."""

import json
import sys
from argparse import ArgumentParser
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from autofix.answers import classification
from autofix.classifier import Evidence, classify_stream

CHUNK_BYTES = 1 << 20


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="a log, or - for standard input")
        parser.add_argument("--step", default="", help="the step's name, if it is known")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        evidence = Evidence(step_name=options["step"], log="")
        answer = classification(classify_stream(evidence, chunks_of(options["file"])))
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


def chunks_of(name: str) -> Iterator[str]:
    """Yield the log in pieces; bytes that are not UTF-8 become U+FFFD."""
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else open(name, "rb") as file:
            decode = getincrementaldecoder("utf-8")(errors="replace").decode
            while data := file.read(CHUNK_BYTES):
                yield decode(data)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", returncode=2) from None
