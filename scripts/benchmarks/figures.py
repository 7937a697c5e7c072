"""Figures and what they have to be: medians of both sides, a table for people, JSON lines for programs."""

import json
import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

P95 = 0.95


@dataclass(frozen=True)
class Options:
    quick: bool
    as_json: bool = False
    repetitions: int = 3

    def pick(self, quick: int, full: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True)
class Target:
    """What must be reached and what is aimed at: in the figure's unit, or as a share of the baseline."""

    must: float
    aim: float
    of_baseline: bool = False
    at_least: bool = False

    def is_met(self, reached: float, bound: float) -> bool:
        return reached >= bound if self.at_least else reached <= bound

    def words(self, bound: float) -> str:
        sign, unit = "≥" if self.at_least else "≤", " B" if self.of_baseline else ""
        return f"{sign} {bound:g}{unit}"


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    unit: str
    baseline: float | None = None
    target: Target | None = None
    paired_ratio: float | None = None

    @property
    def ratio(self) -> float | None:
        if self.paired_ratio is not None:
            return self.paired_ratio
        return self.value / self.baseline if self.baseline else None

    @property
    def verdict(self) -> str:
        """Return ok or MISSED, by what must be reached; empty where nothing must."""
        if self.target is None:
            return ""
        reached = self.ratio if self.target.of_baseline else self.value
        if reached is None or math.isnan(reached):
            return "NOT MEASURED"
        if not self.target.is_met(reached, self.target.must):
            return "MISSED"
        return "ok, aim" if self.target.is_met(reached, self.target.aim) else "ok"


@dataclass
class Comparison:
    """What was measured on each side, by figure; a median counts."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, side: str, name: str, value: float) -> None:
        self.values[side, name].append(value)

    def median(self, side: str, name: str) -> float:
        values = self.values.get((side, name))
        return statistics.median(values) if values else math.nan

    def figure(self, name: str, unit: str, target: Target | None, suffix: str = "") -> Figure:
        """Return the product's median beside the baseline's, if that was measured."""
        baseline = self.median("raw", name) if ("raw", name) in self.values else None
        return Figure(f"{name}{suffix}", self.median("ours", name), unit, baseline, target)

    def paired_ratio(self, side: str, other: str, name: str) -> float:
        """Return the median of the ratios of measurements that followed each other: a small difference
        would drown in what the machine does between the first and the last.
        """
        pairs = zip(self.values[side, name], self.values[other, name], strict=True)
        return statistics.median(value / base for value, base in pairs)

    def p95(self, side: str, name: str) -> float:
        return percentile(self.values.get((side, name), []), P95)

    def largest(self, side: str, name: str) -> float:
        return max(self.values.get((side, name), []), default=math.nan)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of them do not exceed."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def as_json(figure: Figure) -> str:
    row = {
        "name": figure.name,
        "value": _number(figure.value),
        "unit": figure.unit,
        "baseline": _number(figure.baseline),
        "ratio": _number(figure.ratio),
    }
    return json.dumps(row, ensure_ascii=False)


HEAD = f"{'figure':<54}{'ours':>10}  {'unit':<11}{'B':>10}{'ratio':>8}  {'must':<10}{'aim':<10}"


def as_row(figure: Figure) -> str:
    target = figure.target
    must, aim = (target.words(target.must), target.words(target.aim)) if target else ("", "")
    return (
        f"{figure.name:<54}{_shown(figure.value):>10}  {figure.unit:<11}{_shown(figure.baseline):>10}"
        f"{_shown(figure.ratio):>8}  {must:<10}{aim:<10}{figure.verdict}"
    ).rstrip()


def progress(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    if math.isnan(value):
        return "?"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004 - where three digits are shown


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 6)
