"""What does this patch make of each file? Applies a unified diff in memory, and trusts none of it.

unidiff and `git apply` read odd headers differently. So only headers that `git diff` writes are
taken, both names must agree, and hunks must fit exactly where they say: the rest is unreadable.
"""

import re
from collections.abc import Callable, Iterator

from unidiff.constants import DEV_NULL
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, Line, PatchedFile, PatchSet

from autofix.guard.violations import Change, Violation

Before = Callable[[str], str | None]

MAX_PATCH_BYTES = 1_000_000
MAX_FILES = 50
ALLOWED_MODES = frozenset({None, "100644", "100755"})

HEADER_LINE = re.compile(
    r"diff --git [^\t]+"
    r"|index [0-9a-f]+\.\.[0-9a-f]+( \d{6})?"
    r"|(new file|deleted file|old|new) mode \d{6}"
    r"|(dis)?similarity index \d{1,3}%"
    r"|rename (from|to) [^\t]+"
    r"|(---|\+\+\+) [^\t]+(\t.*)?"
    r"|@@ -\d+(,\d+)? \+\d+(,\d+)? @@.*"
    r"|\\ No newline at end of file"
)
NAME_LINE = re.compile(r"(--- |\+\+\+ |rename from |rename to )([^\t]+)")
OCTAL_OR_ESCAPE = re.compile(r'\\([0-7]{3}|["\\])')


class PatchError(Exception):
    """The patch cannot be understood, or would not apply to the files as they are."""


def changes(patch: str, before: Before) -> tuple[Change, ...]:
    """Return what becomes of each file, or raise PatchError."""
    files = parse(patch)
    done = tuple(_change(file, before) for file in files)
    paths = [path for change in done for path in {change.path, change.old_path}]
    if len(paths) != len(set(paths)):
        raise PatchError("it names a file twice")
    return done


def parse(patch: str) -> PatchSet:
    if not patch.strip():
        raise PatchError("it is empty")
    if len(patch.encode("utf-8", "surrogatepass")) > MAX_PATCH_BYTES:
        raise PatchError(f"it is larger than {MAX_PATCH_BYTES} bytes")
    try:
        files = PatchSet(patch)
    except (UnidiffParseError, ValueError, IndexError) as error:
        raise PatchError(f"it is not a unified diff: {error}") from None
    if not 0 < len(files) <= MAX_FILES:
        raise PatchError(f"it changes {len(files)} files; 1 to {MAX_FILES} are allowed")
    _check_headers(patch, files)
    return files


def mode_violations(patch: str) -> Iterator[Violation]:
    """Links, gitlinks and changed permissions: content is all that a patch may change."""
    for file in parse(patch):
        path = _path(file.target_file if file.source_file == DEV_NULL else file.source_file)
        modes = {file.source_mode, file.target_mode}
        is_changed = None not in modes and file.source_mode != file.target_mode
        is_new_program = file.source_file == DEV_NULL and file.target_mode == "100755"
        if modes - ALLOWED_MODES or is_changed or is_new_program:
            shown = " -> ".join(sorted(str(mode) for mode in modes if mode))
            yield Violation("file-mode", path, 0, f"file mode {shown} is not left as it was")


def _check_headers(patch: str, files: PatchSet) -> None:
    body = {line.diff_line_no for file in files for hunk in file for line in hunk}
    numbered = enumerate(patch.split("\n"), 1)
    outside = [line for number, line in numbered if number not in body and line.strip("\r")]
    for line in outside:
        if not HEADER_LINE.fullmatch(line.removesuffix("\r")):
            raise PatchError(f"unexpected line {line[:80]!r}")
    named = [_named(match) for line in outside if (match := NAME_LINE.match(line))]
    if named != [name for file in files for name in _expected_names(file)]:
        raise PatchError("its headers contradict each other")


def _named(line: re.Match[str]) -> str:
    name = line[2].removesuffix("\r")
    if line[1].startswith("rename"):
        return _unquoted(name[1:-1]) if name.startswith('"') else name
    return name


def _expected_names(file: PatchedFile) -> Iterator[str]:
    """The names that the header of this file has to repeat."""
    if file.is_binary_file:
        raise PatchError(f"{file.path} is binary")
    if file.patch_info and not file.patch_info[0].startswith("diff --git "):
        raise PatchError(f"{file.path} has headers of git without `diff --git`")
    if " b/" in file.source_file or " a/" in file.target_file:
        raise PatchError("a name in it can be read in two ways")
    if _renames(file):
        yield from (_path(file.source_file), _path(file.target_file))
    if len(file):
        yield from (file.source_file, file.target_file)


def _renames(file: PatchedFile) -> bool:
    is_rename = bool(file.is_rename)
    says_so = any(line.startswith("rename from ") for line in file.patch_info or ())
    if is_rename != says_so:
        raise PatchError(f"the names of {file.path} differ")
    return is_rename


def _change(file: PatchedFile, before: Before) -> Change:
    is_new, is_deleted = file.source_file == DEV_NULL, file.target_file == DEV_NULL
    path = _path(file.source_file if is_deleted else file.target_file)
    old_path = path if is_new else _path(file.source_file)
    text = _text_before(old_path, before)
    if is_new != (text is None):
        raise PatchError(f"{old_path} {'is missing' if text is None else 'exists already'}")
    after = _apply(file, text or "")
    if is_deleted and after:
        raise PatchError(f"it deletes {path} without all of its lines")
    return Change(path, old_path, text, None if is_deleted else after)


def _path(name: str) -> str:
    """`"b/caf\\303\\251.py"` -> `café.py`; a name that leaves the tree is refused."""
    if name.startswith('"') and name.endswith('"'):
        name = _unquoted(name[1:-1])
    if not name.startswith(("a/", "b/")):
        raise PatchError(f"the name {name!r} has no a/ or b/ in front")
    path = name[2:]
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or {"", ".", ".."} & set(parts):
        raise PatchError(f"{path!r} is not a plain path inside the project")
    return path


def _unquoted(name: str) -> str:
    if "\\" in OCTAL_OR_ESCAPE.sub("", name):
        raise PatchError(f"the name {name!r} has control characters")
    raw = OCTAL_OR_ESCAPE.sub(_character, name)
    try:
        return raw.encode("latin-1").decode()
    except UnicodeError:
        raise PatchError(f"the name {name!r} is not UTF-8") from None


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 8)) if escape[1].isdigit() else escape[1]


def _text_before(path: str, before: Before) -> str | None:
    try:
        return before(path)
    except (OSError, ValueError) as error:
        raise PatchError(f"{path} cannot be read: {error}") from None


def _apply(file: PatchedFile, text: str) -> str:
    lines = _lines(text)
    result: list[str] = []
    position = 0
    for hunk in file:
        start = hunk.source_start - (1 if hunk.source_length else 0)
        old = _side(hunk, "is_removed")
        if start < position or lines[start : start + len(old)] != old:
            raise PatchError(f"it does not fit {file.path} at line {hunk.source_start}")
        result += lines[position:start] + _side(hunk, "is_added")
        position = start + len(old)
    return "".join(result + lines[position:])


def _side(hunk: Hunk, own: str) -> list[str]:
    """The hunk's lines before (`is_removed`) or after (`is_added`) the change."""
    kept: list[str] = []
    last: Line | None = None
    for line in hunk:
        if line.line_type == "\\" and last is not None:
            if kept and (last.is_context or getattr(last, own)):
                kept[-1] = kept[-1].removesuffix("\n")
        elif line.is_context or getattr(line, own):
            kept.append(line.value)
        last = line
    return kept


def _lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
