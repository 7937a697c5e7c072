"""Which runs does the harness start? Small repositories, and plans whose steps fail in scripted ways.

Drawn from the seed and nothing else: the same seed gives the same runs. A step whose name begins with
"sound" cannot fail by itself; if one fails, a fault of the machinery was taken for a fault of the step
(`history.sound_steps_never_fail`).
"""

import os
import random
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Step = dict[str, object]
TENANTS = ("amber", "birch", "cedar")
SOUND = "sound"
OVERLAP_EXIT = 97  # of a step that finds another command at work in its tree

RUFF = 'lint.select = ["F", "I"]\n'
MD5 = "import hashlib\n\n\ndef number(line: bytes) -> str:\n    return hashlib.md5(line).hexdigest()\n"
UNUSED = "import os\n\nx = 1\n"
UNDEFINED = "x = undefined_name_here\n"
TEMPLATES: dict[str, Mapping[str, str]] = {
    "plain": {"README": "plain\n", "data/one": "1\n"},
    "unused": {"app.py": UNUSED, "ruff.toml": RUFF},
    "undefined": {"app.py": UNDEFINED, "ruff.toml": RUFF},
    "weak": {"src/receipts.py": MD5},
    "mixed": {"app.py": UNUSED, "ruff.toml": RUFF, "src/receipts.py": MD5},
}
GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_AUTHOR_NAME": "Dana",
    "GIT_AUTHOR_EMAIL": "dana@ledger.example",
    "GIT_COMMITTER_NAME": "Dana",
    "GIT_COMMITTER_EMAIL": "dana@ledger.example",
}

RESET = "echo 'curl: (56) Recv failure: Connection reset by peer'; exit 56"
ALONE = f"exec 9>.lock; flock -n 9 || {{ echo 'another command is at work in this tree'; exit {OVERLAP_EXIT}; }}; "
LINT: Step = {"name": "lint", "run": "ruff check .", "kind": "lint"}
SCAN: Step = {"name": "scan", "run": "bandit -q -r src", "kind": "security"}
# Sparse as far as anybody can tell from `df`, but allocated: more than a step may add to its workspace.
FILL = "rm -f big*; for i in 1 2 3 4 5; do fallocate -l 480M big$i; done; sleep 4"


@dataclass(frozen=True)
class PlannedRun:
    """A run as it will be ordered. The title is how the harness finds it again."""

    number: int
    scenario: str
    tenant: str
    source_kind: str
    template: str
    steps: tuple[Step, ...]
    overrides: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.number:04} {self.scenario}"


@dataclass(frozen=True)
class Scenario:
    template: str
    steps: Callable[[random.Random], list[Step]]
    weight: int
    overrides: Mapping[str, int] = field(default_factory=dict)


def nap(rng: random.Random, name: str = "nap", low: float = 0.2, high: float = 2.0) -> Step:
    """A step that takes its time, so that a worker can be killed in the middle of it."""
    return {"name": f"{SOUND} {name}", "run": f"{ALONE}sleep {rng.uniform(low, high):.2f}", "kind": "test"}


def sound(name: str, command: str, kind: str = "test") -> Step:
    return {"name": f"{SOUND} {name}", "run": command, "kind": kind}


def passes(rng: random.Random) -> list[Step]:
    return [sound(f"step {number}", "test -e README && true") for number in range(1, rng.randint(1, 4) + 1)]


def naps(rng: random.Random) -> list[Step]:
    return [nap(rng, f"nap {number}", high=3.0) for number in range(1, rng.randint(1, 3) + 1)]


def prepares(rng: random.Random) -> list[Step]:
    """What the first step leaves behind is no part of any patch: another machine has to make it again."""
    install = sound("install", "mkdir -p built && echo ready > built/it", "install")
    return [install, nap(rng), sound("use", 'test "$(cat built/it)" = ready')]


def flaky(rng: random.Random) -> list[Step]:
    times = rng.randint(1, 2)
    count = "n=$(cat seen 2>/dev/null || echo 0); echo $((n + 1)) > seen"
    return [
        {"name": "fetch", "run": f"{count}; if [ $n -lt {times} ]; then {RESET}; fi", "kind": "other"},
        nap(rng, high=0.8),
    ]


