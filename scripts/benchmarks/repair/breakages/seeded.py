"""Seeded faults of real libraries, and tests of theirs that are themselves wrong."""

import ast
from pathlib import Path

from scripts.benchmarks.repair.faults import Text
from scripts.benchmarks.repair.workshop import Built, Site, step

PYTEST = step("test", "pytest -q", "test")
TRIES = 12
PAIR = 2


def fault(site: Site) -> Built:
    """Put one fault into a library, and keep part of its tests back."""
    library = site.library
    patient = site.shop.patient(library.name)
    specimen = site.shop.specimen(library.name, site.number // len(site.shop.libraries))
    site.fill(patient.tree)
    specimen.put_into(site.tree)
    broken = specimen.fault
    words = f"{broken.operator} at {broken.module}:{broken.line} of {library.name}, {len(specimen.hidden)} tests hidden"
    return Built(words, [PYTEST], patient.wrong_with)


def wrong_test(site: Site) -> Built:
    """Make one test of a library expect something else; its code stays right."""
    library = site.library
    patient = site.shop.patient(library.name)
    site.fill(patient.tree)
    expected = [found for path in _tests(site.tree) for found in _expectations(path)]
    for _ in range(TRIES):
        path, node = site.rng.choice(expected)
        source = path.read_text()
        path.write_text(Text(source).replace(node, _other(node.value), "").apply(source))
        with site.shop.box.copy(site.tree) as copied:
            suite = site.shop.box.suite(copied)
        if suite is not None and 1 <= len(suite.failed) <= 3 and not suite.broken:  # noqa: PLR2004
            return Built(f"a test at {path.name}:{node.lineno} expects something else", [PYTEST], patient.wrong_with)
        path.write_text(source)
    raise RuntimeError(f"no test of {library.name} could be made wrong")


def _tests(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("test_*.py"))


def _expectations(path: Path) -> list[tuple[Path, ast.Constant]]:
    """Return the constants that tests compare with, whichever way they say it."""
    expected: list[ast.AST] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1:
            expected.append(node.test.comparators[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("assertEqual", "assert_equal")):
            expected += node.args
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("expected"):
            expected += ast.walk(node.value)
        elif isinstance(node, ast.Tuple) and len(node.elts) == PAIR and isinstance(node.elts[0], ast.Constant):
            expected.append(node.elts[1])  # a row of parameters: what is given, what is expected
    return [(path, node) for node in expected if isinstance(node, ast.Constant) and isinstance(node.value, int | str)]


def _other(value: object) -> str:
    if isinstance(value, bool):
        return repr(not value)
    return repr(value + 1) if isinstance(value, int) else repr(f"{value}s")
