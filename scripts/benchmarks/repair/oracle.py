"""Does a changed library still behave as the untouched one? Asked with inputs that no test of it has."""

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.benchmarks.repair.box import Box
from scripts.benchmarks.repair.libraries import Library

REPLAY_SECONDS = 180.0


@dataclass(frozen=True)
class Recording:
    """What the tests called the library's functions with, and which of its functions they reach."""

    data: bytes
    executed: frozenset[tuple[str, str]]


@dataclass
class Oracle:
    """The untouched library at `tree`. Asked once, it remembers."""

    box: Box
    library: Library
    tree: Path
    seed: int

    @cached_property
    def recording(self) -> Recording:
        with self.box.copy(self.tree) as copied:
            told = self.box.unpickled(copied, "record", self.library.package, self.library.root)
        return Recording(pickle.dumps(told), frozenset(tuple(each) for each in told["executed"]))

    @cached_property
    def inputs(self) -> bytes:
        with self.box.copy(self.tree) as copied:
            varied = self.box.unpickled(copied, "vary", str(self.seed), *self._places(), calls=self.recording.data)
        return pickle.dumps(varied)

    @cached_property
    def questions(self) -> list[str]:
        return [place for place, _ in pickle.loads(self.inputs)]

    @cached_property
    def answers(self) -> list[str | None]:
        """What the untouched library answers; None where it does not answer twice the same."""
        first, second = self._replay(self.tree), self._replay(self.tree)
        if first is None or second is None:
            raise RuntimeError(f"the untouched {self.library.name} comes to no answer")
        return [one if one == other else None for one, other in zip(first, second, strict=True)]

    def disagreement(self, tree: Path) -> str:
        """Return the first thing in which the library at `tree` differs; empty if there is none."""
        expected, said = self.answers, self._replay(tree)
        return first_difference(self.questions, expected, said)

    def _replay(self, tree: Path) -> list[str] | None:
        with self.box.copy(tree) as copied:
            answer = self.box.probe(copied, "replay", *self._places(), calls=self.inputs, seconds=REPLAY_SECONDS)
        return None if answer is None else [str(each) for each in json.loads(answer)]

    def _places(self) -> tuple[str, str]:
        return self.library.root, self.library.test_paths


def first_difference(questions: Sequence[str], expected: Sequence[str | None], said: Sequence[str] | None) -> str:
    if said is None:
        return "calling it came to no end"
    for question, wanted, got in zip(questions, expected, said, strict=True):
        if wanted is not None and wanted != got:
            return f"{question}: {got[:120]}, where the untouched one: {wanted[:120]}"
    return ""
