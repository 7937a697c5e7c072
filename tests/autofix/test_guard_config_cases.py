"""Before and after of patches that loosen configuration or touch protected files."""

from tests.autofix.test_guard_cases import Case, edited

PYPROJECT = """[project]
name = "shop"
dependencies = ["requests"]

[tool.pytest.ini_options]
testpaths = ["tests", "checks"]
addopts = "-ra"

[tool.ruff]
line-length = 88
target-version = "py311"

[tool.ruff.lint]
select = ["E", "F", "B"]
ignore = ["E203"]

[tool.mypy]
strict = true

[tool.coverage.report]
fail_under = 90
omit = ["*/migrations/*"]

[tool.bandit]
skips = []
"""
TSCONFIG = '{"compilerOptions": {"strict": true, "target": "es2022"}}\n'
SETUP_CFG = "[metadata]\nname = shop\n\n[flake8]\nignore = E203\nmax-line-length = 88\n"
TOX = "[testenv]\ndeps = pytest\ncommands = pytest -q\n"


def _pyproject(name: str, old: str, new: str) -> Case:
    return edited(name, "config-loosened", "pyproject.toml", PYPROJECT, old, new)


IN_CONFIGURATION = (
    _pyproject("select shrunk", '["E", "F", "B"]', '["E", "F"]'),
    _pyproject("ignore grown", '["E203"]', '["E203", "F401"]'),
    _pyproject("extend-ignore", 'ignore = ["E203"]', 'ignore = ["E203"]\nextend-ignore = ["B"]'),
    _pyproject(
        "per-file-ignores",
        "[tool.mypy]",
        '[tool.ruff.lint.per-file-ignores]\n"shop/*" = ["F401"]\n\n[tool.mypy]',
    ),
    _pyproject("exclude", "line-length = 88", 'line-length = 88\nexclude = ["shop"]'),
    _pyproject("line-length", "88", "200"),
    _pyproject("unknown change", '"py311"', '"py37"'),
    _pyproject("strict off", "strict = true", "strict = false"),
    _pyproject("strict gone", "[tool.mypy]\nstrict = true\n", ""),
    _pyproject("imports ignored", "strict = true", "strict = true\nignore_missing_imports = true"),
    _pyproject(
        "override",
        "[tool.coverage",
        '[[tool.mypy.overrides]]\nmodule = "shop"\nignore_errors = true\n\n[tool.coverage',
    ),
    _pyproject("error code", "strict = true", 'strict = true\ndisable_error_code = ["arg-type"]'),
    _pyproject("fail_under", "90", "10"),
    _pyproject("omit", '"*/migrations/*"', '"*/migrations/*", "shop/*"'),
    _pyproject("bandit skips", "skips = []", 'skips = ["B101"]'),
    _pyproject("testpaths", '["tests", "checks"]', '["checks"]'),
    _pyproject("-k", '"-ra"', '"-ra -k not_cart"'),
    _pyproject("--ignore", '"-ra"', '"-ra --ignore=tests"'),
    _pyproject("--deselect", '"-ra"', '"-ra --deselect tests/test_cart.py::test_total"'),
    _pyproject("--no-cov", '"-ra"', '"-ra --no-cov"'),
    _pyproject(
        "plugin",
        "[tool.pytest",
        '[project.entry-points.pytest11]\nx = "shop.x"\n\n[tool.pytest',
    ),
    Case("broken toml", "config-loosened", "pyproject.toml", PYPROJECT, PYPROJECT + "x = [\n"),
    Case("toml deleted", "config-loosened", "pyproject.toml", PYPROJECT, None),
    Case("new pytest.ini", "config-loosened", "pytest.ini", None, "[pytest]\ntestpaths = none\n"),
    Case("new ruff.toml", "config-loosened", "shop/ruff.toml", None, 'exclude = ["*"]\n'),
    Case("new .coveragerc", "config-loosened", ".coveragerc", None, "[run]\nomit = *\n"),
    Case(
        "mypy.ini",
        "config-loosened",
        "mypy.ini",
        "[mypy]\nstrict = True\n",
        "[mypy]\nstrict = False\n",
    ),
    edited("flake8 ignore", "config-loosened", "setup.cfg", SETUP_CFG, "E203", "E203,F401"),
    edited("flake8 length", "config-loosened", "setup.cfg", SETUP_CFG, "88", "300"),
    edited("tox commands", "config-loosened", "tox.ini", TOX, "pytest -q", "true"),
    edited("tsconfig", "config-loosened", "tsconfig.json", TSCONFIG, "true", "false"),
    edited("tsconfig target", "config-loosened", "tsconfig.json", TSCONFIG, "es2022", "es5"),
    Case("eslintrc", "config-loosened", ".eslintrc.yml", "rules: {a: 2}\n", "rules: {a: 0}\n"),
    Case(
        "npm test",
        "config-loosened",
        "package.json",
        '{"scripts": {"test": "jest"}}\n',
        '{"scripts": {"test": "true"}}\n',
    ),
    Case("makefile", "config-loosened", "Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n"),
    Case("index", "config-loosened", "requirements.txt", "a\n", "--index-url=http://x/\na\n"),
)
PROTECTED = tuple(
    Case(path, "protected-path", path, before, "x = 1\n")
    for path, before in (
        (".github/workflows/ci.yml", "x = 2\n"),
        (".gitlab-ci.yml", "x = 2\n"),
        (".circleci/config.yml", None),
        ("Jenkinsfile", "x = 2\n"),
        ("azure-pipelines.yml", None),
        (".buildkite/pipeline.yml", None),
        (".travis.yml", "x = 2\n"),
        ("bitbucket-pipelines.yml", None),
        (".drone.yml", None),
        ("noxfile.py", "x = 2\n"),
        ("metabuilder.toml", "x = 2\n"),
        (".gitattributes", None),
        ("sub/.gitmodules", None),
        (".pre-commit-config.yaml", "x = 2\n"),
        (".secrets.baseline", "x = 2\n"),
        ("certs/server.pem", "x = 2\n"),
        (".env.production", None),
        ("docs/CODEOWNERS", "x = 2\n"),
    )
)
CHEATS = (*IN_CONFIGURATION, *PROTECTED)
