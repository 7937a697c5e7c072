"""What the corpus said: a table by signal, figures with what they have to be, and the cases that did not heal."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from scripts.benchmarks.figures import Figure, Target
from scripts.benchmarks.repair.kinds import FAULTS, KINDS, PACKAGES, STYLE, WAITING
from scripts.benchmarks.repair.verdicts import Outcome, Result

FAST_SECONDS = 120.0
COLUMNS = (Outcome.HEALED, Outcome.AFTER_GATE, Outcome.ABSTAINED, Outcome.WRONG, Outcome.WEAKENED)
TABLE_HEAD = (
    f"{'':<30}{'cases':>6}{'healed':>8}{'gate':>6}{'abstained':>11}{'wrong':>7}{'weakened':>10}{'to green':>10}"
)


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield a row for each signal, the kinds of it, and the whole."""
    yield TABLE_HEAD
    for signal in dict.fromkeys(kind.signal for kind in KINDS.values()):
        kinds = [name for name, kind in KINDS.items() if kind.signal == signal]
        of_signal = [each for each in results if each.kind in kinds]
        if of_signal:
            yield _row(signal, of_signal)
        for name in kinds if len(kinds) > 1 else ():
            of_kind = [each for each in results if each.kind == name]
            if of_kind:
                yield _row(f"  {name}", of_kind)
    yield _row("all", results)


def figures(results: Sequence[Result]) -> Iterator[Figure]:
    fair = [each for each in results if each.outcome != Outcome.BROKEN]
    free = [each for each in fair if not KINDS[each.kind].asks]
    yield _share(
        "healed without a person, where none need be asked", free, _healed(free), Target(80, 90, at_least=True)
    )
    yield _share("healed without a person, of all cases", fair, _healed(fair), None)
    yield _share("wrong", fair, [each for each in fair if each.is_wrong], Target(3, 1))
    weakened = [each for each in fair if each.outcome == Outcome.WEAKENED]
    yield Figure("weakened", float(len(weakened)), "cases", target=Target(0, 0))
    for signal, must, aim in ((STYLE, 95, 100), (PACKAGES, 95, 100), (WAITING, 98, 100)):
        of_signal = _of(fair, signal)
        yield _share(f"{signal}: healed", of_signal, _healed(of_signal), Target(must, aim, at_least=True))
    yield from _of_faults(_of(fair, FAULTS))
    asking = [each for each in fair if KINDS[each.kind].asks]
    shown = [each for each in asking if each.asked and each.evidence]
    yield _share("asked a person with evidence, where one must be", asking, shown, Target(100, 100, at_least=True))
    yield _times_of_deterministic(fair)
    yield Figure("cases that could not be judged", float(len(results) - len(fair)), "cases", target=Target(0, 0))


def _of_faults(faults: Sequence[Result]) -> Iterator[Figure]:
    """A repair counts as healed in time whether or not it is right; how many of them are is the next figure."""
    green = [each for each in faults if each.is_healed or each.is_wrong]
    fast = [each for each in green if each.wall_seconds <= FAST_SECONDS]
    yield _share(f"faults: green within {FAST_SECONDS:g} s", faults, fast, Target(70, 85, at_least=True))
    right = [each for each in fast if each.is_healed]
    yield _share("faults: right, of those green", fast, right, Target(90, 97, at_least=True))


def _times_of_deterministic(fair: Sequence[Result]) -> Figure:
    timed = [each for each in fair if KINDS[each.kind].is_deterministic and each.is_healed and each.step_seconds]
    ratios = [(each.seconds_to_green or 0) / (each.step_seconds or math.nan) for each in timed]
    median = statistics.median(ratios) if ratios else math.nan
    return Figure("deterministic fixes: to green, in times of the step", median, "x", target=Target(3, 2))


def unhealed(results: Sequence[Result]) -> Iterator[str]:
    """Yield a line for each case that did not heal as it should have."""
    for each in sorted(results, key=lambda each: each.case):
        if each.is_healed or (KINDS[each.kind].asks and each.asked):
            continue
        went = " > ".join(each.strategies) or "-"
        yield f"{each.case} {each.outcome}: {each.broke}\n    [{', '.join(each.signals)}] {went}\n    {each.why}"


def as_json(result: Result) -> str:
    return json.dumps(asdict(result), ensure_ascii=False)


def _of(results: Sequence[Result], signal: str) -> list[Result]:
    return [each for each in results if KINDS[each.kind].signal == signal]


def _healed(results: Sequence[Result]) -> list[Result]:
    return [each for each in results if each.is_healed]


def _share(name: str, of: Sequence[Result], part: Sequence[Result], target: Target | None) -> Figure:
    return Figure(f"{name} ({len(part)}/{len(of)})", 100 * len(part) / len(of) if of else math.nan, "%", target=target)


def _row(name: str, results: Sequence[Result]) -> str:
    counted = Counter(each.outcome for each in results)
    times = [each.seconds_to_green for each in results if each.seconds_to_green is not None]
    healed, gate, abstained, wrong, weakened = (counted[outcome] for outcome in COLUMNS)
    green = f"{statistics.median(times):.1f} s" if times else "–"
    return f"{name:<30}{len(results):>6}{healed:>8}{gate:>6}{abstained:>11}{wrong:>7}{weakened:>10}{green:>10}"
