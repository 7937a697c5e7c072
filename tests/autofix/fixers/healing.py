"""The patch strategy on a plain directory: fixers work one after the other until the command passes."""

import shutil

import pytest

from autofix.classifier import Evidence, classify
from autofix.failures import Failure
from autofix.fixers import Fixer, for_failure
from metabuilder.execution.toolchain import report_command
from tests.autofix.fixers.local_tree import LocalTree

MAX_ASKED = 300


def failing(tree: LocalTree, kind: str) -> Failure | None:
    """Run the tree's command and classify what it says."""
    done = tree.run(["sh", "-ec", tree.command])
    if done.exit_code == 0:
        return None
    asked = report_command(tree.command)
    reports = {asked[0]: tree.run(asked[1]).output} if asked else {}
    evidence = Evidence(
        step_name=kind,
        log=done.output,
        exit_code=done.exit_code,
        kind=kind,
        command=tree.command,
        reports=reports,
        workspace=str(tree.root),
    )
    return classify(evidence)


def heal(tree: LocalTree, kind: str, *, agreed: bool = False) -> tuple[list[Fixer], Failure | None]:
    """Return the fixers that changed something and what is left; `agreed`: a person says yes to everything."""
    used: list[Fixer] = []
    asked: set[tuple[str, str]] = set()
    left = failing(tree, kind)
    while left is not None and len(asked) < MAX_ASKED:
        fitting = (fixer for fixer in for_failure(left, kind) if agreed or not fixer.needs_approval)
        fixer = next((each for each in fitting if (each.name, left.fingerprint) not in asked), None)
        if fixer is None:
            break
        asked.add((fixer.name, left.fingerprint))
        if fixer.apply(tree, left):
            used.append(fixer)
            left = failing(tree, kind)
    return used, left


def needs(tool: str, tree: LocalTree) -> None:
    """Skip, and say so, where a tool is not installed."""
    if not shutil.which(tool, path=tree.search_path):
        pytest.skip(f"{tool.upper()} IS NOT INSTALLED HERE: its fixer is not tested")
