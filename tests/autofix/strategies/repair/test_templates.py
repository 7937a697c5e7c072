"""What templates make of a piece of code, its layout kept."""

import ast

import pytest

CASES = [
    ("if a < b:  # less\n        return a", "if a <= b:  # less\n        return a"),
    ("if a and b:\n        return a", "if a or b:\n        return a"),
    ("if not a:\n        return a", "if a:\n        return a"),
    ("return a - b", "return a + b"),
    ("return (a + b) * 2", "return (a + b) * 3"),
    ("return f(a, b)", "return f(b, a)"),
    ("return a", "return b"),
    ("return a[1:b]", "return a[1:b + 1]"),
    ("return min(a, b)", "return max(a, b)"),
    ("return a.lower()", "return a.upper()"),
    ("a += b", "a -= b"),
    ("a\n    return b", "return a\n    return b"),
    ("return a if b else 0", "return 0 if b else a"),
    ("for i in range(a):\n        b(i)", "for i in range(1, a):\n        b(i)"),
    ("return 'x'", "return ''"),
    ("return a", "if a is None:\n        return None\n    return a"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_it_makes_this_of_that(edits, before, after):
    frame = "def f(a, b):\n    {}\n"
    assert frame.format(after) in edits(frame.format(before))


def test_a_missing_assignment_in_a_constructor_is_made_up(edits):
    source = (
        "class A:\n    def __init__(self, b):\n        self.b = b\n\n    def add(self):\n        return self.items\n"
    )
    assert any("self.items = []" in text for text in edits(source))


def test_comments_line_ends_and_tabs_stay_as_they_are(edits):
    source = "def f(a, b):\r\n\tif a:  # ä\r\n\t\treturn b\r\n\treturn a\r\n"
    made = edits(source)
    assert "def f(a, b):\r\n\tif not a:  # ä\r\n\t\treturn b\r\n\treturn a\r\n" in made
    assert all("# ä" in text for text in made if text.count("\r\n") >= 4 and "if" in text)


def test_annotations_docstrings_and_decorators_are_not_edited(edits):
    source = '@cached\ndef f(a: int = 1) -> str:\n    """Say 1."""\n    return a\n'
    for text in edits(source):
        tree = ast.parse(text) if compiles(text) else None
        if tree is not None:
            assert text.startswith("@cached\ndef f(a: int")
            assert '"""Say 1."""' in text


def compiles(text: str) -> bool:
    try:
        compile(text, "a.py", "exec")
    except SyntaxError:
        return False
    return True
