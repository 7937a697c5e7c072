"""Which reports did a step's tool write by itself, at the places where such tools do?

A file counts only if it was written while the step ran. Nothing is asked of the command for it.
"""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

from metabuilder.execution import files

# By format: where Maven, Gradle, jest-junit, phpunit, rspec, ctest, cargo-nextest, gotestsum and others put it.
PLACES = {
    "junit": (
        "*target/surefire-reports/TEST-*.xml",
        "*target/failsafe-reports/TEST-*.xml",
        "*build/test-results/*/TEST-*.xml",
        "*target/nextest/*/junit.xml",
        "*test-results/*.xml",
        "*test-reports/*.xml",
        "*reports/junit*.xml",
        "*junit.xml",
        "*junit-report.xml",
        "*phpunit.xml.result",
        "*rspec.xml",
    ),
    "sarif": ("*.sarif", "*.sarif.json"),
    "eslint": ("*eslint-report.json", "*eslint.json"),
    "npm-audit": ("*npm-audit.json",),
    "pip-audit": ("*pip-audit.json",),
    "osv": ("*osv-scanner.json", "*osv-results.json"),
    "golangci": ("*golangci-lint.json", "*golangci-report.json"),
}
SKIPPED = frozenset({".git", ".venv", "venv", "node_modules", ".tox", ".nox", "vendor", ".mypy_cache", "site-packages"})
MAX_ENTRIES = 50_000
MAX_FILES = 40
MAX_DEPTH = 8
FILE_BYTES = 4 << 20
ALL_BYTES = 16 << 20
CLOCK_SLACK_SECONDS = 1.0


def written_since(tree: Path, moment: float) -> dict[str, str]:
    """Return the reports changed since `moment` (seconds of the epoch), as `format:path`. Links are not followed."""
    found: dict[str, str] = {}
    left = ALL_BYTES
    for name, path in sorted(_candidates(tree, moment - CLOCK_SLACK_SECONDS))[:MAX_FILES]:
        try:
            content = files.read_bytes(tree, path, min(FILE_BYTES, left))
        except (files.UnsafePath, OSError):
            continue
        left -= len(content)
        found[f"{name}:{path}"] = content.decode(errors="replace").replace("\0", "")
    return found


def format_of(path: str) -> str:
    return next((name for name, places in PLACES.items() if any(fnmatch.fnmatch(path, p) for p in places)), "")


def _candidates(tree: Path, since: float) -> Iterator[tuple[str, str]]:
    waiting, entries = [("", 0)], 0
    while waiting and entries < MAX_ENTRIES:
        folder, depth = waiting.pop()
        try:
            with os.scandir(tree / folder) as here:
                for entry in here:
                    entries += 1
                    path = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in SKIPPED and depth < MAX_DEPTH:
                            waiting.append((f"{path}/", depth + 1))
                    elif (name := format_of(path)) and _is_new(entry, since):
                        yield name, path
        except OSError:  # a step may have closed it
            continue


def _is_new(entry: os.DirEntry[str], since: float) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_mtime >= since
