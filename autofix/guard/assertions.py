"""What became of one function of a test module? Names the way in which it was weakened."""

import ast
from collections import Counter
from collections.abc import Iterator

from autofix.guard.canonical import canonical, dotted
from autofix.guard.parts import counted

SKIPS = frozenset(
    {
        "skip",
        "skipif",
        "xfail",
        "importorskip",
        "skipTest",
        "SkipTest",
        "skipIf",
        "skipUnless",
        "skipIfDBFeature",
        "skipUnlessDBFeature",
        "expectedFailure",
    }
)
EXPECTS_EXCEPTION = frozenset(
    {"raises", "warns", "deprecated_call", "assertRaises", "assertRaisesRegex", "assertWarns"}
)
SWALLOWS = frozenset({"suppress"})


def weakened(old: ast.stmt, new: ast.stmt) -> tuple[str, str]:
    """Return the rule that a changed function breaks and the words for it."""
    if counted(new, SKIPS) - counted(old, SKIPS):
        return "test-skipped", "is skipped or expected to fail"
    if _early_ends(new) > _early_ends(old):
        return "test-skipped", "ends before its assertions"
    if _cases(new) < _cases(old):
        return "test-deleted", "has fewer parametrized cases"
    lost = assertions(old) - assertions(new)
    if lost:
        return "assertion-loosened", f"no longer asserts what it did ({_shown(old, lost)})"
    if _swallowing(new) > _swallowing(old):
        return "assertion-loosened", "swallows exceptions around what it asserts"
    return "test-changed", "does something else than before"


def assertions(node: ast.AST) -> Counter[str]:
    """Everything that can make a test fail on purpose: assert, self.assertX, pytest.raises."""
    return Counter(canonical(each) for each in _assertions(node))


def _assertions(node: ast.AST) -> Iterator[ast.expr]:
    for each in ast.walk(node):
        if isinstance(each, ast.Assert):
            yield each.test
        elif isinstance(each, ast.Call):
            name = dotted(each).rpartition(".")[2]
            if name.startswith(("assert", "expect", "fail")) or name in EXPECTS_EXCEPTION:
                yield each


def _shown(node: ast.AST, lost: Counter[str]) -> str:
    texts = [ast.unparse(each) for each in _assertions(node) if canonical(each) in lost]
    return texts[0][:80] if texts else ""


def _early_ends(node: ast.AST) -> int:
    return sum(isinstance(each, ast.Return | ast.Raise) for each in ast.walk(node))


def _swallowing(node: ast.AST) -> int:
    tries = sum(isinstance(each, ast.Try | ast.TryStar) for each in ast.walk(node))
    return tries + counted(node, SWALLOWS).total()


def _cases(node: ast.stmt) -> int:
    """How many parametrized cases its decorators list."""
    marks = getattr(node, "decorator_list", [])
    calls = [mark for mark in marks if isinstance(mark, ast.Call)]
    named = [call for call in calls if dotted(call).endswith("parametrize") and call.args[1:]]
    return sum(len(getattr(call.args[1], "elts", ())) for call in named)
