"""Which deterministic tools may repair a failure? An ordered table; a new one is a line here.

The first that changes something is tried out; so what is surest and smallest comes first, then what
touches whole files, then what may change the meaning, and last what a person has to agree to.
Read next: `base` (what a fixer is given).
"""

from autofix.failures import Failure, Signal
from autofix.fixers import expected_results, lock_files, long_lines, ruff, tools, whitespace
from autofix.fixers.base import LINT, REQUIREMENT_FILES, Fixer, ToolResult, Tree, later

__all__ = ["FIXERS", "Fixer", "ToolResult", "Tree", "for_failure"]

NAMES = frozenset({Signal.LINT, Signal.TYPECHECK, Signal.RUNTIME, Signal.TEST_ASSERT})
TYPES = frozenset({Signal.TYPECHECK})
CURES_OF_FINDINGS = (
    "weak-hash",
    "unsafe-yaml",
    "temporary-file",
    "request-timeout",
    "shell-true",
    "os-system",
    "predictable-random",
)


def own(
    name: str, function: str, signals: frozenset[Signal] = LINT, *, is_unsafe: bool = False, says: str = ""
) -> Fixer:
    """Return a fixer of our own for Python files; it is imported when it is needed."""
    apply = later(function, says)
    return Fixer(name=name, tool="libcst", signals=signals, touches=("*.py",), apply=apply, is_unsafe=is_unsafe)


def for_requirements(name: str, function: str, *, needs_approval: bool = False) -> Fixer:
    return Fixer(
        name=name,
        tool="pip",
        signals=frozenset({Signal.RUNTIME}),
        details=frozenset({"dependency"}),
        touches=REQUIREMENT_FILES,
        needs_approval=needs_approval,
        apply=later(function),
    )


def for_migrations(name: str, function: str, details: str, *, needs_approval: bool = False) -> Fixer:
    return Fixer(
        name=name,
        tool="django",
        signals=frozenset({Signal.SCHEMA_MIGRATION}),
        details=frozenset({details}),
        command=("python", "manage.py", "makemigrations", "--no-input"),
        touches=("migrations",),
        needs_approval=needs_approval,
        apply=later(f"django_migrations:{function}"),
    )


def for_audits(name: str, function: str, *touches: str) -> Fixer:
    return Fixer(
        name=name,
        tool="own",
        signals=frozenset({Signal.SECURITY}),
        details=frozenset({"dependency"}),
        touches=touches,
        needs_approval=True,
        apply=later(f"vulnerable_pins:{function}"),
    )


def for_security(name: str) -> Fixer:
    return Fixer(
        name=name,
        tool="bandit",
        signals=frozenset({Signal.SECURITY}),
        touches=("*.py",),
        needs_approval=True,
        apply=later(f"bandit:{name.replace('-', '_')}"),
    )


LAYOUT: tuple[Fixer, ...] = (*tools.FORMATTERS, ruff.FORMATTER)
FIXERS: tuple[Fixer, ...] = (
    own("missing-import", "missing_import:import_missing", NAMES, says="not defined|ndefined|F821"),
    own("wrong-import", "wrong_import:import_from_elsewhere", NAMES, says="cannot (?:be )?import|has no attribute"),
    own("misspelt-import", "misspelt_imports:rename_module", NAMES, says="No module named"),
    for_requirements("requirement-version", "dependency_pins:existing_version"),
    for_requirements("requirement-name", "dependency_pins:own_name"),
    for_requirements("requirement-conflict", "dependency_pins:compatible_versions"),
    for_requirements("requirement-new-name", "dependency_pins:imported_name", needs_approval=True),
    *lock_files.FIXERS,
    own("type-annotation", "type_errors:annotate", TYPES),
    *tools.FIXERS,
    *ruff.FIXERS,
    own("bare-except", "bare_except:name_exception"),
    own("raise-from", "raise_from:chain_raises"),
    own("type-comparison", "type_comparison:compare_types"),
    own("ambiguous-name", "ambiguous_names:rename"),
    *long_lines.FIXERS,
    *whitespace.FIXERS,
    *LAYOUT,
    own("star-import", "star_imports:list_names", is_unsafe=True),
    own("late-import", "late_imports:move_up", is_unsafe=True),
    own("redefinition", "redefinitions:remove_dead", is_unsafe=True),
    ruff.UNSAFE,
    own("type-guard", "type_errors:guard", TYPES, is_unsafe=True),
    for_migrations("migrations", "add", "missing-migration"),
    for_migrations("merge-migration", "merge", "conflict"),
    for_migrations("altering-migrations", "alter", "missing-migration", needs_approval=True),
    *expected_results.FIXERS,
    for_audits("vulnerable-requirement", "raise_requirement", *REQUIREMENT_FILES),
    for_audits("vulnerable-package", "raise_package", "package.json"),
    *map(for_security, CURES_OF_FINDINGS),
)
FORMAT = "format"


def for_failure(failure: Failure, kind: str) -> tuple[Fixer, ...]:
    """Return the fixers for this failure of a step of this kind, in the order to try them."""
    of_signal = [fixer for fixer in FIXERS if failure.signal in fixer.signals]
    fitting = [each for each in of_signal if not each.details or failure.detail in each.details]
    is_layout = FORMAT in (kind, failure.detail)
    return tuple(sorted(fitting, key=lambda fixer: _weight(fixer, is_layout=is_layout)))


def _weight(fixer: Fixer, *, is_layout: bool) -> tuple[bool, bool, bool]:
    return fixer.needs_approval, fixer.is_unsafe, is_layout and fixer not in LAYOUT
