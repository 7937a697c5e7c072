"""From a job to a report: start the servers, gather evidence, search, rank. Read `search` next."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import monotonic

from . import doubting, evidence, localisation, pairs, ranking
from .candidates import Candidate, Maker, candidates
from .evidence import Evidence, NothingToRepair
from .localisation import suspects, suspicion
from .pool import HOT, Budget, Pool, ServerGone
from .ranking import Answer
from .search import Search
from .sources import NotEditable, Source
from .wire import Request

MAX_CORES = 4
MAX_NOTED = 2000
SHARE_OF_SINGLES = 0.75


@dataclass(frozen=True)
class Job:
    """What the service asks for. `files` may be edited; `tests` are the failing ones it knows by name."""

    directory: str
    arguments: list[str]
    files: list[str]
    tests: list[str]
    seconds: float
    mark: str


@dataclass
class Report:
    """What came of it, as plain values. Each of `patches` is a list of edits (path, start, end, text).

    `doubt` has edits of a test file: what it would have to expect for all tests to pass.
    """

    outcome: str
    reason: str = ""
    patches: list | None = None
    doubt: dict | None = None
    figures: dict | None = None


def main(job_text: str) -> None:
    job = Job(**json.loads(job_text))
    out = os.dup(1)
    silence()
    try:
        report = worked(job)
    except NothingToRepair as nothing:
        report = Report("nothing", str(nothing))
    except ServerGone:
        report = Report("nothing", "pytest could not be set up as the step does")
    data = f"\n{job.mark}{json.dumps(asdict(report))}\n".encode()
    while data:
        data = data[os.write(out, data) :]
    sys.stdout.flush()
    os._exit(0)


def silence() -> None:
    """Whatever the project prints, nobody reads."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)


def worked(job: Job) -> Report:
    root = os.getcwd()
    files = [os.path.join(root, path) for path in job.files]
    os.chdir(job.directory or ".")
    sys.path.insert(0, os.getcwd())
    sys.dont_write_bytecode = True
    budget = Budget(job.seconds)
    count = max(1, min(MAX_CORES, len(os.sched_getaffinity(0))))
    pool = Pool(count, job.arguments, files, budget)
    began = monotonic()
    known = evidence.gathered(pool, job.tests, files, budget)
    search = Search(pool, known, budget, {path: number for number, path in enumerate(files)})
    maker = Maker(frozenset(living(pool)))
    gathered_at = monotonic() - began
    tried: list[Candidate] = []
    search.go(noted(candidates(statements(known, files), maker), tried), SHARE_OF_SINGLES)
    if not search.plausible and budget.left > 0:
        search.go(pairs.pairs(search, maker, tried))
    figures = {
        "failing": len(known.failing), "passing": len(known.passing), "gathered": round(gathered_at, 2),
        "tried": search.tally.tried, "promising": search.tally.promising, "slow": search.tally.slow,
        "seconds": round(monotonic() - began, 2), "first_at": round(search.first_at, 2), "batch": search.batch_size,
    }  # fmt: skip
    if not search.plausible:
        why = "no edit that was tried passes the tests"
        return Report("nothing", why, doubt=doubt_of_tests(pool, known, root), figures=figures)
    answers = ranking.ranked(pool, known, search.plausible, files)
    figures["alike"] = sum(answer.group == answers[0].group for answer in answers) - 1
    return Report("found", patches=[told(answer, root) for answer in answers], figures=figures)


def doubt_of_tests(pool: Pool, known: Evidence, root: str) -> dict[str, object] | None:
    doubt = doubting.doubted(pool, known)
    if doubt is None:
        return None
    return {"edits": doubting.relative(doubt, root), "told": doubt.told, "others": doubt.others}


def noted(made: Iterator[Candidate], tried: list[Candidate]) -> Iterator[Candidate]:
    """Keep the most likely candidates for a second look, in pairs."""
    for candidate in made:
        if len(tried) < MAX_NOTED:
            tried.append(candidate)
        yield candidate


def living(pool: Pool) -> list[tuple[str, int, str]]:
    answer = pool.ask(HOT, Request("functions"))
    return [(path, line, name) for _, path, line, name in answer.rows]


def statements(known: Evidence, files: list[str]) -> list[localisation.Suspect]:
    scores = suspicion(evidence.spectrum(known, files))
    sources = {}
    for number in {file for file, _ in (*scores, *known.imports)}:
        try:
            with open(files[number], "rb") as file:
                sources[number] = Source(files[number], file.read())
        except (OSError, NotEditable):
            continue
    return suspects(sources, scores, known.imports)


def told(answer: Answer, root: str) -> dict[str, object]:
    candidate, behaviour = answer.candidate, answer.behaviour
    path = os.path.relpath(candidate.source.path, root)
    return {
        "edits": [[path, edit.start, edit.end, edit.text] for edit in candidate.edits],
        "template": candidate.template,
        "doubt": answer.doubt,
        "group": answer.group,
        "weight": round(answer.weight, 4),
        "score": round(candidate.score, 4),
        "kept": round(behaviour.kept, 4) if behaviour is not None else None,
        "inputs": [behaviour.recorded, len(behaviour.after)] if behaviour is not None else None,
    }
