from collections.abc import Callable

import pytest

from tests.autofix.fixers.healing import heal
from tests.autofix.fixers.local_tree import LocalTree

Project = Callable[..., LocalTree]
MANAGE = """
import sys

from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    INSTALLED_APPS=["shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
execute_from_command_line(sys.argv)
"""
MODEL = "from django.db import models\n\n\nclass Order(models.Model):\n    name = models.CharField(max_length=10)\n"
CHECK = "python manage.py makemigrations --check"


@pytest.fixture
def shop(project: Project) -> LocalTree:
    """A Django project whose migrations fit its one model."""
    files = {"manage.py": MANAGE, "shop/__init__.py": "", "shop/migrations/__init__.py": "", "shop/models.py": MODEL}
    tree = project(files, CHECK)
    assert tree.run(["python", "manage.py", "makemigrations", "--no-input"]).exit_code == 0
    return tree


def names(tree: LocalTree, **options: bool) -> list[str]:
    """Return the fixers that healed the tree; empty if it is not healed."""
    used, left = heal(tree, "migrate", **options)
    return [fixer.name for fixer in used] if left is None else []


@pytest.mark.parametrize(
    "model",
    [
        f"{MODEL}    note = models.TextField(default='')\n",
        f"{MODEL}\n\nclass Item(models.Model):\n    order = models.ForeignKey(Order, models.CASCADE)\n",
        MODEL.replace("=10", "=200"),
        MODEL.replace("=10", "=10, null=True, help_text='a'"),
    ],
)
def test_what_only_adds_is_made(model: str, shop: LocalTree) -> None:
    shop.write("shop/models.py", model)
    assert names(shop) == ["migrations"]


@pytest.mark.parametrize(
    "model",
    [
        MODEL.replace("    name = models.CharField(max_length=10)\n", "    pass\n"),
        MODEL.replace("=10", "=5"),
        MODEL.replace("CharField(max_length=10)", "IntegerField()"),
        MODEL.replace("=10", "=10, unique=True"),
        "",
    ],
)
def test_what_may_lose_data_needs_a_person(model: str, shop: LocalTree) -> None:
    shop.write("shop/models.py", model)
    assert names(shop) == []
    assert len([path for path in shop.files() if path.startswith("shop/migrations/0")]) == 1
    assert names(shop, agreed=True) == ["altering-migrations"]


def test_what_needs_an_answer_is_not_made_up(shop: LocalTree) -> None:
    shop.write("shop/models.py", f"{MODEL}    number = models.IntegerField()\n")
    assert names(shop, agreed=True) == []


def test_migrations_made_side_by_side_are_joined(shop: LocalTree) -> None:
    for field in ("a", "b"):
        text = f"""
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.AddField("order", "{field}", models.TextField(default=""))]
"""
        shop.write(f"shop/migrations/0002_{field}.py", text)
    both = "    a = models.TextField(default='')\n    b = models.TextField(default='')\n"
    shop.write("shop/models.py", MODEL + both)
    assert names(shop) == ["merge-migration"]
