"""Rules of this code base that no off-the-shelf linter knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APPS = ("metabuilder", "autofix", "approvals", "tenants")
SOURCES = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]
BARE_SUPPRESSION = re.compile(r"#\s*(?:noqa|nosec)\s*$|#\s*type:\s*ignore\s*$")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path, *kinds: type[ast.AST]) -> list:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_fits_on_a_screen_and_a_file_in_the_head(path):
    assert len(path.read_text().splitlines()) <= 400
    for function in nodes(path, ast.FunctionDef):
        assert function.end_lineno - function.lineno < 45, function.name


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_transitions_changes_the_status_of_a_run(path):
    if path.name == "transitions.py":
        return
    targets = [ast.unparse(target) for assign in nodes(path, ast.Assign) for target in assign.targets]
    assert "run.status" not in targets
    for call in nodes(path, ast.Call):
        callee = ast.unparse(call.func)
        if callee.startswith("Run.objects") and callee.endswith(".update"):
            assert "status" not in [keyword.arg for keyword in call.keywords]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_listens_to_django_signals(path):
    text = path.read_text()
    assert "django.db.models.signals" not in text
    assert "django.dispatch" not in text


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_html_is_never_declared_safe_by_hand(path):
    assert "mark_safe" not in path.read_text()


def test_no_template_declares_a_value_safe():
    for template in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape\s+off", template.read_text()), template


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_suppression_names_what_it_suppresses(path):
    assert not [line for line in path.read_text().splitlines() if BARE_SUPPRESSION.search(line)]


def test_only_settings_reads_the_environment_of_the_service():
    readers = {name_of(path) for path in SOURCES if re.search(r"os\.environ|os\.getenv", path.read_text())}
    assert readers <= {"metabuilder/wsgi.py", "metabuilder/asgi.py"}
