"""A dependency with a known hole goes to the smallest version that has it closed. A person has to agree."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from autofix.failures import Failure
from autofix.fixers.base import Tree, readable, rewrite, words
from autofix.fixers.requirements import declared, is_written_by_hand, with_specifier

ADVISORY = r"(?:PYSEC|GHSA|CVE)-[\w-]+"
SAID = (
    re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*) (?P<version>\d[\w.]*), fixed in (?P<fixed>\d[\w.]*)"),
    re.compile(
        rf"^(?P<name>[A-Za-z0-9][\w.-]*) +(?P<version>\d[\w.]*) +{ADVISORY} +(?P<fixed>\d[\w.]*(?:, ?\d[\w.]*)*)", re.M
    ),
)
NPM = re.compile(
    r"(?P<name>(?:@[\w.-]+/)?[a-z0-9][\w.-]*) (?:>=?[\w.-]+ )?<(?P<fixed>\d[\w.-]*)(?=:| |$)", re.MULTILINE
)


def raise_requirement(tree: Tree, failure: Failure) -> bool:
    fixed = _fixed_versions(words(failure))
    changed = False
    for path, asked in declared(tree).items():
        text = readable(tree, (path,)).get(path, "")
        for name in asked.keys() & fixed.keys() if is_written_by_hand(text) else ():
            operator = "==" if str(asked[name].specifier).startswith("==") else ">="
            changed = rewrite(tree, path, partial(with_specifier, name, f"{operator}{fixed[name]}")) or changed
    return changed


def raise_package(tree: Tree, failure: Failure) -> bool:
    fixed = {match["name"]: match["fixed"] for match in NPM.finditer(words(failure))}
    paths = [path for path in tree.files() if path.rpartition("/")[2] == "package.json"]
    changed = [rewrite(tree, path, partial(_raised, fixed)) for path in paths if "node_modules/" not in path]
    return any(changed)


def _raised(fixed: Mapping[str, str], text: str) -> str:
    document = json.loads(text)
    direct = {**document.get("dependencies", {}), **document.get("devDependencies", {})}
    for name in direct.keys() & fixed.keys():
        text = re.sub(rf'("{re.escape(name)}"\s*:\s*"[\^~]?)\d[^"]*"', rf'\g<1>{fixed[name]}"', text)
    return text


def _fixed_versions(said: str) -> dict[str, Version]:
    """The version of each package that closes all of its holes."""
    found: dict[str, Version] = {}
    for name, version in _closed(said):
        found[name] = max(version, found.get(name, version))
    return found


def _closed(said: str) -> Iterator[tuple[str, Version]]:
    """For each hole, the smallest later version without it."""
    for match in (match for pattern in SAID for match in pattern.finditer(said)):
        try:
            now = Version(match["version"])
            later = [version for each in match["fixed"].split(",") if (version := Version(each.strip())) > now]
        except InvalidVersion:
            continue
        if later:
            yield canonicalize_name(match["name"]), min(later)
