"""How does a source become a repository of our own at a fixed commit?

A git URL, a directory or an archive; nothing of the source's configuration comes along, and git
touches it only in the sandbox. Read next: `workspace.py`, and `locations.py` for what is allowed.
"""

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from metabuilder.execution import addresses, snapshots
from metabuilder.execution.archives import ArchiveLimits, ArchiveRejected, unpack_archive
from metabuilder.execution.command import Limits, Mount
from metabuilder.execution.locations import (
    DEFAULT_PORTS,
    Source,
    SourceKind,
    SourceRejected,
    validate_directory,
    validate_git_url,
    validate_ref,
)
from metabuilder.execution.repository import (
    IDENTITY,
    Repository,
    WorkspaceError,
    make_git_dir,
    split,
    words,
)
from metabuilder.execution.sandbox import GitOptions, Sandbox

__all__ = [
    "ArchiveLimits",
    "ArchiveRejected",
    "PreparedSource",
    "Source",
    "SourceKind",
    "SourceRejected",
    "fetch",
    "unpack_archive",
    "validate_directory",
    "validate_git_url",
    "validate_ref",
]

FETCH_SECONDS = 300.0
MAX_FILES = 50_000
MAX_TREE_BYTES = 2 << 30
MAX_LISTING_BYTES = 16 << 20
GITLINK = "160000"
SNAPSHOT_DATE = "2000-01-01T00:00:00+0000"
SNAPSHOT_ENV = {"GIT_AUTHOR_DATE": SNAPSHOT_DATE, "GIT_COMMITTER_DATE": SNAPSHOT_DATE}
REFSPECS = (
    "+HEAD:refs/metabuilder/source",
    "+refs/heads/*:refs/remotes/origin/*",
    "+refs/tags/*:refs/tags/*",
)
COMMIT_ID = re.compile(r"[0-9a-f]{7,40}")
QUARANTINE = "/quarantine"


@dataclass(frozen=True)
class PreparedSource:
    """A repository at `root` with `commit` checked out. `origin` is the source's own commit, if it
    has one.

    The two differ when uncommitted changes or left-out submodules made a snapshot commit on top;
    the same content makes the same commit, on every machine.
    """

    root: Path
    commit: str
    kind: SourceKind
    origin: str | None = None
    notes: tuple[str, ...] = ()


def fetch(source: Source, root: Path, sandbox: Sandbox, ref: str | None = None) -> PreparedSource:
    """Prepare `source` at `root`, which must not exist and does not exist afterwards when that
    fails.
    """
    if ref is not None:
        validate_ref(ref)
    root.mkdir(parents=True)
    root.chmod(0o711)
    try:
        make_git_dir(root / "git", sandbox)
        repository = Repository(root, sandbox)
        return _FETCHERS[source.kind](source.location, repository, ref)
    except BaseException as error:
        shutil.rmtree(root, ignore_errors=True)
        if isinstance(error, snapshots.SnapshotRefused | WorkspaceError):
            raise SourceRejected("source", str(error)) from error
        raise


def _fetch_remote(url: str, repository: Repository, ref: str | None) -> PreparedSource:
    _make_tree(repository)
    try:
        options = _network_options(urlsplit(url))
    except addresses.NotPublic as error:
        raise SourceRejected("git_url", str(error)) from error
    result = repository.try_git(
        *(
            "fetch",
            "--no-tags",
            "--no-recurse-submodules",
            "--quiet",
            "--end-of-options",
            url,
            *REFSPECS,
        ),
        options=options,
    )
    if not result.ok:
        raise SourceRejected("git_url", f"cannot be fetched: {_last_words(words(result))}")
    return _check_out(repository, _commit_of(repository, ref), SourceKind.REMOTE)


def _fetch_repository(path: str, repository: Repository, ref: str | None) -> PreparedSource:
    location = Path(path)
    own = location / ".git"
    why = _import_history(own if own.is_dir() and not own.is_symlink() else location, repository)
    if why is not None:
        raise SourceRejected("git_url", f"not a repository that can be read: {why}")
    _make_tree(repository)
    return _check_out(repository, _commit_of(repository, ref), SourceKind.REPOSITORY)


