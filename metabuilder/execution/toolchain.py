"""What is this project, how is it built, and with whose tools?

Pure but for `Toolchain`, which only looks at what `scripts/setup` has made.
"""

import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from metabuilder.execution.command import Mount

KINDS = (
    ("format", r"format|fmt|black|isort|prettier"),
    ("typecheck", r"typecheck|types?|typing|mypy|pyright|pytype|tsc|ty"),
    ("security", r"security|bandit|audit|pip-audit|safety|semgrep|trivy|sast"),
    ("lint", r"lint|ruff|flake8|pylint|eslint|style|pre-commit|shellcheck"),
    ("test", r"tests?|pytest|py\.test|unittest|tox|nox|jest|vitest|coverage|check"),
    ("migrate", r"migrate|migrations?|makemigrations|alembic|schema|flyway"),
    ("install", r"install|deps|dependencies|bootstrap|setup|sync|venv"),
    ("build", r"build|compile|package|dist|wheel|make|assemble"),
)
PYTEST = re.compile(r"(?<![\w./-])(?:\S*/)?(?:pytest|py\.test)(?![\w.-])")
SHELL = re.compile(r"[;&|<>`$(){}*?\[\]~\n\\#!]")
TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
RUFF_FILES = ("ruff.toml", ".ruff.toml")
MYPY_FILES = ("mypy.ini", ".mypy.ini")
NOT_SOURCE = frozenset({"tests", "test", "docs", "examples", "scripts"})
REPORT_DROPS = {
    "ruff": (
        {"--fix", "--unsafe-fixes", "--diff", "--watch", "-w", "--show-fixes"},
        {"--output-format", "-o"},
    ),
    "mypy": ({"--pretty"}, {"--output", "-O"}),
    "bandit": ({"-v", "--verbose"}, {"-f", "--format", "-o", "--output"}),
    "eslint": (
        {"--fix", "--fix-dry-run", "--color", "--no-color", "--quiet", "--cache"},
        {"-f", "--format", "-o", "--output-file", "--fix-type"},
    ),
    "pyright": ({"--outputjson", "--watch", "-w", "--stats", "--verbose"}, {"--level"}),
}
REPORT_ADDS = {
    "ruff": ("--output-format=json", "--exit-zero", "--no-fix"),
    "mypy": ("--output", "json"),
    "bandit": ("-f", "json", "-q", "--exit-zero"),
    "eslint": ("--format", "json", "--quiet"),
    "pyright": ("--outputjson",),
}
RUNNERS = (["python", "-m"], ["python3", "-m"], ["npx", "--no-install"], ["npx"], ["pnpm", "exec"], ["yarn", "run"])


@dataclass(frozen=True)
class StepPlan:
    name: str
    run: str
    kind: str
    timeout_seconds: int = 600
    env: Mapping[str, str] = field(default_factory=dict)
    network: bool = False


@dataclass(frozen=True)
class Toolchain:
    """The tools that a step falls back on when the project brings none. `root` is the data
    directory.
    """

    root: Path

    @property
    def bin(self) -> Path:
        """The directory of shims: it comes after the project's own .venv/bin in PATH."""
        return self.root / "toolchain-bin"

    def mounts(self) -> tuple[Mount, ...]:
        """Everything a step needs to see, at the paths the tools were installed at."""
        tools = self.root / "toolchain"
        own = [Mount(path, str(path)) for path in (tools, self.bin)]
        prefix = self._base_prefix()
        if prefix is None or prefix.is_relative_to("/usr"):
            return tuple(own)
        copied = self.root / "python"
        return (*own, Mount(copied if copied.is_dir() else prefix, str(prefix)))

    def env(self) -> dict[str, str]:
        return {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}

    def _base_prefix(self) -> Path | None:
        """The Python that the tools were installed with; `scripts/setup` writes it down."""
        note = self.bin / "base-prefix"
        return Path(note.read_text().strip()) if note.is_file() else None


def detect(files: Collection[str], read: Callable[[str], str]) -> tuple[StepPlan, ...]:
    """Return the default plan of a Python project: what its own configuration says it is checked
    with.
    """
    project = _Project(frozenset(files), read)
    candidates = (
        (project.uses_ruff_format, StepPlan("format", "ruff format --check .", "format", 120)),
        (project.uses_ruff, StepPlan("lint", "ruff check .", "lint", 120)),
        (project.uses_mypy, StepPlan("typecheck", project.mypy_command, "typecheck", 600)),
        (project.has_tests, StepPlan("test", "pytest", "test", 1800)),
        (project.uses_bandit, StepPlan("security", project.bandit_command, "security", 300)),
    )
    return tuple(step for is_used, step in candidates if is_used)


