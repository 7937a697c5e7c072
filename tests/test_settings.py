"""Values of the environment are read strictly; a bad one is one clear line and exit code 2."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONG_KEY = "k" * 60
BAD = [
    ({"METABUILDER_ENV": "prod"}, "METABUILDER_ENV is 'prod'"),
    ({"FEATURE_META_V3_AUTOFIX": "ture"}, "write true or false"),
    ({"META_V3_MAX_TOTAL_ATTEMPTS": "21"}, "from 1 to 20"),
    ({"META_V3_MAX_TOTAL_ATTEMPTS": "many"}, "whole number"),
    ({"META_V3_BACKOFF_CAP_SECONDS": "0"}, "from 1 to 300"),
    ({"META_V3_UNSAFE_FIXES": "sometimes"}, "META_V3_UNSAFE_FIXES"),
    ({"METABUILDER_ENV": "production"}, "SECRET_KEY is missing"),
    ({"METABUILDER_ENV": "production", "SECRET_KEY": "short"}, "SECRET_KEY is missing or shorter"),
    ({"METABUILDER_SANDBOX": "docker"}, "bubblewrap"),
    ({"METABUILDER_RETENTION_DAYS": "0"}, "from 1 to 3650"),
    ({"METABUILDER_GATE_EXPIRY_HOURS": "8761"}, "from 1 to 8760"),
    ({"METABUILDER_WORKSPACE_CACHE_MIB": "10"}, "from 64"),
    ({"METABUILDER_S3_BUCKET": "b", "METABUILDER_S3_SECRET_KEY": "s"}, "together, or neither"),
]


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("environment", "words"), BAD)
def test_a_bad_value_is_refused_with_what_to_write(environment, words, tmp_path):
    done = manage("check", METABUILDER_DATA_DIR=str(tmp_path), **environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, True),
        ({"METABUILDER_ENV": "staging", "SECRET_KEY": LONG_KEY}, True),
        ({"METABUILDER_ENV": "production", "SECRET_KEY": LONG_KEY}, False),
        (
            {"METABUILDER_ENV": "production", "SECRET_KEY": LONG_KEY, "FEATURE_META_V3_AUTOFIX": "true"},
            True,
        ),
    ],
)
def test_the_unset_flag_gives_the_default_of_the_environment(environment, on, tmp_path):
    ask = "from autofix import policy; print(policy.platform_values()['autofix_enabled'])"
    done = manage("shell", "-v0", "-c", ask, METABUILDER_DATA_DIR=str(tmp_path), **environment)
    assert done.stdout.strip() == str(on), done.stderr


def test_the_example_names_every_setting():
    sources = [ROOT / "metabuilder" / name for name in ("settings.py", "environment.py")]
    code = "\n".join(path.read_text() for path in sources)
    read = set(re.findall(r'(?:env\.\w+\(|read_\w+\(env, )"([A-Z0-9_]+)"', code))
    listed = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert read - listed == set()
    assert len(read) > 20
