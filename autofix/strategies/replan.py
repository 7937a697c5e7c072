"""Change the plan: a missing dependency or tool adds a step that installs it, or changes that step.

The name comes from a log, so it is data of an unknown hand: only a plain distribution name goes on,
and one that the project does not declare waits for a person (typosquatting, dependency confusion).
"""

import re
from collections.abc import Callable
from typing import Any

from packaging.utils import canonicalize_name

from autofix.failures import Failure
from autofix.fixers.base import words
from autofix.fixers.misspelt_imports import meant
from autofix.strategies.base import Diagnosis, Proposal
from autofix.strategies.declare import declare, kept_wheels
from autofix.strategies.patch import ScratchTree
from metabuilder.execution.workspace import Workspace, WorkspaceError

INSTALL = "install"
VENV = "python -m venv .venv"
WHEEL_DIRECTORIES = ("wheelhouse", "vendor/wheels", "wheels")
# Names under which a module is imported, where they differ from the distribution's name.
DISTRIBUTIONS = {
    "yaml": "PyYAML",
    "bs4": "beautifulsoup4",
    "PIL": "Pillow",
    "cv2": "opencv-python",
    "sklearn": "scikit-learn",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "attr": "attrs",
    "jwt": "PyJWT",
    "OpenSSL": "pyOpenSSL",
    "Crypto": "pycryptodome",
    "git": "GitPython",
    "serial": "pyserial",
    "docx": "python-docx",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "environ": "django-environ",
    "pkg_resources": "setuptools",
    "google.protobuf": "protobuf",
}


PLAIN_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
KNOWN_TOOLS = frozenset({"pytest", "ruff", "mypy", "bandit", "coverage", "black", "isort", "flake8"})


class Replan:
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        failure = diagnosis.failure
        if failure.detail not in {"dependency", "tool", "import-untyped"} or not failure.subject:
            return None
        requirement = requirement_of(failure)
        if not PLAIN_NAME.fullmatch(requirement) or is_for_fixers(diagnosis):
            return None
        existing = next((step for step in diagnosis.plan if step["name"] == INSTALL), None)
        if existing is None:
            return self.add_install(diagnosis, requirement)
        return self.extend_install(diagnosis, existing, requirement)

    def add_install(self, diagnosis: Diagnosis, requirement: str) -> Proposal | None:
        command, declared = install_command(diagnosis.workspace, requirement)
        tree = ScratchTree(diagnosis.workspace, diagnosis.bench)
        wheels = wheel_directory(diagnosis.workspace)  # with which the command reads no index
        declared = declared or bool(wheels and kept_wheels(tree, canonicalize_name(requirement), wheels))
        step = {
            "name": INSTALL,
            "run": f"{VENV} && {command}",
            "kind": "install",
            "timeout": 900,
            "env": {},
            "network": "--no-index" not in command,
        }
        change = {"op": "add", "step": INSTALL, "before": None, "after": step}
        return Proposal(
            plan_changes=({**change, "position": diagnosis.step},),
            fixer="install-dependencies",
            needs_approval=not declared,
            reason=f"{requirement} is not installed: install what the project declares, or keeps, first"
            if declared
            else f"{requirement} is not installed, and the project does not declare it",
        )

    def extend_install(self, diagnosis: Diagnosis, existing: dict[str, Any], requirement: str) -> Proposal | None:
        if requirement.lower() in existing["run"].lower().split():
            return None  # it is installed by name and still missing: a person must look
        if diagnosis.step != existing["name"] and (known := declare(diagnosis, existing, requirement)):
            return known
        offline = "--no-index" in existing["run"]
        command = pip_install(requirement, wheel_directory(diagnosis.workspace) if offline else "")
        step = {**existing, "run": f"{existing['run'].rstrip()}\n{command}"}
        change = {"op": "replace", "step": INSTALL, "before": existing, "after": step}
        return Proposal(
            plan_changes=(change,),
            fixer="install-dependencies",
            needs_approval=requirement not in KNOWN_TOOLS,
            reason=f"{requirement} is not among what the install step installs",
        )


def is_for_fixers(diagnosis: Diagnosis) -> bool:
    """True where nothing is missing from the plan: what is declared cannot be met, or a name is misspelt."""
    failure = diagnosis.failure
    if failure.rule.startswith("pip-"):
        return True
    return failure.detail == "dependency" and bool(
        meant(ScratchTree(diagnosis.workspace, diagnosis.bench), failure.subject)
    )


def requirement_of(failure: Failure) -> str:
    """Return what to install for the failure's subject; for types, only where the checker knows that there are some."""
    name = DISTRIBUTIONS.get(failure.subject, failure.subject.split(".")[0])
    if failure.detail != "import-untyped":
        return name
    return f"types-{name}" if "stubs not installed" in words(failure) else ""


def install_command(workspace: Workspace, requirement: str) -> tuple[str, bool]:
    """Return what installs `requirement` and whether the project declares it.

    What is declared is installed as declared; the project's own wheels are used if it has them.
    """
    files = set(workspace.files())
    wheels = wheel_directory(workspace)
    for declares, target in _DECLARATIONS:
        path = declares(workspace, files, requirement)
        if path:
            return pip_install(target.format(path=path), wheels), True
    return pip_install(requirement, wheels), requirement in KNOWN_TOOLS


def wheel_directory(workspace: Workspace) -> str:
    """Return where the project keeps wheels of its own; empty if it does not."""
    files = workspace.files()
    return next((d for d in WHEEL_DIRECTORIES if any(f.startswith(f"{d}/") for f in files)), "")


def pip_install(target: str, wheels: str) -> str:
    source = f"--no-index --find-links {wheels} " if wheels else ""
    return f".venv/bin/python -m pip install --quiet {source}{target}"


def _requirements_file(workspace: Workspace, files: set[str], requirement: str) -> str:
    names = ("requirements-dev.txt", "requirements-test.txt", "requirements.txt")
    return next((name for name in names if name in files and _mentions(workspace, name, requirement)), "")


def _project_file(workspace: Workspace, files: set[str], requirement: str) -> str:
    name = "pyproject.toml"
    declares = name in files and _mentions(workspace, name, requirement)
    return "." if declares and "[project]" in workspace.read(name) else ""


def _mentions(workspace: Workspace, path: str, requirement: str) -> bool:
    try:
        text = workspace.read(path)
    except WorkspaceError:
        return False
    return requirement.lower().replace("_", "-") in text.lower().replace("_", "-")


_Declares = Callable[[Workspace, set[str], str], str]
_DECLARATIONS: tuple[tuple[_Declares, str], ...] = (
    (_requirements_file, "-r {path}"),
    (_project_file, "-e {path}"),
)
