"""Libraries that were formatted and had nothing to be said about them, until somebody was careless."""

import ast
import re
from collections.abc import Callable, Sequence
from itertools import product

from scripts.benchmarks.repair.workshop import Built, Site, Unavailable, step

FORMAT = step("format", "ruff format --check .", "format")
LINT = step("lint", "ruff check .", "lint")
TEST = step("test", "pytest -q", "test")
PLAIN = re.compile(r"^[^'\"#\\]*$")
TRIES = 6
Carelessness = Callable[[str, Site], str]


def unformatted(site: Site) -> Built:
    return _broken(site, [FORMAT, TEST], [_crumple])


def lint(site: Site) -> Built:
    first = LAPSES[(site.number + site.number // len(LAPSES)) % len(LAPSES)]
    return _broken(site, [LINT, TEST], [first, *site.rng.sample(LAPSES, len(LAPSES))])


def import_order(site: Site) -> Built:
    return _broken(site, [LINT, TEST], [_swap_imports])


def missing_import(site: Site) -> Built:
    """Leave an import out: the linter sees it in every other case, the tests in the rest."""
    return _broken(site, [LINT, TEST] if site.number % 2 else [TEST], [_forget_import])


def _broken(site: Site, steps: list[dict[str, object]], ways: Sequence[Carelessness]) -> Built:
    """Let somebody be careless with one module, in the first of these ways that a step really sees."""
    library = site.library
    site.fill(site.shop.styled(library.name))
    patient = site.shop.patient(library.name)
    for careless, module in product(ways, sorted(library.modules(site.tree), key=lambda name: site.rng.random())):
        path = site.tree / module
        source = path.read_text()
        for _ in range(TRIES):
            path.write_text(careless(source, site))
            if path.read_text() != source and site.passes(site.tree, steps[:1]):
                words = f"{careless.__name__.strip('_').replace('_', ' ')} in {path.name} of {library.name}"
                return Built(words, steps, lambda tree: site.passes(tree, steps) or patient.wrong_with(tree))
        path.write_text(source)
    raise Unavailable(f"nothing in {library.name} could be broken that way")


def _crumple(source: str, site: Site) -> str:
    """Take blanks out of a few lines."""
    lines = source.splitlines(keepends=True)
    places = [n for n, line in enumerate(lines) if PLAIN.match(line) and re.search(r", | [=+<>]=? ", line)]
    for number in site.rng.sample(places, min(3, len(places))):
        lines[number] = re.sub(r"(?<=\S)(?:, | ([=+<>]=?) )", lambda found: found[1] or ",", lines[number])
    crumpled = "".join(lines)
    return crumpled if _same(crumpled, source) else source


def _same(one: str, other: str) -> bool:
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except SyntaxError:
        return False


def _imports(source: str) -> list[ast.Import | ast.ImportFrom]:
    body = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [node for node in body if node.lineno == node.end_lineno and getattr(node, "module", "") != "__future__"]


def _swap_imports(source: str, site: Site) -> str:
    nodes, lines = _imports(source), source.splitlines(keepends=True)
    neighbours = [(a.lineno, b.lineno) for a, b in zip(nodes, nodes[1:], strict=False) if b.lineno == a.lineno + 1]
    if neighbours:
        first, second = site.rng.choice(neighbours)
        lines[first - 1], lines[second - 1] = lines[second - 1], lines[first - 1]
    return "".join(lines)


def _forget_import(source: str, site: Site) -> str:
    plain = [node for node in _imports(source) if isinstance(node, ast.Import) or not node.level]
    if not plain:
        return source
    lines = source.splitlines(keepends=True)
    del lines[site.rng.choice(plain).lineno - 1]
    return "".join(lines)


def _unused_import(source: str, site: Site) -> str:
    nodes = _imports(source)
    return _insert(source, nodes[-1].lineno, "import fractions\n") if nodes else source


def _compare_to_none(source: str, site: Site) -> str:
    return source.replace(" is not None", " != None", 1).replace(" is None", " == None", 1)


def _unused_variable(source: str, site: Site) -> str:
    body = _first_statement(source, site)
    return _insert(source, body.lineno - 1, f"{' ' * body.col_offset}leftover = 0\n") if body else source


def _empty_format(source: str, site: Site) -> str:
    return re.sub(r"^(\s+raise \w+\()(\"[^\"{}\\]*\"\))$", r"\1f\2", source, count=1, flags=re.M)


def _two_on_a_line(source: str, site: Site) -> str:
    return re.sub(r"^( +if [^\n:]*:)\n +(return [^\n(\[{]*|continue|break)$", r"\1 \2", source, count=1, flags=re.M)


def _negated_membership(source: str, site: Site) -> str:
    return re.sub(r"\bif (\w+) not in (\w+):", r"if not \1 in \2:", source, count=1)


def _bare_except(source: str, site: Site) -> str:
    return re.sub(r"^(\s+)except \w+:$", r"\1except:", source, count=1, flags=re.M)


def _trailing_semicolon(source: str, site: Site) -> str:
    return re.sub(r"^(\s+return \w+)$", r"\1;", source, count=1, flags=re.M)


def _first_statement(source: str, site: Site) -> ast.stmt | None:
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    first = [node.body[-1] for node in functions if node.body[-1].lineno > node.lineno and len(node.body) > 1]
    return site.rng.choice(first) if first else None


def _insert(source: str, after: int, line: str) -> str:
    lines = source.splitlines(keepends=True)
    return "".join([*lines[:after], line, *lines[after:]])


LAPSES: tuple[Carelessness, ...] = (
    _unused_import,
    _compare_to_none,
    _unused_variable,
    _empty_format,
    _two_on_a_line,
    _negated_membership,
    _trailing_semicolon,
    _bare_except,
)
