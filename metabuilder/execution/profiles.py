"""What does a sandboxed command see of this machine?

The step profile and the git profile as plain values, and their translation to bubblewrap arguments.
The arguments travel through a file descriptor, never on a command line, where `/proc/1/cmdline`
would show them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from metabuilder.execution.command import Command, Limits, Mount

SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
WORKSPACE = "/workspace"
GIT_WORK_TREE = "/w"
GIT_DIR = "/g"
INSIDE_ID = 1000

PASSWD = f"user:x:{INSIDE_ID}:{INSIDE_ID}:user:/tmp/home:/bin/sh\n".encode()
GROUP = f"user:x:{INSIDE_ID}:\n".encode()
HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"

ETC_ALWAYS = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "localtime",
    "nsswitch.conf",
)
ETC_NETWORK = ("resolv.conf", "hosts", "ssl/certs", "ca-certificates", "pki", "services")
ROOT_LINKS = ("bin", "sbin", "lib", "lib64", "lib32")

TMP, HOME, SHM = "/tmp", "/tmp/home", "/dev/shm"  # noqa: S108  (the sandbox's own)
STEP_ENV = {"HOME": HOME, "LANG": "C.UTF-8", "TMPDIR": TMP, "CI": "true"}
GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
}
GIT_CONFIG = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.symlinks=true",
    "core.quotePath=false",
    "diff.ignoreSubmodules=all",
    "submodule.recurse=false",
    "safe.bareRepository=explicit",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "transfer.fsckObjects=true",
    # Flaws in the history of many sound projects; none of them reaches a working tree.
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.fsck.missingSpaceBeforeEmail=ignore",
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.fsck.badDateOverflow=ignore",
)


@dataclass(frozen=True)
class Box:
    """A sandbox to make: what is bound where, the exact environment, and the first directory."""

    mounts: tuple[Mount, ...]
    env: Mapping[str, str]
    chdir: str
    network: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class DataFds:
    """Open files whose content becomes /etc/passwd, /etc/group and /etc/hosts."""

    passwd: int
    group: int
    hosts: int


def step_box(command: Command) -> Box:
    mounts = [Mount(command.workdir, WORKSPACE, writable=True)]
    if command.git_dir is not None:
        mounts.append(Mount(command.git_dir, f"{WORKSPACE}/.git"))
    env = STEP_ENV | {"PATH": search_path(command, WORKSPACE)} | dict(command.env)
    return Box((*mounts, *command.mounts), env, WORKSPACE, command.network, command.limits)


def search_path(command: Command, workdir: str) -> str:
    """Return PATH: the command's own entries, relative ones taken from `workdir`, before the
    system's.
    """
    own = (entry if entry.startswith("/") else f"{workdir}/{entry}" for entry in command.path)
    return ":".join((*own, *SYSTEM_PATH))


def git_options(git_dir: str, work_tree: str, config: tuple[str, ...]) -> list[str]:
    settings = [part for setting in (*GIT_CONFIG, *config) for part in ("-c", setting)]
    return [f"--git-dir={git_dir}", f"--work-tree={work_tree}", *settings]


def bubblewrap_arguments(box: Box, data: DataFds) -> list[str]:
    return [
        *_namespaces(box.network),
        *_environment(box.env),
        *_system(),
        *_etc(box.network, data),
        *("--proc", "/proc", "--dev", "/dev"),
        *_tmpfs(SHM, 16 << 20),
        *("--remount-ro", "/dev"),
        *_tmpfs(TMP, box.limits.tmp_bytes),
        *("--dir", HOME),
        *_tmpfs("/run", 4 << 20),
        *_tmpfs("/var", 4 << 20),
        *("--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID), "--hostname", "sandbox"),
        *(part for mount in box.mounts for part in _bind(mount)),
        *("--chdir", box.chdir, "--remount-ro", "/"),
    ]


def prlimit_arguments(limits: Limits, *, count_processes: bool = True) -> list[str]:
    """Return the command that sets the limits and becomes the step. CPU time gives a signal, then
    kills.
    """
    processes = [f"--nproc={limits.processes}"] if count_processes else []
    return [
        "/usr/bin/prlimit",
        *processes,
        f"--data={limits.memory_bytes}",
        f"--fsize={limits.file_bytes}",
        f"--cpu={limits.cpu_seconds}:{limits.cpu_seconds + 5}",
        f"--nofile={limits.open_files}",
        "--core=0",
        "--",
    ]


def _namespaces(network: bool) -> list[str]:
    unshare = [
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-uts",
        "--unshare-cgroup-try",
    ]
    if not network:
        unshare.append("--unshare-net")
    return [*unshare, "--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]


def _environment(env: Mapping[str, str]) -> list[str]:
    return [
        "--clearenv",
        *(part for name, value in env.items() for part in ("--setenv", name, value)),
    ]


def _system() -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ROOT_LINKS:
        directory = Path("/", name)
        if directory.is_symlink():
            arguments += ["--symlink", os.readlink(directory), str(directory)]
        elif directory.is_dir():
            arguments += ["--ro-bind", str(directory), str(directory)]
    return arguments


def _etc(network: bool, data: DataFds) -> list[str]:
    names = (*ETC_ALWAYS, *ETC_NETWORK) if network else ETC_ALWAYS
    arguments = [part for name in names for part in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
    arguments += ["--ro-bind-data", str(data.passwd), "/etc/passwd"]
    arguments += ["--ro-bind-data", str(data.group), "/etc/group"]
    if not network:
        arguments += ["--ro-bind-data", str(data.hosts), "/etc/hosts"]
    return arguments


def _tmpfs(target: str, size_bytes: int) -> list[str]:
    return ["--size", str(size_bytes), "--tmpfs", target]


def _bind(mount: Mount) -> list[str]:
    return ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
