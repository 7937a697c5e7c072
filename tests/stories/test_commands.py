"""The commands as people type them: exit codes, one-line errors, JSON, diffs. Each a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parent.parent.parent
BROKEN = "import os\n\nx = 1\n"
UNHEALABLE = "def f(:\n"
PLAN = '[[steps]]\nname = "lint"\nrun = "ruff check --select F,I,E9 ."\n'


class Installation:
    """A database of its own, with one tenant, and the commands run against it."""

    def __init__(self, directory: Path) -> None:
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "METABUILDER_DATA_DIR": str(settings.DATA_DIR),
            "METABUILDER_SANDBOX": settings.METABUILDER_SANDBOX,
            "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
        }

    def manage(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.env, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("installation"))
    assert made.manage("migrate", "--verbosity", "0").returncode == 0
    tenant = "from tenants.models import Tenant; Tenant.objects.create(slug='acme', name='Acme')"
    assert made.manage("shell", "-v0", "-c", tenant).returncode == 0
    return made


@pytest.fixture
def source(tmp_path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(BROKEN)
    (tmp_path / "src" / "metabuilder.toml").write_text(PLAN)
    return tmp_path / "src"


def test_build_heals_writes_the_diff_and_exits_0(installation, source, tmp_path):
    change = tmp_path / "change.diff"
    done = installation.manage("build", str(source), "--wait", "--diff", str(change), "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["status"], run["steps"][0]["status"]) == ("succeeded", "passed")
    assert "-import os" in change.read_text()
    assert "Auto-Fix Timeline" in done.stderr


def test_a_build_that_cannot_be_healed_exits_1(installation, source):
    (source / "app.py").write_text(UNHEALABLE)
    assert installation.manage("build", str(source), "--wait").returncode == 1


def test_a_build_that_waits_for_a_person_exits_3_and_goes_on_when_decided(installation, source, tmp_path):
    (source / "metabuilder.toml").write_text('[[steps]]\nname = "security"\nrun = "bandit -q -r ."\n')
    (source / "app.py").write_text("import hashlib\n\nx = hashlib.md5(b'1').hexdigest()\n")
    change = tmp_path / "proposed.diff"
    done = installation.manage("build", str(source), "--wait", "--json", "--diff", str(change))
    assert done.returncode == 3, done.stderr
    assert "+x = hashlib.sha256" in change.read_text()
    ask = f"from approvals.models import Gate; print(Gate.objects.get(run='{json.loads(done.stdout)['id']}').pk)"
    gate = installation.manage("shell", "-v0", "-c", ask).stdout.strip()
    decided = installation.manage("decide", gate, "approve", "--comment", "fine")
    assert decided.returncode == 0, decided.stderr
    assert "RUN_STATUS=succeeded" in decided.stdout
    again = installation.manage("decide", gate, "reject")
    assert again.returncode == 2
    assert "already approved by" in again.stderr


def test_classify_reads_standard_input_and_answers_in_json(installation):
    done = installation.manage("classify", "--json", "-", stdin="ModuleNotFoundError: No module named 'requests'\n")
    answer = json.loads(done.stdout)
    assert (answer["type"], answer["suggested_strategy"]) == ("runtime", "replan")
    assert "requests" in answer["message"]


def test_the_kill_switch_is_thrown_and_shown(installation):
    assert "off" in installation.manage("killswitch", "off").stdout
    assert installation.manage("killswitch", "status").stdout.startswith("off")
    assert installation.manage("killswitch", "on").stdout.startswith("on")


BAD = [
    (["build", "/nowhere"], "no such directory"),
    (["build", "ext::sh -c id"], "no such directory"),
    (["build", "ext::https://example.org/x"], "https://"),
    (["build", "https://user:secret@example.org/x.git"], "credentials"),
    (["build", ".", "--tenant", "nobody"], "acme"),
    (["build", ".", "--setting", "max_total_attempts=21"], "20"),
    (["build", ".", "--setting", "colour=red"], "max_total_attempts"),
    (["build", ".", "--setting", "max_per_step_attempts=8"], "per-step"),
    (["build", ".", "--ref=-x"], "dash"),
    (["build", ".", "--plan", "/nowhere.toml"], "/nowhere.toml"),
    (["build", ".", "--diff", "x"], "--wait"),
    (["build", "manage.py"], ".tar.gz"),
    (["classify", "/nowhere"], "No such file"),
    (["decide", "123", "approve"], "no such gate"),
    (["decide", "00000000-0000-0000-0000-000000000000", "approve"], "no such gate"),
    (["decide", "123", "maybe"], "invalid choice"),
    (["killswitch", "sideways"], "invalid choice"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_is_one_clear_error_and_exit_2(installation, arguments, words):
    done = installation.manage(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
