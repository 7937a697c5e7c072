"""A large log as builds write them: pip, pytest, mypy, ruff, npm and docker lines, 0.2 % of them errors."""

import random
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("requests", "numpy", "django", "pandas", "scipy", "attrs", "idna", "urllib3", "pydantic", "click")
ERROR_SHARE = 0.002
SEED = 20
Line = Callable[[str, int], str]
HEALTHY: tuple[Line, ...] = (
    lambda p, n: f"Collecting {p}=={n % 30}.{n % 7}.1 (from -r requirements.txt (line {n % 90}))",
    lambda p, n: f"tests/unit/test_{p}_{n % 100}.py::test_case_{n} PASSED                 [ {n % 100}%]",
    lambda p, n: f"LOG:  Parsing src/{p}/module_{n}.py ({p}.module_{n})",
    lambda p, n: f"All checks passed! {n} files left unchanged in src/{p}",
    lambda p, n: f"npm http fetch GET 200 https://registry.npmjs.org/{p}/-/{p}-{n}.tgz {n % 900}ms (cache miss)",
    lambda p, n: f"#{n % 40} [{n % 9}/9] RUN pip install --no-cache-dir {p}  ---> Running in {n:012x}",
)
ERRORS: tuple[Line, ...] = (
    lambda p, n: f"ERROR: Could not find a version that satisfies the requirement {p}=={n} (from versions: none)",
    lambda p, n: f"E       assert {n} == {n + 1}",
    lambda p, n: f'src/{p}/m{n}.py:{n % 500}: error: Argument 1 has incompatible type "str"  [arg-type]',
    lambda p, n: f"npm error code E404  {p}@{n}",
    lambda p, n: f"src/{p}/m{n}.py:{n % 300}:5: F401 `os` imported but unused",
    lambda p, n: (
        f'failed to solve: process "/bin/sh -c pip install {p}" did not complete successfully: exit code: {n % 9}'
    ),
)


def write_log(path: Path, size_bytes: int) -> int:
    """Write a log of that size; return the number of its lines."""
    rng = random.Random(SEED)
    written = lines = 0
    with path.open("w") as file:
        while written < size_bytes:
            kinds = ERRORS if rng.random() < ERROR_SHARE else HEALTHY
            line = rng.choice(kinds)(rng.choice(PACKAGES), rng.randrange(1_000_000)) + "\n"
            written += file.write(line)
            lines += 1
    return lines
