"""Distributions for projects that are built without a network: made up here, or real ones named in our own lock."""

import io
import re
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from scripts.benchmarks.bed import ROOT
from scripts.benchmarks.repair.libraries import LIST, download

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
WHEEL = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
LOCK = ROOT / "requirements.lock"
_one_at_a_time = Lock()


def made_up(name: str, version: str, source: str, requires: Sequence[str] = ()) -> Mapping[str, bytes]:
    """Return a wheel of one module, by its path in the project."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": METADATA.format(name=name, version=version, requires=needs),
        f"{info}/WHEEL": WHEEL,
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return {f"wheelhouse/{module}-{version}-py3-none-any.whl": packed.getvalue()}


def real(cache: Path, *names: str) -> Mapping[str, bytes]:
    """Return wheels of pinned distributions, fetched once."""
    into = cache / "wheels" / "-".join(names)
    with _one_at_a_time:
        if not into.is_dir():
            _fetch(into, names)
    return {f"wheelhouse/{path.name}": path.read_bytes() for path in sorted(into.glob("*.whl"))}


def _fetch(into: Path, names: Sequence[str]) -> None:
    fetching = into.with_name(f"{into.name}.fetching")
    fetching.mkdir(parents=True, exist_ok=True)
    wanted = fetching / "wanted.txt"
    wanted.write_text("".join(_locked(name) for name in names))
    download(fetching, "--only-binary", ":all:", "--require-hashes", "-r", str(wanted))
    wanted.unlink()
    fetching.rename(into)


def _locked(name: str) -> str:
    """Return the lines that pin one distribution: our own list's, or our lock's without what they are for."""
    for row in tomllib.loads(LIST.read_text())["wheels"]:
        if row["name"] == name:
            return f"{name}=={row['version']} --hash=sha256:{row['sha256']}\n"
    found = re.search(rf"^{re.escape(name)}==[^\n]*\n(?: +--hash[^\n]*\n)*", LOCK.read_text(), re.M)
    if found is None:
        raise LookupError(f"{name} is not in {LOCK.name}")
    return found[0]
