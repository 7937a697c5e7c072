"""Which rule would have known? From the line that a person points at, a pattern that holds for others like it."""

import re
from typing import Any

from autofix.classifier.own_rules import LONGEST_PATTERN, LONGEST_TEXT, RuleRejected
from autofix.failures import Signal
from autofix.rulebooks import made_of

# What is different the next time. The first that fits a piece of the line wins.
VARIABLE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*)"
    r"|(?P<uuid>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b)"
    r"|(?P<url>\bhttps?://[^\s'\"<>)]+)"
    r"|(?P<quoted>'[^']{1,120}'|\"[^\"]{1,120}\"|`[^`]{1,120}`)"
    r"|(?P<path>(?:\.{0,2}/)?(?:[\w.@+-]+/)+[\w.@+-]*)"
    r"|(?P<hash>\b(?:0x[0-9a-fA-F]+|(?=[a-f]*\d)[0-9a-f]{7,})\b)"
    r"|(?P<number>\d+(?:[.,:]\d+)*)"
)
PATTERNS = {
    "time": r"\S+",
    "uuid": "[0-9a-f-]{36}",
    "url": r"\S+",
    "path": r"\S+",
    "hash": "[0-9a-fA-Fx]+",
    "number": r"\d[\d.,:]*",
}
STAMP = re.compile(r"^\s*(?:\[?\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\]?\s*)?")
TROUBLE = re.compile(
    r"(?i)\b(?:error|fatal|fail(?:ed|ure)?|cannot|could not|unable|denied|refused|exceeded|missing|no)\b"
)
FEWEST_WORDS = 2  # one word is on too many lines
SIGNS = re.compile(r"[\\.^$*+?()\[\]{}|]")
WORD = re.compile(r"[A-Za-z]{3,}")


def likely_cause(excerpt: str) -> str:
    """Return the line of an excerpt that most likely says what failed; empty if there is none."""
    lines = [line for line in excerpt.splitlines() if WORD.search(line)]
    of_trouble = [line for line in lines if TROUBLE.search(line)]
    return (of_trouble or lines[-1:] or [""])[0].strip()


def suggested_rule(cause: str, signal: Signal, detail: str = "") -> dict[str, Any] | None:  # Any: a rule's values
    """Return a rule for lines like this one, as it is written over HTTP; None if the line says too little."""
    line = STAMP.sub("", cause).strip()[:LONGEST_TEXT]
    if len(WORD.findall(line)) < FEWEST_WORDS:
        return None
    pattern, message = generalised(line)
    rule = {
        "name": "-".join(WORD.findall(line)[:5]).lower()[:60],
        "signal": str(signal),
        "detail": detail,
        "pattern": pattern[:LONGEST_PATTERN],
        "message": message[:LONGEST_TEXT],
        "example": line,
    }
    try:
        made_of(rule)
    except RuleRejected:
        return None
    return {"type" if name == "signal" else name: value for name, value in rule.items()}


def generalised(line: str) -> tuple[str, str]:
    """Return the line's pattern, and the message that names what its first quotation marks hold."""
    pattern, message, end, has_subject = "", "", 0, False
    for found in VARIABLE.finditer(line):
        fixed, text = line[end : found.start()], found[0]
        pattern += escaped(fixed)
        message += braced(fixed)
        if found.lastgroup != "quoted":
            pattern += PATTERNS[str(found.lastgroup)]
            message += braced(text)
        elif has_subject:
            pattern += f"{escaped(text[0])}[^{text[0]}]+{escaped(text[0])}"
            message += braced(text)
        else:
            pattern += f"{escaped(text[0])}(?P<subject>[^{text[0]}]+){escaped(text[0])}"
            message += f"{text[0]}{{subject}}{text[0]}"
            has_subject = True
        end = found.end()
    return pattern + escaped(line[end:]), message + braced(line[end:])


def escaped(text: str) -> str:
    return SIGNS.sub(r"\\\g<0>", text)


def braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
