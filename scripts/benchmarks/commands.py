"""W2: what a run adds to the commands it runs, over the same commands in a plain shell script."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from scripts.benchmarks.bed import Bed, Running
from scripts.benchmarks.figures import Comparison, Figure, Options, Target, progress

CASES = {
    "3 `true`": ["true"] * 3,
    "10 `true`": ["true"] * 10,
    "30 `true`": ["true"] * 30,
    "3 `python3 -c pass`": ["python3 -c pass"] * 3,
}
COMPARED = "3 `true`"
MODES = {"bubblewrap": "sandbox", "none": "no sandbox"}
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
STEP_UID = 61234
TIMES = (2, 9)


def run(bed: Bed, options: Options) -> Iterator[Figure]:
    found = Comparison()
    with ExitStack() as stack:
        raw = stack.enter_context(bed.running(bed.raw()))
        ours = {mode: stack.enter_context(bed.running(bed.real(mode))) for mode in MODES}
        progress("W2: real commands")
        warm_up(raw, ours)
        for _ in range(options.pick(*TIMES)):
            measure(bed, raw, ours, found)
    for mode, words in MODES.items():
        for case in CASES:
            shell, name = found.median("shell", case), f"overhead of {case}, {words}"
            yield Figure(f"wall time of {case}, {words} (B: shell)", found.median(mode, case), "s", shell)
            target = Target(0.25, 0.08, of_baseline=True) if (case, mode) == (COMPARED, "none") else None
            raw_overhead = found.median("raw", case) - shell if case == COMPARED else None
            yield Figure(name, found.median(mode, case) - shell, "s", raw_overhead, target)


def warm_up(raw: Running, ours: dict[str, Running]) -> None:
    raw.agent.call("time_one", commands=len(CASES[COMPARED]))
    for running in ours.values():
        for _ in range(2):
            running.agent.call("time_one", commands=CASES["3 `python3 -c pass`"])


def measure(bed: Bed, raw: Running, ours: dict[str, Running], found: Comparison) -> None:
    for case, commands in CASES.items():
        found.add("shell", case, time_script(bed, commands))
        if case == COMPARED:
            found.add("raw", case, raw.agent.call("time_one", commands=len(commands)))
        for mode, running in ours.items():
            found.add(mode, case, running.agent.call("time_one", commands=commands))


def time_script(bed: Bed, commands: Sequence[str]) -> float:
    """Time the commands as one shell script, with the tools and the user that a step has."""
    script = Path(bed.root) / "script.sh"
    script.write_text("\n".join(["set -e", *commands, ""]))
    script.chmod(0o755)
    user = {"user": STEP_UID, "group": STEP_UID, "extra_groups": []} if os.geteuid() == 0 else {}
    path = f"{bed.data_dir / 'toolchain-bin'}:{SYSTEM_PATH}"
    started = time.monotonic()
    subprocess.run(["/bin/sh", str(script)], check=True, cwd="/", env={"PATH": path}, **user)  # type: ignore[call-overload]
    return time.monotonic() - started
