"""The command line: `scripts/bench [--quick] [--json] [NAME …]`."""

import argparse
import os
import platform
import signal
import sys
import time
import traceback
from types import FrameType

from scripts.benchmarks.bed import Bed
from scripts.benchmarks.catalogue import BENCHMARKS
from scripts.benchmarks.figures import HEAD, Options, as_json, as_row, progress


def main() -> int:
    options, names = parse()
    signal.signal(signal.SIGTERM, give_up)
    failed, started = [], time.monotonic()
    if not options.as_json:
        print(machine(), HEAD, sep="\n", flush=True)
    with Bed() as bed:
        for name in names:
            try:
                bed.clear()
                for figure in BENCHMARKS[name].run(bed, options):
                    print(as_json(figure) if options.as_json else as_row(figure), flush=True)
            except Exception:  # the other figures are still worth having
                failed.append(name)
                progress(f"{name} COULD NOT BE MEASURED:\n{traceback.format_exc()}")
    progress(f"took {time.monotonic() - started:.0f} s")
    for name in failed:
        progress(f"NOT MEASURED: {name} (see above)")
    return 1 if failed else 0


def parse() -> tuple[Options, list[str]]:
    told = "\n".join(f"  {name:<10} {each.about}" for name, each in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures this service against raw django-q2 (B), on a PostgreSQL of its own.",
        epilog=f"benchmarks:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--quick", action="store_true", help="five minutes in all, with fewer repetitions")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure and line")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    options = Options(given.quick, given.json, repetitions=1 if given.quick else 3)
    return options, given.names or list(BENCHMARKS)


def machine() -> str:
    """Say on what was measured, and how busy it was: figures in seconds mean little without it."""
    load = os.getloadavg()[0]
    return f"{platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}, load {load:.1f} before"


def give_up(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        progress("stopped; everything that was started is ended")
        sys.exit(130)
