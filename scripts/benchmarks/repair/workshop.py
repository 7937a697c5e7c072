"""Where cases are made: what every kind of breakage builds with, and what it hands over."""

import random
import shutil
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmarks.repair import libraries
from scripts.benchmarks.repair.box import Box
from scripts.benchmarks.repair.libraries import IGNORED, Library, Shelf
from scripts.benchmarks.repair.specimens import Patient, Specimen

GIT = (
    *("git", "-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgSign=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "init.defaultBranch=main"),
)


class Unavailable(Exception):
    """A case cannot be made on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Built:
    """A broken project. `wrong_with` says what is wrong with a repaired tree, empty if nothing is known to be.

    `may_change` names what a right repair may touch beside the sources, as patterns.
    """

    broke: str
    steps: Sequence[Mapping[str, object]]
    wrong_with: Callable[[Path], str]
    may_change: Sequence[str] = ()


@dataclass
class Workshop:
    """What cases share: the libraries, and what is known of each."""

    box: Box
    shelf: Shelf
    seed: int
    libraries: dict[str, Library] = field(default_factory=libraries.known)
    _patients: dict[str, Patient] = field(default_factory=dict)
    _made: defaultdict[str, list[Specimen]] = field(default_factory=lambda: defaultdict(list))
    _making: dict[str, Iterator[Specimen]] = field(default_factory=dict)
    _locks: defaultdict[str, threading.RLock] = field(default_factory=lambda: defaultdict(threading.RLock))

    def patient(self, name: str) -> Patient:
        with self._locks[name]:
            if name not in self._patients:
                library = self.libraries[name]
                self._patients[name] = Patient(self.box, library, self.shelf.tree(library), self.seed)
                self._making[name] = self._patients[name].specimens()
            return self._patients[name]

    def specimen(self, name: str, number: int) -> Specimen:
        """Return the library's `number`th fair fault; always the same for one seed."""
        self.patient(name)
        made = self._made[name]
        with self._locks[name]:
            while len(made) <= number:
                specimen = next(self._making[name], None)
                if specimen is None:
                    raise Unavailable(f"{name} has no more than {len(made)} faults that make a fair case")
                made.append(specimen)
            return made[number]

    def styled(self, name: str) -> Path:
        with self._locks[name]:
            return self.shelf.styled(self.libraries[name])


@dataclass(frozen=True)
class Site:
    """One case's place: the tree to fill, its number within its kind, and its own chance."""

    shop: Workshop
    tree: Path
    number: int
    rng: random.Random

    @property
    def library(self) -> Library:
        """The libraries take turns."""
        names = list(self.shop.libraries)
        return self.shop.libraries[names[self.number % len(names)]]

    def fill(self, source: Path) -> None:
        shutil.copytree(source, self.tree, dirs_exist_ok=True)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        own = {} if (self.tree / ".gitignore").exists() else {".gitignore": IGNORED}
        for name, content in {**own, **files}.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            if str(path.parent.name) == "tools":
                path.chmod(0o755)

    def passes(self, tree: Path, steps: Sequence[Mapping[str, object]]) -> str:
        """Run steps on a copy of a tree, one after the other; return what failed, if anything did."""
        with self.shop.box.copy(tree) as copied:
            for step in steps:
                done = self.shop.box.run(copied, "/bin/sh", "-c", str(step["run"]), seconds=300)
                if not done.ok:
                    return f"{step['name']} fails: {done.text.strip()[-200:]}"
        return ""


def step(name: str, run: str, kind: str, timeout: int = 300) -> dict[str, object]:
    return {"name": name, "run": run, "kind": kind, "timeout": timeout}


def commit(tree: Path) -> None:
    """Make a repository with one commit of a tree: no history gives the repair away."""
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "Work in progress")):
        subprocess.run([*GIT, *arguments], cwd=tree, check=True, capture_output=True)
