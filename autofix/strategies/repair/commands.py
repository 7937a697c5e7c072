"""What does a step's command ask of pytest? Pure. Where that cannot be told, nothing is searched."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

RUNNERS = (
    ("python", "-m"),
    ("python3", "-m"),
    ("uv", "run", "python", "-m"),
    ("uv", "run"),
    ("poetry", "run"),
    ("hatch", "run"),
    ("pdm", "run"),
    ("pipenv", "run"),
    ("rye", "run"),
    ("coverage", "run", "-m"),
    ("xvfb-run",),
    ("time",),
)
PYTEST = frozenset({"pytest", "py.test"})
VARIABLE = re.compile(r"[A-Za-z_]\w*=")
# Substitution, pipes and conditions: what is run then depends on more than what is written.
NOT_PLAIN = re.compile(r"[`|<>(){}*?\[\]~!\\]|\$|(?<!&)&(?!&)")
# What says only how results are shown, or how tests are spread and counted.
FLAGS = re.compile(
    r"-[vqsx]+|--(?:verbose|quiet|exitfirst|lf|last-failed|ff|failed-first|nf|new-first|sw|stepwise|full-trace"
    r"|showlocals|no-header|no-summary|no-cov|cov-append|cov-branch|no-cov-on-fail|disable-warnings|show-capture"
    r"|cache-clear|strict-markers|strict-config|no-showlocals|stepwise-skip|force-short-summary)|-l|-r\w+"
)
VALUED = re.compile(
    r"--(?:junitxml|junit-xml|junit-prefix|cov|cov-report|cov-config|cov-fail-under|cov-context|tb|maxfail|durations"
    r"|durations-min|color|code-highlight|numprocesses|dist|maxprocesses|timeout|timeout-method|reruns|reruns-delay"
    r"|html|verbosity|capture|log-file|log-level|log-cli-level|show-capture|basetemp|result-log|randomly-seed)"
)


@dataclass(frozen=True)
class PytestCommand:
    arguments: tuple[str, ...] = ()
    directory: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def understood(command: str) -> PytestCommand | None:
    """Return how a command runs pytest; None if it does not, or not in plain words."""
    directory = ""
    env: dict[str, str] = {}
    for part in re.split(r"&&|;|\n", command.replace("\\\n", " ")):
        words = split(part)
        if words is None:
            return None
        own, words = variables(words)
        if words[:1] == ["cd"] and words[1:] == words[-1:]:
            directory = f"{directory}/{words[1]}".strip("/")
        elif words[:1] == ["export"]:
            env |= variables(words[1:])[0]
        elif not words:
            env |= own
        elif (arguments := pytest_arguments(words)) is not None:
            return PytestCommand(tuple(without_display(arguments)), directory, {**env, **own})
    return None


def split(part: str) -> list[str] | None:
    if NOT_PLAIN.search(re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "", part)):
        return None
    try:
        return shlex.split(part, comments=True)
    except ValueError:
        return None


def variables(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that are set before a command, and the command."""
    words = words[1:] if words[:1] == ["env"] else words
    found = {}
    while words and VARIABLE.match(words[0]):
        name, _, value = words[0].partition("=")
        found[name] = value
        words = words[1:]
    return found, words


def pytest_arguments(words: list[str]) -> list[str] | None:
    words = [words[0].rsplit("/", 1)[-1], *words[1:]]
    while words:
        runner = next((runner for runner in RUNNERS if tuple(words[: len(runner)]) == runner), None)
        if runner is None:
            break
        words = words[len(runner) :]
    return words[1:] if words and words[0] in PYTEST else None


def without_display(arguments: list[str]) -> list[str]:
    """Return the arguments less those that change only what is shown and how tests are spread."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, joined, _ = word.partition("=")
        if FLAGS.fullmatch(word) or re.fullmatch(r"-n\w+", word):
            continue
        if word in ("-n", "-W") or (VALUED.fullmatch(name) and not joined):
            value = rest[:1] if takes_value(name, rest) else []
            rest = rest[len(value) :]
            kept += [word, *value] if word == "-W" else []
        elif not VALUED.fullmatch(name):
            kept.append(word)
    return kept


def takes_value(name: str, rest: list[str]) -> bool:
    """`--cov` may come without a value."""
    return bool(rest) and not (name == "--cov" and rest[0].startswith("-"))
