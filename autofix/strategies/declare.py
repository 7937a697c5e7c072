"""A dependency that the project declares, but not where its install step looks: add it there, or look there too.

Nothing new comes in this way: the name, and the versions it may have, are the project's own.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from autofix.fixers.base import Tree, all_files, readable
from autofix.fixers.project_names import is_test_module, module_name
from autofix.fixers.requirements import declared, locked, with_requirement
from autofix.strategies.base import Diagnosis, Proposal
from autofix.strategies.patch import ScratchTree

NAMED_FILE = re.compile(r"(?:-r|--requirement)[ =](?P<path>[\w./-]+)")
FROM_WHEELS = re.compile(r"--find-links[ =](?:\./)?([\w./-]+)")
INSTALLS_PROJECT = re.compile(
    r"(?:install|-e)\s+(?:-\S+\s+)*['\"]?\.(?:\[|['\"]?\s|['\"]?$)|\b(?:uv sync|poetry install)\b", re.M
)


@dataclass(frozen=True)
class Elsewhere:
    """Where a requirement is declared, and how it is written there."""

    path: str
    line: str


def declare(diagnosis: Diagnosis, install: dict[str, Any], requirement: str) -> Proposal | None:
    """Return None if the project does not declare it anywhere else than its install step looks."""
    tree = ScratchTree(diagnosis.workspace, diagnosis.bench)
    target = _file_that_is_installed(tree, str(install["run"]))
    name = canonicalize_name(requirement)
    found = _elsewhere(tree, name, target) or _among_wheels(tree, name, str(install["run"]))
    if found is None or not target:
        return None
    if not _is_used_by_product(tree, diagnosis.failure.subject) and found.path.endswith((".txt", ".in")):
        command = f"{install['run'].rstrip()}\n.venv/bin/python -m pip install --quiet -r {found.path}"
        return _proposal(install, command, f"{requirement} is declared in {found.path}, which is not installed")
    patch = _patch(diagnosis, target, found.line)
    reason = f"{requirement} is declared in {found.path}, but not in {target}, which is what is installed"
    return _proposal(install, str(install["run"]), reason, patch) if patch else None


def _file_that_is_installed(tree: Tree, command: str) -> str:
    files = set(tree.files())
    named = [match["path"].removeprefix("./") for match in NAMED_FILE.finditer(command)]
    if any(path in files for path in named):
        return next(path for path in named if path in files)
    return "pyproject.toml" if INSTALLS_PROJECT.search(command) and "pyproject.toml" in files else ""


def _elsewhere(tree: Tree, name: str, target: str) -> Elsewhere | None:
    everywhere = declared(tree)
    if name in everywhere.get(target, {}):
        return Elsewhere(target, str(everywhere[target][name])) if target == "pyproject.toml" else None
    for path, asked in everywhere.items():
        if name in asked:
            return Elsewhere(path, str(asked[name]))
    version = locked(tree).get(name)
    if version:
        return Elsewhere("the lock file", f"{name}=={version}")
    return None


def kept_wheels(tree: Tree, name: str, directory: str) -> list[Version]:
    """Return the versions of a package that the project keeps wheels of in a directory."""
    found = []
    for path in all_files(tree, (".whl",)):
        if path.rpartition("/")[0] != directory:
            continue
        with suppress(InvalidWheelFilename, InvalidVersion):
            package, version, *_ = parse_wheel_filename(path.rpartition("/")[2])
            found += [version] if package == name else []
    return found


def _among_wheels(tree: Tree, name: str, command: str) -> Elsewhere | None:
    """Only where the step installs from the project's own wheels and from nowhere else."""
    directories = FROM_WHEELS.findall(command) if "--no-index" in command else []
    wheels = [version for each in directories for version in kept_wheels(tree, name, each.rstrip("/"))]
    return Elsewhere("the project's own wheels", f"{name}=={max(wheels)}") if wheels else None


def _is_used_by_product(tree: Tree, module: str) -> bool:
    top = re.escape(module.partition(".")[0])
    importing = re.compile(rf"^\s*(?:import|from)\s+{top}\b", re.MULTILINE)
    texts = readable(tree, all_files(tree, (".py",)))
    return any(importing.search(text) and not is_test_module(module_name(path)) for path, text in texts.items())


def _patch(diagnosis: Diagnosis, path: str, line: str) -> str:
    with diagnosis.workspace.scratch(diagnosis.bench.scratch_root, diagnosis.bench.scratch_prefix) as scratch:
        old = scratch.read(path)
        new = with_requirement(path, line, old)
        scratch.write(path, new)
        return scratch.diff() if new != old else ""


def _proposal(install: dict[str, Any], command: str, reason: str, patch: str = "") -> Proposal:
    """The install step runs again, as it is or with what it lacked."""
    change = {"op": "replace", "step": install["name"], "before": install, "after": {**install, "run": command}}
    return Proposal(patch=patch, plan_changes=(change,), fixer="declare-dependency", reason=reason)
