"""The short form of the chaos harness: a real cluster, its own database, and a few faults of each sort."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.postgres import PostgresUnavailable, PrivatePostgres

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 200


@pytest.mark.timeout(240)
def test_nothing_is_lost_on_postgresql():
    need_postgresql()
    chaos("--database", "postgresql", "--runs", "25", "--faults", "12", "--seed", "2003")


@pytest.mark.timeout(240)
def test_nothing_is_lost_on_sqlite():
    chaos("--database", "sqlite", "--runs", "10", "--faults", "5", "--seed", "2003")


def test_production_has_no_chaos():
    done = run("chaos", METABUILDER_ENV="staging", SECRET_KEY="x" * 60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "development" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_count_out_of_range_is_refused_in_one_line():
    done = run("chaos", "--runs", "0")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["CommandError: --runs is 0; it must be from 1 to 100000."]


def chaos(*arguments: str) -> None:
    """Run the harness to its end; should it hang, end it so that it takes everything down."""
    command = [sys.executable, "manage.py", "chaos", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        except BaseException:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=30)
            pytest.fail(f"the harness was ended after {PATIENCE_SECONDS} s:\n{said[-8000:]}")
    assert process.returncode == 0, said[-8000:]
    assert "\nPASS\n" in said


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def need_postgresql() -> None:
    try:
        with PrivatePostgres():
            return
    except PostgresUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs PostgreSQL for the chaos harness: {error}")
        pytest.skip(f"NO CHAOS ON POSTGRESQL: {error}")
