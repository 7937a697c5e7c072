"""The units start what is installed and leave bubblewrap what it needs."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from gunicorn.config import Config

DEPLOY = Path(__file__).parents[2] / "ops" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
# bubblewrap cannot start under any of these; metabuilder-worker@.service says why.
BREAKS_BUBBLEWRAP = {
    "RestrictNamespaces",
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectHostname",
    "ProcSubset",
    "SystemCallFilter",
}


def directives(unit: Path) -> list[tuple[str, str]]:
    text = unit.read_text().replace("\\\n", " ")
    return re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE)


def test_there_is_a_unit_for_the_web_server_and_one_for_workers():
    assert [unit.name for unit in UNITS] == [
        "metabuilder-web.service",
        "metabuilder-worker@.service",
    ]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_hardened_without_breaking_the_sandbox(unit):
    found = dict(directives(unit))
    assert (found["User"], found["NoNewPrivileges"], found["ProtectSystem"]) == (
        "metabuilder",
        "yes",
        "strict",
    )
    assert not BREAKS_BUBBLEWRAP & set(found)
    assert "AF_NETLINK" in found["RestrictAddressFamilies"].split()


def test_the_installed_gunicorn_knows_every_option():
    [unit] = [unit for unit in UNITS if "web" in unit.name]
    _, *arguments = shlex.split(dict(directives(unit))["ExecStart"])
    parsed = Config().parser().parse_args(arguments)
    assert parsed.args == ["metabuilder.wsgi:application"]
    assert parsed.worker_class == "gthread"


def test_a_worker_is_asked_to_stop_alone_and_given_time():
    [unit] = [unit for unit in UNITS if "worker" in unit.name]
    found = dict(directives(unit))
    assert found["ExecStart"].endswith("manage.py qcluster")
    assert (found["KillSignal"], found["KillMode"]) == ("SIGTERM", "mixed")
    assert int(found["TimeoutStopSec"]) >= 60
    assert found["OOMPolicy"] == "continue"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("UNITS NOT CHECKED: systemd-analyze is missing")
    installed_here = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", unit.read_text(), flags=re.M)
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(installed_here)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert (done.returncode, unit.stem in done.stderr) == (0, False), done.stderr