def _fetch_directory(path: str, repository: Repository, ref: str | None) -> PreparedSource:
    git_dir = Path(path) / ".git"
    if ref is not None:
        return replace(_fetch_repository(path, repository, ref), kind=SourceKind.DIRECTORY)
    notes: tuple[str, ...] = ()
    if git_dir.is_dir() and not git_dir.is_symlink():
        why = _import_history(git_dir, repository)
        if why is None:
            return _working_tree(Path(path), repository)
        notes = (f"built without its history, which cannot be read: {why}",)
    elif git_dir.exists():
        notes = ("built without its history, which is in another directory",)
    repository.tree.mkdir(exist_ok=True)
    paths = snapshots.listing(Path(path))
    copied = snapshots.copy(Path(path), repository.tree, paths, _copy_limits())
    notes += _left_out(paths, copied)
    return replace(_fresh(repository, copied, SourceKind.DIRECTORY), notes=notes)


def _fetch_archive(path: str, repository: Repository, ref: str | None) -> PreparedSource:
    if ref is not None:
        raise SourceRejected("ref", "an archive has no branches")
    try:
        unpack_archive(Path(path), repository.tree)
    except ArchiveRejected as error:
        raise SourceRejected("upload", str(error)) from error
    return _fresh(repository, snapshots.listing(repository.tree), SourceKind.ARCHIVE)


_FETCHERS = {
    SourceKind.REMOTE: _fetch_remote,
    SourceKind.REPOSITORY: _fetch_repository,
    SourceKind.DIRECTORY: _fetch_directory,
    SourceKind.ARCHIVE: _fetch_archive,
}


def _network_options(url: SplitResult) -> GitOptions:
    """Return git's options for a fetch, with the host pinned to the one address that was checked."""
    host, port = url.hostname or "", url.port or DEFAULT_PORTS[url.scheme]
    address = addresses.pinned(host, port)
    bracketed = f"[{address}]" if ":" in address else address
    ssh = f"ssh -oBatchMode=yes -oHostName={address} -oHostKeyAlias={host} -oProxyCommand=none"
    return GitOptions(
        config=(
            "http.followRedirects=false",
            f"http.curloptResolve={host}:{port}:{bracketed}",
            "http.lowSpeedLimit=1000",
            "http.lowSpeedTime=30",
        ),
        env={"GIT_ALLOW_PROTOCOL": "https:ssh", "GIT_SSH_COMMAND": ssh},
        network=True,
        limits=Limits(wall_seconds=FETCH_SECONDS),
    )


def _import_history(git_dir: Path, repository: Repository) -> str | None:
    """Bring objects and refs over, or return why not. The copy in between holds nothing that
    configures git.
    """
    copied = repository.root / "quarantine"
    make_git_dir(copied, repository.sandbox)
    try:
        snapshots.copy_git_objects(git_dir, copied)
    except snapshots.SnapshotRefused as error:
        return str(error)
    repository.sandbox.hand_over(copied)
    mount = Mount(copied, QUARANTINE)
    _make_tree(repository)
    result = repository.try_git(
        *("fetch", "--no-tags", "--quiet", "--end-of-options"),
        *(repository.sandbox.seen_at(mount), *REFSPECS),
        options=GitOptions(mounts=(mount,), env={"GIT_ALLOW_PROTOCOL": "file"}),
    )
    shutil.rmtree(copied, ignore_errors=True)
    return None if result.ok else _last_words(words(result))


def _left_out(wanted: list[str], copied: list[str]) -> tuple[str, ...]:
    missing = sorted(set(wanted) - set(copied))
    if not missing:
        return ()
    return (f"{len(missing)} files cannot be read and are left out: {', '.join(missing[:5])}",)


def _make_tree(repository: Repository) -> None:
    repository.tree.mkdir(exist_ok=True)
    repository.sandbox.hand_over(repository.tree)


def _commit_of(repository: Repository, ref: str | None) -> str:
    candidates = ["refs/metabuilder/source"]
    if ref is not None:
        short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("origin/")
        candidates = [f"refs/remotes/origin/{short}", f"refs/tags/{short}"]
        if COMMIT_ID.fullmatch(ref):
            candidates.append(ref)
    for candidate in candidates:
        result = repository.try_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
        if result.ok:
            return result.text.strip()
    raise SourceRejected("ref", f"there is no branch, tag or commit {ref!r}" if ref else "there is no commit yet")


def _check_out(repository: Repository, commit: str, kind: SourceKind) -> PreparedSource:
    submodules = _enter(repository, commit)
    repository.git("checkout-index", "--all", "--force", "--quiet")
    return _finished(repository, PreparedSource(repository.root, commit, kind, commit, submodules))


