"""A small project on disk as fixers see it, and failures made by hand."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from autofix.failures import Failure, Finding, Location, Signal
from autofix.fixers import FIXERS
from autofix.fixers.base import Fixer, ToolResult
from metabuilder.execution.workspace import AHEAD_SECONDS

TOOLS = str(Path(sys.executable).parent)
# Where else tools are: directories with black, eslint, gofmt and the like, as in PATH.
MORE_TOOLS = os.environ.get("FIXER_TOOLS", "/usr/local/bin")

_writes = count()


@dataclass(frozen=True)
class LocalTree:
    root: Path
    command: str = ""

    @property
    def search_path(self) -> str:
        return f"{self.root}/node_modules/.bin:{TOOLS}:{MORE_TOOLS}:/usr/bin:/bin"

    def run(self, argv: Sequence[str], timeout_seconds: float = 120) -> ToolResult:
        environment = {"PATH": self.search_path, "HOME": str(self.root)}
        try:
            done = subprocess.run(
                argv,
                cwd=self.root,
                env=environment,
                timeout=timeout_seconds,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            return ToolResult(127, f"{argv[0]}: not found")
        return ToolResult(done.returncode, done.stdout)

    def read(self, path: str) -> str:
        with (self.root / path).open(encoding="utf-8", newline="") as file:
            return file.read()

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        changed_at = int(time.time()) + AHEAD_SECONDS + next(_writes)  # as a workspace does it
        os.utime(file, (changed_at, changed_at))

    def files(self) -> Sequence[str]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(os.path.relpath(path, self.root) for path in found)


def fixer(name: str) -> Fixer:
    return next(each for each in FIXERS if each.name == name)


def lint(*found: tuple[str, int, str], message: str = "", detail: str = "") -> Failure:
    return failure(Signal.LINT, *found, message=message, detail=detail)


def failure(signal: Signal, *found: tuple[str, int, str], message: str = "", detail: str = "") -> Failure:
    findings = tuple(
        Finding(f"{file}:{code}:{line}", message, Location(file, line, code)) for file, line, code in found
    )
    return Failure(signal, message, "a rule", detail=detail, findings=findings)
