"""Searches as the service does them: in the sandbox, with the toolchain's Python and a real pytest."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest
from django.conf import settings

from autofix.strategies.repair import packing, reports
from autofix.strategies.repair.inside.places import File, Place
from autofix.strategies.repair.inside.sources import Source
from autofix.strategies.repair.inside.templates import drafts
from metabuilder.execution.command import Command, Limits
from metabuilder.execution.sandbox import Sandbox
from metabuilder.runs.executions import search_path, tools

MARK = "@the mark of this search@"


@dataclass(frozen=True)
class Found:
    report: reports.Report
    sources: dict[str, str]

    @property
    def first(self) -> str:
        """The best patch, as the line it leaves where it is."""
        [edit, *_] = self.report.patches[0].edits
        text = reports.edited(self.sources[edit.path], [edit])
        return text[text.rfind("\n", 0, edit.start + 1) + 1 :].split("\n")[0].strip()


@pytest.fixture
def ground() -> Iterator[Path]:
    settings.WORK_DIR.mkdir(parents=True, exist_ok=True)
    return Path(mkdtemp(prefix="search-", dir=settings.WORK_DIR))


@pytest.fixture
def search(ground: Path) -> Callable[..., Found]:
    """Search in a project of these files: `search({"a.py": …, "test_a.py": …})`."""

    def searched(files: dict[str, str | bytes], *, seconds: float = 20, **job: object) -> Found:
        tree = ground / "tree"
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        editable = sorted(name for name in files if name.endswith(".py") and "test" not in name)
        whole = {"directory": "", "arguments": [], "files": editable, "tests": [], "seconds": seconds, "mark": MARK}
        sandbox = Sandbox(settings.METABUILDER_SANDBOX)
        sandbox.hand_over(ground)
        command = Command(
            packing.command({}, json.dumps({**whole, **job})),
            tree,
            env=tools().env(),
            path=search_path(),
            limits=Limits(wall_seconds=100),
            mounts=tuple(tools().mounts()),
        )
        before = snapshot(tree)
        output = sandbox.run(command).text
        assert snapshot(tree) == before
        texts = {name: text for name, text in files.items() if isinstance(text, str)}
        return Found(reports.read(output, MARK, editable), texts)

    return searched


def snapshot(tree: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}


@pytest.fixture
def edits() -> Callable[[str], set[str]]:
    """Return all texts that templates make of a text."""

    def made(text: str) -> set[str]:
        source = Source("a.py", text.encode())
        file = File(source)
        places = [Place(file, node) for node in source.parents if hasattr(node, "lineno") and is_statement(node)]
        return {source.edited(draft.edits).decode() for place in places for draft in drafts(place)}

    return made


def is_statement(node: object) -> bool:
    return any(base.__name__ == "stmt" for base in type(node).__mro__)
