"""The faults that the repair bench puts in: one place each, and always something else that can be read."""

import ast
import difflib
import random

import pytest

from scripts.benchmarks.repair import faults

SOURCE = '''"""Prices – with a ü before what is looked for."""


class Cart:
    """What is bought."""

    def __init__(self, items, limit):
        self.items = items
        self.limit = limit

    def total(self, start=0):
        """Add up."""
        if not self.items:
            return start
        found = start
        for name, price in self.items:
            if price <= 0 or name == "free":
                continue
            found += price * 2
        self.limit = max(found, self.limit)
        return found

    def first(self, count):
        label = "ü" + str(self.limit)
        return list(zip(self.items[:count], range(count))), label


def untouched(a, b):
    return a - b
'''
EVERY_KIND = {
    "operator",
    "boundary",
    "constant",
    "condition",
    "argument order",
    "wrong name",
    "return",
    "guard",
    "statement",
}
FOUND = faults.find(SOURCE)
SOUND = [fault for fault in FOUND if faults.is_sound(SOURCE, fault)]


def test_every_kind_of_fault_is_found():
    assert {fault.operator for fault in SOUND} == EVERY_KIND


@pytest.mark.parametrize("fault", SOUND, ids=str)
def test_a_fault_changes_one_place_and_still_parses(fault):
    broken = fault.apply(SOURCE)
    ast.parse(broken)
    same_before, same_after = SOURCE[: fault.start], SOURCE[fault.end :]
    assert broken.startswith(same_before)
    assert broken.endswith(same_after)
    hunks = [tag for tag, *_ in difflib.SequenceMatcher(None, SOURCE.split("\n"), broken.split("\n")).get_opcodes()]
    assert len([tag for tag in hunks if tag != "equal"]) == 1


def test_only_the_functions_that_are_wanted_are_broken():
    wanted = faults.find(SOURCE, {"untouched"})
    assert {SOURCE[: fault.start].count("\n") for fault in wanted} == {
        SOURCE[: SOURCE.index("return a - b")].count("\n")
    }


def test_what_comes_first_says_where_an_operator_is_even_behind_other_letters():
    broken = {fault.apply(SOURCE) for fault in FOUND if fault.operator == "operator"}
    assert SOURCE.replace('"ü" + str', '"ü" - str') in broken


def test_a_docstring_is_no_constant():
    assert not [fault for fault in FOUND if SOURCE[fault.start : fault.end].startswith('"""')]


def test_the_same_seed_picks_the_same_faults_and_mixes_their_kinds():
    once, again = (list(faults.pick(FOUND, random.Random(3))) for _ in range(2))
    assert once == again
    assert sorted(once) == sorted(FOUND)
    assert {fault.operator for fault in once[: len(EVERY_KIND)]} == EVERY_KIND


def test_what_changes_nothing_is_no_fault():
    start = SOURCE.index("start=0")
    assert not faults.is_sound(SOURCE, faults.Fault(start, start + 7, "start =  0", "constant", 1))
    assert not faults.is_sound(SOURCE, faults.Fault(start, start + 7, "start=", "constant", 1))
