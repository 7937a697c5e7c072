"""Fill an empty installation with a tenant, its people, and a run that heals itself up to a gate.

Called by scripts/seed_staging_v3.sh, which makes the demo repository first. Idempotent.
"""

import json
import os
import secrets
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from knox.crypto import hash_token

from approvals.models import GateStatus
from autofix.control import start_run
from autofix.driver import drive
from autofix.management import reporting
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, SourceKind
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from tenants.models import ApiToken, Membership, Tenant
from tenants.roles import Role

ADMIN = "admin"
PEOPLE = {"olga": Role.OPERATOR, "amir": Role.APPROVER, "vera": Role.VIEWER}
TITLE = "ledger: known issues"
TOKEN_LIFE = timedelta(days=30)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("repository", help="the demo project's git repository")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_PRODUCTION:
            raise CommandError("demo users and data are not for production.", returncode=2)
        repository = Path(options["repository"])
        tenant, _ = Tenant.objects.get_or_create(slug="staging", defaults={"name": "Staging"})
        Tenant.objects.filter(pk=tenant.pk).update(autofix_enabled=True)
        tenant.refresh_from_db()
        secret = Secrets(settings.DATA_DIR / "seed.json")
        admin = make_people(tenant, secret.password)
        token = make_token(tenant, admin, secret)
        run = self.run_demo(tenant, repository, admin)
        gate = run.gates.filter(status=GateStatus.PENDING).first()
        values = {
            "BASE_URL": settings.BASE_URL,
            "TENANT_ID": tenant.pk,
            "RUN_ID": run.pk,
            "RUN_STATUS": run.status,
            "GATE_ID": gate.pk if gate else "",
            "API_TOKEN": token,
            "ADMIN_USER": ADMIN,
            "ADMIN_PASSWORD": secret.password,
        }
        for name, value in values.items():
            self.stdout.write(f"{name}={value}")

    def run_demo(self, tenant: Tenant, repository: Path, user: User) -> Run:
        """Drive the demo run to its gate, or show the one that is waiting there."""
        run = Run.objects.filter(tenant=tenant, title=TITLE, status=RunStatus.PAUSED_AWAITING_APPROVAL).first()
        if run is None:
            self.stdout.write(f"Building {repository.name}, which has known issues:")
            order = Order(
                tenant=tenant,
                source_kind=SourceKind.PATH,
                location=str(repository.resolve()),
                title=TITLE,
                user=user,
                actor=ADMIN,
                any_directory=True,
                unsandboxed=settings.METABUILDER_SANDBOX == "none",
            )
            with driven_in_process(reporting.progress(self.stdout.write)):
                run = drive(start_run(order))
        self.stdout.write("")
        for line in reporting.timeline(run):
            self.stdout.write(line)
        self.stdout.write("")
        return run


class Secrets:
    """The demo's password and token, made once and kept in a private file of the data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        values = json.loads(path.read_text()) if path.exists() else {}
        self.password: str = values.get("password") or secrets.token_urlsafe(12)
        self.token: str = values.get("token", "")
        self.keep()

    def keep(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump({"password": self.password, "token": self.token}, file)


def make_people(tenant: Tenant, password: str) -> User:
    admin, _ = User.objects.get_or_create(username=ADMIN)
    admin.is_staff = admin.is_superuser = True
    admin.set_password(password)
    admin.save()
    Membership.objects.get_or_create(tenant=tenant, user=admin, defaults={"role": Role.ADMIN})
    for name, role in PEOPLE.items():
        user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        user.set_password(password)
        user.save()
        Membership.objects.get_or_create(tenant=tenant, user=user, defaults={"role": role})
    return admin


def make_token(tenant: Tenant, user: User, secret: Secrets) -> str:
    """Return the demo's token, a new one if the old is gone or about to expire."""
    kept = ApiToken.objects.filter(
        digest=hash_token(secret.token) if secret.token else "",
        expiry__gt=timezone.now() + timedelta(days=1),
    )
    if not kept.exists():
        _, secret.token = ApiToken.objects.create(
            user=user, expiry=TOKEN_LIFE, prefix="mb_", name="seed", tenant=tenant
        )
        secret.keep()
    return secret.token
