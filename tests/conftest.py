"""A tenant, people with each role in it, and clients that sign in with a real token."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from autofix.collector import COLLECTOR
from tenants.models import ApiToken, Tenant
from tenants.roles import Role
from tests.factories import MembershipFactory, TenantFactory, UserFactory

BASE = "/api/meta/v2"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> None:
    """Put SQLite's test database into a file: threads cannot share one in memory as they do a file."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("db") / "test.sqlite3")
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


@pytest.fixture(scope="session", autouse=True)
def work_dir() -> Iterator[None]:
    """Keep what the tests build and upload apart, below the data directory, which a step's uid can reach."""
    directory = settings.DATA_DIR / f"tests-{os.getpid()}"
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # whitenoise wants it to be there
    settings.WORK_DIR, settings.MEDIA_ROOT = directory / "work", directory / "media"
    yield
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def other_tenant(db: None) -> Tenant:
    return Tenant.objects.create(slug="other", name="Other")


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory(slug="acme")


@pytest.fixture
def member(tenant: Tenant) -> Callable[[str], User]:
    """Make a person with this role in the tenant; `other` is an admin elsewhere, `platform` of all."""

    def make(role: str) -> User:
        if role == "platform":
            return UserFactory(username="root", is_superuser=True, is_staff=True)
        where = TenantFactory(slug="elsewhere") if role == "other" else tenant
        held = Role.ADMIN if role == "other" else Role(role)
        return MembershipFactory(tenant=where, role=held, user__username=f"{role}-person").user

    return make


@pytest.fixture
def api(member: Callable[[str], User]) -> Callable[..., APIClient]:
    """Return a client of somebody with this role, signed in with a token."""

    def make(role: str = "viewer", **token: object) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if role != "anonymous":
            user = User.objects.filter(username=f"{role}-person").first() or member(role)
            _, secret = ApiToken.objects.create(user=user, **token)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make


@pytest.fixture(autouse=True)
def fresh_metrics() -> None:
    COLLECTOR.forget()
