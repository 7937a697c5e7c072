"""The labelled logs as values. README.md says what the labels mean; SCORED, which tools are the exam."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """A log and what a good engineer says of it. `cause` is a part of the line that names the cause."""

    tool: str
    name: str
    type: str
    detail: str
    kind: str
    command: str
    exit_code: int
    cause: str
    is_scored: bool

    @property
    def log(self) -> str:
        return (FOLDER / self.tool / f"{self.name}.log").read_text(errors="replace")

    @property
    def title(self) -> str:
        return f"{self.tool}/{self.name}"


def scored_tools() -> frozenset[str]:
    return frozenset(tomllib.loads((FOLDER / "split.toml").read_text())["scored"])


def cases() -> Iterator[Case]:
    scored = scored_tools()
    for table in sorted(FOLDER.glob("*/cases.toml")):
        tool = table.parent.name
        for entry in tomllib.loads(table.read_text())["case"]:
            words = {name: entry.get(name, "") for name in ("name", "type", "detail", "kind", "command", "cause")}
            yield Case(tool=tool, exit_code=entry["exit_code"], is_scored=tool in scored, **words)
