import pytest

from metabuilder.runs.console import WINDOW_LINES, Cursor, paint, sanitize, visible, window


def text(found) -> list[str]:
    return [str(line.painted) for line in found.lines]


def test_it_keeps_colours_as_classes():
    assert str(paint(sanitize("\x1b[1;31mred\x1b[0m plain"))) == '<span class="ansi1 ansi31">red</span> plain'


def test_it_escapes_markup_with_and_without_colours():
    assert str(paint(sanitize("<script>&"))) == "&lt;script&gt;&amp;"
    assert "<script>" not in str(paint(sanitize("\x1b[31m<script>\x1b[0m")))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]8;;https://evil.example\x07here\x1b]8;;\x07", "here"),
        ("\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\", "here"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2J\x1b[1;1Htext", "text"),
        ("\x1b(0text\x1b[?25l", "text"),
        ("a\x00b\x08c\x9bd", "abcd"),
        ("\x1b[8mhidden\x1b[28m", "hidden"),
        ("\x1b[41mback\x1b[48;5;1mground", "background"),
        ("\x1b[38;2;1;2;3mtrue", "true"),
        ("honest\rfake", "honest\nfake"),
        ("line\r", "line"),
    ],
)
def test_it_leaves_nothing_that_moves_hides_or_links(raw, shown):
    assert sanitize(raw) == shown


def test_the_sixteen_basic_colours_survive_in_their_long_form():
    assert sanitize("\x1b[38;5;9mx") == "\x1b[91mx"


def test_it_spells_out_characters_that_reorder_text():
    assert visible("a\u202eb\u200bc") == "a⟨U+202E⟩b⟨U+200B⟩c"


def test_a_colour_goes_on_in_the_next_line_until_it_is_reset():
    found = window([(0, "\x1b[32mone\ntwo\x1b[0m\nthree\n")], Cursor(), is_over=True)
    assert text(found) == ['<span class="ansi32">one</span>', '<span class="ansi32">two</span>', "three"]


def test_it_shows_the_last_lines_and_counts_the_others():
    found = window([(0, "line\n" * (WINDOW_LINES + 5))], Cursor(), is_over=True)
    assert (len(found.lines), found.left_out, found.lines[0].number) == (WINDOW_LINES, 5, 6)


def test_an_unfinished_line_waits_until_it_is_whole():
    first = window([(0, "one\ntw")], Cursor(), is_over=False)
    assert text(first) == ["one"]
    second = window([(0, "one\ntw"), (6, "o\nthree")], first.cursor, is_over=True)
    assert [(line.number, str(line.painted)) for line in second.lines] == [(2, "two"), (3, "three")]


def test_a_line_without_end_is_cut():
    found = window([(0, "x" * 100_000)], Cursor(), is_over=True)
    assert len(str(found.lines[0].painted)) == 4000


@pytest.mark.parametrize("written", ["", "x", "1", "1.2.3", "-1.0", "9999999999999.0"])
def test_a_cursor_nobody_gave_out_starts_at_the_beginning(written):
    assert Cursor.parse(written) == Cursor()


def test_a_cursor_survives_being_written_down():
    assert Cursor.parse(str(Cursor(3, 14))) == Cursor(3, 14)
