"""How does one command run, confined, watched and ended with everything it started?

The only module that starts processes. Read next: `profiles.py` for what a command sees,
`supervision.py` for when it has to end. bubblewrap's `--die-with-parent` is tied to the *thread*
that called `run`: when that thread ends, the command is killed. Call from a thread that outlives
the command; a worker's main thread is best.
"""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from metabuilder.execution import profiles
from metabuilder.execution.command import (
    Command,
    CommandResult,
    Limits,
    Mount,
    SandboxUnavailable,
    Verdict,
)
from metabuilder.execution.confinement import MARK, Confinement, Namespace, Session
from metabuilder.execution.disk import DiskWatch
from metabuilder.execution.messages import explain
from metabuilder.execution.output import Stream
from metabuilder.execution.supervision import Supervision, verdict_of

__all__ = [
    "Command",
    "CommandResult",
    "GitOptions",
    "Limits",
    "Mount",
    "Sandbox",
    "SandboxUnavailable",
    "Verdict",
    "probe",
]

BUBBLEWRAP = "bubblewrap"
NONE = "none"
TAIL_BYTES = 1 << 20
ERROR_BYTES = 64 << 10
STATUS_BYTES = 64 << 10
STEP_UID = 61234


@dataclass(frozen=True)
class GitOptions:
    """What one git command needs beyond the profile. `mounts` are seen at their targets, read-only
    by default.
    """

    config: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    network: bool = False
    limits: Limits = field(default_factory=lambda: Limits(wall_seconds=300.0))
    on_output: Callable[[bytes], None] | None = None
    should_stop: Callable[[], bool] | None = None


