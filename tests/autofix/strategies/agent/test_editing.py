"""Edits out of answers: exactly or not at all."""

import pytest

from autofix.strategies.agent.editing import BadAnswer, Edit, edited, edits_in

FILE = "def f(x):\n    return x\n\n\ndef g(x):\n    return x + 1\n"


def block(path="a.py", search="    return x\n\n", replace="    return -x\n\n"):
    return f"FILE: {path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def read(path):
    return {"a.py": FILE, "twice.py": "x = 1\n\nx = 1\n"}.get(path)


def applied(answer):
    return edited(edits_in(answer), read)


def test_a_block_replaces_the_one_place():
    assert applied(block())["a.py"] == FILE.replace("return x\n\n", "return -x\n\n", 1)


@pytest.mark.parametrize(
    "answer",
    [
        "Here is the fix:\n\n" + block() + "\nThat should do.",
        "FILE: `a.py`\n```python\n<<<<<<< SEARCH\n    return x\n\n=======\n    return -x\n\n>>>>>>> REPLACE\n```\n",
        "### File: a.py\n<<<<<<< SEARCH\n    return x\n\n=======\n    return -x\n\n>>>>>>> REPLACE",
        block(search="    return x  \n\n"),  # spaces at the end of a line
    ],
)
def test_what_models_write_around_it_does_no_harm(answer):
    assert "return -x" in applied(answer)["a.py"]


def test_several_blocks_work_on_what_the_ones_before_made():
    answer = block() + "<<<<<<< SEARCH\n    return -x\n=======\n    return 2\n>>>>>>> REPLACE\n"
    assert "    return 2\n" in applied(answer)["a.py"]


def test_an_empty_search_makes_a_file_and_an_empty_replacement_takes_lines_away():
    assert applied(block("new.py", "", "x = 1\n")) == {"new.py": "x = 1\n"}
    assert applied(block(search="def f(x):\n", replace=""))["a.py"].startswith("    return x")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("I would change f.", "no SEARCH/REPLACE block"),
        ("", "no SEARCH/REPLACE block"),
        ("<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE", "FILE: path"),
        (block("b.py"), "There is no file b.py"),
        (block(search="    return y\n"), "does not stand in a.py"),
        (block(search="(x):\n    return x", replace="(x):\n    return 1"), "There is no SEARCH"),  # no line of its own
        (block(search="\n", replace="# a line\n"), "is there already"),
        ("FILE: b.py\n" + block("twice.py", "x = 1\n", "x = 2\n"), "stands 2 times"),
        (block(search=""), "is there already"),
        (block(search="x" * 70_000 + "\n"), "too long"),
        (block() * 21, "at most 20 blocks"),
        ("".join(block(f"{n}.py", "", "x\n") for n in range(9)), "in 8 files"),
    ],
)
def test_what_cannot_be_carried_out_is_said_so_that_it_can_be_put_right(answer, says):
    with pytest.raises(BadAnswer, match=says):
        applied(answer)


def test_hostile_answers_take_no_time():
    for answer in ("<<<<<<< SEARCH\n" * 20_000, "FILE: a\n" * 20_000, block()[:-9] * 2_000):
        with pytest.raises(BadAnswer):
            applied(answer)


def test_edits_are_plain_data():
    assert edits_in(block()) == [Edit("a.py", "    return x\n\n", "    return -x\n\n")]
