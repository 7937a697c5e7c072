"""What ruff repairs by itself: fix, format, and then what it calls unsafe, each for the rules that were broken.

Findings of other linters are repaired by the rule of ruff that means the same (`linter_codes`).
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence

from autofix.failures import Failure
from autofix.fixers.base import (
    LINT,
    PYTHON,
    Apply,
    Fixer,
    Tree,
    all_files,
    careful,
    codes,
    lines_with,
    named_files,
    readable,
    words,
)
from autofix.fixers.linter_codes import ruff_rules

USAGE_ERROR = 2
SUFFIXES = (".py", ".pyi", ".ipynb")
RULE_CODE = re.compile(r"[A-Z]{1,4}\d{2,4}|UP|I")
IMPORT_ORDER = frozenset({"I001", "I002", "E401"})
UNUSED = frozenset({"F401", "F811", "F841"})
# Comparing with None means something else for columns and arrays: not ours to change there.
OVERLOADED = re.compile(
    r"^\s*(?:from|import)\s+(?:sqlalchemy|sqlmodel|peewee|pony|pandas|numpy|polars|pyspark|dask)\b",
    re.MULTILINE,
)
COMPARISONS = frozenset({"E711", "E712"})
LAYOUT = re.compile(r"E[123]\d\d|E501|E70\d|W[123]\d\d|W50[345]|W605|Q\d+|COM8\d\d|BLK\d+")
SPACING = re.compile(r"E[123]\d\d|W391")
# Its cure takes away what somebody may want to see (output, notes, code put by), or asks nothing about order.
NEVER_UNSAFE = re.compile(r"E402|T20\d|ERA\d+|S\d{3}|B018|PGH\d+|RUF100|FIX\d+|TD\d+|DOC\d+|ANN\d+|D\d{3}")
LIMIT = re.compile(r"\b\d{1,6} ?(?:>|/) ?(?P<limit>\d{2,3})\b")
CONFIGURATIONS = ("ruff.toml", ".ruff.toml")
CHECK = ("ruff", "check", "--fix", "--exit-zero", "--no-cache", "--force-exclude", "--quiet")
FORMAT = ("ruff", "format", "--no-cache", "--force-exclude", "--quiet")


def fix_everything(tree: Tree, failure: Failure) -> bool:
    """Fix the rules that were broken, or, where none are named, all that the project selects."""
    if failure.detail == "format":
        return False
    return _check(tree, failure, rules(failure))


def sort_imports(tree: Tree, failure: Failure) -> bool:
    is_about_order = IMPORT_ORDER & rules(failure) or "isort" in (failure.rule, failure.subject)
    return bool(is_about_order) and _check(tree, failure, ("I", "E401"))


def remove_unused(tree: Tree, failure: Failure) -> bool:
    return bool(UNUSED & rules(failure)) and _check(tree, failure, UNUSED)


def compare_none(tree: Tree, failure: Failure) -> bool:
    """`== None` is `is None`, unless a library of the file gives `==` a meaning of its own."""
    plain = _plain_files(tree, lines_with(tree, failure, ("E711", "C0121", "singleton-comparison")))
    command = [*CHECK, "--unsafe-fixes", "--select", "E711"]
    return bool(plain) and _run(tree, command, plain, plain)


def space_out(tree: Tree, failure: Failure) -> bool:
    """Blanks and blank lines, and nothing else on their lines."""
    found = sorted(rule for rule in rules(failure) if SPACING.fullmatch(rule))
    known = _known(tree, found, "--preview")
    return bool(known) and _run(tree, [*CHECK, "--preview", "--select", ",".join(known)], *_paths(tree, failure))


def format_lines(tree: Tree, failure: Failure) -> bool:
    """Lay out the statements that were complained about, and leave the rest of their files as it is."""
    if failure.detail == "format":
        return False
    layout = [code for code in codes(failure) if any(map(LAYOUT.fullmatch, ruff_rules((code,))))]
    found = {path: lines for path, lines in lines_with(tree, failure, layout).items() if path.endswith(".py")}
    before = readable(tree, found)
    for path in before:
        for line in sorted(found[path], reverse=True):
            tree.run([*FORMAT, *_line_length(tree, failure), f"--range={line}:1-{line}:2", "--", path])
    return readable(tree, found) != before


def format_code(tree: Tree, failure: Failure) -> bool:
    found = codes(failure)
    translated = ruff_rules(found) | (found & {"W503", "W504", "BLK100"})
    if failure.detail != "format" and not (translated and all(map(LAYOUT.fullmatch, translated))):
        return False
    return _run(tree, [*FORMAT, *_line_length(tree, failure)], *_paths(tree, failure))


def fix_unsafely(tree: Tree, failure: Failure) -> bool:
    """Fix the rules that were broken also where ruff cannot promise that the meaning stays."""
    wanted = {rule for rule in rules(failure) if not NEVER_UNSAFE.fullmatch(rule)}
    paths, watched = _paths(tree, failure)
    plain = _plain_files(tree, paths)
    changed = False
    for some, selected in ((paths, wanted - COMPARISONS), (plain, wanted & COMPARISONS)):
        known = _known(tree, sorted(selected)) if some else []
        if known:
            command = [*CHECK, "--unsafe-fixes", "--select", ",".join(known)]
            changed = _run(tree, command, some, watched) or changed
    return changed


def rules(failure: Failure) -> frozenset[str]:
    """Return the broken rules by ruff's names for them."""
    found = ruff_rules(codes(failure), failure.rule)
    return frozenset(rule for rule in found if RULE_CODE.fullmatch(rule))


