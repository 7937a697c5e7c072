"""What every benchmark stands on: a private PostgreSQL, directories that steps can reach, two sides."""

import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from metabuilder.execution.layout import default_data_dir
from scripts.benchmarks.agent import Agent
from scripts.benchmarks.processes import Service, run_quietly, seconds_of, wait_until_quiet
from tests.chaos.postgres import PrivatePostgres

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS = 2
RAW = "scripts.benchmarks.raw.settings"
NOOP = "scripts.benchmarks.noop_settings"
REAL = "scripts.benchmarks.real_settings"
OTHERS_REACH_IT = 0o711
NOT_OURS_TO_INHERIT = ("METABUILDER_", "META_V3_", "DATABASE_URL", "REDIS_URL", "DJANGO_", "Q_CLUSTER", "FEATURE_")
SOURCE_FILES = {"README.md": "A tiny project.\n", "app.py": "x = 1\n", "pyproject.toml": '[project]\nname = "tiny"\n'}


@dataclass(frozen=True)
class Side:
    """One of the two that are compared, on a database and in directories of its own."""

    settings: str
    database_url: str
    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(NOT_OURS_TO_INHERIT)}
        own = {
            "DJANGO_SETTINGS_MODULE": self.settings,
            "DATABASE_URL": self.database_url,
            "BENCH_ROOT": str(self.root),
            "METABUILDER_ENV": "development",
            "METABUILDER_DATA_DIR": str(self.root / "data"),
            "METABUILDER_WORKERS": str(WORKERS),
            "METABUILDER_SOURCE_ROOTS": str(self.source),
            "METABUILDER_API_RATE": "100000/min",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        return {**inherited, **own, **self.env}

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def is_raw(self) -> bool:
        return self.settings == RAW

    def manage(self, *arguments: str) -> list[str]:
        return [sys.executable, *(("-m", "django") if self.is_raw else ("manage.py",)), *arguments]

    def cluster(self) -> Service:
        return Service(self.manage("qcluster"), ROOT, self.environment, self.root / "cluster.log")

    def agent(self) -> Agent:
        agent = Agent(sys.executable, ROOT, self.environment, self.root / "agent.log")
        if not self.is_raw:
            agent.call("prepare", source=str(self.source))
        return agent


@dataclass
class Running:
    """A side with its cluster up and quiet, and an agent that feeds and watches it."""

    side: Side
    cluster: Service
    agent: Agent
    postgres: PrivatePostgres | None

    def cpu_seconds(self) -> float:
        """What cluster and database have used, without what the database did for the agent."""
        if self.postgres is None:
            return self.cluster.cpu_seconds()
        feeding = sum(seconds_of(self.agent.call("backend_pid")))
        return self.cluster.cpu_seconds() + self.postgres.cpu_seconds() - feeding


class Bed:
    """Makes sides and starts them; what it made is gone when its `with` block ends."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._made = 0
        self._templates: dict[str, str] = {}
        self._databases: list[str] = []
        self._secret = secrets.token_urlsafe(64)
        self.data_dir = Path(os.environ.get("METABUILDER_DATA_DIR") or default_data_dir(ROOT))

    def __enter__(self) -> "Bed":
        self.root = Path(tempfile.mkdtemp(prefix="metabuilder-bench-"))
        self._stack.callback(shutil.rmtree, self.root, ignore_errors=True)
        self.root.chmod(OTHERS_REACH_IT)
        try:
            self.postgres = self._stack.enter_context(PrivatePostgres())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def raw(self) -> Side:
        return self._side(RAW)

    def noop(self, *, sqlite: bool = False, **env: str) -> Side:
        return self._side(NOOP, sqlite=sqlite, **env)

    def real(self, sandbox: str) -> Side:
        """Return a side that runs commands, with the tools that `scripts/setup` has installed."""
        if not (self.data_dir / "toolchain-bin").is_dir():
            raise RuntimeError(f"there are no tools for steps in {self.data_dir}: run scripts/setup")
        return self._side(REAL, METABUILDER_SANDBOX=sandbox, METABUILDER_DATA_DIR=str(self.data_dir))

    def clear(self) -> None:
        """Drop every side's database: vacuuming the last benchmark's rows would be counted for the next one."""
        while self._databases:
            self.postgres.drop(self._databases.pop())
        with self.postgres.connect() as connection:
            connection.execute("CHECKPOINT")

    @contextmanager
    def running(self, side: Side) -> Iterator[Running]:
        """Start a side's cluster and wait until it idles."""
        with side.agent() as agent, side.cluster() as cluster:
            wait_until_quiet([cluster])
            if not cluster.is_running():
                raise RuntimeError(f"the cluster has ended: {cluster.words()}")
            on_postgres = side.database_url.startswith("postgres")
            try:
                yield Running(side, cluster, agent, self.postgres if on_postgres else None)
            except Exception as error:
                error.add_note(f"The end of what the cluster of {side.settings} said:\n{cluster.words()}")
                raise

    def _side(self, settings: str, *, sqlite: bool = False, **env: str) -> Side:
        self._made += 1
        root = self.root / f"side-{self._made}"
        for directory in (root, root / "source", root / "scratch", root / "work", root / "media"):
            directory.mkdir()
            directory.chmod(OTHERS_REACH_IT if directory != root / "source" else 0o755)
        for name, text in SOURCE_FILES.items():
            (root / "source" / name).write_text(text)
        url = f"sqlite:///{root / 'db.sqlite3'}" if sqlite else self._database(settings)
        side = Side(settings, url, root, {"SECRET_KEY": self._secret, **env})
        if sqlite:
            migrate(side)
        return side

    def _database(self, settings: str) -> str:
        """Return a fresh database, a copy of one that was migrated once."""
        kind = "raw" if settings == RAW else "ours"
        if kind not in self._templates:
            template = f"{kind}_template"
            self.postgres.create(template)
            migrate(Side(settings, self.postgres.url(template), self.root, {"SECRET_KEY": self._secret}))
            self._templates[kind] = template
        name = f"{kind}_{self._made}"
        self.postgres.create(name, self._templates[kind])
        self._databases.append(name)
        return self.postgres.url(name)


def migrate(side: Side) -> None:
    run_quietly(side.manage("migrate", "--verbosity", "0"), ROOT, side.environment)
    if not side.is_raw:
        run_quietly(side.manage("createcachetable", "--verbosity", "0"), ROOT, side.environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
