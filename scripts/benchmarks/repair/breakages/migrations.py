"""A Django project whose migrations are not what its models, or each other, say."""

from collections.abc import Callable
from pathlib import Path

from scripts.benchmarks.repair import wheels
from scripts.benchmarks.repair.workshop import Built, Site, step

MANAGE = """import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
execute_from_command_line(sys.argv)
"""
SETTINGS = """from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
MODELS = """from django.db import models


class {model}(models.Model):
    name = models.CharField(max_length=80)
"""
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    {initial}dependencies = [{after}]

    operations = [
        {operation},
    ]
"""
CREATE = """migrations.CreateModel(
            name="{model}",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
            ],
        )"""
ADD = 'migrations.AddField("{model}", "{field}", models.{kind})'
FIELDS = {
    "price": "IntegerField(default=0)",
    "note": 'CharField(blank=True, default="", max_length=200)',
    "is_sold": "BooleanField(default=False)",
    "sold_at": "DateTimeField(blank=True, null=True)",
}
HIDDEN = """import django

django.setup()
from shop.models import {model}

item = {model}.objects.create(name="x")
for field in {fields}:
    getattr({model}.objects.get(), field)
"""
INSTALL = step(
    "install",
    "python -m venv .venv && .venv/bin/python -m pip install --quiet --no-compile --no-index --find-links=wheelhouse"
    " -r requirements.txt",
    "install",
)
CHECK = step("migrations", "python manage.py makemigrations --check --dry-run", "migrate")
MIGRATE = step("migrate", "python manage.py migrate --noinput", "migrate")


def missing(site: Site) -> Built:
    """Add a field to a model and no migration for it."""
    model, (field, *_) = _project(site)
    fields = {field: FIELDS[field]}
    site.write({"shop/models.py": _models(model, fields)})
    return Built(f"{model}.{field} has no migration", [INSTALL, CHECK, MIGRATE], _judge(site, model, fields))


def conflicting(site: Site) -> Built:
    """Let two people add a second migration each."""
    model, names = _project(site)
    fields = {name: FIELDS[name] for name in names[:2]}
    site.write({"shop/models.py": _models(model, fields)})
    for name, kind in fields.items():
        operation = ADD.format(model=model.lower(), field=name, kind=kind)
        text = MIGRATION.format(initial="", after='("shop", "0001_initial")', operation=operation)
        site.write({f"shop/migrations/0002_{model.lower()}_{name}.py": text})
    return Built(f"two leaves add to {model}", [INSTALL, MIGRATE, CHECK], _judge(site, model, fields))


def _project(site: Site) -> tuple[str, list[str]]:
    model = site.rng.choice(["Book", "Ticket", "Lamp", "Parcel"])
    first = MIGRATION.format(initial="initial = True\n\n    ", after="", operation=CREATE.format(model=model))
    site.write(
        {
            "manage.py": MANAGE,
            "site_settings.py": SETTINGS,
            "requirements.txt": "django\n",
            "shop/__init__.py": "",
            "shop/models.py": _models(model, {}),
            "shop/migrations/__init__.py": "",
            "shop/migrations/0001_initial.py": first,
            **wheels.real(site.shop.shelf.cache, "django", "asgiref", "sqlparse"),
        }
    )
    return model, site.rng.sample(sorted(FIELDS), 3)


def _models(model: str, fields: dict[str, str]) -> str:
    more = "".join(f"    {name} = models.{kind}\n" for name, kind in fields.items())
    return MODELS.format(model=model) + more


def _judge(site: Site, model: str, fields: dict[str, str]) -> Callable[[Path], str]:
    """Return a judge: models and migrations agree, and rows with the new fields can be written and read."""
    script = HIDDEN.format(model=model, fields=list(fields))
    use = step("use", f"DJANGO_SETTINGS_MODULE=site_settings python -c '{_quoted(script)}'", "test")
    return lambda tree: site.passes(tree, [INSTALL, CHECK, MIGRATE, use])


def _quoted(script: str) -> str:
    return script.replace("'", '"')
