"""May this text be given to `git apply` at all?

A strict reader of unified diffs: whatever it does not understand, it refuses. git itself has the
last word about whether a patch fits; `workspace.py` then looks at what git made of it.
"""

import re
from dataclasses import dataclass, field

MAX_BYTES = 1 << 20
MAX_FILES = 50
REGULAR = "100644"
EXECUTABLE = "100755"
NOWHERE = "/dev/null"

HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
GIT_HEADER = re.compile(r"diff --git a/(.+) b/(.+)")
MODE_HEADER = re.compile(r"(old mode|new mode|new file mode|deleted file mode) (\d+)")
MOVE_HEADER = re.compile(r"(?:rename|copy) (?:from|to) (.+)")
IDLE_HEADER = re.compile(r"(?:index [0-9a-f]+\.\.[0-9a-f]+(?: \d+)?|(?:dis)?similarity index \d+%)")
INDEX_MODE = re.compile(r"index [0-9a-f]+\.\.[0-9a-f]+ (\d+)")


NOT_READ_BY_GIT = frozenset({".github", ".gitlab", ".gitlab-ci.yml", ".gitea", ".gitignore", ".gitkeep"})


class PatchRejected(Exception):
    """The patch is not one that we apply, or it does not fit the tree as it is now."""


@dataclass
class _File:
    paths: set[str] = field(default_factory=set)
    has_git_header: bool = False
    has_hunks: bool = False


def check(patch: str) -> frozenset[str]:
    """Return the paths that `patch` touches, or raise `PatchRejected` naming what is wrong."""
    if len(patch.encode(errors="surrogatepass")) > MAX_BYTES:
        raise PatchRejected(f"the patch is larger than {MAX_BYTES >> 20} MB")
    if "\0" in patch:
        raise PatchRejected("the patch contains a NUL byte")
    files = _files(patch.split("\n"))
    if not files:
        raise PatchRejected("the patch changes no file")
    if len(files) > MAX_FILES:
        raise PatchRejected(f"the patch touches {len(files)} files, more than {MAX_FILES}")
    return frozenset(path for file in files for path in file.paths)


def check_path(path: str) -> str:
    """Return `path` if it names a file inside the tree that a patch may touch."""
    if not path or not path.isprintable() or any(mark in path for mark in '\\"'):
        raise PatchRejected(f"the patch names a path with control characters or quotes: {path!r}")
    if path.startswith("/"):
        raise PatchRejected(f"the patch names an absolute path: {path!r}")
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            raise PatchRejected(f"the patch names a path that leaves the tree: {path!r}")
        if _is_git_part(part):
            raise PatchRejected(f"the patch touches git's own files: {path!r}")
    return path


def check_mode(mode: str, *, path: str = "", was: str | None = None) -> None:
    """Allow regular files; an executable one only where it has been one before."""
    if mode == REGULAR or (mode == EXECUTABLE and was in {EXECUTABLE, "unknown"}):
        return
    kinds = {
        "120000": "a symbolic link",
        "160000": "a submodule",
        EXECUTABLE: "a new executable file",
    }
    raise PatchRejected(f"the patch makes {kinds.get(mode, f'a file of mode {mode}')}{f': {path}' if path else ''}")


def _is_git_part(part: str) -> bool:
    """Say whether a name starts with `.git`, also on file systems that ignore case, dots or odd characters.

    What a forge or an editor reads is ordinary content here; whether a patch may touch it is the guard's question.
    """
    if part in NOT_READ_BY_GIT:
        return False
    plain = "".join(character for character in part.lower() if character.isascii()).rstrip(". ")
    return plain.startswith((".git", "git~"))


def _files(lines: list[str]) -> list[_File]:
    found: list[_File] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        current = found[-1] if found else None
        if line.startswith("diff --git "):
            found.append(_git_file(line))
        elif line.startswith("--- "):
            if current is None or current.has_hunks or not current.has_git_header:
                found.append(_File())
            position += _old_and_new(lines, position, found[-1])
        elif current is not None and line.startswith("@@ "):
            position = _end_of_hunk(lines, position) - 1
            current.has_hunks = True
        else:
            _extended_header(line, current)
        position += 1
    return found


def _git_file(line: str) -> _File:
    header = GIT_HEADER.fullmatch(line)
    if header is None:
        raise PatchRejected(f"the patch has a file header that cannot be read: {line[:200]!r}")
    return _File({check_path(header[1]), check_path(header[2])}, has_git_header=True)


def _old_and_new(lines: list[str], position: int, file: _File) -> int:
    """Read a `---`/`+++` pair into `file` and return how many lines it has beyond the first."""
    following = lines[position + 1] if position + 1 < len(lines) else ""
    if not following.startswith("+++ "):
        raise PatchRejected(f"the patch has '---' without '+++': {lines[position][:200]!r}")
    paths = {_named(lines[position][4:], "a/"), _named(following[4:], "b/")} - {NOWHERE}
    if not paths or (file.has_git_header and not paths <= file.paths):
        raise PatchRejected(f"the patch contradicts itself about a path: {following[:200]!r}")
    file.paths |= paths
    return 1


def _named(text: str, prefix: str) -> str:
    name = text.split("\t", 1)[0]
    if name == NOWHERE:
        return name
    if not name.startswith(prefix):
        raise PatchRejected(f"the patch names a path without {prefix!r}: {name[:200]!r}")
    return check_path(name.removeprefix(prefix))


def _end_of_hunk(lines: list[str], position: int) -> int:
    """Return the position after the hunk that starts at `position`, counting as git does."""
    header = HUNK.match(lines[position])
    if header is None:
        raise PatchRejected(f"the patch has a hunk header that cannot be read: {lines[position][:200]!r}")
    old, new = (int(count) if count is not None else 1 for count in header.groups())
    position += 1
    while old > 0 or new > 0:
        line = lines[position] if position < len(lines) else "end"
        mark = line[:1] or " "
        if mark not in " +-\\" or (line == "" and position == len(lines) - 1):
            raise PatchRejected(f"the patch has a hunk that ends early, at line {position + 1}")
        old -= mark in " -"
        new -= mark in " +"
        position += 1
    if old < 0 or new < 0:
        raise PatchRejected(f"the patch has a hunk with wrong counts, at line {position}")
    if position < len(lines) and lines[position].startswith("\\"):
        position += 1
    return position


def _extended_header(line: str, file: _File | None) -> None:
    if not line.strip():
        return
    if line.startswith(("GIT binary patch", "Binary files ")):
        raise PatchRejected("the patch changes a binary file")
    if file is None or file.has_hunks:
        raise PatchRejected(f"the patch has a line that is not part of a diff: {line[:200]!r}")
    if mode := MODE_HEADER.fullmatch(line):
        check_mode(mode[2], was=None if mode[1].startswith("new") else "unknown")
    elif mode := INDEX_MODE.fullmatch(line):
        check_mode(mode[1], was="unknown")
    elif move := MOVE_HEADER.fullmatch(line):
        file.paths.add(check_path(move[1]))
    elif not IDLE_HEADER.fullmatch(line):
        raise PatchRejected(f"the patch has a header that cannot be read: {line[:200]!r}")
