"""How did the command end, where the sandbox or the exit status says it plainly?"""

from autofix.classifier.rules import compiled
from autofix.failures import Failure, Severity, Signal

SANDBOX = {
    "timeout": Failure(
        Signal.TRANSIENT,
        "The step overran its time limit",
        "sandbox-timeout",
        "timeout",
        confidence=0.9,
        retryable=True,
    ),
    "out_of_memory": Failure(
        Signal.INFRA,
        "The step ran out of memory",
        "sandbox-oom",
        "oom",
        severity=Severity.HIGH,
        confidence=0.95,
        retryable=True,
    ),
    "disk_quota": Failure(
        Signal.INFRA,
        "The step used up its disk space",
        "sandbox-disk",
        "disk",
        severity=Severity.HIGH,
        confidence=0.95,
        retryable=True,
    ),
    "output_limit": Failure(
        Signal.INFRA,
        "The step wrote more output than it may",
        "sandbox-output",
        "output",
        confidence=0.95,
    ),
    "stopped": Failure(
        Signal.INFRA,
        "The step was stopped from outside",
        "sandbox-stopped",
        "stopped",
        confidence=0.9,
        retryable=True,
    ),
    "not_started": Failure(
        Signal.INFRA,
        "The sandbox could not start the step",
        "sandbox-not-started",
        "sandbox",
        severity=Severity.HIGH,
        confidence=0.9,
        retryable=True,
    ),
}

EXIT_CODES = {
    124: Failure(
        Signal.TRANSIENT,
        "The command was ended by `timeout`",
        "exit-124",
        "timeout",
        confidence=0.6,
        retryable=True,
    ),
    126: Failure(
        Signal.RUNTIME,
        "The command cannot be executed",
        "exit-126",
        "config",
        confidence=0.6,
    ),
    127: Failure(
        Signal.RUNTIME,
        "A command was not found",
        "exit-127",
        "tool",
        confidence=0.6,
        requires_replan=True,
    ),
    134: Failure(Signal.RUNTIME, "A process aborted", "exit-134", "crash", confidence=0.6),
    135: Failure(Signal.RUNTIME, "A process crashed (SIGBUS)", "exit-135", "crash", confidence=0.6),
    137: Failure(
        Signal.INFRA,
        "The process was killed, most likely for want of memory",
        "exit-137",
        "oom",
        severity=Severity.HIGH,
        confidence=0.6,
        retryable=True,
    ),
    139: Failure(
        Signal.RUNTIME,
        "A process crashed (SIGSEGV)",
        "exit-139",
        "crash",
        severity=Severity.HIGH,
        confidence=0.6,
    ),
    143: Failure(
        Signal.INFRA,
        "The process was asked to end (SIGTERM)",
        "exit-143",
        "stopped",
        confidence=0.5,
        retryable=True,
    ),
}

NO_PATTERN = Failure(
    Signal.UNKNOWN,
    "No known failure pattern was found",
    "none",
    severity=Severity.MEDIUM,
    confidence=0.49,
)


def of_exit_code(exit_code: int | None) -> Failure | None:
    """A negative code is a signal, as Python's subprocess reports it."""
    if exit_code is None:
        return None
    return EXIT_CODES.get(128 - exit_code if exit_code < 0 else exit_code)


MISUSED = Failure(
    Signal.RUNTIME,
    "A command was called wrongly, and shows how it is called",
    "usage",
    "config",
    confidence=0.6,
    requires_replan=True,
)
_USAGE = compiled(
    r"(?m)^(?:usage|Usage|USAGE):(?: +| *\n +)[\w./-]+(?: [\w.-]+)* +(?:[\[<({-]|[A-Z]{2})"  # docopt: on the next line
)


def of_usage(tail: str) -> Failure | None:
    """What a command means that ends with how it is called: it says why in words that none foresaw."""
    return MISUSED if _USAGE.search(tail) else None


# Nothing known is in the log, but what the step is for, and what its last lines point at.
_PLACE = compiled(
    r"(?m)^\W{0,8}[\w./@-]+\.\w{1,10}(?::\d+|\(\d+|$| +line \d+|, line \d+)"
    r"|^\S+\.\w{1,10}: not formatted|\bFile \"[^\"]+\", line \d+"
    r"|\((?:[\w.@-]+/)*[\w-]+\.\w{1,10}[,:] ?(?:line )?\d+|\b(?:on|at|in) line \d+\b"
    r"|(?i:^\W*(?:found |total )?[1-9]\d* (?:\w+ )?(?:problem|issue|violation|offen[cs]e|warning|error|smell)s?\b)"
)
_NAMES_FILES = compiled(
    rf"{_PLACE.pattern}"
    r"|(?:^|[\s(\[])[\w./@-]+\.[a-zA-Z]\w{0,9}(?::\d+|: ?L: *\d+|[:,]? line \d+)"
    r"|\([\w./@-]+\.[a-zA-Z]\w{0,9}(?:, \S+)*\)$"
    r"|^\s*(?:[\w.@-]+/)+[\w.@-]*\.[a-zA-Z]\w{0,9}(?:: \S+ \S|$)|^[-+]{3} \S|^@@ -\d"
    r"|\] line \d|\bformat\w*: \S+\.\w+|^\s*\[(?:CRITICAL|WARNING|ERROR)\] \S"
)
_INFORMS = compiled(
    r"^\W*(?:INFO|DEBUG|info|debug)\b|^\s*(?:\++|\$|>) |^\S*(?:bash|sh)\b.*\.sh$"
    r"|\.\.\.\s*$"  # what swallows errors ends with it
)
_OF_A_SCHEMA = compiled(r"(?i)\b(?:migrations?|schema|revisions?|(?:table|column|relation|index|constraint)s?)\b")
_OF_KIND = {
    "format": (
        _NAMES_FILES,
        Failure(Signal.LINT, "The formatter points at files", "step-format", "format", confidence=0.6),
    ),
    "lint": (_NAMES_FILES, Failure(Signal.LINT, "The linter points at lines of files", "step-lint", confidence=0.6)),
    "typecheck": (
        _PLACE,
        Failure(Signal.TYPECHECK, "The type checker points at lines of files", "step-typecheck", confidence=0.6),
    ),
    "migrate": (
        _OF_A_SCHEMA,
        Failure(Signal.SCHEMA_MIGRATION, "A migration failed", "step-migrate", confidence=0.6),
    ),
}


# What a linter or a formatter cannot read is broken, rather than unseemly.
_BROKEN = compiled(
    r"(?i)\b(?:syntax|parse|parsing) error|\b(?:expecting|unterminated|unclosed|unbalanced)\b|must be followed by"
    r"|\bunexpected (?:token|end of|eof|character|'.')"
)
_DOES_NOT_PARSE = Failure(
    Signal.RUNTIME,
    "A file does not parse",
    "step-parse",
    "compile",
    confidence=0.6,
)


def of_kind(kind: str, tail: str) -> Failure | None:
    """What a step of this kind most likely failed by, if its last lines speak of that."""
    pattern, failure = _OF_KIND.get(kind, (None, None))
    said = "\n".join(line for line in tail.splitlines() if not _INFORMS.search(line))
    if pattern is None or not pattern.search(said):
        return None
    return _DOES_NOT_PARSE if kind != "migrate" and _BROKEN.search(said) else failure
