"""Where do the service's own data live, and can an unprivileged step reach a path?"""

import hashlib
import os
from pathlib import Path

STATE_ROOT = Path("/var/lib/metabuilder")
OTHERS_MAY_TRAVERSE = 0o001


def default_data_dir(base_dir: Path) -> Path:
    """Return `var` in the checkout, or a directory that a dropped uid can reach where that one
    cannot be.
    """
    base = base_dir.resolve()
    if os.geteuid() != 0 or is_reachable(base):
        return base / "var"
    return STATE_ROOT / hashlib.sha256(str(base).encode()).hexdigest()[:12]


def is_reachable(path: Path) -> bool:
    """Say whether every directory on the way to `path`, itself included, may be traversed by
    anyone.
    """
    return all(_is_traversable(directory) for directory in (path, *path.parents))


def _is_traversable(directory: Path) -> bool:
    try:
        return bool(directory.stat().st_mode & OTHERS_MAY_TRAVERSE)
    except OSError:
        return False
