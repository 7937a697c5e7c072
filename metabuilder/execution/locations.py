"""May this URL, reference or path be built at all?

Pure checks of what people and tokens send, before anything is opened. Read next: `sources.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_PORTS = {"https": 443, "ssh": 22}
SCP_LIKE = re.compile(r"([A-Za-z0-9][\w.-]*)@([A-Za-z0-9][\w.-]*):([^/:].*)", re.ASCII)
NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
USER = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
MAX_LENGTH = 2000
MAX_REF = 250


class SourceKind(StrEnum):
    REMOTE = "git"
    REPOSITORY = "repository"
    DIRECTORY = "directory"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class Source:
    """Where a build comes from. A repository is built as committed, a directory as it lies there."""

    kind: SourceKind
    location: str


class SourceRejected(Exception):
    """The source is not one that we build; `field` names the input and `message` is for whoever
    sent it.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def validate_git_url(url: str, allowed_roots: Sequence[Path] | None = ()) -> Source:
    """Allow https and ssh, and local repositories below `allowed_roots` (None: anywhere)."""
    _check_text("git_url", url)
    if url.startswith("/"):
        return _local(url, allowed_roots)
    if scp := SCP_LIKE.fullmatch(url):
        url = f"ssh://{scp[1]}@{scp[2]}/{scp[3]}"
    parts = _split(url)
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"}:
            raise SourceRejected("git_url", "a file URL cannot name another host")
        return _local(unquote(parts.path), allowed_roots)
    if parts.scheme not in DEFAULT_PORTS:
        raise SourceRejected("git_url", "use an https:// or ssh:// URL")
    _check_authority(parts)
    return Source(SourceKind.REMOTE, url)


def validate_ref(ref: str) -> str:
    """Allow what git would accept as a branch or tag name, or a commit id."""
    _check_text("ref", ref)
    if len(ref) > MAX_REF or BAD_REF.search(ref) or ref == "@" or ref.startswith("/"):
        raise SourceRejected("ref", "not the name of a branch, a tag or a commit")
    if ref.endswith(("/", ".")) or ref.startswith("."):
        raise SourceRejected("ref", "not the name of a branch, a tag or a commit")
    return ref


def validate_directory(path: str | Path, roots: Sequence[Path] | None) -> Source:
    """Allow a directory inside one of `roots`, links resolved; None allows any that can be read."""
    _check_text("path", str(path))
    return Source(SourceKind.DIRECTORY, str(_inside("path", Path(path), roots)))


def _local(path: str, allowed_roots: Sequence[Path] | None) -> Source:
    if "\0" in path:
        raise SourceRejected("git_url", "contains control characters")
    return Source(SourceKind.REPOSITORY, str(_inside("git_url", Path(path), allowed_roots)))


def _inside(field: str, path: Path, roots: Sequence[Path] | None) -> Path:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        real = None
    is_allowed = real is not None and (roots is None or any(real.is_relative_to(root.resolve()) for root in roots))
    # One answer for "is not there" and "is not yours", so that nobody can look for files this way.
    if real is None or not is_allowed or not real.is_dir():
        raise SourceRejected(field, f"not a directory that may be built: {path}")
    return real


def _check_text(field: str, text: str) -> None:
    if not text or len(text) > MAX_LENGTH:
        raise SourceRejected(field, "is empty or too long")
    if not text.isprintable():
        raise SourceRejected(field, "contains control characters")
    if text.startswith("-"):
        raise SourceRejected(field, "must not start with a dash")


def _split(url: str) -> SplitResult:
    if "::" in url.partition("/")[0] or " " in url or "\\" in url:
        raise SourceRejected("git_url", "use an https:// or ssh:// URL")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (reading it is what checks it)
    except ValueError as error:
        raise SourceRejected("git_url", "is not a URL") from error
    return parts


def _check_authority(parts: SplitResult) -> None:
    host = parts.hostname or ""
    if not NAME.fullmatch(host) and ":" not in host:
        raise SourceRejected("git_url", "names no valid host")
    if parts.password is not None or (parts.scheme == "https" and parts.username is not None):
        raise SourceRejected("git_url", "must not contain credentials")
    if parts.username is not None and not USER.fullmatch(parts.username):
        raise SourceRejected("git_url", "names no valid user")
    if parts.query or parts.fragment:
        raise SourceRejected("git_url", "must not have a query or a fragment")
    if not parts.path.strip("/") or parts.path.startswith("/-"):
        raise SourceRejected("git_url", "names no repository")
