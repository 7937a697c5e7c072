"""Which part of a run's output is asked for? Its executions' logs as one text, read piece by piece.

The text counts in characters from its start and only ever grows, so a reader goes on from where it
stopped. No log is held in memory whole: at most a page, or one stored piece at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Length

from metabuilder.runs import logs
from metabuilder.runs.models import LogChunk, StepExecution
from metabuilder.runs.states import ExecutionStatus

MAX_PAGE = 1 << 20
DEFAULT_PAGE = 1 << 16


@dataclass(frozen=True)
class Stretch:
    """One execution's share of the text: its heading, then its output."""

    execution: StepExecution
    offset: int
    characters: int
    heading: str = ""

    @property
    def start(self) -> int:
        return self.offset - len(self.heading)

    @property
    def end(self) -> int:
        return self.offset + self.characters


@dataclass(frozen=True)
class Transcript:
    stretches: Sequence[Stretch]

    @property
    def end(self) -> int:
        return self.stretches[-1].end if self.stretches else 0

    @property
    def is_growing(self) -> bool:
        return any(stretch.execution.status == ExecutionStatus.RUNNING for stretch in self.stretches)

    def read(self, start: int, limit: int) -> str:
        return "".join(self.pieces(start, start + limit))

    def pieces(self, start: int, stop: int) -> Iterator[str]:
        """Yield the text between two positions, piece by piece."""
        for stretch in self.stretches:
            if stretch.end > start and stretch.start < stop:
                yield stretch.heading[max(0, start - stretch.start) : max(0, stop - stretch.start)]
                here, there = max(0, start - stretch.offset), stop - stretch.offset
                yield from output(stretch.execution, here, min(there, stretch.characters))

    def tail(self, lines: int) -> tuple[int, str]:
        """Return where the last lines begin and their text, at most a page of it."""
        start = max(0, self.end - MAX_PAGE)
        text = self.read(start, MAX_PAGE)
        kept = text.removesuffix("\n").split("\n")[-lines:]
        length = len("\n".join(kept)) + text.endswith("\n")
        return self.end - length, text[len(text) - length :]


def of_run(executions: QuerySet[StepExecution]) -> Transcript:
    """Return the text of many executions, each under a heading."""
    stretches: list[Stretch] = []
    end = 0
    for execution in measured(executions):
        heading = f"=== {execution.step.name} (execution {execution.number}) ===\n"
        heading = "\n" + heading if stretches else heading
        stretches.append(Stretch(execution, end + len(heading), execution.characters, heading))
        end = stretches[-1].end
    return Transcript(stretches)


def of_execution(executions: QuerySet[StepExecution]) -> Transcript:
    """Return the text of the only execution there is among these, as it was written."""
    return Transcript([Stretch(one, 0, one.characters) for one in measured(executions)])


def measured(executions: QuerySet[StepExecution]) -> QuerySet[Any]:  # Any: with `characters`
    """Annotate executions with how many characters of output are kept, in rows or in the storage."""
    last = LogChunk.objects.filter(execution=OuterRef("pk")).order_by("-sequence")
    length = last.annotate(end=F("offset") + Length("text")).values("end")[:1]
    return (
        executions.select_related("step")
        .defer("reports")
        .annotate(characters=Coalesce(Subquery(length), "log_characters", output_field=BigIntegerField()))
        .order_by("number")
    )


def output(execution: StepExecution, start: int, stop: int) -> Iterator[str]:
    if stop <= start:
        return
    for offset, text in logs.pieces(execution, start, stop):
        yield text[max(0, start - offset) : stop - offset]
