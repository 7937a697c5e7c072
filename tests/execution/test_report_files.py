"""Reports are found where tools put them, if they are new, and without following what a step laid out."""

import os
import time
from pathlib import Path

import pytest

from metabuilder.execution import report_files
from metabuilder.execution.report_files import format_of, written_since


def write(tree: Path, name: str, text: str = "<testsuite/>", age_seconds: float = 0) -> Path:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("target/surefire-reports/TEST-a.B.xml", "junit"),
        ("app/build/test-results/test/TEST-x.xml", "junit"),
        ("junit.xml", "junit"),
        ("test-results/results.xml", "junit"),
        ("reports/junit-1.xml", "junit"),
        ("out/codeql.sarif", "sarif"),
        ("eslint-report.json", "eslint"),
        ("pom.xml", ""),
        ("src/test/resources/data.xml", ""),
        ("package.json", ""),
    ],
)
def test_it_knows_the_places(path, name):
    assert format_of(path) == name


def test_only_what_is_new_counts(tmp_path):
    write(tmp_path, "target/surefire-reports/TEST-old.xml", age_seconds=60)
    write(tmp_path, "target/surefire-reports/TEST-new.xml", "<new/>")
    write(tmp_path, "node_modules/x/junit.xml")
    assert written_since(tmp_path, time.time() - 10) == {"junit:target/surefire-reports/TEST-new.xml": "<new/>"}


def test_links_pipes_and_giants_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(report_files, "FILE_BYTES", 100)
    tree = tmp_path / "tree"
    secret = write(tmp_path, "secret", "do not show")
    write(tree, "a/junit.xml", "x" * 101)
    (tree / "b").mkdir()
    (tree / "b/junit.xml").symlink_to(secret)
    (tree / "c").symlink_to(tmp_path)
    (tree / "d").mkdir()
    os.mkfifo(tree / "d/junit.xml")
    write(tree, "e/junit.xml", "fine")
    assert written_since(tree, time.time() - 10) == {"junit:e/junit.xml": "fine"}


def test_very_many_are_cut_off(tmp_path):
    for number in range(60):
        write(tmp_path, f"test-results/{number:03}.xml")
    assert len(written_since(tmp_path, time.time() - 10)) == report_files.MAX_FILES
