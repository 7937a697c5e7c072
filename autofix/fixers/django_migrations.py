"""Django's own makemigrations, as the project runs it: what only adds is made, what may lose data is asked about."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from autofix.failures import Failure
from autofix.fixers.base import Tree, all_files, readable

ADDING = frozenset(
    {"CreateModel", "AddField", "AddIndex", "AlterModelOptions", "AlterModelManagers", "AlterModelTableComment"}
)
# Arguments of a field that no row depends on.
HARMLESS = frozenset({"verbose_name", "help_text", "choices", "default", "blank", "error_messages", "editable"})
FILE = re.compile(
    r"^Full migrations file '[^']+':\n(?P<text>.*?)(?=^Full migrations file |^Migrations for |\Z)", re.M | re.S
)
SECONDS = 180
Operation = tuple[str, ast.Call]


def add(tree: Tree, failure: Failure) -> bool:
    """Make the missing migrations if all they do is add."""
    return _make(tree, failure, may_lose=False)


def alter(tree: Tree, failure: Failure) -> bool:
    """Make the missing migrations, whatever they do to the data."""
    return _make(tree, failure, may_lose=True)


def merge(tree: Tree, _failure: Failure) -> bool:
    """Join migrations that were made side by side."""
    return any(_manage(tree, directory, "--merge") is not None for directory in _projects(tree))


def _make(tree: Tree, _failure: Failure, *, may_lose: bool) -> bool:
    changed = False
    for directory in _projects(tree):
        planned = _manage(tree, directory, "--dry-run", "--verbosity", "3")
        operations = list(_operations(planned or ""))
        if operations and (may_lose or all(_only_adds(tree, each) for each in operations)):
            changed = _manage(tree, directory) is not None or changed
    return changed


def _projects(tree: Tree) -> list[str]:
    return [str(PurePosixPath(path).parent) for path in all_files(tree, ("manage.py",))]


def _manage(tree: Tree, directory: str, *options: str) -> str | None:
    """Return what makemigrations says; None if it failed or needs an answer."""
    command = ["python", "manage.py", "makemigrations", "--no-input", "--no-color", *options]
    done = tree.run(["sh", "-c", 'cd "$0" && exec "$@"', directory, *command], SECONDS)
    return done.output if done.exit_code == 0 else None


def _operations(planned: str) -> Iterator[Operation]:
    for match in FILE.finditer(planned):
        text = match["text"]
        end = text.rfind("]")
        for node in ast.walk(ast.parse(text[: end + 1] + "\n")):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("migrations."):
                yield ast.unparse(node.func).removeprefix("migrations."), node


def _only_adds(tree: Tree, operation: Operation) -> bool:
    name, call = operation
    if name != "AlterField":
        return name in ADDING | {"swappable_dependency"}
    said = _arguments(call)
    old = _last_definition(tree, _text(said.get("model_name")), _text(said.get("name")))
    new = said.get("field")
    return isinstance(new, ast.Call) and old is not None and _is_wider(old, new)


def _is_wider(old: ast.Call, new: ast.Call) -> bool:
    """True if every value that the field could hold, it can still hold."""
    before, after = _arguments(old), _arguments(new)
    if ast.unparse(old.func) != ast.unparse(new.func) or ast.unparse(old).count("*") or old.args != new.args:
        return False
    different = {name for name in before.keys() | after.keys() if _text(before.get(name)) != _text(after.get(name))}
    return all(_allows_more(name, _text(before.get(name)), _text(after.get(name))) for name in different - HARMLESS)


def _allows_more(name: str, before: str, after: str) -> bool:
    if name == "null":
        return after == "True"
    is_length = name == "max_length" and before.isdigit()
    return is_length and (not after or (after.isdigit() and int(after) >= int(before)))


def _last_definition(tree: Tree, model: str, field: str) -> ast.Call | None:
    """Return the field as the migrations so far have it; None if that is not clear."""
    found: dict[str, ast.Call] = {}
    paths = [path for path in all_files(tree, (".py",)) if PurePosixPath(path).parent.name == "migrations"]
    for path, text in sorted(readable(tree, paths).items()):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                defined = _defined(node, model.lower(), field)
                found |= {str(PurePosixPath(path).parent): defined} if defined else {}
    return found.popitem()[1] if len(found) == 1 else None


def _defined(node: ast.Call, model: str, field: str) -> ast.Call | None:
    kind, said = ast.unparse(node.func).removeprefix("migrations."), _arguments(node)
    if (
        kind in ("AddField", "AlterField")
        and _text(said.get("model_name")) == model
        and _text(said.get("name")) == field
    ):
        own = said.get("field")
        return own if isinstance(own, ast.Call) else None
    if kind != "CreateModel" or _text(said.get("name")).lower() != model:
        return None
    fields = said.get("fields")
    pairs = [each for each in fields.elts if isinstance(each, ast.Tuple)] if isinstance(fields, ast.List) else []
    return next(
        (each.elts[1] for each in pairs if _text(each.elts[0]) == field and isinstance(each.elts[1], ast.Call)), None
    )


def _arguments(call: ast.Call) -> Mapping[str, ast.expr]:
    return {each.arg: each.value for each in call.keywords if each.arg}


def _text(value: ast.expr | None) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    return ast.unparse(value) if value is not None else ""
