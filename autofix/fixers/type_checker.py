"""What does the type checker say of the tree as it is now? It is asked again after every try (`type_errors`)."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autofix.failures import Failure
from autofix.fixers.base import Tree, named_files, tracked
from metabuilder.execution.toolchain import report_command

BETWEEN_COMMANDS = re.compile(r"&&|;|\n")
SECONDS = 300


@dataclass(frozen=True)
class Complaint:
    """`line` counts from 1, `column` from 0."""

    file: str
    line: int
    column: int
    code: str
    message: str

    @property
    def id(self) -> tuple[str, str, str]:
        """Equal for the same complaint when lines have moved."""
        return self.file, self.code, re.sub(r"\bline \d+", "", self.message)


@dataclass(frozen=True)
class Checker:
    """The checker as the failed step calls it, asked for JSON."""

    tool: str
    command: Sequence[str]

    def complaints(self, tree: Tree) -> list[Complaint]:
        output = tree.run(self.command, SECONDS).output
        files = frozenset(tree.files())
        read = _of_mypy if self.tool == "mypy" else _of_pyright
        return [each for each in read(output, files) if each.file]


def checker_of(tree: Tree, failure: Failure) -> Checker | None:
    """Return the checker that the step calls; mypy as such if it says so but its call cannot be read."""
    for part in BETWEEN_COMMANDS.split(tree.command):
        found = report_command(part.strip())
        if found is not None and found[0] in ("mypy", "pyright"):
            return Checker(*found)
    if not failure.rule.startswith("mypy"):
        return None
    return Checker("mypy", ("mypy", "--output", "json", *named_files(tree, failure, (".py",))))


def is_better(before: Sequence[Complaint], after: Sequence[Complaint]) -> bool:
    """Fewer, and none that was not there."""
    old, new = Counter(each.id for each in before), Counter(each.id for each in after)
    return new.total() < old.total() and not new - old


def _of_mypy(output: str, files: frozenset[str]) -> Iterator[Complaint]:
    for line in output.splitlines():
        item = _object(line)
        if item.get("severity") == "error":
            message = f"{item.get('message')} {item.get('hint') or ''}".strip()
            place = int(item.get("line") or 0), int(item.get("column") or 0)
            yield Complaint(tracked(str(item.get("file")), files), *place, str(item.get("code") or ""), message)


def _of_pyright(output: str, files: frozenset[str]) -> Iterator[Complaint]:
    for item in _object(output).get("generalDiagnostics") or ():
        if item.get("severity") == "error":
            start = item["range"]["start"]
            file = tracked(str(item.get("file")), files)
            yield Complaint(file, start["line"] + 1, start["character"], str(item.get("rule") or ""), item["message"])


def _object(text: str) -> dict:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
