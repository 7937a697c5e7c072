"""What is a command, what may it use, and how did it end?

Plain values that travel between the modules of this package and the layers above. Read next:
`sandbox.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_QUOTA = "disk_quota"
    OUTPUT_LIMIT = "output_limit"
    STOPPED = "stopped"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class Limits:
    """What one command may use.

    `disk_bytes` is growth of the workspace. `output_bytes` is what callers keep of the output; a
    command that writes 25 times as much is killed.
    """

    wall_seconds: float = 600.0
    cpu_seconds: int = 600
    memory_bytes: int = 2 << 30
    processes: int = 256
    file_bytes: int = 512 << 20
    disk_bytes: int = 2 << 30
    output_bytes: int = 16 << 20
    open_files: int = 4096
    tmp_bytes: int = 256 << 20


@dataclass(frozen=True)
class Mount:
    """A host path that a command sees at `target`. Without isolation there is only `source`."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Command:
    """One process to run, with `workdir` as its current directory and, isolated, as /workspace.

    Relative entries of `path` are taken from the working directory: (".venv/bin",) is the project's
    own venv.
    """

    argv: tuple[str, ...]
    workdir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    network: bool = False
    limits: Limits = field(default_factory=Limits)
    mounts: tuple[Mount, ...] = ()
    git_dir: Path | None = None


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. `errors` is the separate error stream, which only `Sandbox.run_git`
    keeps apart.
    """

    verdict: Verdict
    exit_code: int | None
    duration_seconds: float
    output: bytes
    output_bytes: int
    truncated: bool
    level: str
    message: str
    errors: bytes = b""

    @property
    def ok(self) -> bool:
        return self.verdict is Verdict.PASSED

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", errors="replace")


class SandboxUnavailable(Exception):
    """This machine cannot give the isolation that the settings ask for."""
