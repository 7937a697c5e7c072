"""Drives one case through the command line, each in a database and in directories of its own, and judges what came."""

import json
import random
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.bed import OTHERS_REACH_IT, REAL, ROOT, Side, migrate
from scripts.benchmarks.processes import run_quietly
from scripts.benchmarks.repair import referee, verdicts
from scripts.benchmarks.repair.kinds import KINDS, Kind
from scripts.benchmarks.repair.verdicts import Findings, Outcome, Result, Told
from scripts.benchmarks.repair.workshop import GIT, Built, Site, Unavailable, Workshop, commit

MAKE_TENANT = (
    "from tenants.models import Tenant; Tenant.objects.create(slug='bench', name='Bench', autofix_enabled=True)"
)
MOST_GATES = 3
ANSWERS_SECONDS = 120.0
PAUSED = "paused_awaiting_approval"


@dataclass(frozen=True)
class Case:
    kind: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number:03}"


@dataclass(frozen=True)
class Runner:
    """`root` is where cases are made and built; `seconds` what one run may take."""

    shop: Workshop
    root: Path
    secret: str
    seconds: float
    keeps: bool = False

    def prepare(self) -> None:
        """Make the database that every case gets a copy of."""
        side = self.side(self.root / "template")
        migrate(side)
        run_quietly(side.manage("shell", "-c", MAKE_TENANT), ROOT, side.environment)

    def side(self, place: Path) -> Side:
        for directory in (place, place / "work", place / "media", place / "static"):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(OTHERS_REACH_IT)
        box = self.shop.box
        env = {
            "SECRET_KEY": self.secret,
            "METABUILDER_SANDBOX": box.mode,
            "METABUILDER_DATA_DIR": str(box.data_dir),
        }
        return Side(REAL, f"sqlite:///{place / 'db.sqlite3'}", place, env)

    def run(self, case: Case) -> Result | None:
        """Make, run and judge a case; None where it cannot be made on this machine."""
        place = self.root / "cases" / case.name
        try:
            return self._run(case, place)
        except Unavailable as missing:
            print(f"{case.name} left out: {missing}", file=sys.stderr)
            return None
        except Exception:  # the other cases are still worth having
            return Result(case.kind, case.name, Outcome.BROKEN, why=traceback.format_exc()[-1500:])
        finally:
            if not self.keeps:
                shutil.rmtree(place, ignore_errors=True)

    def _run(self, case: Case, place: Path) -> Result:
        kind, side = KINDS[case.kind], self.side(place)
        shutil.copyfile(self.root / "template" / "db.sqlite3", place / "db.sqlite3")
        source = place / "source"
        source.mkdir()
        site = Site(self.shop, source, case.number, random.Random(f"{self.shop.seed} {case.name}"))
        built = kind.make(site)
        commit(source)
        started = time.monotonic()
        told = self._build(side, source, built, kind)
        wall = time.monotonic() - started
        asked, evidence = bool(told["gates"]), verdicts.has_evidence(told["gates"])
        told = self._approve(side, told)
        outcome, why = verdicts.outcome_of(told, self._findings(place, built, told), kind.asks)
        attempts = told["timeline"]["attempts"]
        green, own = verdicts.times(told) if outcome == Outcome.HEALED else (None, None)
        return Result(
            kind=case.kind,
            case=case.name,
            outcome=outcome,
            broke=built.broke,
            why=why,
            asked=asked,
            evidence=evidence,
            seconds_to_green=green,
            step_seconds=own,
            wall_seconds=wall,
            signals=tuple(dict.fromkeys(_signal(each["signal"]) for each in attempts)),
            strategies=tuple(_strategy(each) for each in attempts),
        )

    def _build(self, side: Side, source: Path, built: Built, kind: Kind) -> Told:
        plan = side.root / "plan.json"
        plan.write_text(json.dumps({"steps": list(built.steps)}))
        settings = [part for setting in kind.settings for part in ("--setting", setting)]
        options = ("--plan", str(plan), "--wait", "--json", "--diff", str(side.root / "change.diff"), *settings)
        self._manage(side, "build", str(source), *options, seconds=self.seconds)
        return self._answers(side)

    def _approve(self, side: Side, told: Told) -> Told:
        """Be the person at the gates, and agree to whatever is proposed there; where nothing is, leave it."""
        for _ in range(MOST_GATES):
            pending = [gate for gate in told["gates"] if gate["status"] == "pending"]
            if told["run"]["status"] != PAUSED or not pending or not _proposes(pending[0]):
                return told
            self._manage(side, "decide", pending[0]["id"], "approve", seconds=self.seconds)
            told = self._answers(side)
        return told

    def _manage(self, side: Side, *arguments: str, seconds: float) -> None:
        log = side.root / f"{arguments[0]}.log"
        with log.open("ab") as output:
            try:
                done = subprocess.run(
                    side.manage(*arguments),
                    cwd=ROOT,
                    check=False,
                    env=side.environment,
                    stdout=output,
                    stderr=output,
                    timeout=seconds,
                )
            except subprocess.TimeoutExpired:
                return  # how far it came is in the database
        if done.returncode not in (0, 1, 3):
            raise RuntimeError(
                f"{arguments[0]} ended with {done.returncode}: {log.read_text(errors='replace')[-1000:]}"
            )

    def _answers(self, side: Side) -> Told:
        argv = [sys.executable, "-m", "scripts.benchmarks.repair.answers"]
        done = subprocess.run(
            argv,
            cwd=ROOT,
            check=False,
            env=side.environment,
            capture_output=True,
            text=True,
            timeout=ANSWERS_SECONDS,
        )
        if done.returncode or not (told := json.loads(done.stdout)):
            raise RuntimeError(f"the run cannot be read: {done.stderr[-1000:]}")
        (side.root / "answers.json").write_text(done.stdout)
        return dict(told)

    def _findings(self, place: Path, built: Built, told: Told) -> Findings:
        """Apply the run's change to a copy of the source and look at what became of it."""
        if told["run"]["status"] != "succeeded":
            return Findings()
        source, repaired = place / "source", place / "repaired"
        shutil.copytree(source, repaired, symlinks=True)
        if told["diff"]:
            apply = [*GIT, "apply", "--whitespace=nowarn", "-"]
            done = subprocess.run(apply, cwd=repaired, input=told["diff"], text=True, capture_output=True, check=False)
            if done.returncode:
                return Findings(wrong=f"its diff does not apply: {done.stderr[:200]}")
        weaker = referee.weakened(texts(source), texts(repaired), built.may_change)
        return Findings(built.wrong_with(repaired), weaker or referee.plan_weakened(built.steps, told["plan"]))  # type: ignore[arg-type]


def texts(tree: Path) -> Mapping[str, str]:
    files = (path for path in sorted(tree.rglob("*")) if path.is_file() and ".git" not in path.relative_to(tree).parts)
    return {str(path.relative_to(tree)): path.read_text(errors="replace") for path in files if path.suffix != ".whl"}


def _proposes(gate: Told) -> bool:
    return bool(gate["patch"] or (gate["evidence"] or {}).get("plan_changes"))


def _signal(signal: Told) -> str:
    return f"{signal['type']}/{signal['detail']}" if signal["detail"] else str(signal["type"])


def _strategy(attempt: Told) -> str:
    verified = {True: "+", False: "-", None: ""}[attempt["verified"]]
    return f"{attempt['strategy']}{':' if attempt['fixer'] else ''}{attempt['fixer']}{verified}"
