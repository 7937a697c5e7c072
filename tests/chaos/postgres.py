"""A PostgreSQL server of one's own: for tests and benchmarks that restart it, crash it or weigh it.

It listens on 127.0.0.1 on a free port, keeps its data in a temporary directory and leaves nothing
behind. PostgreSQL refuses to run as root: there it runs as the user `postgres`.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql

INSTALLED = "/usr/lib/postgresql"
SERVICE_USER = "postgres"
SUPERUSER = "chaos"
START_TRIES = 3
START_SECONDS = 60
DURABLE = {"fsync": "on", "synchronous_commit": "on", "max_connections": "200", "unix_socket_directories": ""}
FIELDS_BEFORE_TIMES = 11  # of /proc/PID/stat, between the command and utime
TICKS = os.sysconf("SC_CLK_TCK")


class PostgresUnavailable(Exception):
    """There is no PostgreSQL server to start here, or it does not start; the text says why."""


class PrivatePostgres:
    """A durable server (fsync and synchronous_commit on) that lives as long as its `with` block."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.settings = {**DURABLE, **(settings or {})}
        self.port = 0
        self._password = secrets.token_hex(16)
        self._root = Path()
        self._spent_before = 0.0

    def __enter__(self) -> "PrivatePostgres":
        self._root = Path(tempfile.mkdtemp(prefix="metabuilder-postgres-"))
        try:
            self._initialise()
            self._start_on_a_free_port()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @property
    def pid(self) -> int:
        """The postmaster's; it changes with every start. Raise PostgresUnavailable if it is down."""
        try:
            return int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            raise PostgresUnavailable("the private PostgreSQL is not running") from None

    def url(self, database: str) -> str:
        return f"postgres://{SUPERUSER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:  # Any: any column's value
        """Return a connection of its own that commits by itself."""
        return psycopg.connect(self.url(database).replace("postgres:", "postgresql:", 1), autocommit=True)

    def create(self, database: str, template: str = "template1") -> None:
        """Make a database, as a copy of `template`, to which nobody may be connected."""
        names = (sql.Identifier(database), sql.Identifier(template))
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))

    def drop(self, database: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def start(self) -> None:
        self._control("start", "-w", "-t", str(START_SECONDS), "-l", str(self._root / "log"))

    def restart(self, immediate: bool = False) -> None:
        """Stop, ending all connections, and start on the same port; `immediate` is as by a crash."""
        if immediate:
            self.crash()
        else:
            self._stop("fast")
        self.start()

    def crash(self) -> None:
        """End without a checkpoint: the next start recovers from the log, as after a power cut."""
        self._stop("immediate")

    def cpu_seconds(self) -> float:
        """Processor time of the server and of all backends it ever had, in all its starts."""
        return self._spent_before + _tree_seconds(self.pid)

    def log(self) -> str:
        return (self._root / "log").read_text(errors="replace")

    @property
    def _data(self) -> Path:
        return self._root / "data"

    def _initialise(self) -> None:
        self._root.chmod(0o711)
        self._data.mkdir(mode=0o700)
        (self._root / "log").touch(mode=0o600)
        password = self._root / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        for path in (self._data, self._root / "log", password):
            _give_to_service(path)
        options = ["--username", SUPERUSER, "--auth", "scram-sha-256", "--pwfile", str(password)]
        _run("initdb", "--pgdata", str(self._data), *options, "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        password.unlink()
        lines = [f"{name} = '{value}'" for name, value in self.settings.items()]
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write("\n".join([*lines, "listen_addresses = '127.0.0.1'", "include 'port.conf'\n"]))

    def _start_on_a_free_port(self) -> None:
        for left in reversed(range(START_TRIES)):
            self.port = _free_port()
            (self._data / "port.conf").write_text(f"port = {self.port}\n")
            (self._data / "port.conf").chmod(0o644)
            try:
                return self.start()
            except PostgresUnavailable:
                if not left:
                    raise
        return None

    def _stop(self, mode: str) -> None:
        self._spent_before = self.cpu_seconds()
        self._control("stop", "-w", "-m", mode)

    def _control(self, verb: str, *options: str) -> None:
        try:
            _run("pg_ctl", verb, "--silent", "--pgdata", str(self._data), *options)
        except PostgresUnavailable as error:
            raise PostgresUnavailable(f"{error}\n{self.log()[-2000:]}") from None

    def _remove(self) -> None:
        try:
            if (self._data / "postmaster.pid").exists():
                self._control("stop", "-w", "-m", "immediate")
        finally:
            shutil.rmtree(self._root, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's; its output goes to a file, for a server inherits it."""
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(_programs() / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=2 * START_SECONDS,
            check=False,
            **_as_service(),
        )
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    if done.returncode:
        raise PostgresUnavailable(f"{program} failed: {words[-1000:]}")


@cache
def _programs() -> Path:
    found = sorted(Path(INSTALLED).glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if found:
        return found[0]
    if on_path := shutil.which("pg_ctl"):
        return Path(on_path).parent
    raise PostgresUnavailable("no PostgreSQL server is installed here (apt install postgresql)")


@cache
def _as_service() -> dict[str, Any]:  # Any: user and group by number, groups as a list
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise PostgresUnavailable(f"root cannot run PostgreSQL, and there is no user {SERVICE_USER}") from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _give_to_service(path: Path) -> None:
    if service := _as_service():
        os.chown(path, service["user"], service["group"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tree_seconds(pid: int) -> float:
    """Return what a process, its children, and those it has seen to their end have used."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own, reaped = _seconds(pid)
    return own + reaped + sum(_seconds(int(child))[0] for child in children)


def _seconds(pid: int) -> tuple[float, float]:
    """Return a process's own seconds and those of its reaped children; none if it is gone.

    The scheduler counts nanoseconds, the times in `stat` are cut to ticks of 10 ms.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        on_processor = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    first = FIELDS_BEFORE_TIMES
    user, system, reaped_user, reaped_system = (int(value) / TICKS for value in after_name[first : first + 4])
    return max(on_processor, user + system), reaped_user + reaped_system
