"""Which of several patches that pass is most likely right, and does any doubt remain?

Passing is not being right. Those that do the same on fresh inputs are one answer, given more than once; an answer that
changes little of what worked, and is made by a likely edit in a suspicious place, counts more. Where two answers of
about equal weight differ, a person is to choose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .behaviour import RAISED, SLOW
from .candidates import Candidate
from .evidence import Evidence
from .pool import HOT, Pool
from .wire import Request

MAX_TESTS = 60
# How near a rival that behaves differently must come to make a doubt.
RIVAL, RIVAL_OF_UNLIKELY = 0.5, 0.3
LIKELY = 0.3
SECOND_CHOICE = "a likelier edit passed the tests in the search, but not the step itself"
SEED = 11
RECORDING_SECONDS, SILENCE_SECONDS = 0.5, 10.0
SIZE_WEIGHT = 0.06
OF_CONDITIONS = frozenset(
    {"condition-other", "condition-and", "condition-or", "condition-constant", "variable", "compare", "negate"}
)
MANY, SWITCH_SHARE = 4, 0.55
OFTEN_WRONG = frozenset({"guard", "delete", "condition-constant", "result"})
ERRORS_WEIGHT = 0.6


@dataclass(frozen=True)
class Behaviour:
    """What came of each input, unchanged and with one patch; the first `recorded` inputs are those of tests."""

    recorded: int
    before: list[str]
    after: list[str]

    @property
    def kept(self) -> float:
        """The share of the tests' own inputs on which nothing changes."""
        return 1.0 - share(self.before[: self.recorded], self.after[: self.recorded])

    @property
    def kept_afresh(self) -> float:
        """The share of the fresh inputs on which nothing changes."""
        return 1.0 - share(self.before[self.recorded :], self.after[self.recorded :])

    @property
    def new_errors(self) -> float:
        """The share of inputs on which an exception is raised and was not."""
        worse = [b.startswith(RAISED) and bool(a) and not a.startswith(RAISED) for a, b in zip(self.before, self.after)]
        return sum(worse) / len(worse) if worse else 0.0

    @property
    def is_known(self) -> bool:
        return len(self.after) > self.recorded


@dataclass
class Answer:
    """A patch with all that speaks for it. `rivals` say what others would do instead."""

    candidate: Candidate
    behaviour: Behaviour | None
    weight: float
    group: int = 0
    doubt: str = ""


def share(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the share of known outcomes that differ."""
    known = [(a, b) for a, b in zip(one, other) if a and b and SLOW not in (a, b)]
    return sum(a != b for a, b in known) / len(known) if known else 0.0


def ranked(pool: Pool, evidence: Evidence, plausible: Sequence[Candidate], files: Sequence[str]) -> list[Answer]:
    """Return the patches, the best first, those that behave like it next to it."""
    behaviours = compared(pool, evidence, plausible, files)
    answers = []
    for candidate, behaviour in zip(plausible, behaviours):
        answers.append(Answer(candidate, behaviour, weight(candidate, behaviour)))
    answers.sort(key=lambda answer: -answer.weight)
    group(answers)
    discount(answers)
    answers.sort(key=lambda answer: -answer.weight)
    for answer in answers[:1]:
        answer.doubt = doubt(answers)
    for answer in answers[1:]:
        answer.doubt = answers[0].doubt or ("" if answer.group == answers[0].group else SECOND_CHOICE)
    return answers


def weight(candidate: Candidate, behaviour: Behaviour | None) -> float:
    kept = 0.8
    if behaviour is not None and behaviour.is_known:
        kept = 0.5 + 0.3 * behaviour.kept + 0.2 * behaviour.kept_afresh
        kept *= 1.0 - ERRORS_WEIGHT * behaviour.new_errors
    return candidate.score * kept * math.exp(-SIZE_WEIGHT * math.log1p(candidate.size))


def group(answers: Sequence[Answer]) -> None:
    """Give those that do the same the same number."""
    heads: list[Answer] = []
    for answer in answers:
        for head in heads:
            if is_alike(head, answer):
                answer.group = head.group
                break
        else:
            answer.group = len(heads)
            heads.append(answer)


def discount(answers: Sequence[Answer]) -> None:
    """Make less of conditions where one is as good as many others: they only switch a branch off, or on."""
    counts: dict[tuple[int, str, int], int] = {}
    for answer in answers:
        if answer.candidate.template in OF_CONDITIONS:
            counts[spot(answer)] = counts.get(spot(answer), 0) + 1
    for answer in answers:
        if counts.get(spot(answer), 0) >= MANY:
            answer.weight *= SWITCH_SHARE


def spot(answer: Answer) -> tuple[int, str, int]:
    return answer.group, answer.candidate.source.path, answer.candidate.line


def is_alike(one: Answer, other: Answer) -> bool:
    """Whether two patches do the same on all inputs. Where nothing is known of one, they do not."""
    if one.behaviour is None or other.behaviour is None or not one.behaviour.is_known or not other.behaviour.is_known:
        return False
    return share(one.behaviour.after, other.behaviour.after) == 0.0


def doubt(answers: Sequence[Answer]) -> str:
    """Say whether another answer is nearly as good as the best; empty if none is."""
    best = answers[0]
    if " + " in best.candidate.template:
        return "it takes two edits that have nothing in common"
    if best.candidate.template in OFTEN_WRONG and best.candidate.score < LIKELY:
        return "it is an edit of a kind that often passes tests without being right"
    near = (RIVAL if best.candidate.score >= LIKELY else RIVAL_OF_UNLIKELY) * best.weight
    rivals = [answer for answer in answers[1:] if answer.group != best.group and answer.weight >= near]
    if not rivals:
        return ""
    return f"{len(rivals)} other edits pass too and behave differently on inputs that no test has"


def compared(
    pool: Pool, evidence: Evidence, plausible: Sequence[Candidate], files: Sequence[str]
) -> list[Behaviour | None]:
    """Let each patch do the same calls; None for those that only a fresh import brings in."""
    swaps = tuple(candidate.swaps for candidate in plausible if candidate.swaps)
    if not swaps:
        return [None] * len(plausible)
    numbers = {file: number for number, file in enumerate(files)}
    tests: dict[str, None] = {}
    for candidate in plausible:
        first, last = candidate.function or (0, 0)
        tests.update(dict.fromkeys(evidence.covering(numbers[candidate.source.path], first, last)[:MAX_TESTS]))
    tests.update(dict.fromkeys(evidence.failing[:MAX_TESTS]))
    request = Request(
        "compare", tuple(tests), RECORDING_SECONDS, SILENCE_SECONDS, files=tuple(files), candidates=swaps, seed=SEED
    )
    return behaviours(pool.ask(HOT, request).rows, plausible)


def behaviours(rows: Sequence[list], plausible: Sequence[Candidate]) -> list[Behaviour | None]:
    recorded = next((row[1] for row in rows if row[0] == "inputs"), 0)
    did = {row[1]: row[2] for row in rows if row[0] == "did"}
    found: list[Behaviour | None] = []
    number = 0
    for candidate in plausible:
        after = did.get(number) if candidate.swaps else None
        number += bool(candidate.swaps)
        found.append(Behaviour(recorded, did[-1], after) if after is not None and -1 in did else None)
    return found
