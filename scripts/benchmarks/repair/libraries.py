"""Real libraries with their tests, as their authors published them: fetched by name, checked by hash, unpacked once."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from metabuilder.execution.profiles import WORKSPACE
from scripts.benchmarks.figures import progress
from scripts.benchmarks.repair import holdback
from scripts.benchmarks.repair.box import ASIDE, Box

LIST = Path(__file__).with_name("libraries.toml")
NOT_WANTED = (
    *("*.egg-info", "PKG-INFO", "tox.ini", "docs", "benchmark", ".github", ".git", "changelog.d", "uv.lock"),
    *(".ruff.toml", "ruff.toml"),
)
RUFF_TOML = """line-length = 100

[lint]
select = ["E4", "E7", "E9", "F"{more}]

[lint.per-file-ignores]
"""
SORTED = ', "I"'
IGNORED = "__pycache__/\n.cache/\nnode_modules/\ndb.sqlite3\n.pytest_cache/\n.venv/\n.ruff_cache/\n.mypy_cache/\n"


@dataclass(frozen=True)
class Library:
    name: str
    version: str
    sha256: str
    package: str
    tests: tuple[str, ...]
    root: str = "."
    unfit: tuple[str, ...] = ()  # tests that need what is not there, such as the installed distribution

    @property
    def test_paths(self) -> str:
        """The directories that tests are imported from."""
        return ":".join(str(Path(each).parent if each.endswith(".py") else Path(each)) for each in self.tests)

    def is_test(self, path: str) -> bool:
        return any(Path(path).is_relative_to(each) for each in self.tests) or Path(path).name == "conftest.py"

    def modules(self, tree: Path) -> Iterator[str]:
        """Yield the library's own modules, relative to `tree`."""
        for path in sorted(Path(tree, self.root).rglob("*.py")):
            inside = path.relative_to(tree / self.root)
            name = str(path.relative_to(tree))
            if inside.parts[0].removesuffix(".py") == self.package and not self.is_test(name):
                yield name


def known() -> dict[str, Library]:
    rows = tomllib.loads(LIST.read_text())["libraries"]
    tupled = ({key: tuple(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows)
    return {row["name"]: Library(**row) for row in tupled}


@dataclass(frozen=True)
class Shelf:
    """Where fetched libraries are kept between two calls, and unpacked for one."""

    cache: Path
    box: Box

    def tree(self, library: Library) -> Path:
        """Return the library as published, with only as much configuration as its tests need."""
        tree = self.box.root / "libraries" / library.name
        if not tree.is_dir():
            unpacked = tree.with_name(f"{library.name}.unpacking")
            with tarfile.open(self.archive(library)) as archive:
                archive.extractall(unpacked, filter="data")
            (inner,) = unpacked.iterdir()
            shutil.copytree(inner, unpacked / "kept", ignore=shutil.ignore_patterns(*NOT_WANTED))
            (unpacked / "kept").rename(tree)
            shutil.rmtree(unpacked)
            configure(tree, library)
        return tree

    def styled(self, library: Library) -> Path:
        """Return the library formatted, with sorted imports, and a linter that has nothing to say.

        Where the order of imports matters to the library, nobody looks at it.
        """
        tree = self.box.root / "libraries" / f"{library.name}-styled"
        if not tree.is_dir():
            for more in (SORTED, ""):
                with self.box.copy(self.tree(library)) as copied:
                    if self._style(copied, more):
                        shutil.copytree(copied, tree, ignore=shutil.ignore_patterns(".ruff_cache", ASIDE))
                        return tree
            raise RuntimeError(f"{library.name} cannot be formatted such that its tests pass")
        return tree

    def _style(self, tree: Path, more: str) -> bool:
        """Format a tree; say whether its tests still pass."""
        settings = tree / "ruff.toml"
        settings.write_text(RUFF_TOML.format(more=more))
        for command in (("check", "--select", "I", "--fix", "."), ("format", "."))[0 if more else 1 :]:
            self.box.run(tree, "ruff", *command)
        rows = "".join(f"{json.dumps(path)} = {json.dumps(codes)}\n" for path, codes in self._complaints(tree).items())
        settings.write_text(RUFF_TOML.format(more=more) + rows)
        if not all(self.box.run(tree, "ruff", *words, ".").ok for words in (("check",), ("format", "--check"))):
            return False
        suite = self.box.suite(tree)
        return suite is not None and suite.is_well

    def archive(self, library: Library) -> Path:
        self.cache.mkdir(parents=True, exist_ok=True)
        for path in self.cache.glob("*.tar.gz"):
            if hashlib.sha256(path.read_bytes()).hexdigest() == library.sha256:
                return path
        self._fetch(library)
        return self.archive(library)

    def _fetch(self, library: Library) -> None:
        progress(f"fetching {library.name} {library.version}")
        wanted = self.cache / "wanted.txt"
        wanted.write_text(f"{library.name}=={library.version} --hash=sha256:{library.sha256}\n")
        download(self.cache, "--no-binary", library.name, "--require-hashes", "-r", str(wanted))

    def _complaints(self, tree: Path) -> dict[str, list[str]]:
        """Return the codes that the linter has to say about each file."""
        found = json.loads(
            self.box.run(tree, "ruff", "check", "--exit-zero", "--output-format", "json", "-q", ".").text
        )
        by_file: dict[str, set[str]] = {}
        for each in found:
            path = each["filename"].removeprefix(f"{tree}/").removeprefix(f"{WORKSPACE}/")
            by_file.setdefault(path, set()).add(each["code"])
        return {path: sorted(codes) for path, codes in sorted(by_file.items())}


def configure(tree: Path, library: Library) -> None:
    """Write a pytest.ini, which comes before what else configures pytest there: no plugins, no coverage."""
    path = f"pythonpath = {library.root}\n"
    (tree / "pytest.ini").write_text(f"[pytest]\n{path}testpaths = {' '.join(library.tests)}\n")
    (tree / ".gitignore").write_text(IGNORED)
    holdback.hold_back(tree, library.unfit)
    for directory in (tree, *tree.rglob("*")):
        directory.chmod(0o755 if directory.is_dir() else 0o644)


def download(into: Path, *arguments: str) -> None:
    """Let pip fetch something by its name; raise RuntimeError with what it said if it cannot."""
    options = ("download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(into))
    done = subprocess.run(
        [sys.executable, "-m", "pip", *options, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"pip download {' '.join(arguments)} failed: {done.stderr[-2000:]}")