def _working_tree(source: Path, repository: Repository) -> PreparedSource:
    """Build a directory as it lies there: committed or not, but without what its .gitignore leaves
    out.
    """
    commit = _commit_of(repository, None)
    submodules = _enter(repository, commit)
    listed = snapshots.listing(source)
    rules = [path for path in listed if path.rpartition("/")[2] == ".gitignore"]
    snapshots.copy(source, repository.tree, rules, _copy_limits())
    repository.sandbox.hand_over(repository.tree)
    ignored = _ignored(repository, listed)
    wanted = [path for path in listed if path not in ignored]
    copied = snapshots.copy(source, repository.tree, wanted, _copy_limits())
    repository.sandbox.hand_over(repository.tree)
    repository.git("add", "--update", "--", ".")
    repository.add(copied)
    notes = tuple(note.replace("left out", "built as plain files") for note in submodules)
    notes += _left_out(wanted, copied)
    return _finished(
        repository,
        PreparedSource(repository.root, commit, SourceKind.DIRECTORY, commit, notes),
    )


def _ignored(repository: Repository, paths: list[str]) -> frozenset[str]:
    listed = "\0".join(paths).encode(errors="surrogateescape")
    result = repository.try_git("check-ignore", "-z", "--stdin", stdin=listed)
    if result.exit_code not in {0, 1} or result.truncated:
        raise WorkspaceError(f"git check-ignore: {words(result)}")
    return frozenset(split(result.output.decode(errors="surrogateescape")))


def _fresh(repository: Repository, paths: list[str], kind: SourceKind) -> PreparedSource:
    if not paths:
        raise SourceRejected("source", "there is no file to build")
    repository.sandbox.hand_over(repository.tree)
    repository.add(paths)
    return _finished(repository, PreparedSource(repository.root, "", kind))


def _enter(repository: Repository, commit: str) -> tuple[str, ...]:
    """Make `commit` HEAD and fill the index, without submodules; return notes about those left out."""
    submodules = _bounded_gitlinks(repository, commit)
    repository.git("update-ref", "--no-deref", "HEAD", commit)
    repository.git("read-tree", "HEAD")
    if submodules:
        repository.git(
            *("rm", "--cached", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul"),
            stdin="\0".join(f":(literal){path}" for path in submodules).encode(errors="surrogateescape"),
        )
    return tuple(f"submodule left out: {path}" for path in submodules)


def _bounded_gitlinks(repository: Repository, commit: str) -> list[str]:
    """Look over a commit's tree before it is written to disk: a repository of 25 kB may hold 10
    million files.
    """
    seen = {"entries": 0}

    def count(chunk: bytes) -> None:
        seen["entries"] += chunk.count(b"\0")

    limits = Limits(wall_seconds=60.0, output_bytes=MAX_LISTING_BYTES)
    result = repository.try_git(
        *("ls-tree", "-r", "-z", "-l", "--full-tree", commit),
        options=GitOptions(limits=limits, on_output=count, should_stop=lambda: seen["entries"] > MAX_FILES),
    )
    if seen["entries"] > MAX_FILES or result.truncated:
        raise SourceRejected("source", f"the repository has more than {MAX_FILES} files")
    if not result.ok:
        raise WorkspaceError(f"git ls-tree: {words(result)}")
    entries = [line.partition("\t") for line in split(result.output.decode(errors="surrogateescape"))]
    sizes = (meta.split()[3] for meta, _, _ in entries)
    if sum(int(size) for size in sizes if size.isdigit()) > MAX_TREE_BYTES:
        raise SourceRejected("source", f"the repository has more than {MAX_TREE_BYTES >> 30} GiB of files")
    return [path for meta, _, path in entries if meta.startswith(GITLINK)]


def _finished(repository: Repository, prepared: PreparedSource) -> PreparedSource:
    """Commit what differs from the source's own commit, if anything does."""
    if prepared.origin is not None:
        staged = repository.try_git("diff", "--cached", "--quiet", "--no-ext-diff", "HEAD", "--")
        if staged.ok:
            return prepared
    repository.git(
        *("commit", "--quiet", "--no-verify", "--message=Snapshot of the source as it was built"),
        options=GitOptions(config=IDENTITY, env=SNAPSHOT_ENV),
    )
    return replace(prepared, commit=repository.head())


def _copy_limits() -> snapshots.CopyLimits:
    return snapshots.CopyLimits(entries=MAX_FILES, total_bytes=MAX_TREE_BYTES)


def _last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"
