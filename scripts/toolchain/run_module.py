"""Run a tool with the project's own Python, and with the service's copy of the tool only if it has none.

Used by the shims next to it: `python run_module.py pytest ...`. The service's packages come last in sys.path, so a
project's own pins win.
"""

import importlib.util
import os
import runpy
import sys
from pathlib import Path

TOOLCHAIN = Path(__file__).resolve().parent.parent / "toolchain"
# Tools that only read the code: they can run with the service's Python and still look at the project's.
LOOKS_AT = {"mypy": ["--python-executable", sys.executable]}


def main(module: str) -> None:
    sys.path.pop(0)
    packages = next(TOOLCHAIN.glob("lib/python3.*/site-packages"))
    is_own = importlib.util.find_spec(module) is not None
    is_same_version = packages.parent.name == f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if not is_own and not is_same_version and module in LOOKS_AT:
        python = str(TOOLCHAIN / "bin" / "python")
        os.execv(python, [python, "-m", module, *LOOKS_AT[module], *sys.argv[2:]])
    if str(packages) not in sys.path:
        sys.path.append(str(packages))
    sys.argv = [module, *sys.argv[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
