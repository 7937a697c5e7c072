from autofix.strategies.repair.inside.candidates import Candidate
from autofix.strategies.repair.inside.ranking import Answer, Behaviour, discount, doubt, group, weight
from autofix.strategies.repair.inside.sources import Edit, Source

SOURCE = Source("a.py", b"def f(a):\n    return a\n")
BEFORE = ["1", "2", "3", "4"]


def answer(score: float, *after: str, template: str = "compare") -> Answer:
    candidate = Candidate(SOURCE, (Edit(21, 22, "b"),), template, score, 2, ())
    behaviour = Behaviour(1, BEFORE, list(after)) if after else None
    return Answer(candidate, behaviour, weight(candidate, behaviour))


def grouped(*answers: Answer) -> list[Answer]:
    group(answers)
    discount(answers)
    return sorted(answers, key=lambda each: -each.weight)


def test_patches_that_do_the_same_are_one_answer():
    assert doubt(grouped(answer(0.9, "1", "2", "9", "9"), answer(0.8, "1", "2", "9", "9"))) == ""


def test_two_answers_of_about_equal_weight_are_a_doubt():
    assert "1 other" in doubt(grouped(answer(0.9, "1", "2", "9", "9"), answer(0.8, "1", "2", "3", "9")))


def test_an_unlikely_rival_is_none():
    assert doubt(grouped(answer(0.9, "1", "2", "9", "9"), answer(0.2, "1", "2", "3", "9"))) == ""


def test_where_nothing_is_known_patches_are_not_taken_to_agree():
    assert doubt(grouped(answer(0.9), answer(0.8))) != ""


def test_what_was_too_slow_says_nothing():
    assert doubt(grouped(answer(0.9, "1", "2", "9", "slow"), answer(0.8, "1", "2", "9", "9"))) == ""


def test_new_exceptions_speak_against_a_patch():
    assert answer(0.5, "1", "raised KeyError", "9", "9").weight < answer(0.5, "1", "5", "9", "9").weight


def test_keeping_what_tests_saw_speaks_for_it():
    assert answer(0.5, "1", "5", "9", "9").weight > answer(0.5, "7", "5", "9", "9").weight


def test_a_condition_that_many_others_could_replace_only_switches_a_branch():
    switches = [answer(0.6, "1", "5", "9", "9", template="condition-other") for _ in range(4)]
    best = grouped(*switches, answer(0.5, "1", "5", "8", "9"))[0]
    assert best.candidate.template == "compare"


def test_two_edits_that_have_nothing_in_common_are_for_a_person():
    assert "two edits" in doubt([answer(0.9, "1", "2", "9", "9", template="constant + operator")])


def test_a_guard_that_was_made_up_is_for_a_person_even_if_nothing_else_passes():
    assert "often passes" in doubt([answer(0.18, "1", "2", "9", "9", template="guard")])
