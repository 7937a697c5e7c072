from metabuilder.runs.diffs import SHOWN_LINES, read

PATCH = """--- a/app.py
+++ b/app.py
@@ -1,2 +1,2 @@
-import os
+import sys
 x = 1
"""


def test_it_numbers_old_and_new_lines():
    (file,) = read(PATCH).files
    assert (file.path, file.added, file.removed) == ("app.py", 1, 1)
    assert [(line.kind, line.old, line.new) for line in file.hunks[0].lines] == [
        ("remove", 1, None),
        ("add", None, 1),
        ("same", 2, 2),
    ]


def test_what_is_no_diff_is_shown_as_it_is():
    assert read("hello\n").raw == "hello\n"
    assert read("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-a\n").raw


def test_nothing_is_an_empty_diff():
    assert not read("").files


def test_a_file_too_long_to_show_is_named_without_its_lines():
    lines = SHOWN_LINES + 1
    added = "+x\n" * lines
    diff = read(f"--- /dev/null\n+++ b/big.py\n@@ -0,0 +1,{lines} @@\n{added}")
    assert (diff.files[0].path, diff.files[0].hunks, diff.left_out) == ("big.py", [], lines)


def test_it_spells_out_deceiving_characters():
    diff = read(PATCH.replace("import sys", "\u202eimport sys"))
    assert diff.files[0].hunks[0].lines[1].text == "⟨U+202E⟩import sys"
