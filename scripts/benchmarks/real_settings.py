"""The product's settings as they are, but for where workspaces, uploads and static files lie."""

import os
from pathlib import Path

from metabuilder.settings import *  # noqa: F403

WORK_DIR = Path(os.environ["BENCH_ROOT"]) / "work"
MEDIA_ROOT = Path(os.environ["BENCH_ROOT"]) / "media"
STATIC_ROOT = Path(os.environ["BENCH_ROOT"]) / "static"
BENCH_SIDE = "scripts.benchmarks.ours"