def _check(tree: Tree, failure: Failure, selected: Iterable[str]) -> bool:
    wanted = sorted(selected)
    known = _known(tree, wanted)
    if wanted and not known:
        return False
    select = ["--select", ",".join(known)] if known else []
    return _run(tree, [*CHECK, *select], *_paths(tree, failure))


def _known(tree: Tree, wanted: Sequence[str], *options: str) -> Sequence[str]:
    """ruff refuses to start over a code that only another linter knows."""
    command = ["ruff", "check", "--no-cache", "--quiet", "--show-files", *options]
    if not wanted or tree.run([*command, "--select", ",".join(wanted)]).exit_code != USAGE_ERROR:
        return wanted
    return [rule for rule in wanted if tree.run([*command, "--select", rule]).exit_code != USAGE_ERROR]


def _paths(tree: Tree, failure: Failure) -> tuple[Sequence[str], Sequence[str]]:
    return named_files(tree, failure, SUFFIXES), all_files(tree, SUFFIXES)


def _plain_files(tree: Tree, paths: Iterable[str]) -> list[str]:
    return [path for path, text in readable(tree, paths).items() if not OVERLOADED.search(text)]


def _run(tree: Tree, command: Sequence[str], paths: Sequence[str], watched: Sequence[str]) -> bool:
    """Let ruff work on the paths, or on everything where there are none, and see what changed."""
    if not watched:
        return False
    before = readable(tree, watched)
    tree.run([*command, "--", *(paths or ["."])])
    return readable(tree, watched) != before


def _line_length(tree: Tree, failure: Failure) -> list[str]:
    """Where the project says nothing to ruff: what the finding says, or what it tells black."""
    texts = readable(tree, {"pyproject.toml", *CONFIGURATIONS} & set(tree.files()))
    own = _tool_tables(texts.get("pyproject.toml", ""))
    if "ruff" in own or any(name in texts for name in CONFIGURATIONS):
        return []
    said = LIMIT.search(words(failure))
    black = own.get("black")
    limit = said["limit"] if said else black.get("line-length") if isinstance(black, dict) else None
    return [f"--line-length={limit}"] if limit else []


def _tool_tables(text: str) -> Mapping[str, object]:
    try:
        tables = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return {}
    return tables if isinstance(tables, dict) else {}


def _fixer(name: str, apply: Apply, command: tuple[str, ...] = CHECK, *, is_unsafe: bool = False) -> Fixer:
    return Fixer(
        name=name,
        tool="ruff",
        signals=LINT,
        command=command,
        touches=PYTHON,
        is_unsafe=is_unsafe,
        apply=careful(apply),
    )


FIXERS = (
    _fixer("ruff-imports", sort_imports),
    _fixer("ruff-unused", remove_unused),
    _fixer("ruff-fix", fix_everything),
    _fixer("none-comparison", compare_none),
    _fixer("ruff-spacing", space_out),
    _fixer("ruff-format-lines", format_lines, FORMAT),
)
FORMATTER = _fixer("ruff-format", format_code, FORMAT)
UNSAFE = _fixer("ruff-unsafe", fix_unsafely, (*CHECK, "--unsafe-fixes"), is_unsafe=True)
