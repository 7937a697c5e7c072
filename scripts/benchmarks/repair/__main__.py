"""The command line: `scripts/bench_repair [--quick] [--only KIND] [--cases N] [--seed N] …`, see --help."""

import argparse
import math
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from metabuilder.execution.layout import default_data_dir
from scripts.benchmarks.__main__ import machine
from scripts.benchmarks.bed import OTHERS_REACH_IT, ROOT
from scripts.benchmarks.figures import HEAD, as_json, as_row, progress
from scripts.benchmarks.repair import report
from scripts.benchmarks.repair.box import Box, mode
from scripts.benchmarks.repair.kinds import KINDS
from scripts.benchmarks.repair.libraries import Shelf
from scripts.benchmarks.repair.runner import Case, Runner
from scripts.benchmarks.repair.verdicts import Result
from scripts.benchmarks.repair.workshop import Workshop

SEED = 20
SECONDS = 300.0
AT_ONCE = 2


def main() -> int:
    given = parse()
    cases = chosen(given)
    if given.list:
        print("\n".join(f"{case.name:<28}{KINDS[case.kind].signal}" for case in cases))
        return 0
    with workplace(given.keep) as root:
        results = measured(cases, given, root)
    found = list(report.figures(results))
    if given.json:
        print(*(report.as_json(each) for each in results), *(as_json(figure) for figure in found), sep="\n")
    else:
        print(machine(), *report.table(results), "", HEAD, *(as_row(figure) for figure in found), sep="\n")
        print("", "Not healed:", *report.unhealed(results), sep="\n")
    return int(any(figure.verdict == "MISSED" for figure in found))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench_repair", description="Breaks projects in known ways and measures how many runs heal them."
    )
    parser.add_argument("--quick", action="store_true", help="a fixed sample of about thirty cases")
    parser.add_argument("--only", action="append", default=[], metavar="KIND", choices=KINDS, help="only this kind")
    parser.add_argument("--cases", type=int, metavar="N", help="so many cases of the mix")
    parser.add_argument("--seed", type=int, default=SEED, help="another corpus (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="what one run may take (default %(default)s)")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, choices=(1, 2), help="runs at a time")
    parser.add_argument("--keep", metavar="DIR", help="keep sources, databases and logs there")
    parser.add_argument("--json", action="store_true", help="one JSON object per case and figure and line")
    parser.add_argument("--list", action="store_true", help="name the cases and run none")
    return parser.parse_args()


def chosen(given: argparse.Namespace) -> list[Case]:
    """Return the cases, kinds mixed, so that what is measured first is already of all of them."""
    shares = {name: kind.quick if given.quick else kind.share for name, kind in KINDS.items()}
    wanted = [name for name in KINDS if name in (given.only or KINDS)]
    times = math.ceil((given.cases or 1) / sum(shares[name] for name in wanted))
    cases = [Case(name, number) for name in wanted for number in range(shares[name] * times)]
    random.Random(given.seed).shuffle(cases)
    return cases[: given.cases]


@contextmanager
def workplace(keep: str | None) -> Iterator[Path]:
    """Give a directory that steps can reach; it is gone afterwards unless it is to be kept."""
    root = Path(keep).resolve() if keep else Path(tempfile.mkdtemp(prefix="metabuilder-repair-"))
    for directory in (root, root / "libraries", root / "cases"):
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(OTHERS_REACH_IT)
    try:
        yield root
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def measured(cases: Sequence[Case], given: argparse.Namespace, root: Path) -> list[Result]:
    data_dir = Path(os.environ.get("METABUILDER_DATA_DIR") or default_data_dir(ROOT)).resolve()
    box = Box(root, data_dir, mode())
    shop = Workshop(box, Shelf(data_dir / "bench-repair", box), given.seed)
    runner = Runner(shop, root, secrets.token_urlsafe(64), given.seconds, keeps=bool(given.keep))
    runner.prepare()
    started, results = time.monotonic(), []
    with ThreadPoolExecutor(given.at_once) as pool:
        for done in as_completed([pool.submit(runner.run, case) for case in cases]):
            if (result := done.result()) is not None:
                results.append(result)
                progress(f"{len(results)}/{len(cases)} {result.case}: {result.outcome} {result.why.strip()[-200:]}")
    progress(f"took {time.monotonic() - started:.0f} s")
    return sorted(results, key=lambda each: each.case)


if __name__ == "__main__":
    sys.exit(main())
