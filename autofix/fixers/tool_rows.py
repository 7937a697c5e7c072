"""How does each formatter and linter repair in place? A table of facts; `tools` runs them. A new one is a line."""

from dataclasses import dataclass, field

SCRIPTS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
STYLES = (".css", ".scss", ".less")
DATA = (".json", ".jsonc", ".json5", ".yml", ".yaml")
PAGES = (".html", ".md", ".mdx", ".graphql")
PYTHON = (".py", ".pyi")


@dataclass(frozen=True)
class ToolRow:
    """`command` repairs; `checks` are the words that make the tool only check, and must not be kept."""

    command: tuple[str, ...]
    suffixes: tuple[str, ...]
    ecosystem: str
    checks: frozenset[str] = field(default_factory=frozenset)
    takes_files: bool = True

    @property
    def name(self) -> str:
        return "-".join(self.command[: 2 if self.command[0] == "cargo" else 1])

    @property
    def program(self) -> tuple[str, ...]:
        return self.command[:2] if self.command[0] == "cargo" else self.command[:1]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.command[len(self.program) :]


def row(command: str, suffixes: tuple[str, ...], ecosystem: str, checks: str = "", *, files: bool = True) -> ToolRow:
    return ToolRow(tuple(command.split()), suffixes, ecosystem, frozenset(checks.split()), files)


ROWS = (
    row("autoflake --in-place", PYTHON, "python", "--check --check-diff -c -cd"),
    row("pyupgrade", PYTHON, "python"),
    row("eslint --fix", SCRIPTS, "node", "--fix-dry-run"),
    row("stylelint --fix", STYLES, "node"),
    row("biome check --write", (*SCRIPTS, *STYLES, *DATA), "node", "ci check lint format"),
    row("goimports -w", (".go",), "go", "-l -d"),
    row(
        "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs --offline",
        (".rs",),
        "rust",
        files=False,
    ),
)
LAYOUT_ROWS = (
    row("isort --quiet", PYTHON, "python", "--check --check-only -c --diff --df"),
    row("black --quiet", PYTHON, "python", "--check --diff --color"),
    row("prettier --write", (*SCRIPTS, *STYLES, *DATA, *PAGES), "node", "--check -c --list-different -l"),
    row("gofmt -w", (".go",), "go", "-l -d"),
    row("cargo fmt", (".rs",), "rust", "--check", files=False),
    row("rustfmt", (".rs",), "rust", "--check"),
    row("shfmt -w", (".sh", ".bash", ".bats"), "shell", "-d -l --diff --list"),
    row("terraform fmt", (".tf", ".tfvars"), "terraform", "fmt -check -diff -write=false"),
    row("taplo fmt", (".toml",), "toml", "fmt format --check --diff"),
    row("yamlfmt", (".yml", ".yaml"), "yaml", "-lint -dry -diff"),
)
