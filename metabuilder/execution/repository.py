"""How is git asked about a work tree and a git directory that lie side by side?

`root/tree` is what steps see and write; `root/git` is outside it, so nothing in the tree can
configure git.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from metabuilder.execution import files
from metabuilder.execution.command import CommandResult, Limits, Verdict
from metabuilder.execution.sandbox import GitOptions, Sandbox

AUTHOR_NAME = "Meta-Builder"
AUTHOR_EMAIL = "autofix@localhost"
IDENTITY = (f"user.name={AUTHOR_NAME}", f"user.email={AUTHOR_EMAIL}")
MAX_OUTPUT_BYTES = 64 << 20
HEAD_BYTES = 1024
REF = "ref: "
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
LEFT_OVERS = (
    ".venv/",
    "venv/",
    ".tox/",
    ".nox/",
    "node_modules/",
    "__pycache__/",
    "*.py[co]",
    ".pytest_cache/",
    ".ruff_cache/",
    ".mypy_cache/",
    ".hypothesis/",
    "*.egg-info/",
    ".eggs/",
    ".coverage",
    ".coverage.*",
    ".metabuilder/",
)
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"


class WorkspaceError(Exception):
    """The workspace is not in a state to go on with; the message says what was found."""


@dataclass(frozen=True)
class Repository:
    root: Path
    sandbox: Sandbox
    options: GitOptions = field(
        default_factory=lambda: GitOptions(
            config=IDENTITY, limits=Limits(wall_seconds=300.0, output_bytes=MAX_OUTPUT_BYTES)
        )
    )

    @property
    def tree(self) -> Path:
        return self.root / "tree"

    @property
    def git_dir(self) -> Path:
        return self.root / "git"

    def head(self) -> str:
        """Return the commit of HEAD, read where git keeps it; git is only asked where that is packed away."""
        with suppress(files.UnsafePath, OSError, UnicodeDecodeError):
            name = files.read_bytes(self.git_dir, "HEAD", HEAD_BYTES).decode().strip()
            if name.startswith(REF):
                name = files.read_bytes(self.git_dir, name.removeprefix(REF), HEAD_BYTES).decode().strip()
            if COMMIT.fullmatch(name):
                return name
        return self.git("rev-parse", "--verify", "HEAD").strip()

    def git(self, *args: str, stdin: bytes | None = None, options: GitOptions | None = None) -> str:
        """Return what git prints, or raise `WorkspaceError` with its words."""
        result = self.try_git(*args, stdin=stdin, options=options)
        if not result.ok:
            raise WorkspaceError(f"git {args[0]}: {words(result)}")
        if result.truncated:
            raise WorkspaceError(f"git {args[0]}: more than {MAX_OUTPUT_BYTES >> 20} MB of output")
        return result.output.decode(errors="surrogateescape")

    def try_git(self, *args: str, stdin: bytes | None = None, options: GitOptions | None = None) -> CommandResult:
        return self.sandbox.run_git(
            args,
            git_dir=self.git_dir,
            work_tree=self.tree,
            stdin=stdin,
            options=options or self.options,
        )

    def untracked(self) -> list[str]:
        """Return files neither tracked nor ignored; a nested repository is an entry with a slash at
        its end.
        """
        return split(self.git("ls-files", "-z", "--others", "--exclude-standard"))

    def add(self, paths: list[str]) -> None:
        """Stage exactly these paths, ignored or not."""
        if paths:
            self.git(
                *("add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"),
                stdin="\0".join(f":(literal){path}" for path in paths).encode(errors="surrogateescape"),
            )


def make_git_dir(git_dir: Path, sandbox: Sandbox) -> None:
    """Make an empty repository by hand: `git init` would write the sandbox's own paths into it."""
    for directory in ("objects", "refs/heads", "refs/tags", "info"):
        (git_dir / directory).mkdir(parents=True)
    (git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    (git_dir / "config").write_text(CONFIG)
    (git_dir / "info" / "exclude").write_text("".join(f"{pattern}\n" for pattern in LEFT_OVERS))
    sandbox.hand_over(git_dir)


def split(output: str) -> list[str]:
    """Return the items of a NUL-separated list."""
    return [item for item in output.split("\0") if item]


def words(result: CommandResult) -> str:
    """Return what git said, or what ended it."""
    said = result.errors.decode(errors="replace").strip()
    return said if result.verdict is Verdict.FAILED and said else result.message