def kind_of(name: str, run: str) -> str:
    """Guess a step's kind: from its name, else from the last tool that its command names."""
    for text in (name, *reversed(re.split(r"&&|\|\||[;|\n]", run))):
        for kind, words in KINDS:
            if re.search(rf"(?:^|[^a-z0-9])(?:{words})(?:$|[^a-z0-9])", text.lower()):
                return kind if kind != "lint" or "ruff format" not in text else "format"
    return "other"


def report_env(command: str, report_dir: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that makes pytest, wherever it is in a command, write its report."""
    if not PYTEST.search(command):
        return {}
    own = (env or {}).get("PYTEST_ADDOPTS", "")
    option = shlex.quote(f"--junitxml={report_dir}/junit.xml")
    return {"PYTEST_ADDOPTS": f"{own} {option}".strip()}


def report_command(command: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the tool and the command that gives its findings as JSON, if `command` is that tool
    and no more.
    """
    words = _simple_words(command)
    runner = next((runner for runner in RUNNERS if words[: len(runner)] == runner), [])
    words = words[len(runner) :]
    if not words or words[0] not in REPORT_ADDS:
        return None
    tool, arguments = words[0], words[1:]
    if tool == "ruff":
        if arguments[:1] != ["check"]:
            return None
        return tool, ("ruff", "check", *REPORT_ADDS[tool], *_without(tool, arguments[1:]))
    return tool, (tool, *REPORT_ADDS[tool], *_without(tool, arguments))


def _simple_words(command: str) -> list[str]:
    if SHELL.search(command):
        return []
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return [] if words and "=" in words[0] else words


def _without(tool: str, arguments: list[str]) -> list[str]:
    """Return the arguments less those that would change files or the form of the report."""
    flags, valued = REPORT_DROPS[tool]
    kept: list[str] = []
    is_value = False
    for argument in arguments:
        if is_value or argument in flags or argument.partition("=")[0] in valued:
            is_value = not is_value and argument in valued
            continue
        kept.append(argument)
    return kept


class _Project:
    """Questions about a project's configuration files."""

    def __init__(self, files: frozenset[str], read: Callable[[str], str]) -> None:
        self._files = files
        self._read = read
        self._tools = self._tool_tables()
        self._hooks = self._text(".pre-commit-config.yaml")
        self._ini = self._text("setup.cfg") + "\n" + self._text("tox.ini")

    @property
    def uses_ruff(self) -> bool:
        return self._has(*RUFF_FILES) or "ruff" in self._tools or "ruff-pre-commit" in self._hooks

    @property
    def uses_ruff_format(self) -> bool:
        uses_black = "black" in self._tools or "id: black" in self._hooks
        return self.uses_ruff and ("ruff-format" in self._hooks or not uses_black)

    @property
    def uses_mypy(self) -> bool:
        return self._has(*MYPY_FILES) or "mypy" in self._tools or "[mypy]" in self._ini

    @property
    def mypy_command(self) -> str:
        tables = "\n".join((*(self._text(name) for name in MYPY_FILES), self._ini))
        own = self._tools.get("mypy", {})
        names_files = isinstance(own, dict) and bool(own.keys() & {"files", "packages", "modules"})
        in_ini = re.search(r"^\[mypy\][^\[]*^(?:files|packages|modules)\s*=", tables, re.M)
        return "mypy" if names_files or in_ini else "mypy ."

    @property
    def has_tests(self) -> bool:
        is_configured = self._has("pytest.ini", ".pytest.ini") or "pytest" in self._tools
        in_ini = "[tool:pytest]" in self._ini or "[pytest]" in self._ini
        return is_configured or in_ini or any(TEST_FILE.search(path) for path in self._files)

    @property
    def uses_bandit(self) -> bool:
        return "bandit" in self._tools or self._has(".bandit")

    @property
    def bandit_command(self) -> str:
        config = "-c pyproject.toml " if "bandit" in self._tools else ""
        return f"bandit -q {config}-r {self._source_directory()}"

    def _source_directory(self) -> str:
        if any(path.startswith("src/") for path in self._files):
            return "src"
        packages = (path.partition("/")[0] for path in self._files if path.count("/") == 1)
        with_init = {name for name in packages if f"{name}/__init__.py" in self._files}
        found = sorted(with_init - NOT_SOURCE)
        return " ".join(shlex.quote(name) for name in found) or "."

    def _tool_tables(self) -> dict[str, object]:
        try:
            tables = tomllib.loads(self._text("pyproject.toml")).get("tool", {})
        except tomllib.TOMLDecodeError:
            return {}
        return tables if isinstance(tables, dict) else {}

    def _has(self, *names: str) -> bool:
        return any(name in self._files for name in names)

    def _text(self, name: str) -> str:
        return self._read(name) if name in self._files else ""
