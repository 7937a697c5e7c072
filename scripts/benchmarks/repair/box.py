"""Runs what the bench itself wants to know of a project: confined as the service confines a step, with its tools."""

import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabuilder.execution.command import Command, CommandResult, Limits
from metabuilder.execution.layout import OTHERS_MAY_TRAVERSE
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.toolchain import Toolchain

PROBE = Path(__file__).with_name("probe.py")
ASIDE = ".probe"
QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
MEMORY = 1 << 30


@dataclass(frozen=True)
class Box:
    """`root` is a directory that a step's uid can reach; `data_dir` has the toolchain."""

    root: Path
    data_dir: Path
    mode: str

    @contextmanager
    def copy(self, tree: Path) -> Iterator[Path]:
        """Give a copy of a tree, to run things in."""
        with tempfile.TemporaryDirectory(dir=self.root, prefix="copy-", ignore_cleanup_errors=True) as directory:
            Path(directory).chmod(0o755 | OTHERS_MAY_TRAVERSE)
            copied = Path(directory, "tree")
            shutil.copytree(tree, copied, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            yield copied

    def run(self, tree: Path, *argv: str, seconds: float = 120, env: Mapping[str, str] | None = None) -> CommandResult:
        sandbox, tools = Sandbox(self.mode), Toolchain(self.data_dir)
        sandbox.hand_over(tree)
        command = Command(
            argv=argv,
            workdir=tree,
            env={**tools.env(), **QUIET, **(env or {})},
            path=(".venv/bin", str(tools.bin)),
            limits=Limits(wall_seconds=seconds, memory_bytes=MEMORY),
            mounts=tools.mounts(),
        )
        return sandbox.run(command)

    def probe(
        self, tree: Path, command: str, *arguments: str, calls: bytes = b"", seconds: float = 120
    ) -> bytes | None:
        """Run one of the commands of `probe.py` in `tree`; None if it came to no answer."""
        aside = tree / ASIDE
        aside.mkdir(exist_ok=True)
        shutil.copyfile(PROBE, aside / "probe.py")
        (aside / "calls").write_bytes(calls)
        (aside / "answer").unlink(missing_ok=True)
        given = [f"{ASIDE}/calls"] if calls else []
        argv = ("python", f"{ASIDE}/probe.py", command, *given, *arguments, f"{ASIDE}/answer")
        done = self.run(tree, *argv, seconds=seconds)
        answer = aside / "answer"
        if not answer.is_file():
            (aside / "said").write_text(f"{done.message}\n{done.text}")
        return answer.read_bytes() if answer.is_file() else None

    def suite(self, tree: Path, seconds: float = 120) -> "Suite | None":
        """Run the tests of `tree`; None if they did not come to their end in time."""
        answer = self.probe(tree, "suite", seconds=seconds)
        if answer is None:
            return None
        told = json.loads(answer)
        return Suite(told["tests"], tuple(told["broken"]))

    def unpickled(
        self, tree: Path, command: str, *arguments: str, calls: bytes = b""
    ) -> Any:  # Any: what probe.py gives
        answer = self.probe(tree, command, *arguments, calls=calls, seconds=300)
        if answer is None:
            said = (tree / ASIDE / "said").read_text()[-1000:]
            raise RuntimeError(f"probe.py {command} came to no answer: {said}")
        return pickle.loads(answer)


@dataclass(frozen=True)
class Suite:
    """How each test ended, and what could not even be collected."""

    tests: Mapping[str, str]
    broken: tuple[str, ...] = ()

    @property
    def failed(self) -> frozenset[str]:
        return frozenset(name for name, outcome in self.tests.items() if outcome == "failed") | frozenset(self.broken)

    @property
    def passed(self) -> frozenset[str]:
        return frozenset(name for name, outcome in self.tests.items() if outcome == "passed")

    @property
    def is_well(self) -> bool:
        """Say whether all is well: a suite that could not even start has no failures either."""
        return bool(self.passed) and not self.failed


def mode() -> str:
    return os.environ.get("METABUILDER_SANDBOX") or "bubblewrap"
