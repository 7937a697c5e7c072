"""Trailing blanks, a missing last newline, mixed line ends: in the files complained about."""

import io
import re
import tokenize
from collections.abc import Collection
from functools import partial

from autofix.failures import Failure
from autofix.fixers.base import (
    LINT,
    Fixer,
    Tree,
    careful,
    lines_with,
    named_files,
    places,
    rewrite,
    words,
)

CODES = frozenset(
    [
        "W291",
        "W292",
        "W293",
        "W391",
        "MD009",
        "MD012",
        "MD047",
        "C0303",
        "C0304",
        "C0305",
        "eol-last",
        "no-trailing-spaces",
        "trailing-whitespace",
        "end-of-file-fixer",
        "mixed-line-ending",
        "linebreak-style",
    ]
)
SAID = re.compile(
    r"trailing[ -](?:white)?spaces?\b|trailing-whitespace|end-of-file-fixer|no newline at end"
    r"|newline at end of file|mixed[ -]line[ -]endings?|\bCRLF\b|Fixing [\w./-]+$",
    re.IGNORECASE | re.MULTILINE,
)
TEXT = [
    ".py",
    ".pyi",
    ".md",
    ".rst",
    ".txt",
    ".toml",
    ".cfg",
    ".ini",
    ".yml",
    ".yaml",
    ".json",
    ".js",
    ".jsx",
    ".ts",
    ".tsx",
    ".mjs",
    ".cjs",
    ".css",
    ".scss",
    ".html",
    ".sh",
    ".go",
    ".rs",
    ".java",
    ".kt",
    ".rb",
    ".php",
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".hpp",
    ".sql",
    ".xml",
]


def tidy(tree: Tree, failure: Failure) -> bool:
    paths: Collection[str] = lines_with(tree, failure, CODES)
    has_codes = any(place.code for place in places(failure))
    if not paths and not has_codes and SAID.search(words(failure)):
        paths = named_files(tree, failure, tuple(TEXT))
    suffixes = tuple(TEXT)
    texts = [path for path in paths if path.endswith(suffixes)]
    changed = [rewrite(tree, path, partial(_tidied, path)) for path in texts]
    return any(changed)


def _tidied(path: str, text: str) -> str:
    """One kind of line end (the commoner), no blanks before it, one newline at the end."""
    if not text.strip():
        return ""
    end = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    is_python = path.endswith((".py", ".pyi"))
    kept = _inside_strings(text.replace("\r\n", "\n")) if is_python else set()
    for number, line in enumerate(lines, 1):
        lines[number - 1] = line if number in kept else _stripped(line, path)
    return "\n".join(lines).rstrip("\n").replace("\n", end) + end


def _stripped(line: str, path: str) -> str:
    """In Markdown two blanks at the end are a line break, not dirt."""
    is_break = path.endswith(".md") and re.search(r"\S {2}$", line)
    return line if is_break else line.rstrip(" \t")


def _inside_strings(text: str) -> set[int]:
    """Lines whose end lies in a string: blanks there are part of the program."""
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    strings = [token for token in tokens if token.type == tokenize.STRING]
    plain = {line for token in strings for line in range(token.start[0], token.end[0])}
    return plain | _inside_formatted(tokens)


def _inside_formatted(tokens: list[tokenize.TokenInfo]) -> set[int]:
    """From Python 3.12 on, f-strings are several tokens."""
    names = (tokenize.tok_name[token.type] for token in tokens)
    middles = [token for token, name in zip(tokens, names, strict=True) if name == "FSTRING_MIDDLE"]
    return {line for token in middles for line in range(token.start[0], token.end[0])}


FIXERS = (
    Fixer(
        name="whitespace",
        tool="own",
        ecosystem="any",
        signals=LINT,
        touches=tuple(f"*{suffix}" for suffix in TEXT),
        apply=careful(tidy),
    ),
)
