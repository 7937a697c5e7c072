"""From an answer's text to edits of files: search and replace, applied exactly or not at all. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

MAX_EDITS = 20
MAX_FILES = 8
MAX_TEXT = 60_000
HEADING = re.compile(r"[ \t]*(?:FILE:|#+ ?File:|\*\*File:)[ \t]*`?(?P<path>[^`*]+?)`?\**[ \t]*")
SEARCH, MIDDLE, REPLACE = re.compile(r"<{5,9} ?SEARCH\s*"), re.compile(r"={5,9}\s*"), re.compile(r">{5,9} ?REPLACE\s*")


class BadAnswer(Exception):
    """An answer that cannot be carried out; the message tells its author what to do."""


@dataclass(frozen=True)
class Edit:
    """Replace the one place that reads `search`; an empty one makes a new file."""

    path: str
    search: str
    replace: str


def edits_in(answer: str) -> list[Edit]:
    """Return the edits of an answer; raise BadAnswer where there is none, or too many."""
    found = list(_blocks(answer))
    if not found:
        raise BadAnswer("There is no SEARCH/REPLACE block in your answer. Answer in the format that you were told.")
    if len(found) > MAX_EDITS or len({edit.path for edit in found}) > MAX_FILES:
        raise BadAnswer(f"Too much at once: at most {MAX_EDITS} blocks in {MAX_FILES} files.")
    if any(len(edit.search) + len(edit.replace) > MAX_TEXT for edit in found):
        raise BadAnswer("A block is too long: replace only what has to change.")
    return found


def _blocks(answer: str) -> Iterator[Edit]:
    """Yield the complete blocks of an answer, line by line; one that does not end is none."""
    path = ""
    parts: list[list[str]] | None = None  # of a block that is open: the lines of SEARCH, then those of REPLACE
    for line in answer.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if SEARCH.fullmatch(bare):
            parts = [[]]
        elif parts is None:
            heading = HEADING.fullmatch(bare)
            path = heading["path"].strip() if heading else path
        elif len(parts) == 1 and MIDDLE.fullmatch(bare):
            parts.append([])
        elif REPLACE.fullmatch(bare) and len(parts) > 1:
            if not path:
                raise BadAnswer("Write `FILE: path` on a line of its own before each block.")
            yield Edit(path, "".join(parts[0]), "".join(parts[1]))
            parts = None
        else:
            parts[-1].append(line)


def edited(edits: list[Edit], read: Callable[[str], str | None]) -> Mapping[str, str]:
    """Return the new text of each file; raise BadAnswer where a block does not fit. `read` gives None for no file."""
    texts: dict[str, str] = {}
    for edit in edits:
        text = texts[edit.path] if edit.path in texts else read(edit.path)
        if text is None and edit.search.strip():
            raise BadAnswer(f"There is no file {edit.path} in the project.")
        if text is not None and not edit.search.strip():
            raise BadAnswer(f"{edit.path} is there already: say in SEARCH which of its lines to replace.")
        texts[edit.path] = edit.replace if text is None else _replaced(text, edit)
    return texts


def _replaced(text: str, edit: Edit) -> str:
    count = text.count(edit.search)
    if count == 1:
        return text.replace(edit.search, edit.replace)
    if count > 1:
        raise BadAnswer(f"The SEARCH text stands {count} times in {edit.path}: add lines around it.")
    return _replaced_by_lines(text, edit)


def _replaced_by_lines(text: str, edit: Edit) -> str:
    """Models lose spaces at line ends: compare line by line without those, and accept only one place."""
    lines, wanted = text.splitlines(keepends=True), [line.rstrip() for line in edit.search.splitlines()]
    starts = [
        start
        for start in range(len(lines) - len(wanted) + 1)
        if [line.rstrip() for line in lines[start : start + len(wanted)]] == wanted
    ]
    if len(starts) != 1 or not wanted:
        raise BadAnswer(
            f"The SEARCH text does not stand in {edit.path}: copy the lines exactly, with their indentation."
        )
    replacement = edit.replace if edit.replace.endswith("\n") or not edit.replace else f"{edit.replace}\n"
    return "".join(lines[: starts[0]]) + replacement + "".join(lines[starts[0] + len(wanted) :])
