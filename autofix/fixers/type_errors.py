"""Type errors, with the type checker as judge: a way is kept if it leaves fewer complaints and no new one.

`annotations` has the ways that change nothing of what the program does, `type_guards` the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from autofix.failures import Failure
from autofix.fixers.annotations import SAFE, Cure
from autofix.fixers.base import NOT_PYTHON, Tree, readable, rewrite
from autofix.fixers.type_checker import Checker, Complaint, checker_of, is_better
from autofix.fixers.type_guards import UNSAFE

Cures = Mapping[str, tuple[Cure, ...]]
MAX_QUESTIONS = 60  # each is a run of the checker


@dataclass
class Bench:
    """The tree, its checker, what it says of the tree as it is, and how often it may still be asked."""

    tree: Tree
    checker: Checker
    standing: Sequence[Complaint]
    questions_left: int = MAX_QUESTIONS
    given_up: set[tuple[str, str, str]] = field(default_factory=set)

    def ask(self, file: str, text: str) -> Sequence[Complaint]:
        """Return what the checker would say; the file is then as it was."""
        old = self.tree.read(file)
        self.tree.write(file, text)
        try:
            self.questions_left -= 1
            return self.checker.complaints(self.tree)
        finally:
            self.tree.write(file, old)

    def keep_if_better(self, file: str, text: str) -> bool:
        after = self.ask(file, text)
        if not is_better(self.standing, after):
            return False
        self.standing = after
        return rewrite(self.tree, file, lambda _: text)


def annotate(tree: Tree, failure: Failure) -> bool:
    return _work(tree, failure, SAFE)


def guard(tree: Tree, failure: Failure) -> bool:
    return _work(tree, failure, UNSAFE)


def _work(tree: Tree, failure: Failure, cures: Cures) -> bool:
    checker = checker_of(tree, failure)
    if checker is None:
        return False
    bench = Bench(tree, checker, checker.complaints(tree))
    changed = _cure_together(bench, cures)
    while bench.questions_left > 0 and (complaint := _next(bench, cures)) is not None:
        if _cure_one(bench, complaint, cures):
            changed = True
        else:
            bench.given_up.add(complaint.id)
    return changed


def _next(bench: Bench, cures: Cures) -> Complaint | None:
    open_ones = (each for each in bench.standing if each.code in cures and each.id not in bench.given_up)
    return next(open_ones, None)


def _cure_one(bench: Bench, complaint: Complaint, cures: Cures) -> bool:
    old = bench.tree.read(complaint.file)
    for text in _ways(bench, complaint, cures, old):
        if bench.questions_left <= 0:
            return False
        if text != old and bench.keep_if_better(complaint.file, text):
            return True
    return False


def _ways(bench: Bench, complaint: Complaint, cures: Cures, text: str) -> Iterator[str]:
    for cure in cures[complaint.code]:
        try:
            yield from cure(complaint, text, lambda new: bench.ask(complaint.file, new))
        except NOT_PYTHON:
            continue


def _cure_together(bench: Bench, cures: Cures) -> bool:
    """Try the first way of all that need no question at once, from the bottom of each file up."""
    found = [each for each in bench.standing if each.code in cures]
    if len(found) <= 1:
        return False
    before = readable(bench.tree, {each.file for each in found})
    for complaint in sorted(found, key=lambda each: -each.line):
        rewrite(bench.tree, complaint.file, partial(_first_way, cures[complaint.code], complaint))
    bench.questions_left -= 1
    after = bench.checker.complaints(bench.tree)
    if is_better(bench.standing, after):
        bench.standing = after
        return True
    for path, text in before.items():
        bench.tree.write(path, text)
    return False


def _first_way(cures: Sequence[Cure], complaint: Complaint, text: str) -> str:
    ways = (way for cure in cures for way in cure(complaint, text, _unasked))
    try:
        return next(ways, text)
    except _Unasked:
        return text


class _Unasked(Exception):
    """A cure wants to ask, when there is no time for that."""


def _unasked(_text: str) -> Sequence[Complaint]:
    raise _Unasked
