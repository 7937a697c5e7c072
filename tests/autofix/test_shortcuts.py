"""Code that knows its tests' answers, or hides what goes wrong: a person has to look at it."""

import difflib

import pytest

from autofix import guard

PLAIN = "def f(x):\n    return g(x)\n"


def rules(before: str, after: str, path: str = "shop/tax.py") -> set[str]:
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}")
    found = guard.inspect("".join(lines), lambda name: before if name == path else None)
    return {violation.rule for violation in found}


@pytest.mark.parametrize(
    "body",
    [
        "    if x == 37:\n        return 600\n    return g(x)\n",
        "    if 37 == x:\n        return [600]\n    return g(x)\n",
        "    if x is not None and x == 'knot':\n        return 'gnat'\n    return g(x)\n",
        "    if x in (3, 4):\n        return True\n    return g(x)\n",
        "    return 600 if x == 37 else g(x)\n",
        "    return {3: 6, 4: 8}[x]\n",
        "    return {3: 6, 4: 8}.get(x, g(x))\n",
        "    match x:\n        case 37:\n            return 600\n    return g(x)\n",
    ],
)
def test_an_answer_by_heart_is_seen(body):
    assert "test-special-casing" in rules(PLAIN, f"def f(x):\n{body}")


@pytest.mark.parametrize(
    "body",
    [
        "    if x == 0:\n        return 1\n    return g(x)\n",
        "    if not x:\n        return []\n    return g(x)\n",
        "    if x is None:\n        return None\n    return g(x)\n",
        "    if x == '':\n        return ''\n    return g(x)\n",
        "    if x == 37:\n        return h(x)\n    return g(x)\n",
        "    if len(x) <= 3:\n        return x\n    return g(x)\n",
        "    return g(x) + 37\n",
    ],
)
def test_base_cases_and_guards_are_ordinary(body):
    assert rules(PLAIN, f"def f(x):\n{body}") == set()


@pytest.mark.parametrize(
    "after",
    [
        "def f(x):\n    try:\n        return g(x)\n    except Exception:\n        return None\n",
        "def f(x):\n    try:\n        return g(x)\n    except:\n        pass\n",
        "def f(x):\n    try:\n        return g(x)\n    except (ValueError, BaseException):\n        pass\n",
        "def f(x):\n    with contextlib.suppress(Exception):\n        return g(x)\n",
    ],
)
def test_what_hides_every_error_is_seen(after):
    assert "exception-swallowed" in rules(PLAIN, after)


def test_handling_what_is_expected_and_raising_on_are_ordinary():
    named = "def f(x):\n    try:\n        return g(x)\n    except ValueError:\n        return None\n"
    onwards = "def f(x):\n    try:\n        return g(x)\n    except Exception as e:\n        raise Bad from e\n"
    assert rules(PLAIN, named) == rules(PLAIN, onwards) == set()


def test_another_way_to_write_the_same_handler_hides_no_more():
    bare = "try:\n    f()\nexcept:\n    pass\n"
    assert rules(bare, bare.replace("except:", "except Exception:")) == set()
    assert rules(bare, "import contextlib\n\nwith contextlib.suppress(Exception):\n    f()\n") == set()


def test_what_was_there_before_may_move():
    by_heart = "def f(x):\n    if x == 37:\n        return 600\n    return g(x)\n"
    assert rules(by_heart, f"import os\n\n\n{by_heart}\nprint(os)\n") == set()
    assert rules(by_heart, by_heart.replace("37", "38")) == {"test-special-casing"}


@pytest.mark.parametrize("cast", ["cast(Any, g(x))", "typing.cast('Any', g(x))", "t.cast(typing.Any, g(x))"])
def test_a_cast_to_any_silences_the_checker(cast):
    assert "suppression-added" in rules(PLAIN, f"def f(x):\n    return {cast}\n")


def test_a_test_that_rust_is_told_to_ignore_is_seen_beside_code_too():
    test = "#[test]\nfn a() { assert_eq!(1, f()); }\n"
    assert "suppression-added" in rules(test, test.replace("fn", "#[ignore]\nfn"), "src/lib.rs")
