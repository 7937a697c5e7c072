"""Does a patch make a tool stricter or looser? Compares what the configuration says, not its text.

A change passes only if it is known to make a tool stricter. All else counts as loosened: an
unknown option, a file that cannot be parsed, a new file that would win over the present one.
"""

import re
from collections.abc import Iterator, Mapping

from autofix.guard.settings import Settings, SettingsError, is_configuration, settings
from autofix.guard.violations import Change, Violation

# Lists where fewer entries are stricter; whatever lies below these names is such a list.
LOOSER_WHEN_LONGER = re.compile(
    r"(extend-)?(ignore|exclude|per-file-ignores)|force-exclude|omit|exclude_(lines|also)"
    r"|partial_branches|skips?|exclude_dirs|disable|disable_error_code|ignore[-_](paths|patterns)"
    r"|ignored[-_]\w+|norecursedirs|allowed-confusables|known_first_party_ignore|deselect"
)
STRICTER_WHEN_LONGER = re.compile(
    r"(extend-)?(select|enable)|enable_error_code|extend-safe-fixes|required_plugins"
    r"|untyped_calls_include"
)
STRICTER_WHEN_TRUE = re.compile(
    r"strict|strict_\w+|disallow_\w+|warn_\w+|no_implicit_\w+|check_untyped_defs|xfail_strict"
    r"|branch|local_partial_types|no(Implicit|Unused|Unchecked|Fallthrough|Property|Unsafe)\w+"
    r"|strict[A-Z]\w+|alwaysStrict|exactOptionalPropertyTypes|useUnknownInCatchVariables|checkJs"
)
LOOSER_WHEN_TRUE = re.compile(
    r"ignore_errors|ignore_missing_imports|allow_\w+|implicit_(optional|reexport)|exit[-_]zero"
    r"|skip[-_]\w+|allow[A-Z]\w+|skipLibCheck|skipDefaultLibCheck|suppress\w+|ignore[-_]\w+"
)
STRICTER_WHEN_HIGHER = re.compile(r"fail[-_]under|(min|minimum)[-_]\w+")
LOOSER_WHEN_HIGHER = re.compile(r"(max[-_])?line[-_]length|max[-_][\w-]+|max[A-Z]\w+|maxfail")
STRICTER_OPTIONS = frozenset(
    {
        "--strict-markers",
        "--strict-config",
        "--strict",
        "-ra",
        "-rA",
        "-v",
        "-vv",
        "-q",
    }
)
OPTIONS = frozenset({"addopts"})


def violations(change: Change) -> Iterator[Violation]:
    names = [name for name in (change.old_path, change.path) if is_configuration(name)]
    if not names:
        return
    if change.is_rename:
        yield change.flag("config-loosened", f"{change.old_path} is renamed to {change.path}")
    name = names[0]
    try:
        before = settings(name, change.before or "")
        after = settings(name, change.after or "")
    except SettingsError as error:
        yield change.flag("config-loosened", f"{name} cannot be compared: {error}")
        return
    yield from _loosened(change, before, after)


def _loosened(change: Change, before: Settings, after: Settings) -> Iterator[Violation]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old != new and not is_stricter(key, old, new):
            shown = f"{_short(old)} -> {_short(new)}"
            line = _line_of(change.after or "", key[-1])
            yield change.flag("config-loosened", f"{'.'.join(key)}: {shown}", line)


def is_stricter(key: tuple[str, ...], old: object, new: object) -> bool:
    """Say whether moving from old to new (None: not set) is known to ask for more."""
    if any(LOOSER_WHEN_LONGER.fullmatch(part) for part in key) and _are_lists(old, new):
        return _entries(new) <= _entries(old)
    return any(
        pattern.fullmatch(key[-1]) and rule(old, new)
        for pattern, rule in (
            (STRICTER_WHEN_LONGER, _grew),
            (STRICTER_WHEN_TRUE, lambda _old, new: _truth(new) is True),
            (LOOSER_WHEN_TRUE, lambda _old, new: new is None or _truth(new) is False),
            (STRICTER_WHEN_HIGHER, _rose),
            (LOOSER_WHEN_HIGHER, lambda old, new: _rose(new, old)),
            (re.compile("|".join(OPTIONS)), _only_stricter_options),
        )
    )


def _are_lists(*values: object) -> bool:
    return not any(isinstance(value, bool | int | float | Mapping) for value in values)


def _grew(old: object, new: object) -> bool:
    """A list set for the first time replaces a default that may have been longer."""
    return old is not None and _are_lists(old, new) and _entries(old) <= _entries(new)


def _rose(old: object, new: object) -> bool:
    low, high = _number(old), _number(new)
    return high is not None and (low <= high if low is not None else False)


def _only_stricter_options(old: object, new: object) -> bool:
    before, after = _entries(old), _entries(new)
    return before <= after and after - before <= STRICTER_OPTIONS


def _entries(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if isinstance(value, list):
        return frozenset(str(each) for each in value)
    plain = re.sub(r"(^|\s)#[^\n]*", "", str(value))
    return frozenset(re.split(r"[\s,]+", plain.strip())) - {""}


def _truth(value: object) -> bool | None:
    words = {"true": True, "yes": True, "1": True, "on": True}
    words |= {"false": False, "no": False, "0": False, "off": False}
    return words.get(str(value).lower())


def _number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) else float(str(value))
    except ValueError:
        return None


def _short(value: object) -> str:
    return "not set" if value is None else repr(value)[:60]


def _line_of(text: str, name: str) -> int:
    numbered = enumerate(text.split("\n"), 1)
    return next((number for number, line in numbered if name in line), 0)
