import json

import pytest

from autofix.strategies.repair.reports import Edit, edited, read

MARK = "@mark@"
SOUND = {"outcome": "found", "reason": "", "figures": {"failing": 1, "passing": 2}}


def written(*edits: list) -> str:
    patches = [{"edits": list(edits), "template": "compare"}]
    return f"noise\n{MARK}{json.dumps({**SOUND, 'patches': patches})}\n"


def test_it_reads_the_line_with_the_mark():
    report = read(written(["a.py", 3, 4, "x"]), MARK, ["a.py"])
    assert report.patches[0].edits == (Edit("a.py", 3, 4, "x"),)
    assert report.tests == 3


@pytest.mark.parametrize(
    "edit",
    [
        ["test_a.py", 0, 1, "x"],
        ["../a.py", 0, 1, "x"],
        ["a.py", -1, 1, "x"],
        ["a.py", 2, 1, "x"],
        ["a.py", 0, 1, 7],
        ["a.py"],
        ["a.py", 0, 1, "x" * 30_000],
    ],
)
def test_it_trusts_no_edit_that_the_search_could_not_have_made(edit):
    assert read(written(edit), MARK, ["a.py"]).patches == ()


@pytest.mark.parametrize("output", ["", f"{MARK}{{", f"{MARK}[]", f"{MARK}null", f'{MARK}{{"patches": 3}}', "{}"])
def test_what_is_no_report_has_no_patches(output):
    assert read(output, MARK, ["a.py"]).patches == ()


def test_edits_are_of_bytes():
    assert edited("ä = 1\nb = 2\n", [Edit("a.py", 11, 12, "3"), Edit("a.py", 5, 6, "4")]) == "ä = 4\nb = 3\n"
