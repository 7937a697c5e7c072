import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "metabuilder"


def test_the_package_needs_no_django() -> None:
    modules = [f"metabuilder.execution.{path.stem}" for path in (PACKAGE / "execution").glob("[a-z]*.py")]
    script = f"import sys, {', '.join(modules)}; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=PACKAGE.parent, check=True)


def test_only_the_sandbox_starts_processes() -> None:
    users = [path.name for path in PACKAGE.rglob("*.py") if "import subprocess" in path.read_text()]
    assert users == ["sandbox.py"]
