"""Each tool of the table on a file that it complains about; one that is not installed is skipped, and says so.

FIXER_TOOLS=DIRECTORY:DIRECTORY… says where else tools are.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from autofix.fixers.tool_rows import LAYOUT_ROWS, ROWS
from autofix.fixers.tools import own_command
from tests.autofix.fixers.healing import heal, needs
from tests.autofix.fixers.local_tree import LocalTree, fixer, lint

Project = Callable[..., LocalTree]
BY_NAME = {row.name: row for row in (*ROWS, *LAYOUT_ROWS)}
ESLINT = "export default [{ rules: { 'no-var': 'error' } }];\n"
STYLELINT = '{"rules": {"color-hex-length": "short"}}\n'
CARGO = '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n'


@pytest.mark.parametrize(
    ("name", "program", "command", "files"),
    [
        ("black", "black", "black --check .", {"a.py": "x = { 'a':1 }\n"}),
        ("isort", "isort", "isort --check-only .", {"a.py": "import sys\nimport os\n\nprint(os, sys)\n"}),
        (
            "autoflake",
            "autoflake",
            "autoflake --check --remove-all-unused-imports a.py",
            {"a.py": "import os\nimport yaml\n"},
        ),
        ("eslint", "eslint", "eslint .", {"a.js": "var x = 1;\nx;\n", "eslint.config.mjs": ESLINT}),
        (
            "stylelint",
            "stylelint",
            "stylelint a.css",
            {"a.css": "a { color: #ffffff; }\n", ".stylelintrc.json": STYLELINT},
        ),
        ("biome", "biome", "biome ci a.js", {"a.js": "let  x=1\nexport{x}\n"}),
        ("prettier", "prettier", "prettier --check a.js", {"a.js": "let  x=1\n"}),
        ("gofmt", "gofmt", 'test -z "$(gofmt -l . | tee /dev/stderr)"', {"a.go": "package a\nvar x=1\n"}),
        (
            "goimports",
            "goimports",
            'test -z "$(goimports -l . | tee /dev/stderr)"',
            {"a.go": "package a\nvar x = fmt.Sprint(1)\n"},
        ),
        ("rustfmt", "rustfmt", "rustfmt --check a.rs", {"a.rs": "fn main(){}\n"}),
        ("cargo-fmt", "cargo-fmt", "cargo fmt --check", {"src/main.rs": "fn main(){}\n", "Cargo.toml": CARGO}),
        ("shfmt", "shfmt", "shfmt -d a.sh", {"a.sh": "if true;then\necho 1;fi\n"}),
        ("terraform", "terraform", "terraform fmt -check -diff", {"a.tf": 'locals {\na="b"\n}\n'}),
        ("taplo", "taplo", "taplo fmt --check a.toml", {"a.toml": "a   =  1\n"}),
        ("yamlfmt", "yamlfmt", "yamlfmt -lint a.yml", {"a.yml": "a:\n      - 1\n"}),
    ],
)
def test_a_tool_repairs_what_it_complains_about(
    name: str, program: str, command: str, files: dict[str, str], project: Project
) -> None:
    tree = project(files, command)
    needs(program, tree)
    assert tree.run(["sh", "-c", command]).exit_code != 0
    kind = "format" if BY_NAME[name] in LAYOUT_ROWS else "lint"
    used, left = heal(tree, kind)
    assert left is None, left
    assert name in [each.name for each in used]


@pytest.mark.parametrize(
    ("name", "command", "wanted"),
    [
        ("black", "black --check -l 100 src", "black --quiet -l 100 src"),
        ("isort", "cd x && python -m isort -c . --profile black", "isort --quiet . --profile black"),
        ("terraform", "terraform fmt -check -recursive", "terraform fmt -recursive"),
        ("prettier", "npx prettier --check 'src/**/*.ts'", "prettier --write src/**/*.ts"),
        ("eslint", "npx --no-install eslint . --max-warnings 0", "eslint --fix . --max-warnings 0"),
        ("biome", "biome ci src", "biome check --write src"),
        ("cargo-fmt", "cargo fmt --all -- --check", "cargo fmt --all --"),
        ("gofmt", "test -z $(gofmt -l .)", ""),
        ("eslint", "npm run lint", ""),
    ],
)
def test_the_call_of_the_step_is_kept_but_for_what_only_checks(name: str, command: str, wanted: str) -> None:
    assert " ".join(own_command(BY_NAME[name], command)) == wanted


def test_a_tool_of_the_project_is_found_before_the_machines(project: Project) -> None:
    tree = project({"node_modules/.bin/prettier": "#!/bin/sh\necho done > a.js\n", "a.js": "x\n"}, "npm run format")
    (tree.root / "node_modules/.bin/prettier").chmod(0o755)
    assert fixer("prettier").apply(
        tree, lint(("a.js", 0, ""), message="Run Prettier with --write to fix", detail="format")
    )
    assert tree.read("a.js") == "done\n"


def test_a_tool_that_the_failure_is_not_about_is_not_run(project: Project) -> None:
    tree = project({"node_modules/.bin/prettier": "#!/bin/sh\necho done > a.js\n", "a.js": "x\n"}, "eslint .")
    (tree.root / "node_modules/.bin/prettier").chmod(0o755)
    assert not fixer("prettier").apply(tree, lint(("a.js", 1, "no-undef")))


def test_a_tool_that_always_writes_is_run_as_it_is(project: Project) -> None:
    tree = project({"a.py": "class A(object):\n    pass\n"}, "pyupgrade --py311-plus a.py")
    needs("pyupgrade", tree)
    assert fixer("pyupgrade").apply(tree, lint(message="Rewriting a.py"))
    assert tree.read("a.py") == "class A:\n    pass\n"


@pytest.mark.parametrize(
    ("tool", "name", "code"),
    [
        ("autoflake", "ruff-fix", "import os\n"),
        ("isort", "ruff-imports", "import sys\nimport os\n"),
        ("pyupgrade", "ruff-fix", "class A(object): ...\n"),
    ],
)
def test_ruff_stands_in_for_a_tool_that_is_not_there(tool: str, name: str, code: str, project: Project) -> None:
    tree = project({"a.py": code})
    assert fixer(name).apply(tree, replace(lint(("a.py", 0, "")), rule=tool))
    assert tree.read("a.py") != code
