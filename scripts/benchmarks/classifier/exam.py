"""The labelled logs as an exam: each once, as the loop asks, and once more with nothing but the log."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autofix.classifier import Evidence, classify
from autofix.failures import Failure
from scripts.benchmarks.figures import Figure, Target
from tests.corpus.cases import Case, cases

BINS = 10
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    case: Case
    failure: Failure

    @property
    def is_right(self) -> bool:
        return str(self.failure.signal) == self.case.type

    @property
    def has_cause(self) -> bool:
        return self.case.cause in self.failure.excerpt


def run() -> Iterator[Figure]:
    found = list(cases())
    for words, part in (("scored", True), ("looked at", False)):
        here = [case for case in found if case.is_scored == part]
        if here:
            yield from marks(words, [answered(case) for case in here], is_exam=part)
    bare = [answered(case, log_only=True) for case in found if case.is_scored]
    if bare:
        yield Figure("right type, scored, the log alone", share(bare), "%")


def answered(case: Case, *, log_only: bool = False) -> Answer:
    evidence = Evidence(case.name, case.log, case.exit_code, case.kind, case.command)
    if log_only:
        evidence = Evidence("", case.log, None)
    return Answer(case, classify(evidence))


def marks(words: str, answers: Sequence[Answer], *, is_exam: bool) -> Iterator[Figure]:
    def target(must: float, aim: float, *, at_least: bool = True) -> Target | None:
        return Target(must, aim, at_least=at_least) if is_exam else None

    told = [answer for answer in answers if answer.case.type != UNKNOWN]
    silent = [answer for answer in answers if answer.case.type == UNKNOWN]
    of_type = by_type(answers)
    yield Figure(f"logs, {words}", float(len(answers)), "logs")
    yield Figure(f"tools, {words}", float(len({answer.case.tool for answer in answers})), "tools")
    yield Figure(f"right type, {words}", share(answers), "%", target=target(97, 99))
    macro = sum(share(group) for group in of_type.values()) / len(of_type)
    yield Figure(f"right type, average over types, {words}", macro, "%", target=target(95, 98))
    for name, group in sorted(of_type.items()):
        yield Figure(f"  {name} ({len(group)} logs), {words}", share(group), "%")
    yield Figure(
        f"calibration error, {words}", calibration_error(answers), "", target=target(0.05, 0.03, at_least=False)
    )
    if silent:
        yield Figure(f"`unknown` where the log does not say, {words}", share(silent), "%", target=target(95, 99))
    in_excerpt = 100 * sum(answer.has_cause for answer in told) / len(told)
    yield Figure(f"cause inside the excerpt, {words}", in_excerpt, "%", target=target(95, 98))
    detailed = [answer for answer in told if answer.case.detail and answer.is_right]
    right = sum(answer.failure.detail == answer.case.detail for answer in detailed)
    yield Figure(f"right detail, where the type is right, {words}", 100 * right / max(1, len(detailed)), "%")


def by_type(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.case.type].append(answer)
    return found


def share(answers: Sequence[Answer]) -> float:
    """Return how many are right, in percent."""
    return 100 * sum(answer.is_right for answer in answers) / len(answers)


def calibration_error(answers: Sequence[Answer]) -> float:
    """Return the expected calibration error over ten bins (Naeini et al., AAAI 2015)."""
    bins: dict[int, list[Answer]] = defaultdict(list)
    for answer in answers:
        bins[min(BINS - 1, int(answer.failure.confidence * BINS))].append(answer)
    gaps = (abs(sum(a.is_right for a in group) - sum(a.failure.confidence for a in group)) for group in bins.values())
    return sum(gaps) / len(answers)


def mistakes(*, scored: bool) -> Iterator[str]:
    """Yield a line for each wrong answer of a part, the most frequent confusions last."""
    confusions: Counter[str] = Counter()
    for case in cases():
        if case.is_scored != scored:
            continue
        answer = answered(case)
        failure = answer.failure
        said = f"{failure.signal}/{failure.detail} by {failure.rule}"
        if not answer.is_right:
            confusions[f"{case.type} taken for {failure.signal}"] += 1
            yield f"{case.title}: {case.type}/{case.detail}, said {said}: {failure.message}"
        elif case.cause and not answer.has_cause:
            yield f"{case.title}: the excerpt lacks {case.cause!r} ({said})"
    yield from (f"{count} × {words}" for words, count in reversed(confusions.most_common()))
