"""Requirements that cannot be met: a version that does not exist, a name nobody has, versions that exclude each other.

The installer says what there is, or the project's own lock does; where neither does, nothing is guessed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from autofix.failures import Failure
from autofix.fixers.base import Tree, all_files, readable, rewrite, words
from autofix.fixers.project_names import project_names
from autofix.fixers.requirements import declared, is_written_by_hand, locked, with_name, with_specifier

LIKE = 0.8
SECONDS = 600
QUIET = re.compile(r"(?<=\s)(?:--quiet|-q{1,3})(?=\s|$)")
UNMET = re.compile(
    r"satisfies the requirement (?P<what>[A-Za-z0-9][^\s(]*)(?:\s*\(from versions: (?P<versions>[^)]*)\))?"
    r"|there is no version of (?P<what2>\S+?)(?: and|,|$)"
)
NOBODY_HAS = re.compile(
    r"satisfies the requirement (?P<name>[A-Za-z0-9](?:[\w.-]*\w)?)\S* \(from versions: none\)"
    r"|Because (?P<name2>[\w.-]+) was not found in the package registry"
)
# pip says it line by line, uv in a sentence.
NEEDS = re.compile(
    r"(?:^ *\S+ [\w.!+]+(?:\[[^\]]*\])? (?:depends on|has requirement)|\bdepends? on)"
    r" (?P<what>[A-Za-z0-9][^\s;]*?)(?:, but you have .*$|(?=[,.]? and |, we |$))",
    re.MULTILINE,
)
ASKED = re.compile(
    r"^ *The user requested (?P<what>[A-Za-z0-9]\S*)|you require (?P<what2>[A-Za-z0-9]\S*?)(?=[,.]? |[,.]?$)",
    re.MULTILINE,
)
Edit = Callable[[str], str]


def existing_version(tree: Tree, failure: Failure) -> bool:
    """A pin that no version meets goes to the one in the lock, or the nearest that there is."""
    edits: dict[str, Edit] = {}
    for match in UNMET.finditer(words(failure)):
        wanted = _requirement(match["what"] or match["what2"] or "")
        if wanted is None or not wanted.specifier:
            continue
        name = canonicalize_name(wanted.name)
        version = _nearest(wanted.specifier, match["versions"] or "", locked(tree).get(name, ""))
        if version:
            edits[name] = partial(with_specifier, name, f"{_operator(wanted.specifier)}{version}")
    return _apply(tree, edits)


def own_name(tree: Tree, failure: Failure) -> bool:
    """A misspelt name is one that the project has written right elsewhere, or keeps a wheel of."""
    names = {name for asked in declared(tree).values() for name in asked} | locked(tree).keys()
    wheels = {canonicalize_name(path.rpartition("/")[2].partition("-")[0]) for path in all_files(tree, (".whl",))}
    return _rename(tree, failure, names | wheels)


def imported_name(tree: Tree, failure: Failure) -> bool:
    """A misspelt name is one that the project's code imports. New to the project, so a person looks at it."""
    imported = project_names(tree).imported
    names = {way.module.partition(".")[0] for ways in imported.values() for way in ways}
    return _rename(tree, failure, {canonicalize_name(name) for name in names if name})


def compatible_versions(tree: Tree, failure: Failure) -> bool:
    """Where the project asks for what another of its requirements excludes, it asks for what that one allows."""
    said, pins = words(failure), locked(tree)
    if NEEDS.search(said) is None:
        said = _told_in_full(tree) or said
    needed: dict[str, SpecifierSet] = {}
    for match in NEEDS.finditer(said):
        found = _requirement(match["what"])
        if found is not None:
            name = canonicalize_name(found.name)
            needed[name] = needed.get(name, SpecifierSet()) & found.specifier
    asked = {canonicalize_name(each.name) for each in _asked(said)} or needed.keys()
    edits = {
        name: partial(with_specifier, name, _allowed(needed[name], pins.get(name))) for name in needed.keys() & asked
    }
    return _apply(tree, edits)


def _told_in_full(tree: Tree) -> str:
    """Let the installer say what excludes what, where the step tells it to be quiet; empty where it does not."""
    command = QUIET.sub("", tree.command)
    if command == tree.command or "install" not in command:
        return ""
    return tree.run(["sh", "-ec", command], SECONDS).output


def _apply(tree: Tree, edits: Mapping[str, Edit]) -> bool:
    """Edit the files that ask for these packages, but not what a tool has made of them."""
    changed = False
    for path, asked in declared(tree).items():
        text = readable(tree, (path,)).get(path, "")
        for name in asked.keys() & edits.keys() if is_written_by_hand(text) else ():
            changed = rewrite(tree, path, edits[name]) or changed
    return changed


def _rename(tree: Tree, failure: Failure, names: Iterable[str]) -> bool:
    edits: dict[str, Edit] = {}
    for match in NOBODY_HAS.finditer(words(failure)):
        wrong = canonicalize_name(match["name"] or match["name2"] or "")
        close = get_close_matches(wrong, [name for name in names if name != wrong], 2, LIKE)
        if len(close) == 1:
            edits[wrong] = partial(with_name, wrong, close[0])
    return _apply(tree, edits)


def _asked(said: str) -> list[Requirement]:
    found = (_requirement(match["what"] or match["what2"] or "") for match in ASKED.finditer(said))
    return [each for each in found if each is not None]


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text.rstrip(".,"))
    except InvalidRequirement:
        return None


def _allowed(needed: SpecifierSet, pin: str | None) -> str:
    return f"=={pin}" if pin and needed.contains(pin) else str(needed)


def _nearest(wanted: SpecifierSet, said: str, pin: str) -> str:
    """Return the locked version if it exists; else the highest below what was wanted; else the lowest."""
    existing = sorted(filter(None, map(_version, re.split(r"[,\s]+", said))))
    locked_version = _version(pin)
    if locked_version is not None and (not existing or locked_version in existing):
        return pin
    stable = [each for each in existing if not each.is_prerelease] or existing
    limit = max(filter(None, (_version(each.version.rstrip(".*")) for each in wanted)), default=None)
    if not stable or limit is None:
        return ""
    below = [each for each in stable if each <= limit]
    return str(below[-1] if below else stable[0])


def _operator(wanted: SpecifierSet) -> str:
    """What was pinned stays pinned, what was a lower bound stays one."""
    operators = {each.operator for each in wanted}
    return operators.pop() if operators <= {">=", "~="} and len(operators) == 1 else "=="


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
