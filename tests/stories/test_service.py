"""The whole service as an operator runs it: seed, `scripts/serve.sh`, a cluster, and a person in a browser."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
HEAL_MS = 90_000


class Service:
    """A seeded installation with its own database, port and demo repository."""

    def __init__(self, directory: Path, database: str) -> None:
        self.directory = directory
        self.bind = f"127.0.0.1:{free_port()}"
        self.env = {
            **os.environ,
            "METABUILDER_DATA_DIR": str(settings.DATA_DIR),
            "METABUILDER_SANDBOX": settings.METABUILDER_SANDBOX,
            "METABUILDER_SOURCE_ROOTS": str(directory),
            "DATABASE_URL": database,
            "BIND": self.bind,
            "BASE_URL": f"http://{self.bind}",
        }
        self.repository = directory / "ledger"
        self.values: dict[str, str] = {}

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def seed(self) -> None:
        self.run("scripts/demo/make_repository.sh", str(self.repository))
        self.run(sys.executable, "manage.py", "migrate", "--verbosity", "0")
        self.run(sys.executable, "manage.py", "createcachetable", "--verbosity", "0")
        out = self.run(sys.executable, "manage.py", "seed_staging", str(self.repository))
        self.values = dict(line.split("=", 1) for line in out.splitlines() if line[:1].isupper() and "=" in line)

    def api(self, method: str, path: str, body: object = None) -> dict:
        request = urllib.request.Request(
            f"http://{self.bind}/api/meta/v2{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.values['API_TOKEN']}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def wait_for(self, run_id: str, status: str) -> dict:
        deadline = time.monotonic() + HEAL_MS / 1000
        run = self.api("GET", f"/runs/{run_id}")
        while run["status"] != status and time.monotonic() < deadline:
            time.sleep(0.3)
            run = self.api("GET", f"/runs/{run_id}")
        assert run["status"] == status, run
        return run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Iterator[str]:
    """A database of the kind the tests run on, for processes other than this one."""
    if "postgresql" not in settings.DATABASES["default"]["ENGINE"]:
        yield f"sqlite:///{tmp_path_factory.mktemp('service') / 'db.sqlite3'}"
        return
    name = f"metabuilder_service_{os.getpid()}"
    with psycopg.connect("host=127.0.0.1 user=postgres dbname=postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield f"postgres://postgres@127.0.0.1:5432/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def service(tmp_path_factory, database: str) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("demo"), database)
    made.seed()
    log = made.directory / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["scripts/serve.sh"], cwd=ROOT, env=made.env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until_ready(made, process, log)
        yield made
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def wait_until_ready(service: Service, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://{service.bind}/readyz", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the service did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def screen(service: Service) -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing and CI needs it: apt-get install chromium")
        pytest.skip("NO BROWSER: install Debian's chromium to run this test")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(f"http://{service.bind}/admin/")
        page.get_by_label("Username").fill(service.values["ADMIN_USER"])
        page.get_by_label("Password").fill(service.values["ADMIN_PASSWORD"])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("link", name="Runs").first).to_be_visible()
        yield page
        browser.close()


def test_an_approver_lets_the_seeded_run_go_on(service: Service, screen: Page):
    run_id = service.values["RUN_ID"]
    screen.goto(f"http://{service.bind}/admin/runs/run/{run_id}/change/?tab=approvals")
    screen.get_by_role("button", name="Approve").click()
    screen.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(screen.locator("[data-status=succeeded], .mb-run")).to_be_visible()
    expect(screen.get_by_text("succeeded").first).to_be_visible(timeout=HEAL_MS)
    assert service.wait_for(run_id, "succeeded")["failure"] is None


def test_the_cluster_heals_a_new_run_and_a_rejection_fails_it(service: Service, screen: Page):
    source = {"path": str(service.repository)}
    run = service.api("POST", "/runs", {"tenant": "staging", "source": source, "title": "over the API"})
    service.wait_for(run["id"], "paused_awaiting_approval")
    attempts = service.api("GET", f"/runs/{run['id']}/autofix")["attempts"]
    assert [row["outcome"] for row in attempts] == [
        "patch_applied",
        "patch_applied",
        "retried",
        "retried",
        "patch_applied",
        "escalated",
    ]
    screen.goto(f"http://{service.bind}/admin/runs/run/{run['id']}/change/?tab=approvals")
    screen.get_by_role("button", name="Reject").click()
    screen.get_by_role("dialog").get_by_role("textbox").fill("use blake2 here")
    screen.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(screen.get_by_text("failed").first).to_be_visible(timeout=HEAL_MS)
    assert service.wait_for(run["id"], "failed")["failure"]["comment"] == "use blake2 here"


def test_switching_auto_fix_off_in_the_settings_leaves_a_new_run_unhealed(service: Service, screen: Page):
    screen.goto(f"http://{service.bind}/admin/settings/builder/autofix-v3/")
    screen.get_by_role("radio", name="Off", exact=True).check()
    screen.get_by_role("button", name="Save").click()
    settings_now = service.api("GET", "/tenants/staging/settings")
    assert (settings_now["autofix_enabled"], settings_now["sources"]["autofix_enabled"]) == (False, "tenant")
    source = {"path": str(service.repository)}
    run = service.api("POST", "/runs", {"tenant": "staging", "source": source})
    service.wait_for(run["id"], "failed")
    assert service.api("GET", f"/runs/{run['id']}/autofix")["attempts"] == []
    screen.get_by_role("radio", name="On", exact=True).check()
    screen.get_by_role("button", name="Save").click()
    assert service.api("GET", "/tenants/staging/settings")["autofix_enabled"] is True


def test_cancelling_stops_the_command_within_seconds(service: Service):
    command = f"sleep 300.{time.time_ns()}"  # like no other on this machine
    plan = {"steps": [{"name": "long", "run": command}]}
    body = {"tenant": "staging", "source": {"path": str(service.repository)}, "plan": plan}
    run = service.api("POST", "/runs", body)
    deadline = time.monotonic() + 30
    while service.api("GET", f"/runs/{run['id']}")["steps"][0]["status"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert service.api("POST", f"/runs/{run['id']}/cancel")["status"] == "cancelled"
    deadline = time.monotonic() + 10
    while subprocess.run(["pgrep", "-f", command], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline, "the command still runs"
        time.sleep(0.2)


def test_metrics_tell_what_happened(service: Service):
    with urllib.request.urlopen(f"http://{service.bind}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    assert 'autofix_attempts_total{outcome="retried"' in text
    assert "approval_requests_total" in text
    assert "staging" not in text
