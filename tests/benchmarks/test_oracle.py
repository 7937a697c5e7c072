"""The oracle tells a library that behaves otherwise from one that is only written otherwise: a real one, sandboxed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from scripts.benchmarks.repair.box import Box, mode
from scripts.benchmarks.repair.libraries import Library
from scripts.benchmarks.repair.oracle import Oracle, first_difference
from scripts.benchmarks.repair.specimens import Patient

CODE = """import time


def clamp(value, low, high):
    if value < low:
        return low
    if value > high:
        return high
    return value


class Counter:
    def __init__(self, start=0):
        self.count = start

    def add(self, step):
        self.count += step
        return self.count


def words(text):
    yield from text.split()


def age(since):
    return time.time() - since
"""
TESTS = """from little import Counter, age, clamp, words


def test_clamp():
    assert clamp(5, 1, 3) == 3
    assert clamp(2, 1, 3) == 2


def test_counter():
    assert Counter(2).add(3) == 5


def test_words():
    assert list(words("a b")) == ["a", "b"]


def test_age():
    assert age(1.0) > 0
"""
LITTLE = Library("little", "1", "", "little", ("tests",))


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    root = Path(tempfile.mkdtemp(prefix="repair-bench-test-"))
    root.chmod(0o755)
    yield Box(root, Path(settings.DATA_DIR), mode())
    shutil.rmtree(root, ignore_errors=True)


def tree_of(box: Box, name: str, code: str) -> Path:
    tree = box.root / name
    (tree / "tests").mkdir(parents=True)
    (tree / "little.py").write_text(code)
    (tree / "tests" / "test_little.py").write_text(TESTS)
    (tree / "pytest.ini").write_text("[pytest]\npythonpath = .\ntestpaths = tests\n")
    return tree


@pytest.fixture(scope="module")
def patient(box: Box) -> Patient:
    return Patient(box, LITTLE, tree_of(box, "well", CODE), seed=1)


@pytest.fixture(scope="module")
def oracle(patient: Patient) -> Oracle:
    return patient.oracle


def test_it_asks_every_public_function_more_than_the_tests_do(oracle):
    asked = [place.partition(":")[2] for place in oracle.questions]
    assert set(asked) == {"clamp", "Counter.__init__", "Counter.add", "words", "age"}
    assert asked.count("clamp") > 2


def test_time_does_not_pass_between_two_answers(oracle):
    ages = [answer for place, answer in zip(oracle.questions, oracle.answers, strict=True) if place.endswith(":age")]
    assert ages
    assert None not in ages


def test_it_agrees_with_what_is_only_written_otherwise(box, oracle):
    rewritten = CODE.replace(
        "    if value > high:\n        return high\n    return value", "    return min(value, high)"
    )
    assert oracle.disagreement(tree_of(box, "rewritten", rewritten)) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ("value < low", "value <= low - 2", "clamp"),
        ("+= step", "= step", "add"),
        ("text.split()", "text.split(' ')", "words"),
    ],
)
def test_it_sees_what_no_test_sees_or_one_does(box, oracle, right, wrong, where):
    difference = oracle.disagreement(tree_of(box, f"wrong-{where}", CODE.replace(right, wrong)))
    assert where in difference


def test_a_patch_is_judged_by_the_tests_that_were_kept_back_too(box, patient):
    overfitted = CODE.replace("    if value < low", "    if value == 2:\n        return 1\n    if value < low")
    assert "test_clamp" in patient.wrong_with(tree_of(box, "overfitted", overfitted))
    assert patient.wrong_with(patient.tree) == ""


def test_a_case_is_a_fault_that_tests_and_oracle_see(patient):
    specimen = next(patient.specimens())
    assert specimen.failed
    assert specimen.fault.apply(CODE) != CODE


def test_what_has_no_stable_answer_is_not_compared():
    assert first_difference(["a:f", "a:g"], [None, "1"], ["2", "1"]) == ""
    assert first_difference(["a:f"], ["1"], ["2"]).startswith("a:f: 2")
    assert first_difference(["a:f"], ["1"], None)
