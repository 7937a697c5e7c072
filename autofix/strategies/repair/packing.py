"""How the search gets into the sandbox: its modules as a zip file on the command line, unpacked to /tmp there."""

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from importlib import resources

PACKAGE = "repair_search"
INSIDE = "autofix.strategies.repair.inside"
START = f"""
import base64, os, sys, tempfile, zlib
directory = tempfile.mkdtemp(prefix="repair-")
archive = os.path.join(directory, "search.zip")
with open(archive, "wb") as file:
    file.write(base64.b85decode(sys.argv[1]))
job = zlib.decompress(base64.b85decode(sys.argv[2])).decode()
sys.argv[1:] = []
sys.path.insert(0, archive)
from {PACKAGE}.main import main
main(job)
"""


@cache
def archive() -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in sorted(resources.files(INSIDE).iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                made.writestr(f"{PACKAGE}/{entry.name}", entry.read_bytes())
    return base64.b85encode(packed.getvalue()).decode()


def command(env: Mapping[str, str], job: str) -> tuple[str, ...]:
    """Return what runs the search with the project's Python."""
    packed_job = base64.b85encode(zlib.compress(job.encode(), 9)).decode()
    variables = [f"{name}={value}" for name, value in env.items()]
    return ("env", *variables, "python", "-c", START, archive(), packed_job)
