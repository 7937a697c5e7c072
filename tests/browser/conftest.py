"""A real browser against a real server. Without Chromium the tests are skipped, but never in CI."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, sync_playwright

from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus, StepStatus
from tenants.models import Tenant
from tenants.roles import Role
from tests.factories import AttemptFactory, GateFactory, LogChunkFactory, MembershipFactory, RunFactory, StepFactory

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
PASSWORD = "not a secret"
# Playwright's own loop runs in this thread; Django must not take the tests for async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="module")  # no longer: two modules cannot have Playwright going in one process
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        message = f"NO BROWSER TEST WAS RUN: {CHROMIUM} is missing. apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def acme(transactional_db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.fixture
def ada(acme: Tenant) -> User:
    """An admin of the tenant, with a password."""
    user = User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    MembershipFactory(tenant=acme, user=user, role=Role.ADMIN)
    return user


@pytest.fixture
def paused(acme: Tenant) -> Run:
    """A run that has healed one step and asks about another."""
    run = RunFactory(tenant=acme, title="ledger", status=RunStatus.PAUSED_AWAITING_APPROVAL)
    lint = StepFactory(run=run, name="lint", status=StepStatus.PASSED)
    StepFactory(run=run, name="security", status=StepStatus.FAILED)
    chunk = LogChunkFactory(execution__step=lint, text="\x1b[31mF401\x1b[0m unused import\n")
    AttemptFactory(execution=chunk.execution, verified=True, patch=GateFactory.patch)
    GateFactory(run=run, step="security")
    return run


@pytest.fixture
def open_page(chromium: Browser, live_server: object, ada: User) -> Iterator[object]:
    """Sign in as Ada and return her page; fail on any error in the browser's console."""
    contexts, faults = [], []

    def start(width: int = 1280, **options: object) -> Page:
        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto("/admin/login/")
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        return page

    yield start
    for context in contexts:
        context.close()
    assert faults == []
