"""Where in the source did it happen? Reads the places that tracebacks and compilers name."""

from autofix.classifier.rules import compiled
from autofix.failures import Location

_PLACES = (
    compiled(r'(?m)^(?:E?\s*)File "(?P<file>[^"\n]+)", line (?P<line>\d+)'),
    compiled(r"(?m)^(?P<file>[^\s:<>\"']+\.\w+):(?P<line>\d+): (?:in )?[\w<]"),
    compiled(r"(?m)^\s*--> (?P<file>[^\s:]+):(?P<line>\d+)"),
    compiled(r"(?m)^\s+at .*?\(?(?P<file>[^\s:()]+\.[jt]sx?):(?P<line>\d+):\d+\)?$"),
)
_FOREIGN = ("site-packages/", "dist-packages/", "/lib/python", "node_modules/", "<", "node:")


def last_own_place(text: str) -> tuple[Location, ...]:
    """The deepest place of the project itself, not of a library."""
    for pattern in _PLACES:
        own = [
            Location(found.group("file"), _number(found.group("line")))
            for found in pattern.finditer(text)
            if not any(part in found.group("file") for part in _FOREIGN)
        ]
        if own:
            return (own[-1],)
    return ()


def from_groups(groups: dict[str, str]) -> tuple[Location, ...]:
    if not groups.get("file"):
        return ()
    return (Location(groups["file"], _number(groups.get("line", "0")), groups.get("code", "")),)


def _number(digits: str) -> int:
    return int(digits[:9])
