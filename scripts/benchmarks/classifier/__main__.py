"""The command line: `scripts/bench_classifier [--quick] [--json] [--mistakes]`."""

import argparse
import sys
from itertools import chain

from scripts.benchmarks.__main__ import machine
from scripts.benchmarks.classifier import exam, speed
from scripts.benchmarks.figures import HEAD, Options, as_json, as_row


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench_classifier", description="Measures how right and how fast the classifier is."
    )
    parser.add_argument("--quick", action="store_true", help="a smaller log, once")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure and line")
    parser.add_argument("--mistakes", action="store_true", help="only list wrong answers, of the tools not scored")
    parser.add_argument("--exam", action="store_true", help="only the labelled logs")
    given = parser.parse_args()
    if given.mistakes:
        print("\n".join(exam.mistakes(scored=False)))
        return 0
    options = Options(given.quick, given.json, repetitions=1 if given.quick else 3)
    if not given.json:
        print(machine(), HEAD, sep="\n", flush=True)
    parts = [exam.run()] if given.exam else [exam.run(), speed.run(options)]
    missed = False
    for figure in chain.from_iterable(parts):
        print(as_json(figure) if options.as_json else as_row(figure), flush=True)
        missed = missed or figure.verdict == "MISSED"
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
