from autofix.strategies.repair.inside.localisation import Spectrum, suspects, suspicion
from autofix.strategies.repair.inside.sources import Source

TEXT = b"""RULES = [1]


def add(rule, rules=RULES):
    rules.append(rule)


def last():
    if RULES:
        return RULES[0]
    return None


add(2)
"""


def test_lines_that_only_failing_tests_run_come_first():
    spectrum = Spectrum([frozenset({(0, 1), (0, 2)})], [frozenset({(0, 1)}), frozenset({(0, 1)})])
    scores = suspicion(spectrum)
    assert scores[0, 2] == 1.0 > scores[0, 1]


def test_where_an_exception_came_from_is_more_suspicious_than_where_it_passed_through():
    ran = frozenset({(0, 1), (0, 2)})
    scores = suspicion(Spectrum([ran], [ran, ran, ran], [[(0, 1), (0, 2)]]))
    assert scores[0, 2] > scores[0, 1] > 0.3


def test_what_ran_at_import_is_suspected_for_the_names_it_fills():
    imported = frozenset({(0, 1), (0, 5), (0, 14)})
    found = suspects({0: Source("a.py", TEXT)}, {(0, 9): 1.0, (0, 10): 1.0}, imported)
    at_import = [suspect.statement.lineno for suspect in found if suspect.at_import]
    assert at_import[0] == 1
    assert {5, 14} <= set(at_import)
    assert [suspect.statement.lineno for suspect in found[:2]] == [9, 10]
