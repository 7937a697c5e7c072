"""Which files may no automatic patch touch, and which files are tests?"""

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import cache
from pathlib import PurePosixPath

from autofix.guard.violations import Change, Violation

# A pattern without a slash fits any part of a path, one with a slash the path from the root.
PROTECTED = (
    ".git*",
    ".gitlab-ci.yaml",
    ".circleci",
    ".buildkite",
    ".ci",
    ".woodpecker*",
    ".travis.yml",
    ".drone.yml",
    ".appveyor.yml",
    "appveyor.yml",
    "Jenkinsfile*",
    "azure-pipelines*.y*ml",
    "bitbucket-pipelines.yml",
    "cloudbuild.y*ml",
    "noxfile.py",
    "metabuilder.toml",
    ".secrets.baseline",
    ".gitleaks*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    ".env*",
    "CODEOWNERS",
    ".pre-commit-config.y*ml",
    ".pre-commit-hooks.y*ml",
)
# Files that Python or pytest would import in place of the real thing, or before it.
HIJACKS = (
    "sitecustomize.py",
    "usercustomize.py",
    "*.pth",
    *(
        f"{name}{end}"
        for name in ("pytest", "_pytest", "unittest", "doctest", "coverage", "ruff", "mypy")
        for end in (".py", "/__init__.py")
    ),
)
TEST_DIRECTORIES = frozenset(
    {
        "test",
        "tests",
        "spec",
        "specs",
        "__tests__",
        "__snapshots__",
        "e2e",
        "testdata",
    }
)
TEST_FILE = re.compile(
    r"(test_.*|.*_test|tests|conftest)\.pyi?"
    r"|.*[._-](test|spec|cy)\.[cm]?[jt]sx?"
    r"|.*_test\.(go|rb|exs|dart|cc|cpp|c|rs)|.*_spec\.rb|test_.*\.(rb|c|cc|cpp|sh|bats)"
    r"|.*\.bats|.*(Test|Tests|TestCase|IT|Spec)\.(java|kt|scala|groovy|cs|php|swift)"
    r"|.*\.(snap|ambr|approved\.\w+|feature)"
)


def violations(change: Change, protected: Sequence[str]) -> Iterator[Violation]:
    for path in dict.fromkeys((change.old_path, change.path)):
        rule = next((glob for glob in (*PROTECTED, *protected) if matches(path, glob)), None)
        if rule:
            yield change.flag("protected-path", f"{path} is protected ({rule})")
    is_new = change.before is None or change.is_rename
    if is_new and any(matches(change.path, f"**/{glob}") for glob in HIJACKS):
        yield change.flag("protected-path", f"{change.path} would stand in for a tool")
    if is_test(change.old_path) and (change.after is None or change.is_rename):
        verb = "renamed" if change.is_rename else "deleted"
        yield change.flag("test-deleted", f"{change.old_path} is {verb}")


def is_test(path: str) -> bool:
    """Test code and all that lies beside it: expected results are as easy to falsify as tests."""
    pure = PurePosixPath(path)
    is_beside_tests = bool(TEST_DIRECTORIES & {part.lower() for part in pure.parent.parts})
    return is_beside_tests or bool(TEST_FILE.fullmatch(pure.name))


def matches(path: str, glob: str) -> bool:
    """Like a line of .gitignore, upper and lower case alike; a directory stands for its files."""
    path, glob = path.casefold(), glob.casefold().strip().removesuffix("/").removesuffix("/**")
    if not glob:
        return False
    if "/" not in glob:
        return any(_part(glob).fullmatch(part) for part in path.split("/"))
    wanted = glob.removeprefix("/").split("/")
    return _starts_with(path.split("/"), wanted)


def _starts_with(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_starts_with(parts[skip:], wanted[1:]) for skip in range(len(parts) + 1))
    fits = bool(parts and _part(wanted[0]).fullmatch(parts[0]))
    return fits and _starts_with(parts[1:], wanted[1:])


@cache
def _part(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))
