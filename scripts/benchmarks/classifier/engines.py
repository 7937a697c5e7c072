"""One engine reads one log; what it took goes to standard output as JSON. Started by `speed`."""

import json
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import re2

from autofix.classifier import Evidence, classify_stream
from autofix.classifier.rules import SET_MEMORY_BYTES
from autofix.classifier.rulesets import RULES

CHUNK_BYTES = 64 << 10
FEW_BYTES = 2 << 20
MEGABYTE = 1e6
NO_SIGNS = "\"'`<>%@,;:!=/_"
RIPGREP_LIMITS = ("--regex-size-limit", "2G", "--dfa-size-limit", "2G")  # with less it refuses, or does without a DFA
ON_FEW_BYTES = {"re": FEW_BYTES, "re2": FEW_BYTES // 20}  # slow: the whole log would take them hours
PATTERNS = [re.sub(r"\?P<\w+>", "?:", rule.pattern) for rule in RULES.rules]


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def read_whole(path: Path) -> None:
    failure = classify_stream(Evidence("build", "", 1), (chunk.decode(errors="replace") for chunk in chunks(path)))
    if failure.rule == "none":
        raise RuntimeError("the classifier found nothing in a log full of errors")


def with_re2(path: Path) -> None:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = SET_MEMORY_BYTES  # with less it does without its automaton
    one = re2.compile("(?m)" + "|".join(f"(?:{pattern})" for pattern in PATTERNS), options)
    _started.append(time.perf_counter())
    text = path.open("rb").read(ON_FEW_BYTES["re2"])
    if not sum(1 for _ in one.finditer(text)):
        raise RuntimeError("re2 found nothing")


def with_hyperscan(path: Path) -> None:
    import hyperscan  # noqa: PLC0415 - not a dependency: compared with where it is installed

    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY | hyperscan.HS_FLAG_MULTILINE
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    known = [pattern.encode() for pattern in PATTERNS if is_known(hyperscan, pattern.encode(), flags)]
    database.compile(expressions=known, ids=list(range(len(known))), elements=len(known), flags=[flags] * len(known))
    found: set[int] = set()
    started = time.perf_counter()
    for chunk in chunks(path):
        database.scan(chunk, match_event_handler=lambda rule, *_: found.add(rule))
    _started.append(started)


def is_known(hyperscan: ModuleType, pattern: bytes, flags: int) -> bool:
    """Some anchors it does not know: those patterns are left out, to its advantage."""
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
            expressions=[pattern], ids=[0], elements=1, flags=[flags]
        )
    except hyperscan.error:
        return False
    return True


def without_needless_escapes(pattern: str) -> str:
    """RE2 takes `\\"` for a quotation mark, ripgrep for a mistake."""
    return re.sub(r"\\(.)", lambda escape: escape[1] if escape[1] in NO_SIGNS else escape[0], pattern)


def with_ripgrep(path: Path) -> None:
    patterns = path.with_name("patterns")
    patterns.write_text("\n".join(map(without_needless_escapes, PATTERNS)) + "\n")
    nothing = path.with_name("nothing")
    nothing.write_text("nothing\n")
    command = ["rg", "--threads", "1", "--no-config", "--count", *RIPGREP_LIMITS, "--file", str(patterns)]
    began = time.perf_counter()
    subprocess.run([*command, str(nothing)], check=False, capture_output=True)  # 1: no line is counted
    preparing = time.perf_counter() - began
    began = time.perf_counter()
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    _started.append(began + preparing)


def with_re(path: Path) -> None:
    compiled_ones = []
    for pattern in PATTERNS:
        with suppress(re.error):  # flags in the middle it does not know: left out, to its advantage
            compiled_ones.append(re.compile(pattern, re.MULTILINE))
    text = path.open("rb").read(FEW_BYTES).decode(errors="replace")
    started = time.perf_counter()
    for pattern in compiled_ones:
        sum(1 for _ in pattern.finditer(text))
    _started.append(started)


ENGINES: dict[str, Callable[[Path], None]] = {
    "classifier": read_whole,
    "re2": with_re2,
    "hyperscan": with_hyperscan,
    "ripgrep": with_ripgrep,
    "re": with_re,
}
_started: list[float] = []  # where preparing is not to be counted


def main() -> None:
    name, path = sys.argv[1], Path(sys.argv[2])
    if name == "ripgrep" and not shutil.which("rg"):
        print("{}")
        return
    classify_stream(Evidence("build", "", 1), ["nothing\n"])
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    try:
        ENGINES[name](path)
    except (ModuleNotFoundError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{name}: {error} {getattr(error, 'stderr', b'')!r:.300}\n")
        print("{}")
        return
    seconds = time.perf_counter() - (_started or [began])[0]
    size = min(path.stat().st_size, ON_FEW_BYTES.get(name, path.stat().st_size))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(json.dumps({"rate": size / MEGABYTE / seconds, "grown_mib": grown}))


if __name__ == "__main__":
    main()
