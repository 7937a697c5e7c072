"""A small typed project that mypy does not like any more, and one whose snapshots are older than its code."""

from collections.abc import Mapping
from pathlib import Path

from scripts.benchmarks.repair import wheels
from scripts.benchmarks.repair.breakages.packages import INSTALL
from scripts.benchmarks.repair.workshop import Built, Site, step

TYPECHECK = step("typecheck", "mypy src", "typecheck")
TEST = step("test", "pytest -q", "test")
PYPROJECT = '[tool.mypy]\nstrict = true\n\n[tool.pytest.ini_options]\npythonpath = ["src"]\ntestpaths = ["tests"]\n'
CODE = '''"""{noun}s of a {noun} list."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class {Noun}:
    name: str
    amount: int
    label: str | None = None


def total(items: Sequence[{Noun}]) -> int:
    return sum(item.amount for item in items)


def find(items: Sequence[{Noun}], name: str) -> {Noun} | None:
    return next((item for item in items if item.name == name), None)


def shown(item: {Noun}, width: int | None = None) -> str:
    words = f"{{item.name}}: {{item.amount}}"
    return words if width is None else words[:width]


def label_of(item: {Noun}) -> str:
    return item.label or item.name


def names(items: Sequence[{Noun}]) -> list[str]:
    return [item.name for item in items]


def by_name(items: Sequence[{Noun}]) -> dict[str, {Noun}]:
    found: dict[str, {Noun}] = {{}}
    for item in items:
        found[item.name] = item
    return found
'''
TESTS = """from {noun}s import {Noun}, by_name, find, label_of, names, shown, total

ITEMS = [{Noun}("a", 2), {Noun}("b", 3, "Bee")]


def test_total():
    assert total(ITEMS) == 5


def test_find():
    assert find(ITEMS, "b") == ITEMS[1]
    assert find(ITEMS, "c") is None


def test_shown():
    assert shown(ITEMS[0]) == "a: 2"
    assert shown(ITEMS[0], 1) == "a"


def test_labels():
    assert [label_of(item) for item in ITEMS] == ["a", "Bee"]


def test_names():
    assert names(ITEMS) == list(by_name(ITEMS)) == ["a", "b"]
"""
# What somebody wrote in the place of what is right.
TYPE_ERRORS = (
    ("width: int | None = None", "width: int = None"),
    ("from collections.abc import Sequence\n", ""),
    ("def names(items: Sequence[{Noun}]) -> list[str]:", "def names(items: Sequence[{Noun}]):"),
    ("def total(items: Sequence[{Noun}]) -> int:", "def total(items: Sequence[{Noun}]) -> str:"),
    ("found: dict[str, {Noun}] = {{}}", "found: dict[str, str] = {{}}"),
    ("-> {Noun} | None:", "-> {Noun}:"),
    ("    return item.label or item.name\n", "    return item.label\n"),
    ("-> list[str]:", "-> list:"),
    ("def label_of(item: {Noun}) -> str:", "def label_of(item) -> str:"),
    ("return sum(item.amount for item in items)", "return sum(item.amount for item in items)  # type: ignore[misc]"),
)
RENDER = """def render(rows):
    lines = [f"{{name:<{width}}} {{value:>6.2f}}" for name, value in rows]
    return "\\n".join([{head!r}, *lines])
"""
SNAPSHOT_TEST = """from report import render


def test_a_report(snapshot):
    assert render([("apples", 1.5), ("pears", 20)]) == snapshot


def test_an_empty_report(snapshot):
    assert render([]) == snapshot
"""


def type_error(site: Site) -> Built:
    noun = site.rng.choice(["order", "invoice", "parcel", "ticket", "recipe"])
    right, wrong = (text.format(noun=noun, Noun=noun.title()) for text in TYPE_ERRORS[site.number % len(TYPE_ERRORS)])
    words = {"noun": noun, "Noun": noun.title()}
    code = CODE.format(**words)
    if right not in code:
        raise LookupError(f"{right!r} is not in the project")
    files = {f"src/{noun}s.py": code.replace(right, wrong, 1), f"tests/test_{noun}s.py": TESTS.format(**words)}
    site.write({"pyproject.toml": PYPROJECT, **files})
    steps = [TYPECHECK, TEST]

    def wrong_with(tree: Path) -> str:
        suppressed = "type: ignore" in (tree / f"src/{noun}s.py").read_text()
        return "the error is only suppressed" if suppressed else site.passes(tree, steps)

    return Built(f"{wrong.strip()!r} where {right.strip()!r} is right", steps, wrong_with)


def stale_snapshot(site: Site) -> Built:
    """Change what a report looks like on purpose, and not what the snapshots keep of it."""
    width = site.rng.choice([8, 10, 12])
    site.write(_reporting(site, RENDER.format(width=width, head="Report")))
    install = step("install", INSTALL.format(what="syrupy"), "install")
    update = step("update", "pytest -q --snapshot-update", "test")
    with site.shop.box.copy(site.tree) as copied:
        if complaint := site.passes(copied, [install]):
            raise RuntimeError(complaint)
        site.shop.box.run(copied, "/bin/sh", "-c", f"{install['run']} && {update['run']}", seconds=300)
        site.write({f"tests/{path.relative_to(copied / 'tests')}": path.read_text() for path in _snapshots(copied)})
    site.write({"src/report.py": RENDER.format(width=width + 2, head="Report of the day")})
    steps = [install, TEST]
    right = (site.tree / "src/report.py").read_text()

    def wrong_with(tree: Path) -> str:
        changed = (tree / "src/report.py").read_text() != right
        return "the code was changed, not the snapshot" if changed else site.passes(tree, steps)

    return Built("the report looks otherwise, its snapshots do not", steps, wrong_with, ["*.ambr"])


def _snapshots(tree: Path) -> list[Path]:
    found = sorted(tree.rglob("*.ambr"))
    found = [path for path in found if ".venv" not in path.parts]
    if not found:
        raise RuntimeError("syrupy wrote no snapshots")
    return found


def _reporting(site: Site, code: str) -> Mapping[str, str | bytes]:
    return {
        "src/report.py": code,
        "tests/test_report.py": SNAPSHOT_TEST,
        "pyproject.toml": PYPROJECT,
        **wheels.real(site.shop.shelf.cache, "syrupy", "pytest", "pluggy", "iniconfig", "packaging", "pygments"),
    }
