"""How fast is a large log read, beside what else could read it? Each in a process of its own, in turn."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autofix.classifier import Evidence, classify
from autofix.classifier.rulesets import RULES
from scripts.benchmarks.classifier.generator import write_log
from scripts.benchmarks.figures import Figure, Options, Target, progress

SIZES = (40 << 20, 200_000_000)
FEW_BYTES = 2 << 20  # as much as Python's re reads in a second
SMALL_BYTES = 20_000
SMALL_TIMES = 200
ENGINES = ("classifier", "re2", "hyperscan", "ripgrep", "re")
WORDS = {
    "re2": "google-re2, one alternation, on 0.1 MB",
    "hyperscan": "hyperscan, matches only",
    "ripgrep": "ripgrep, one thread, counts lines only",
    "re": "Python's re, pattern by pattern, on 2 MB",
}


def run(options: Options) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="metabuilder-bench-") as folder:
        path = Path(folder) / "large.log"
        progress("speed: writing the log")
        lines = write_log(path, options.pick(*SIZES))
        yield Figure("rules", float(len(RULES.rules)), "rules")
        yield Figure("lines of the large log", float(lines), "lines")
        found = measured(path, options.repetitions)
    yield from compared(found)
    yield Figure("a log of 20 kB, median", 1000 * small_log(), "ms", target=Target(5, 2))


def measured(path: Path, repetitions: int) -> dict[str, list[dict[str, float]]]:
    """Let every engine read the log in turn, again and again: the machine's mood is the same for all."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
    for _ in range(repetitions):
        for name in ENGINES:
            progress(f"speed: {name}")
            answer = in_own_process(name, path)
            if answer:
                found[name].append(answer)
    return found


def compared(found: dict[str, list[dict[str, float]]]) -> Iterator[Figure]:
    rates = {name: statistics.median(a["rate"] for a in answers) for name, answers in found.items() if answers}
    ours = rates["classifier"]
    yield Figure("classifier, end to end, all rules", ours, "MB/s", target=Target(100, 150, at_least=True))
    for name, words in WORDS.items():
        if name in rates:
            target = Target(0.4, 0.6, of_baseline=True, at_least=True) if name == "ripgrep" else None
            yield Figure(f"classifier beside {words}", ours, "MB/s", rates[name], target)
        else:
            progress(f"NOT MEASURED: {name} is not installed, or does not take our patterns")
    grown = max(answer["grown_mib"] for answer in found["classifier"])
    yield Figure("memory beyond that of a small log", grown, "MiB", target=Target(64, 16))


def in_own_process(name: str, path: Path) -> dict[str, float]:
    """Return what a process measured of itself; empty where the engine is not installed."""
    command = [sys.executable, "-m", "scripts.benchmarks.classifier.engines", name, str(path)]
    if pinned := shutil.which("taskset"):
        command = [pinned, "--cpu-list", str(max(os.sched_getaffinity(0))), *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def small_log() -> float:
    """Return the median seconds for a log of 20 kB with its error in the last lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.log"
        write_log(path, SMALL_BYTES)
        log = path.read_text()
    log = f"{re.sub('(?m)^.*(error|ERROR|F401|assert).*$', '', log)}\nE   assert 1 == 2\n"
    seconds = []
    for _ in range(SMALL_TIMES):
        started = time.perf_counter()
        classify(Evidence("test", log, 1))
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
