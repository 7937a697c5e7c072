"""What does ruff call a rule of another linter? Only where it means the same."""

from collections.abc import Iterable

# pylint by number; its names for the same rules are in the findings of newer versions.
_PYLINT = """
C0113 unneeded-not SIM208
C0121 singleton-comparison E711,E712
C0123 unidiomatic-typecheck E721
C0201 consider-iterating-dictionary SIM118
C0206 consider-using-dict-items PLC0206
C0209 consider-using-f-string UP031,UP032
C0301 line-too-long E501
C0303 trailing-whitespace W291,W293
C0304 missing-final-newline W292
C0305 trailing-newlines W391
C0321 multiple-statements E701,E702
C0325 superfluous-parens UP034
C0410 multiple-imports E401
C0411 wrong-import-order I001
C0412 ungrouped-imports I001
C0413 wrong-import-position E402
C0414 useless-import-alias PLC0414
C3001 unnecessary-lambda-assignment E731
E0102 function-redefined F811
E0602 undefined-variable F821
R0205 useless-object-inheritance UP004
R0402 consider-using-from-import PLR0402
R1703 simplifiable-if-statement SIM103,SIM108
R1705 no-else-return RET505
R1711 useless-return PLR1711
R1714 consider-using-in PLR1714
R1719 simplifiable-if-expression SIM210
R1720 no-else-raise RET506
R1721 unnecessary-comprehension C416
R1723 no-else-break RET508
R1724 no-else-continue RET507
R1725 super-with-arguments UP008
R1729 use-a-generator C419
R1730 consider-using-min-builtin PLR1730
R1731 consider-using-max-builtin PLR1730
R1734 use-list-literal C408
R1735 use-dict-literal C408
W0102 dangerous-default-value B006
W0107 unnecessary-pass PIE790
W0120 useless-else-on-loop PLW0120
W0301 unnecessary-semicolon E703
W0401 wildcard-import F403
W0404 reimported F811
W0611 unused-import F401
W0612 unused-variable F841,B007
W0614 unused-wildcard-import F403
W0702 bare-except E722
W0707 raise-missing-from B904
W1309 f-string-without-interpolation F541
"""
# Of flake8's plugins, where ruff has no rule of that name.
_FLAKE8 = {
    "B001": ("E722",),
    "B950": ("E501",),
    "I100": ("I001",),
    "I101": ("I001",),
    "I201": ("I001",),
    "I202": ("I001",),
    "W504": (),
    "W503": (),
    "BLK100": (),
}
# Of tools that name a file and no rule.
_TOOLS = {"autoflake": ("F401", "F841"), "isort": ("I001",), "pyupgrade": ("UP",)}


def _table() -> dict[str, tuple[str, ...]]:
    lines = (line.split() for line in _PYLINT.strip().splitlines())
    by_code: dict[str, tuple[str, ...]] = {}
    for number, name, rules in lines:
        by_code[number] = by_code[name] = tuple(rules.split(","))
    return by_code | _FLAKE8


RUFF_RULES = _table()


def ruff_rules(codes: Iterable[str], tool: str = "") -> frozenset[str]:
    """Return what ruff calls these; a code that no table has is taken for ruff's own."""
    translated = {rule for code in codes for rule in RUFF_RULES.get(code, (code,))}
    return frozenset(translated or _TOOLS.get(tool, ()))


def other_names(rule: str) -> frozenset[str]:
    """Return a rule of ruff and what other linters call it."""
    return frozenset((rule, *(code for code, rules in RUFF_RULES.items() if rule in rules)))
