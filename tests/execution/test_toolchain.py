import os
from pathlib import Path

import pytest

from metabuilder.execution.command import Command, CommandResult
from metabuilder.execution.layout import default_data_dir
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.toolchain import (
    Toolchain,
    detect,
    kind_of,
    report_command,
    report_env,
)

REPOSITORY = Path(__file__).parents[2]


def plan(files: dict[str, str]) -> dict[str, str]:
    return {step.kind: step.run for step in detect(files, files.__getitem__)}


def test_a_configured_project_gets_the_steps_it_configures() -> None:
    tools = "[tool.ruff]\n[tool.mypy]\n[tool.pytest.ini_options]\n[tool.bandit]\n"
    assert plan({"pyproject.toml": tools, "src/p/__init__.py": ""}) == {
        "format": "ruff format --check .",
        "lint": "ruff check .",
        "typecheck": "mypy .",
        "test": "pytest",
        "security": "bandit -q -c pyproject.toml -r src",
    }


def test_tests_alone_are_enough() -> None:
    assert plan({"tests/test_a.py": ""}) == {"test": "pytest"}


def test_nothing_known_gives_no_plan() -> None:
    assert plan({"README": "", "main.py": ""}) == {}
    assert plan({"pyproject.toml": "not [ toml"}) == {}


def test_mypy_with_files_of_its_own_is_not_told_where() -> None:
    assert plan({"pyproject.toml": '[tool.mypy]\nfiles = ["src"]\n'}) == {"typecheck": "mypy"}
    assert plan({"setup.cfg": "[mypy]\nstrict = true\nfiles = a\n"}) == {"typecheck": "mypy"}


def test_who_formats_with_black_is_not_asked_for_another_format() -> None:
    assert plan({"pyproject.toml": "[tool.black]\n[tool.ruff]\n"}) == {"lint": "ruff check ."}


def test_other_files_configure_too() -> None:
    found = plan(
        {
            ".pre-commit-config.yaml": "repo: x/ruff-pre-commit",
            "tox.ini": "[pytest]\n",
            ".bandit": "",
            "pkg/__init__.py": "",
        }
    )
    assert list(found) == ["format", "lint", "test", "security"]
    assert found["security"] == "bandit -q -r pkg"


@pytest.mark.parametrize(
    ("name", "run", "kind"),
    [
        ("Unit tests", "make x", "test"),
        ("lint", "make lint", "lint"),
        ("step 1", "pip install -e . && pytest -q", "test"),
        ("step", "ruff format --check .", "format"),
        ("step", "ruff check .", "lint"),
        ("a", "python -m mypy src", "typecheck"),
        ("db", "python manage.py migrate", "migrate"),
        ("deps", "pip install x", "install"),
        ("security", "ruff check", "security"),
        ("wheel", "python -m build", "build"),
        ("latest", "echo contest", "other"),
        ("x", "bandit -r .", "security"),
    ],
)
def test_it_guesses_the_kind_of_a_step(name: str, run: str, kind: str) -> None:
    assert kind_of(name, run) == kind


@pytest.mark.parametrize(
    "command",
    [
        "pytest",
        "python -m pytest -q",
        "cd a && pytest",
        ".venv/bin/pytest",
        "coverage run -m pytest",
    ],
)
def test_pytest_is_made_to_report(command: str) -> None:
    assert report_env(command, "/r") == {"PYTEST_ADDOPTS": "--junitxml=/r/junit.xml"}


def test_the_options_of_the_step_are_kept() -> None:
    assert report_env("pytest", "/r d", {"PYTEST_ADDOPTS": "-x"}) == {
        "PYTEST_ADDOPTS": "-x '--junitxml=/r d/junit.xml'"
    }
    assert report_env("ruff check pytest-plugin", "/r") == {}


@pytest.mark.parametrize(
    ("command", "tool", "argv"),
    [
        ("ruff check .", "ruff", "ruff check --output-format=json --exit-zero --no-fix ."),
        (
            "ruff check --fix --output-format github src",
            "ruff",
            "ruff check --output-format=json --exit-zero --no-fix src",
        ),
        ("python -m mypy --strict .", "mypy", "mypy --output json --strict ."),
        ("bandit -q -r src -f txt -o out.txt", "bandit", "bandit -f json -q --exit-zero -q -r src"),
        ("npx eslint --fix -f stylish src", "eslint", "eslint --format json --quiet src"),
        ("pyright --level error src", "pyright", "pyright --outputjson src"),
    ],
)
def test_a_simple_command_has_a_reporting_twin(command: str, tool: str, argv: str) -> None:
    assert report_command(command) == (tool, tuple(argv.split()))


