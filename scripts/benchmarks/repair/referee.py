"""Did a change make anything easier to pass? Asked of the files themselves, without the service's own guard.

Pure: texts in, words out. `weakened` looks at the sources, `plan_weakened` at the steps.
"""

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

Texts = Mapping[str, str]
SUPPRESSION = re.compile(
    r"#\s*(?:noqa|nosec|type:\s*ignore|pragma:\s*no cover|fmt:\s*(?:off|skip)|pylint:\s*disable)", re.I
)
SKIP = re.compile(r"\b(?:skip|skipif|skipIf|skipUnless|xfail|importorskip|expectedFailure)\b")
CHECK = re.compile(r"\b(?:assert\w+|raises|warns|fail)$")
SETTINGS = (
    *("*.toml", "*.cfg", "*.ini", ".*rc", "*.yml", "*.yaml", "conftest.py", "package.json", "site_settings.py"),
    *("tools/*", ".github/*", "Makefile", ".gitignore"),
)
SILENCED = re.compile(
    r"\|\|\s*(?:true|:)|;\s*true\b|--exit-zero|\bset \+e\b|--no-verify|--deselect|--ignore\b|-k\s+['\"]?not\b"
)


def weakened(before: Texts, after: Texts, may_change: Sequence[str] = ()) -> str:
    """Say what a change made easier to pass; empty if nothing."""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or any(fnmatch(PurePosixPath(path).name, pattern) for pattern in may_change):
            continue
        if words := _weaker(path, old, new):
            return f"{path}: {words}"
    return ""


def plan_weakened(before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> str:
    """Say what a plan does not check any more; each step is a name and what it runs."""
    runs = {step["name"]: step["run"] for step in after}
    for step in before:
        if step["name"] not in runs:
            return f"step {step['name']} is gone"
        if len(SILENCED.findall(runs[step["name"]])) > len(SILENCED.findall(step["run"])):
            return f"step {step['name']} was silenced: {runs[step['name']]}"
    return ""


def is_test(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.name.startswith("test_") or parts.stem.endswith("_test") or bool({"tests", "test"} & set(parts.parts))


def _weaker(path: str, old: str | None, new: str | None) -> str:
    if old is None:
        settings = (pattern for pattern in SETTINGS if fnmatch(path, pattern))
        return (
            "configuration was added" if any(settings) else _more(SUPPRESSION, "", new or "", "a suppression was added")
        )
    if any(fnmatch(path, pattern) or fnmatch(PurePosixPath(path).name, pattern) for pattern in SETTINGS):
        return "configuration was changed"
    if new is None:
        return "a test file is gone" if is_test(path) else ""
    if words := _more(SUPPRESSION, old, new, "a suppression was added"):
        return words
    return _weaker_tests(path, old, new) if is_test(path) else ""


def _weaker_tests(path: str, old: str, new: str) -> str:
    if words := _more(SKIP, old, new, "tests are skipped"):
        return words
    if not path.endswith(".py"):
        return "what tests expect was changed"
    try:
        lost = _checks(old) - _checks(new)
    except SyntaxError:
        return "a test file cannot be read any more"
    return f"a check is gone or says something else: {next(iter(lost))[:80]}" if lost else ""


def _checks(source: str) -> Counter[str]:
    """Count every assertion, and every test by its name; layout does not matter."""
    found: Counter[str] = Counter()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            found[f"def {node.name}"] += 1
        elif isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and CHECK.search(ast.unparse(node.func))):
            found[ast.unparse(node)] += 1
    return found


def _more(pattern: re.Pattern[str], old: str, new: str, words: str) -> str:
    return words if len(pattern.findall(new)) > len(pattern.findall(old)) else ""
