"""The addresses that belong to no app: start page, OpenAPI, probes."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from metabuilder import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def migrated(monkeypatch):
    """Tests make their tables without migrations."""
    monkeypatch.setattr(health, "unapplied_migrations", list)


def test_the_start_page_leads_to_the_admin(client):
    assert client.get("/")["Location"] == "/admin/"


def test_the_openapi_document_is_valid_and_complete(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema"))


def test_the_openapi_document_is_served(client):
    answer = client.get("/api/schema", headers={"accept": "application/json"})
    assert answer.json()["paths"]["/api/meta/v2/runs"]["post"]["operationId"] == "runs_create"


def test_the_documentation_runs_under_the_content_security_policy(client):
    page = client.get("/api/docs")
    assert page.status_code == 200
    scripts = page.content.decode().split("<script")[1:]
    assert scripts
    assert all(script.lstrip().startswith("src=") for script in scripts)
    assert "SwaggerUIBundle" in client.get("/api/docs?script=").content.decode()


def test_a_process_that_answers_is_alive(client, monkeypatch):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_service_that_can_work_is_ready(client):
    OrmQ.objects.create(key="metabuilder", payload="", lock=timezone.now() + timedelta(days=1))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "reasons": []})


def test_a_queue_that_nobody_empties_is_not_ready(client):
    OrmQ.objects.create(key="metabuilder", payload="", lock=timezone.now() - timedelta(minutes=6))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "is a worker running?" in answer.json()["reasons"][0]


def test_missing_migrations_are_not_ready(client, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *args: ["0002"])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["reasons"][0]


def test_without_a_database_it_is_not_ready(client, monkeypatch):
    def broken() -> list[str]:
        raise OperationalError("gone")

    monkeypatch.setattr(health, "unapplied_migrations", broken)
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_only_reads(client, path):
    assert client.post(path).status_code == 405
