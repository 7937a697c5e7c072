"""The settings of a node in the chaos harness: the service's own, on a machine with a disk of its own.

Nodes on one computer share the installed tools (DATA_DIR) but not what they work on, so that each is
another machine to the others. Uploads and large logs are shared, as an object store would be.
"""

import os
from pathlib import Path

from metabuilder.settings import *  # noqa: F403  (all of them, whatever they are)

WORK_DIR = Path(os.environ["CHAOS_WORK_DIR"])
MEDIA_ROOT = Path(os.environ["CHAOS_MEDIA_ROOT"])
