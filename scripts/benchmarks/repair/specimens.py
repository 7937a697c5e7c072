"""Which faults make a fair case? Those that a test sees and that the library is known to behave otherwise with."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.benchmarks.repair import faults, holdback
from scripts.benchmarks.repair.box import Box, Suite
from scripts.benchmarks.repair.faults import Fault
from scripts.benchmarks.repair.libraries import Library
from scripts.benchmarks.repair.oracle import Oracle

MOST_FAILING = 0.5
SLOWEST = 4.0
SPARE_SECONDS = 10.0


@dataclass(frozen=True)
class Specimen:
    """A fault of a library, the tests that see it, and those that are kept from the run."""

    fault: Fault
    failed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def put_into(self, tree: Path) -> None:
        file = tree / self.fault.module
        file.write_text(self.fault.apply(file.read_text()))
        holdback.hold_back(tree, self.hidden)


@dataclass
class Patient:
    """A library that faults are put into, and what is known of it when it is well."""

    box: Box
    library: Library
    tree: Path
    seed: int

    @cached_property
    def oracle(self) -> Oracle:
        return Oracle(self.box, self.library, self.tree, self.seed)

    @cached_property
    def well(self) -> Suite:
        suite = self._suite(self.tree, 300)
        if suite is None or not suite.is_well:
            raise RuntimeError(f"the untouched {self.library.name} fails: {suite and sorted(suite.failed)[:5]}")
        return suite

    def specimens(self) -> Iterator[Specimen]:
        """Yield fair cases, one kind of fault after the other, no two of one line."""
        rng = random.Random(f"{self.library.name} {self.seed}")
        seen: set[tuple[str, int]] = set()
        for fault in faults.pick(self._faults(), rng):
            if (fault.module, fault.line) in seen or not faults.is_sound(self._source(fault.module), fault):
                continue
            specimen = self._judged(fault, rng)
            if specimen is not None:
                seen.add((fault.module, fault.line))
                yield specimen

    def _faults(self) -> list[Fault]:
        found = []
        for module in self.library.modules(self.tree):
            inside = str(Path(module).relative_to(self.library.root))
            wanted = {name for path, name in self.oracle.recording.executed if path == inside}
            found += faults.find(self._source(module), wanted, module)
        return found

    def _source(self, module: str) -> str:
        return (self.tree / module).read_text()

    def _judged(self, fault: Fault, rng: random.Random) -> Specimen | None:
        """Return the case that a fault makes; None if no test sees it, or nothing could tell a wrong repair."""
        with self.box.copy(self.tree) as broken:
            Specimen(fault).put_into(broken)
            suite = self._suite(broken)
            if suite is None or not self._is_fair(suite) or not self.oracle.disagreement(broken):
                return None
        for _ in range(2):
            specimen = Specimen(fault, suite.failed, holdback.choose(suite.failed, suite.passed, rng))
            if self._stays_fair(specimen):
                return specimen
        return None

    def _is_fair(self, suite: Suite) -> bool:
        failed = suite.failed & self.well.passed
        return bool(failed) and failed == suite.failed and len(failed) <= max(5, MOST_FAILING * len(self.well.tests))

    def _stays_fair(self, specimen: Specimen) -> bool:
        """Say whether what is left of the suite passes on the untouched library and sees the fault."""
        with self.box.copy(self.tree) as copied:
            holdback.hold_back(copied, specimen.hidden)
            well = self._suite(copied)
            if well is None or not well.is_well:
                return False
            Specimen(specimen.fault).put_into(copied)
            ill = self._suite(copied)
        return ill is not None and bool(ill.failed) and ill.failed <= specimen.failed

    def _suite(self, tree: Path, seconds: float = 0) -> Suite | None:
        return self.box.suite(tree, seconds or 30 + SPARE_SECONDS)

    def wrong_with(self, tree: Path) -> str:
        """Say what is wrong with the library's code at `tree`; empty if nothing is known to be."""
        with self.box.copy(self.tree) as whole:
            for module in self.library.modules(whole):
                if not (tree / module).is_file():
                    return f"{module} is gone"
                shutil.copyfile(tree / module, whole / module)
            suite = self._suite(whole)
            if suite is None:
                return "the whole suite comes to no end"
            if failed := sorted(self.well.passed - suite.passed):
                return f"{len(failed)} tests of the whole suite fail, such as {failed[0]}"
        return self.oracle.disagreement(tree)
