"""The harness as a process of its own: `manage.py chaos` becomes this one, with a private environment."""

import importlib
import os
import signal
import sys
from argparse import ArgumentParser

import django

from tests.chaos.postgres import PostgresUnavailable
from tests.chaos.stage import Options, stage


def main() -> int:
    options = asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: everything is taken down in order
    try:
        with stage(options) as place:
            environment = place.environment("harness")
            os.environ.clear()
            os.environ.update(environment)
            django.setup()
            # Not before: what it imports needs the settings.
            return importlib.import_module("tests.chaos.campaign").conduct(place)
    except PostgresUnavailable as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; everything was taken down\n")
        return 130


def asked() -> Options:
    parser = ArgumentParser()
    for name in ("runs", "faults", "seed", "nodes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--keep", action="store_true")
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
