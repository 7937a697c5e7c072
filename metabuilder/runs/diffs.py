"""How is a patch shown? As files, hunks and numbered lines; what cannot be read is shown as it is."""

from dataclasses import dataclass, field

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchedFile, PatchSet

from metabuilder.runs.console import visible

SHOWN_LINES = 3000
_KINDS = {"+": "add", "-": "remove", " ": "same", "\\": "note"}


@dataclass(frozen=True)
class DiffLine:
    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class DiffHunk:
    header: str
    lines: list[DiffLine]


@dataclass(frozen=True)
class DiffFile:
    path: str
    change: str
    added: int
    removed: int
    hunks: list[DiffHunk]


@dataclass(frozen=True)
class Diff:
    """`raw` is the text itself where it could not be read as a diff."""

    files: list[DiffFile] = field(default_factory=list)
    left_out: int = 0
    raw: str = ""

    @property
    def added(self) -> int:
        return sum(file.added for file in self.files)

    @property
    def removed(self) -> int:
        return sum(file.removed for file in self.files)


def read(text: str) -> Diff:
    if not text.strip():
        return Diff()
    try:
        patch = PatchSet(text)
    except UnidiffParseError:
        return Diff(raw=visible(text))
    if not patch:
        return Diff(raw=visible(text))
    files, left_out, room = [], 0, SHOWN_LINES
    for patched in patch:
        length = sum(len(hunk) for hunk in patched)
        files.append(_file(patched, with_lines=length <= room))
        left_out += 0 if length <= room else length
        room -= min(length, room)
    return Diff(files, left_out)


def _file(patched: PatchedFile, with_lines: bool) -> DiffFile:
    return DiffFile(
        path=visible(patched.path),
        change=_change(patched),
        added=patched.added,
        removed=patched.removed,
        hunks=_hunks(patched) if with_lines else [],
    )


def _change(patched: PatchedFile) -> str:
    if patched.is_binary_file:
        return "binary"
    if patched.is_added_file:
        return "new file"
    if patched.is_removed_file:
        return "deleted"
    if patched.is_rename:
        return visible(f"renamed from {(patched.source_file or '').removeprefix('a/')}")
    return "changed"


def _hunks(patched: PatchedFile) -> list[DiffHunk]:
    return [
        DiffHunk(
            header=visible(str(hunk).split("\n", 1)[0]),
            lines=[
                DiffLine(
                    _KINDS.get(line.line_type, "same"),
                    line.source_line_no,
                    line.target_line_no,
                    visible(line.value.rstrip("\n")),
                )
                for line in hunk
            ],
        )
        for hunk in patched
    ]
