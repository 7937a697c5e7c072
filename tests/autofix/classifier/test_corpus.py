"""The labelled logs are sound, and the classifier gets no worse on them: `scripts/bench_classifier` says how good."""

from collections import Counter

import pytest

from autofix.failures import Signal
from scripts.benchmarks.classifier.exam import answered, share
from tests.corpus.cases import FOLDER, cases, scored_tools

FEWEST, FEWEST_OF_A_TYPE, FEWEST_TOOLS = 300, 12, 50
LOOKED_AT, SCORED = 98.5, 87.0  # percent right: what was reached, less a log or two


def test_there_are_many_of_each_type_from_many_tools():
    found = list(cases())
    types = Counter(case.type for case in found)
    assert len(found) >= FEWEST
    assert set(types) == {str(signal) for signal in Signal}
    assert min(types.values()) >= FEWEST_OF_A_TYPE
    assert len({case.tool for case in found}) >= FEWEST_TOOLS
    assert scored_tools() < {case.tool for case in found}


def test_both_parts_have_every_type():
    for part in (True, False):
        assert {case.type for case in cases() if case.is_scored == part} == {str(signal) for signal in Signal}


def test_each_log_says_what_its_label_says_and_none_is_without_a_label():
    without_cause = [case.title for case in cases() if bool(case.cause) == (case.type == "unknown")]
    assert not [title for title in without_cause if not title.startswith("unknown")], without_cause
    assert [case.title for case in cases() if case.cause not in case.log] == []
    logs = {f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.log")}
    assert logs == {case.title for case in cases()}


@pytest.mark.timeout(400)  # a thousand logs, on a machine that does other things as well
def test_it_gets_no_worse():
    answers = [answered(case) for case in cases()]
    assert share([answer for answer in answers if not answer.case.is_scored]) >= LOOKED_AT
    assert share([answer for answer in answers if answer.case.is_scored]) >= SCORED
