"""Lines that are too long because of a comment, a docstring or a string. Code stays as it is.

Nothing is written unless the syntax tree, docstrings aside, is the same afterwards.
"""

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Collection, Sequence
from functools import partial

from autofix.failures import Failure
from autofix.fixers.base import LINT, Fixer, Tree, careful, lines_with, rewrite, words

CODES = frozenset({"E501", "W505", "C0301", "line-too-long", "B950"})
LIMIT = re.compile(r"\b\d{1,6} ?(?:>|/) ?(?P<limit>\d{2,3})\b")
DEFAULT_LIMIT = 88
SHORTEST_PIECE = 20
# Comments that tools read: a line break would change what they say, or about which line.
PRAGMA = re.compile(r"#\s*(?:noqa|type:|nosec|pragma|pylint|fmt|isort|mypy|pyright|ruff|!|-\*-)")
PLAIN_STRING = re.compile(r"""(?P<prefix>[rRuU]?)(?P<quote>["'])(?P<body>.*)(?P=quote)""")


def shorten(tree: Tree, failure: Failure) -> bool:
    said = LIMIT.search(words(failure))
    limit = int(said["limit"]) if said else DEFAULT_LIMIT
    found = lines_with(tree, failure, CODES)
    python = [path for path in found if path.endswith(".py")]
    changed = [rewrite(tree, path, partial(shortened, found[path], limit)) for path in python]
    return any(changed)


def shortened(numbers: Collection[int], limit: int, text: str) -> str:
    """Return the text with the lines of these numbers broken where that is possible."""
    lines = text.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    docstrings = _docstring_lines(text)
    for number in sorted(numbers, reverse=True):
        if 0 < number <= len(lines) and len(lines[number - 1]) > limit:
            own = [token for token in tokens if token.start[0] == number == token.end[0]]
            line = lines[number - 1]
            if number in docstrings:
                lines[number - 1 : number] = _prose(line, limit)
            else:
                lines[number - 1 : number] = _broken(line, own, tokens, limit)
    new = "\n".join(lines)
    return new if _meaning(new) == _meaning(text) else text


def _broken(
    line: str,
    own: Sequence[tokenize.TokenInfo],
    tokens: Sequence[tokenize.TokenInfo],
    limit: int,
) -> list[str]:
    comment = next((token for token in own if token.type == tokenize.COMMENT), None)
    if comment is not None:
        return [line] if PRAGMA.search(comment.string) else _comment(line, comment.start[1], limit)
    strings = [token for token in own if token.type == tokenize.STRING]
    longest = max(strings, key=lambda token: len(token.string), default=None)
    if longest is None:
        return [line]
    return _string(line, longest, limit, is_bracketed=_depth(tokens, longest) > 0)


def _comment(line: str, column: int, limit: int) -> list[str]:
    """Wrap a comment of its own; put one that follows code above that code."""
    code, comment = line[:column].rstrip(), line[column:]
    indent = line[: len(line) - len(line.lstrip())]
    lead = re.match(r"#+:?\s*", comment)
    start = indent + (lead[0] if lead else "# ")
    wrapped = textwrap.wrap(
        comment[len(lead[0]) if lead else 1 :],
        limit,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [*wrapped, code] if code else wrapped or [line]


def _prose(line: str, limit: int) -> list[str]:
    """Break a line of a docstring, unless its layout says something: lists, tables, examples."""
    stripped = line.strip()
    if re.match(r"[-*|+:>.=\d]", stripped) or "::" in stripped or '"""' in stripped[3:]:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        stripped,
        limit,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _string(line: str, token: tokenize.TokenInfo, limit: int, *, is_bracketed: bool) -> list[str]:
    """Break one plain string at a blank; Python joins the halves again."""
    match = PLAIN_STRING.fullmatch(token.string)
    column, behind = token.start[1], line[token.end[1] :]
    if match is None or token.string.startswith(('"""', "'''")):
        return [line]
    prefix, quote, body = match["prefix"], match["quote"], match["body"]
    if is_bracketed:
        open_, close, indent = "", "", " " * column
        first_room = limit - column - len(prefix) - 2
    else:
        open_, close = "(", ")"
        indent = line[: len(line) - len(line.lstrip())] + "    "
        first_room = limit - len(indent) - len(prefix) - 2
    pieces = _pieces(body, first_room, len(behind))
    if len(pieces) <= 1:
        return [line]
    quoted = [f"{indent}{prefix}{quote}{piece}{quote}" for piece in pieces]
    if is_bracketed:
        return [line[:column] + quoted[0].lstrip(), *quoted[1:-1], quoted[-1] + behind]
    outer = indent[:-4]
    return [line[:column] + open_, *quoted, outer + close + behind]


def _pieces(body: str, room: int, behind: int) -> list[str]:
    """Cut after blanks; a cut never splits an escape, since those have no blanks."""
    if room < SHORTEST_PIECE:
        return []
    pieces = [""]
    for word in re.findall(r"\S*\s+|\S+$", body):
        if pieces[-1] and len(pieces[-1]) + len(word) > room:
            pieces.append("")
        pieces[-1] += word
    fits = all(len(piece) <= room for piece in pieces) and len(pieces[-1]) + behind <= room + 2
    return pieces if fits and "".join(pieces) == body else []


def _depth(tokens: Sequence[tokenize.TokenInfo], wanted: tokenize.TokenInfo) -> int:
    depth = 0
    for token in tokens:
        if token.start >= wanted.start:
            return depth
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
    return depth


def _docstring_lines(text: str) -> set[int]:
    """Lines within docstrings of several lines, without the one that closes them."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node, ast.Expr) and node.end_lineno:
            found |= set(range(node.lineno, node.end_lineno))
    return found


def _meaning(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree)


FIXERS = (Fixer(name="line-too-long", tool="own", signals=LINT, touches=("*.py",), apply=careful(shorten)),)
