"""Wheels as a project keeps them in its own wheelhouse."""

import zipfile
from collections.abc import Iterable
from pathlib import Path


def wheel(directory: Path, name: str, source: str, *, version: str = "1.0", needs: Iterable[str] = ()) -> str:
    """Write a wheel of one module; return its file name."""
    file_name = f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    required = "".join(f"Requires-Dist: {each}\n" for each in needs)
    contents = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(directory / file_name, "w") as archive:
        for path, text in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return file_name
