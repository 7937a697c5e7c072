"""Where does the harness play? Directories, a private database and an environment, all gone at the end.

Nothing here needs Django: the environment is set before Django reads it, so that the database that is
configured on this machine is never even opened.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.nodes import Node
from tests.chaos.postgres import PrivatePostgres
from tests.chaos.processes import MARK
from tests.chaos.scenarios import make_templates

DATABASE = "chaos"
LEASE_SECONDS = 4
GRACE_SECONDS = 3
WORKERS = 2
OURS = ("METABUILDER_", "META_V3_", "FEATURE_META_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS")
# What the installation decides and not the harness: where its tools are, and how it isolates steps.
KEPT = ("METABUILDER_DATA_DIR", "METABUILDER_SANDBOX", "METABUILDER_STEP_UID")


@dataclass(frozen=True)
class Options:
    """What the person at the command line asked for."""

    runs: int
    faults: int
    seed: int
    database: str
    nodes: int
    keep: bool = False

    @property
    def replay(self) -> str:
        words = f"--seed {self.seed} --runs {self.runs} --faults {self.faults} --database {self.database}"
        return f"manage.py chaos {words} --nodes {self.nodes}"


@dataclass(frozen=True)
class Stage:
    options: Options
    root: Path
    database_url: str
    postgres: PrivatePostgres | None
    secret: str

    @property
    def sources(self) -> Path:
        return self.root / "sources"

    @property
    def mark(self) -> str:
        return self.root.name

    def nodes(self) -> list[Node]:
        names = [f"node{number}" for number in range(1, self.options.nodes + 1)]
        return [
            Node(name, f"{self.mark}:{name}:", self.root / name, self.root / f"{name}.log", self.environment(name))
            for name in names
        ]

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a node, or of the harness itself; nothing of `.env` beats it."""
        inherited = {key: value for key, value in os.environ.items() if key in KEPT or not key.startswith(OURS)}
        return {
            **inherited,
            MARK: f"{self.mark}:{name}:",
            "CHAOS_WORK_DIR": str(self.root / name),
            "CHAOS_MEDIA_ROOT": str(self.root / "media"),
            "DJANGO_SETTINGS_MODULE": "tests.chaos.node_settings",
            "METABUILDER_ENV": "development",
            "METABUILDER_LEASE_SECONDS": str(LEASE_SECONDS),
            "METABUILDER_STOP_GRACE_SECONDS": str(GRACE_SECONDS),
            "METABUILDER_WORKERS": str(WORKERS),
            "METABUILDER_TIDY_SECONDS": "10",
            "META_V3_BACKOFF_CAP_SECONDS": "1",
            "META_V3_MAX_TOTAL_ATTEMPTS": "6",
            "META_V3_MAX_PER_STEP_ATTEMPTS": "3",
            "FEATURE_META_V3_AUTOFIX": "true",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": "",
            "TMPDIR": str(self.root / "tmp"),
            "SECRET_KEY": self.secret,
        }


@contextmanager
def stage(options: Options) -> Iterator[Stage]:
    """Build the stage, and take it down again whatever happens on it."""
    root = Path(tempfile.mkdtemp(prefix="metabuilder-chaos-"))
    root.chmod(0o711)  # a step's user passes through
    try:
        (root / "sources").mkdir(mode=0o755)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
        make_templates(root / "sources")
        secret = secrets.token_urlsafe(64)
        if options.database == "sqlite":
            yield Stage(options, root, f"sqlite:///{root / 'db.sqlite3'}", None, secret)
            return
        with PrivatePostgres() as postgres:
            postgres.create(DATABASE)
            yield Stage(options, root, postgres.url(DATABASE), postgres, secret)
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
