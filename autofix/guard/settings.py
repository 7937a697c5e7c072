"""What does a configuration file tell the tools that judge a change? As flat, comparable values."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

# A flat view: ("tool", "ruff", "lint", "select") -> ["E", "F"]
Settings = Mapping[tuple[str, ...], object]

TOML = re.compile(r"pyproject\.toml|\.?ruff\.toml|\.?(clippy|rustfmt|deny)\.toml|bunfig\.toml")
INI = re.compile(
    r"setup\.cfg|tox\.ini|\.?pytest\.ini|\.?mypy\.ini|\.flake8|\.?coveragerc|\.?pylintrc"
    r"|\.bandit|\.isort\.cfg|\.?pydocstyle(\.ini|rc)?|\.importlinter|\.pycodestyle"
)
JSON = re.compile(r"package\.json|tsconfig[\w.-]*\.json|jsconfig\.json|pyrightconfig\.json")
OPAQUE = re.compile(
    r"\.?eslint(rc|\.config|ignore)[\w.]*|(jest|vitest|vite|karma|playwright|cypress|ava|nyc)"
    r"\.(config|conf)\.[\w.]+|\.(nyc|mocha|stylelint|prettier|jshint|tslint|c8)(rc|ignore)[\w.]*"
    r"|tslint\.json|biome\.jsonc?|\.golangci\.\w+|\.rubocop[\w.-]*|\.rspec|phpunit\.xml[\w.]*"
    r"|phpstan\.neon[\w.]*|\.?codecov\.ya?ml|bandit\.(ya?ml|toml)|\.(semgrep|trivy|snyk)[\w.]*"
    r"|\.?yamllint[\w.]*|\.markdownlint[\w.-]*|\.shellcheckrc|\.hadolint\.ya?ml"
    r"|checkstyle[\w-]*\.xml"
    r"|sonar-project\.properties|\.?pylintrc\.toml|\.coveragerc\.toml|pytest\.toml|\.pytest\.toml"
    r"|(GNU)?[Mm]akefile|[Jj]ustfile|Taskfile\.ya?ml|tasks\.py|\.?detekt[\w.-]*|\.swiftlint\.yml"
    r"|\.clang-(tidy|format)[\w-]*|pyre_configuration|mypy_baseline\.txt|\.?style\.yapf"
)
REQUIREMENTS = re.compile(r"requirements[\w.-]*\.(txt|in)|constraints[\w.-]*\.txt")
# Packaging keeps its facts beside the tools' settings; these do not weaken any check.
PACKAGING = frozenset(
    {
        "poetry",
        "uv",
        "setuptools",
        "setuptools_scm",
        "setuptools-scm",
        "flit",
        "maturin",
        "scikit-build",
        "pdm",
        "hatch",
    }
)
# … except who supplies packages, and commands kept there.
PACKAGING_RISKS = frozenset(
    {
        "index",
        "source",
        "sources",
        "index-url",
        "extra-index-url",
        "find-links",
        "envs",
        "scripts",
        "options",
        "build-backend",
        "backend-path",
        "no-verify-hashes",
        "pytest11",
    }
)
FREE_INI_SECTIONS = re.compile(r"metadata|options(\..*)?|bdist_wheel|sdist|egg_info|wheel")
FREE_TOX_KEYS = frozenset({"deps", "description", "extras", "minversion", "requires"})
FREE_PACKAGE_KEYS = frozenset(
    {
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
        "name",
        "version",
        "description",
        "keywords",
        "author",
        "license",
        "homepage",
        "repository",
        "bugs",
        "files",
        "main",
        "module",
        "types",
        "exports",
        "engines",
        "private",
        "type",
    }
)


class SettingsError(Exception):
    """The text is not what its name promises."""


def is_configuration(path: str) -> bool:
    name = PurePosixPath(path).name
    return any(pattern.fullmatch(name) for pattern, _ in READERS)


def settings(path: str, text: str) -> Settings:
    """Return what counts in this file; a missing or empty one says nothing."""
    name = PurePosixPath(path).name
    read = next(reader for pattern, reader in READERS if pattern.fullmatch(name))
    return dict(read(name, text)) if text.strip() else {}


def _toml(name: str, text: str) -> Iterator[tuple[tuple[str, ...], object]]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(str(error)) from None
    for key, value in _flat(document, ()):
        if name != "pyproject.toml" or _judges(key):
            yield key, value


def _judges(key: tuple[str, ...]) -> bool:
    """Does this entry of pyproject.toml steer a check, or where code comes from?"""
    is_risk = bool(PACKAGING_RISKS & set(key[1:]))
    if key[0] != "tool":
        return is_risk and key[:2] != ("project", "scripts")
    return (len(key) > 1 and key[1] not in PACKAGING) or is_risk


def _ini(name: str, text: str) -> Iterator[tuple[tuple[str, ...], object]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise SettingsError(str(error).replace("\n", " ")) from None
    for section in (*parser.sections(), parser.default_section):
        for key, value in parser[section].items():
            if not _is_free(name, section, key, value):
                yield (section, key), value


def _is_free(name: str, section: str, key: str, value: str) -> bool:
    if name == "setup.cfg" and FREE_INI_SECTIONS.fullmatch(section):
        return "pytest11" not in key + value
    is_tox = name in ("tox.ini", "setup.cfg") and section.startswith(("tox", "testenv"))
    return is_tox and key in FREE_TOX_KEYS


def _json(name: str, text: str) -> Iterator[tuple[tuple[str, ...], object]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(str(error)) from None
    for key, value in _flat(document, ()):
        if name != "package.json" or not key or key[0] not in FREE_PACKAGE_KEYS:
            yield key, value


def _opaque(_name: str, text: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """No reading, no judging: any difference but in white space is a change of its one value."""
    yield ("content",), "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()


def _requirements(_name: str, text: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """Which packages is not our question here; where they come from is."""
    lines = (line.strip() for line in text.split("\n"))
    yield ("options",), [line for line in lines if line.startswith("-")]


def _flat(value: object, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, (*key, str(name)))
    else:
        yield key, value


Reader = Callable[[str, str], Iterator[tuple[tuple[str, ...], object]]]
READERS: Sequence[tuple[re.Pattern[str], Reader]] = (
    (TOML, _toml),
    (INI, _ini),
    (JSON, _json),
    (OPAQUE, _opaque),
    (REQUIREMENTS, _requirements),
)