@pytest.mark.parametrize(
    "command",
    [
        "ruff format .",
        "ruff check . | tee x",
        "A=1 ruff check",
        "cd a; mypy .",
        "mypy $X",
        "make",
        "ruff 'x",
        "",
        "pytest",
    ],
)
def test_anything_else_has_none(command: str) -> None:
    assert report_command(command) is None


class Tools:
    def __init__(self, ground: Path, sandbox: Sandbox) -> None:
        data_dir = os.environ.get("METABUILDER_DATA_DIR")
        self.toolchain = Toolchain(Path(data_dir) if data_dir else default_data_dir(REPOSITORY))
        self.sandbox = sandbox
        self.tree = ground / "tree"
        self.tree.mkdir()

    def run(self, script: str) -> CommandResult:
        self.sandbox.hand_over(self.tree)
        return self.sandbox.run(
            Command(
                ("sh", "-c", script),
                self.tree,
                env=self.toolchain.env(),
                path=(".venv/bin", str(self.toolchain.bin)),
                mounts=self.toolchain.mounts(),
            )
        )


@pytest.fixture
def tools(ground: Path, sandbox: Sandbox) -> Tools:
    found = Tools(ground, sandbox)
    if not found.toolchain.bin.is_dir():
        pytest.skip(f"NOT TESTED - there is no toolchain in {found.toolchain.root}: run scripts/setup")
    return found


@pytest.mark.parametrize("tool", ["pytest", "ruff", "mypy", "bandit", "python", "python3"])
def test_every_tool_runs_in_the_sandbox(tools: Tools, tool: str) -> None:
    result = tools.run(f"{tool} --version")
    assert result.ok, result.text
    assert result.text.split()[0].lower().removesuffix(".py") in {tool, "python", "__main__"}


def test_pytest_runs_a_projects_tests_and_reports(tools: Tools) -> None:
    (tools.tree / "test_a.py").write_text("def test_a():\n    assert 1 == 1\n")
    result = tools.run(f"{'PYTEST_ADDOPTS=' + report_env('pytest', '.')['PYTEST_ADDOPTS']} pytest -q; ls")
    assert "1 passed" in result.text
    assert "junit.xml" in result.text


def test_findings_are_reported_as_json(tools: Tools) -> None:
    (tools.tree / "a.py").write_text("import os\nx: int = 'a'\nassert x\n")
    for command, sign in (
        ("ruff check .", '"F401"'),
        ("mypy .", '"assignment"'),
        ("bandit -q -r .", '"B101"'),
    ):
        report = report_command(command)
        assert report is not None
        assert sign in tools.run(" ".join(report[1])).text


def test_the_projects_own_python_and_packages_win(tools: Tools) -> None:
    made = tools.run(
        "python -m venv --without-pip .venv && d=$(echo .venv/lib/python3*/site-packages) &&"
        " echo 'version = 1' > $d/only_here.py && mkdir $d/mypy && touch $d/mypy/__init__.py &&"
        " echo 'print(\"own mypy\")' > $d/mypy/__main__.py"
    )
    assert made.ok, made.text
    (tools.tree / "test_a.py").write_text(
        "import only_here, sys\n\ndef test_a():\n    assert sys.prefix.endswith('/workspace/.venv')\n"
    )
    assert "1 passed" in tools.run("pytest -q").text
    assert tools.run("mypy .").text == "own mypy\n"


def test_a_project_with_its_own_pytest_uses_that(tools: Tools) -> None:
    (tools.tree / ".venv" / "bin").mkdir(parents=True)
    own = tools.tree / ".venv" / "bin" / "pytest"
    own.write_text("#!/bin/sh\necho own pytest\n")
    own.chmod(0o755)
    assert tools.run("pytest").text == "own pytest\n"


def test_the_tools_cannot_be_changed_by_a_step(tools: Tools) -> None:
    assert "Read-only" in tools.run(f"touch {tools.toolchain.bin}/pytest {tools.toolchain.root}/toolchain/x").text
