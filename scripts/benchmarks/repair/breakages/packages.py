"""Dependencies that are missing, contradict each other, or are not what the lock says."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.benchmarks.repair import wheels
from scripts.benchmarks.repair.workshop import Built, Site, Unavailable, step

NAMES = ("acme-units", "northwind-tax", "tidepool", "orchard-ids", "quill-text", "harbor-rates")
TEST = step("test", "pytest -q", "test")
UNITS = "def scale(value, factor=2):\n    return value * factor\n"
APP = """import {module}


def doubled(value):
    return {module}.scale(value)
"""
TESTS = """from app import doubled


def test_it_doubles():
    assert doubled(21) == 42


def test_it_doubles_nothing():
    assert doubled(0) == 0
"""
PYTEST_INI = "[pytest]\npythonpath = .\ntestpaths = tests\n"
PROJECT = '[project]\nname = "app"\nversion = "1.0"\ndependencies = ["{name}==1.0", "{other}==1.1"]\n'
INSTALL = "python -m venv .venv && .venv/bin/python -m pip install --quiet --no-index --find-links=wheelhouse {what}"


def missing_dependency(site: Site) -> Built:
    """Declared and never installed; declared, and not in what is installed; or not even declared."""
    name, other = NAMES[site.number % len(NAMES)], NAMES[(site.number + 1) % len(NAMES)]
    site.write({**_app(name), **wheels.made_up(other, "1.1", UNITS)})
    may_change = ["requirements*.txt"]
    if site.number % 3 == 1:
        site.write({"requirements.txt": f"{name}==1.0\n{other}==1.1\n"})
        return Built(f"{name} is declared and not installed", [TEST], _as_app(site), may_change)
    site.write({"requirements.txt": f"{other}==1.1\n"})
    where = "any requirements"
    if site.number % 3 == 2:  # noqa: PLR2004
        site.write({"pyproject.toml": PROJECT.format(name=name, other=other)})
        where = "requirements.txt, only in pyproject.toml"
    steps = [step("install", INSTALL.format(what="-r requirements.txt"), "install"), TEST]
    return Built(f"{name} is imported and not in {where}", steps, _as_app(site), may_change)


def version_conflict(site: Site) -> Built:
    """Two pins that pip cannot have both."""
    name, other = NAMES[site.number % len(NAMES)], NAMES[(site.number + 2) % len(NAMES)]
    newer = wheels.made_up(name, "2.0", UNITS + "\n\nNEW = True\n")
    wanting = wheels.made_up(other, "3.1", "READY = True\n", [f"{name}>=2.0"])
    site.write({**_app(name), **newer, **wanting})
    old = f"{name}==1.0" if site.number % 2 else f"{name}<2.0"
    site.write({"requirements.txt": f"{old}\n{other}==3.1\n"})
    steps = [step("install", INSTALL.format(what="-r requirements.txt"), "install"), TEST]
    return Built(f"{old} contradicts {other}", steps, _as_app(site), ["requirements*.txt"])


def stale_lock(site: Site) -> Built:
    """A package.json that its lock does not know yet; npm says so itself."""
    npm = shutil.which("npm", path="/usr/local/bin:/usr/bin:/bin")
    if npm is None:
        raise Unavailable("npm is not installed")
    packages = [f"{word}-kit" for word in site.rng.sample(["leaf", "moss", "reed", "fern", "birch"], 2)]
    for name in packages:
        site.write(_package(name))
    site.write(_node_project(packages[:1]))
    options = ("--package-lock-only", "--offline", "--no-audit", "--no-fund", "--silent")
    subprocess.run([npm, "install", *options], cwd=site.tree, check=True, capture_output=True)
    site.write(_node_project(packages))
    steps = [
        step("install", "npm ci --offline --no-audit --no-fund", "install"),
        step("test", "node test.js", "test"),
    ]
    broke = f"{packages[1]} is in package.json and not in the lock"
    return Built(broke, steps, lambda tree: site.passes(tree, steps), ["package-lock.json"])


def _app(name: str) -> Mapping[str, str | bytes]:
    module = name.replace("-", "_")
    return {
        "app.py": APP.format(module=module),
        "tests/test_app.py": TESTS,
        "pytest.ini": PYTEST_INI,
        **wheels.made_up(name, "1.0", UNITS),
    }


def _as_app(site: Site) -> Callable[[Path], str]:
    """Return a judge: what is required can be installed together and is enough; nothing else was changed.

    Requirements that were left alone were helped by the plan, which the run has proved.
    """
    steps = [step("install", INSTALL.format(what="-r requirements.txt"), "install"), TEST]
    before = {name: (site.tree / name).read_text() for name in ("app.py", "tests/test_app.py", "requirements.txt")}

    def wrong_with(tree: Path) -> str:
        changed = [name for name, text in before.items() if (tree / name).read_text() != text]
        if set(changed) - {"requirements.txt"}:
            return f"{changed[0]} was changed"
        return site.passes(tree, steps) if changed else ""

    return wrong_with


def _package(name: str) -> Mapping[str, str | bytes]:
    about = json.dumps({"name": name, "version": "1.0.0", "main": "index.js"}, indent=2)
    return {f"vendor/{name}/package.json": about, f"vendor/{name}/index.js": f"module.exports = '{name}';\n"}


def _node_project(packages: list[str]) -> Mapping[str, str | bytes]:
    needs = {name: f"file:vendor/{name}" for name in packages}
    about = {"name": "garden", "version": "1.0.0", "private": True, "dependencies": needs}
    checks = "".join(f"assert.equal(require('{name}'), '{name}');\n" for name in packages)
    return {
        "package.json": json.dumps(about, indent=2) + "\n",
        "test.js": f"const assert = require('node:assert');\n{checks}console.log('ok');\n",
    }