@dataclass(frozen=True)
class _Launch:
    """All that `Popen` is told, and what is known of the result before it starts."""

    argv: list[str]
    env: Mapping[str, str]
    cwd: str
    limits: Limits
    watched: Path
    stdin: int = subprocess.DEVNULL
    pass_fds: tuple[int, ...] = ()
    keep_bytes: int = TAIL_BYTES
    keep_errors_apart: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Sandbox:
    """Runs commands at one level of isolation. As root, every command runs as `step_uid` instead.

    `should_stop` is asked during every command that brings no such question of its own.
    """

    mode: str = BUBBLEWRAP
    step_uid: int = STEP_UID
    should_stop: Callable[[], bool] | None = field(default=None, compare=False)

    @property
    def owner(self) -> int | None:
        """The uid and gid that must own what commands write, or None when they run as the caller."""
        return self.step_uid if os.geteuid() == 0 else None

    def run(
        self,
        command: Command,
        on_output: Callable[[bytes], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> CommandResult:
        """Run `command` to its end, or end it. Never raises for what the command does."""
        if "\0" in "".join((*command.argv, *command.path, *command.env, *command.env.values())):
            return self._not_started("its command or environment contains a NUL byte")
        _clear_mount_point(command)
        with ExitStack() as stack:
            if self.mode == NONE:
                launch = self._bare_step(command, stack)
            else:
                launch = self._boxed(profiles.step_box(command), list(command.argv), stack)
            return self._execute(replace(launch, watched=command.workdir), on_output, should_stop)

    def run_git(
        self,
        args: tuple[str, ...],
        *,
        git_dir: Path,
        work_tree: Path,
        stdin: bytes | None = None,
        options: GitOptions | None = None,
    ) -> CommandResult:
        """Run the platform's git: no hooks, no filters, no configuration but ours. Output is kept
        up to its limit.
        """
        chosen = options or GitOptions()
        with ExitStack() as stack:
            launch = self._git_launch(args, (git_dir, work_tree), chosen, stack)
            launch = replace(
                launch,
                watched=git_dir,
                keep_bytes=chosen.limits.output_bytes,
                keep_errors_apart=True,
                stdin=subprocess.DEVNULL if stdin is None else _data_fd(stack, stdin),
            )
            return self._execute(launch, chosen.on_output, chosen.should_stop)

    def hand_over(self, root: Path) -> None:
        """Give a tree that the service has just made to the uid that commands run as."""
        if self.owner is None:
            return
        os.lchown(root, self.owner, self.owner)
        for directory, names, files in os.walk(root):
            for name in (*names, *files):
                os.lchown(os.path.join(directory, name), self.owner, self.owner)

    def seen_at(self, mount: Mount) -> str:
        """Return the path at which a command sees a mount."""
        return str(mount.source) if self.mode == NONE else mount.target

    def _git_launch(
        self, args: tuple[str, ...], roots: tuple[Path, Path], options: GitOptions, stack: ExitStack
    ) -> _Launch:
        git = shutil.which("git", path=":".join(profiles.SYSTEM_PATH)) or "git"
        mounts = (
            Mount(roots[0], profiles.GIT_DIR, writable=True),
            Mount(roots[1], profiles.GIT_WORK_TREE, writable=True),
        )
        git_dir, work_tree = (self.seen_at(mount) for mount in mounts)
        argv = [git, *profiles.git_options(git_dir, work_tree, options.config), *args]
        env = {"PATH": ":".join(profiles.SYSTEM_PATH)} | profiles.GIT_ENV | dict(options.env)
        if self.mode == NONE:
            return self._bare(argv, env, work_tree, options.limits)
        box = profiles.Box((*mounts, *options.mounts), env, profiles.GIT_WORK_TREE, options.network, options.limits)
        return self._boxed(box, argv, stack)

    def _boxed(self, box: profiles.Box, argv: list[str], stack: ExitStack) -> _Launch:
        bwrap = shutil.which("bwrap", path=":".join(profiles.SYSTEM_PATH)) or "/usr/bin/bwrap"
        files = (profiles.PASSWD, profiles.GROUP, profiles.HOSTS)
        data = profiles.DataFds(*(_data_fd(stack, content) for content in files))
        arguments = profiles.bubblewrap_arguments(box, data)
        if any("\0" in argument for argument in arguments):
            raise ValueError("embedded null byte")
        packed = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
        args_fd = _data_fd(stack, packed)
        return _Launch(
            argv=[
                bwrap,
                "--args",
                str(args_fd),
                "--",
                *profiles.prlimit_arguments(box.limits),
                *argv,
            ],
            env={},
            cwd="/",
            limits=box.limits,
            watched=Path("/"),
            pass_fds=(args_fd, data.passwd, data.group, data.hosts),
        )

    def _bare_step(self, command: Command, stack: ExitStack) -> _Launch:
        home = stack.enter_context(self._temporary_home())
        workdir = str(command.workdir)
        env = {
            **profiles.STEP_ENV,
            "HOME": home,
            "TMPDIR": home,
            "PATH": profiles.search_path(command, workdir),
            **command.env,
        }
        return self._bare(list(command.argv), env, workdir, command.limits)

    def _bare(self, argv: list[str], env: Mapping[str, str], cwd: str, limits: Limits) -> _Launch:
        mark = uuid.uuid4().hex
        # Without a pid namespace the limit counts all processes of a uid: only fair on one that is
        # not a person's.
        prefix = profiles.prlimit_arguments(limits, count_processes=self.owner is not None)
        return _Launch(
            argv=[*prefix, *argv],
            env={**env, MARK: mark},
            cwd=cwd,
            limits=limits,
            watched=Path(cwd),
            mark=mark,
        )

    @contextmanager
    def _temporary_home(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="metabuilder-", ignore_cleanup_errors=True) as home:
            self.hand_over(Path(home))
            yield home

    def _execute(
        self,
        launch: _Launch,
        on_output: Callable[[bytes], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> CommandResult:
        oom_kills = _oom_kills()
        started_at = time.monotonic()
        with ExitStack() as stack:
            status = _Status(stack) if self.mode != NONE else None
            try:
                process = self._start(launch, status)
            except OSError as error:
                return self._not_started(str(error))
            stack.callback(process.wait)
            streams = _streams(process, launch, on_output, stack)
            disk = stack.enter_context(DiskWatch(launch.watched, launch.limits.disk_bytes))
            supervision = Supervision(
                process.pid,
                _confinement(process, launch, status),
                streams,
                launch.limits,
                disk,
                should_stop or self.should_stop,
            )
            supervision.watch()
            return self._result(supervision, process.wait(), _oom_kills() - oom_kills, started_at)

    def _start(self, launch: _Launch, status: "_Status | None") -> subprocess.Popen[bytes]:
        argv, fds = launch.argv, launch.pass_fds
        if status is not None:
            argv = [argv[0], "--json-status-fd", str(status.writer), *argv[1:]]
            fds = (*fds, status.writer)
        try:
            return subprocess.Popen(
                argv,
                env=launch.env,
                cwd=launch.cwd,
                stdin=launch.stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if launch.keep_errors_apart else subprocess.STDOUT,
                start_new_session=True,
                close_fds=True,
                pass_fds=fds,
                user=self.owner,
                group=self.owner,
                extra_groups=[] if self.owner is not None else None,
                umask=0o022,
            )
        finally:
            if status is not None:
                status.close_writer()

    def _result(self, supervision: Supervision, returncode: int, oom_kills: int, started_at: float) -> CommandResult:
        exit_code = supervision.confinement.exit_code(returncode)
        verdict = verdict_of(exit_code, supervision.reason, oom_kills)
        output, *errors = (stream.tail for stream in supervision.streams)
        last_words = (errors or [output])[0].value()[-2000:]
        return CommandResult(
            verdict=verdict,
            exit_code=exit_code,
            duration_seconds=time.monotonic() - started_at,
            output=output.value(),
            output_bytes=output.total,
            truncated=output.truncated,
            level=self.mode,
            message=explain(verdict, exit_code, supervision, last_words),
            errors=errors[0].value() if errors else b"",
        )

    def _not_started(self, why: str) -> CommandResult:
        message = f"the sandbox could not start: {why}"
        return CommandResult(Verdict.NOT_STARTED, None, 0.0, b"", 0, False, self.mode, message)


class _Status:
    """The pipe on which bubblewrap says that the command ran and how it ended."""

    def __init__(self, stack: ExitStack) -> None:
        reader, self.writer = os.pipe()
        stack.callback(os.close, reader)
        self.stream = Stream(reader, STATUS_BYTES, None)

    def close_writer(self) -> None:
        os.close(self.writer)


def probe(mode: str) -> str:
    """Return the level of isolation after really running `true` at it, or say what to do."""
    if mode == NONE:
        return NONE
    if mode != BUBBLEWRAP:
        raise SandboxUnavailable(f"METABUILDER_SANDBOX is {mode!r}: it must be 'bubblewrap' or 'none'.")
    with tempfile.TemporaryDirectory(prefix="metabuilder-probe-") as directory:
        sandbox = Sandbox(mode)
        sandbox.hand_over(Path(directory))
        result = sandbox.run(Command(("true",), Path(directory), limits=Limits(wall_seconds=20.0)))
    if not result.ok:
        raise SandboxUnavailable(
            f"bubblewrap does not work here ({result.message}). Install it (apt-get install bubblewrap) and allow"
            " unprivileged user namespaces, or set METABUILDER_SANDBOX=none, which gives no isolation."
        )
    return BUBBLEWRAP


def _confinement(process: subprocess.Popen[bytes], launch: _Launch, status: _Status | None) -> Confinement:
    if status is None:
        return Session(process.pid, launch.mark)
    return Namespace(process.pid, status.stream)


def _streams(
    process: subprocess.Popen[bytes],
    launch: _Launch,
    on_output: Callable[[bytes], None] | None,
    stack: ExitStack,
) -> list[Stream]:
    def stream(pipe: IO[bytes] | None, keep: int, listener: Callable[[bytes], None] | None) -> list[Stream]:
        if pipe is None:
            return []
        stack.callback(pipe.close)
        return [Stream(pipe.fileno(), keep, listener)]

    return stream(process.stdout, launch.keep_bytes, on_output) + stream(process.stderr, ERROR_BYTES, None)


def _data_fd(stack: ExitStack, content: bytes) -> int:
    """Return an open file in memory with `content`, at its start."""
    fd = os.memfd_create("metabuilder")
    stack.callback(os.close, fd)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _clear_mount_point(command: Command) -> None:
    """Remove a `.git` file or link that a step left where the git directory is to be bound."""
    mount_point = command.workdir / ".git"
    if command.git_dir is not None and (mount_point.is_symlink() or mount_point.is_file()):
        mount_point.unlink()


def _oom_kills() -> int:
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
