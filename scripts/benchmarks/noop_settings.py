"""The product's settings, but steps are no-ops inside the worker and waits are as a step asks: see `noop`."""

import os
from pathlib import Path

from metabuilder.settings import *  # noqa: F403
from metabuilder.settings import Q_CLUSTER

ADVANCE_TASK = "scripts.benchmarks.noop.advance"
Q_CLUSTER = {**Q_CLUSTER, "name": "bench"}
WORK_DIR = Path(os.environ["BENCH_ROOT"]) / "work"
MEDIA_ROOT = Path(os.environ["BENCH_ROOT"]) / "media"
BENCH_SCRATCH = Path(os.environ["BENCH_ROOT"]) / "scratch"
BENCH_SIDE = "scripts.benchmarks.ours"