def doomed(rng: random.Random) -> list[Step]:
    return [nap(rng, high=0.5), {"name": "fetch", "run": RESET, "kind": "other"}]


def late(_: random.Random) -> list[Step]:
    return [{"name": "hang", "run": "sleep 30", "kind": "other", "timeout": 1}]


def lints(rng: random.Random) -> list[Step]:
    return [LINT, nap(rng), sound("clean", "! grep -q 'import os' app.py")]


def lints_in_vain(rng: random.Random) -> list[Step]:
    return [LINT, nap(rng)]


def asks(rng: random.Random) -> list[Step]:
    """An approval without a patch accepts the finding: no later step may count on its being gone."""
    return [SCAN, nap(rng, high=1.0)]


def heals_then_asks(rng: random.Random) -> list[Step]:
    return [LINT, nap(rng, high=0.6), SCAN]


def heals_then_fails(rng: random.Random) -> list[Step]:
    return [LINT, nap(rng, high=0.6), {"name": "fetch", "run": RESET, "kind": "other"}]


def puzzles(rng: random.Random) -> list[Step]:
    return [nap(rng, high=0.4), {"name": "odd", "run": "echo 'the flux is strange'; exit 3", "kind": "other"}]


def writes(rng: random.Random) -> list[Step]:
    write = "mkdir -p out; dd if=/dev/zero of=out/blob bs=1M count=24 status=none; test -s out/blob"
    return [sound("write", write, "build"), nap(rng, high=1.0), sound("read", "test -s out/blob")]


def talks(rng: random.Random) -> list[Step]:
    return [sound("talk", f"seq 1 {rng.randint(20_000, 90_000)}"), nap(rng, high=0.5)]


def fills(_: random.Random) -> list[Step]:
    return [{"name": "fill", "run": FILL, "kind": "other"}]


SCENARIOS: dict[str, Scenario] = {
    "passes": Scenario("plain", passes, 4),
    "naps": Scenario("plain", naps, 5),
    "prepares": Scenario("plain", prepares, 3),
    "flaky": Scenario("plain", flaky, 4),
    "doomed": Scenario("plain", doomed, 2),
    "late": Scenario("plain", late, 1, {"max_per_step_attempts": 1}),
    "lints": Scenario("unused", lints, 4),
    "lints in vain": Scenario("undefined", lints_in_vain, 1),
    "asks": Scenario("weak", asks, 2),
    "heals then asks": Scenario("mixed", heals_then_asks, 1),
    "heals then fails": Scenario("unused", heals_then_fails, 2),
    "puzzles": Scenario("plain", puzzles, 2),
    "writes": Scenario("plain", writes, 1),
    "talks": Scenario("plain", talks, 1),
}
FULL_DISK = Scenario("plain", fills, 0, {"max_per_step_attempts": 1})


def planned_runs(seed: int, count: int) -> list[PlannedRun]:
    """Draw the runs: each scenario once while there is room, then by weight."""
    rng = random.Random(f"{seed} runs")
    names = list(SCENARIOS)
    rng.shuffle(names)
    weights = [scenario.weight for scenario in SCENARIOS.values()]
    names = names[:count] + rng.choices(list(SCENARIOS), weights, k=max(0, count - len(names)))
    rng.shuffle(names)
    return [planned_run(number, name, SCENARIOS[name], rng) for number, name in enumerate(names, start=1)]


def planned_run(number: int, name: str, scenario: Scenario, rng: random.Random) -> PlannedRun:
    return PlannedRun(
        number=number,
        scenario=name,
        tenant=rng.choice(TENANTS),
        source_kind=rng.choice(["path", "git_url"]),
        template=scenario.template,
        steps=tuple(scenario.steps(rng)),
        overrides=scenario.overrides,
    )


def make_templates(directory: Path) -> None:
    """Make the git repositories that the runs are built from; anybody may read them."""
    for name, files in TEMPLATES.items():
        root = directory / name
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "start")
        subprocess.run(["chmod", "-R", "a+rX", str(root)], check=True)


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=directory, env=GIT_ENV, check=True, capture_output=True)
