"""What is a person told about how a command ended?"""

import signal

from metabuilder.execution.command import Verdict
from metabuilder.execution.disk import UNMEASURABLE
from metabuilder.execution.supervision import OUTPUT_KILL_FACTOR, Supervision

SIGNAL_NAMES = {128 + number: number.name for number in signal.Signals}


def explain(verdict: Verdict, exit_code: int | None, run: Supervision, last_words: bytes) -> str:
    """Return one line without an end of sentence, to stand after a step's name."""
    output_limit = size(run.limits.output_bytes * OUTPUT_KILL_FACTOR)
    messages = {
        Verdict.PASSED: "passed",
        Verdict.FAILED: f"exited with {exit_code}{_signal_name(exit_code)}",
        Verdict.TIMEOUT: _timeout(run),
        Verdict.OUT_OF_MEMORY: "killed by the kernel: the machine ran out of memory meanwhile",
        Verdict.DISK_QUOTA: _disk(run),
        Verdict.OUTPUT_LIMIT: f"killed after {output_limit} of output",
        Verdict.STOPPED: "stopped on request",
        Verdict.NOT_STARTED: f"the sandbox could not start: {_last_line(last_words)}",
    }
    return messages[verdict]


def size(count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _timeout(run: Supervision) -> str:
    if run.reason is None:
        return f"killed after its processor time limit of {run.limits.cpu_seconds} s"
    return f"killed after its time limit of {run.limits.wall_seconds:g} s"


def _disk(run: Supervision) -> str:
    if run.reason is None:
        return f"killed: it wrote a file of more than {size(run.limits.file_bytes)}"
    if run.growth_bytes >= UNMEASURABLE // 2:
        return "killed: its workspace has too many or too deeply nested files to measure"
    quota = size(run.limits.disk_bytes)
    return f"killed: the workspace grew by {size(run.growth_bytes)}, more than its quota of {quota}"


def _signal_name(exit_code: int | None) -> str:
    """Name the signal that ended a command, which shells and bubblewrap add to 128."""
    name = SIGNAL_NAMES.get(exit_code) if exit_code is not None else None
    return f" ({name})" if name else ""


def _last_line(words: bytes) -> str:
    lines = words.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"
