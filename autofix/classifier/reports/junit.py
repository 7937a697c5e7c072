"""Which tests failed, and for which cause? Reads JUnit XML, as most runners write it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, ParseError  # noqa: S405  # types only; defusedxml parses

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from autofix.classifier import delays, places
from autofix.classifier.rules import NETWORK, Match, compiled
from autofix.classifier.scan import NETWORK_IN_A_TEST, best_match
from autofix.failures import Failure, Finding, Location, Signal

MAX_CASES = 2000
MAX_LINES = 400
TEXT_CAP = 20_000
ASSERTION_RANK = 50
EXCEPTION_RANK = 57
# An exception in a test that mentions these is about the code, not about the step.
FOREIGN = frozenset({Signal.POLICY, Signal.SECURITY, Signal.LINT, Signal.TYPECHECK, Signal.UNKNOWN})

_SETUP = compiled(r'^failed on (?:setup|teardown) with ["\'](?P<cause>(?s:.*?))["\']?$')
_ASSERTION = compiled(r"^(?:[\w.]*Assert\w*(?:Error|Failed\w*|Exception)?\b|assert\b|Failed: |\[ERR_ASSERTION\])")
_ERROR_LINE = compiled(r"^E {2,}(?P<text>\S.*)$")
_RAISED = compiled(r"(?m)^\S+\.py:\d+: (?P<type>[\w.]+)$")
_TYPED = compiled(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?::|$)")


@dataclass(frozen=True)
class _Problem:
    """One failing test."""

    finding: Finding
    signal: Signal
    rank: int
    text: str
    match: Match | None = None


def read(text: str) -> Failure | None:
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    problems = [_problem(case, bad) for case, bad in _failing(root)]
    if not problems:
        return None
    return _failure(max(problems, key=lambda problem: problem.rank), problems)


def _failing(root: Element) -> Iterator[tuple[Element, Element]]:
    count = 0
    for case in root.iter("testcase"):
        bad = next((child for child in case if child.tag in {"failure", "error"}), None)
        if bad is not None and count < MAX_CASES:
            count += 1
            yield case, bad


def _failure(worst: _Problem, problems: list[_Problem]) -> Failure:
    more = f" (and {len(problems) - 1} more failing tests)" if len(problems) > 1 else ""
    located = sorted(problems, key=lambda problem: problem is not worst)
    failure = Failure(
        signal=worst.signal,
        message=worst.finding.message + more,
        rule="junit-report",
        confidence=0.95,
        retry_after_seconds=delays.asked_for(worst.text) if worst.signal in NETWORK else None,
        excerpt=_excerpt(worst.text),
        locations=tuple(each.finding.location for each in located if each.finding.location),
        findings=tuple(problem.finding for problem in problems),
    )
    return _explained(failure, worst.match, more) if worst.match else failure


def _explained(failure: Failure, match: Match, more: str) -> Failure:
    """What the rule for the exception adds."""
    rule, subject = match.rule, match.groups.get("subject", "")
    return replace(
        failure,
        message=match.message + more,
        rule=rule.id,
        detail=match.detail,
        subject=subject.split(".")[0] if rule.detail == "dependency" else subject,
        severity=rule.severity,
        retryable=rule.retryable,
        requires_replan=rule.requires_replan,
    )


def _problem(case: Element, bad: Element) -> _Problem:
    body = (bad.text or "")[-TEXT_CAP:]
    headline = _headline(bad)
    match = _assertion(headline) if _is_assertion(headline) else _match(headline, body)
    signal, rank = _weighed(match, headline, body, bad.tag)
    place = next(iter(places.last_own_place(body)), None)
    name = _name(case, place)
    shown = headline if headline != "collection failure" else _last_error(body)
    finding = Finding(name, f"{name}: {shown}", place)
    return _Problem(finding, signal, rank, f"{headline}\n{body}", match)


def _headline(bad: Element) -> str:
    """The exception and its text, on one line."""
    message = (bad.get("message") or "").strip()[:TEXT_CAP]
    setup = _SETUP.search(message)
    message = setup.group("cause") if setup else message
    first = message.split("\n")[0]
    kind = bad.get("type") or ""
    if "." in kind and kind not in first:
        return f"{kind}: {first}"
    return first or (bad.text or "").strip().split("\n")[0]


def _is_assertion(headline: str) -> bool:
    first = headline.split(":", maxsplit=1)[0]
    simple = first.rsplit(".", 1)[-1]
    if headline.startswith("Failed: Timeout"):
        return False
    return any(_ASSERTION.search(text) is not None for text in (headline, simple))


def _assertion(headline: str) -> Match | None:
    """The rule for a failed assertion that says more than that: a snapshot that differs."""
    match = best_match(headline, "test")
    is_finer = match is not None and match.rule.in_assertions and match.rule.signal is Signal.TEST_ASSERT
    return match if is_finer else None


def _match(headline: str, body: str) -> Match | None:
    """The best rule for the exception or one that it came from."""
    lines = [found.group("text") for line in body.split("\n")[-MAX_LINES:] if (found := _ERROR_LINE.search(line))]
    texts = [headline, *(line for line in lines if not _is_assertion(line))]
    matches = [match for text in texts if (match := best_match(text, "test"))]
    matches = [match for match in matches if match.rule.signal not in FOREIGN]
    return max(matches, key=lambda match: match.rule.rank, default=None)


def _weighed(match: Match | None, headline: str, body: str, tag: str) -> tuple[Signal, int]:
    """The most fundamental cause weighs most; the network counts last."""
    if match is not None:
        rank = NETWORK_IN_A_TEST if match.rule.signal in NETWORK else match.rule.rank
        return match.rule.signal, rank
    if _is_assertion(headline):
        return Signal.TEST_ASSERT, ASSERTION_RANK
    raised = _RAISED.search(body)
    if tag == "error" or _TYPED.search(headline) or (raised and raised.group("type") != "AssertionError"):
        return Signal.RUNTIME, EXCEPTION_RANK
    return Signal.TEST_ASSERT, ASSERTION_RANK


def _name(case: Element, place: Location | None) -> str:
    """pytest's node id where it is pytest, else class and name."""
    classname, name = case.get("classname") or "", case.get("name") or "?"
    stated = case.get("file") or ""
    if stated.endswith(".py"):
        return f"{stated}::{name}"
    if not classname:  # a file that pytest could not collect
        return f"{name.replace('.', '/')}.py" if "." in name or place else name
    parts = classname.split(".")
    classes = [part for part in parts if part[:1].isupper()]
    modules = parts[: len(parts) - len(classes)]
    if not modules or not modules[-1].startswith("test") and not modules[-1].endswith("_test"):
        return f"{classname}::{name}"
    return "::".join(("/".join(modules) + ".py", *classes, name))


def _last_error(body: str) -> str:
    errors = [found.group("text") for line in body.split("\n") if (found := _ERROR_LINE.search(line))]
    return errors[-1] if errors else "it could not be collected"


def _excerpt(text: str) -> str:
    """Around the first error line that pytest marks, else the beginning."""
    lines = text.split("\n")
    marked = next((index for index, line in enumerate(lines) if _ERROR_LINE.search(line)), 0)
    return "\n".join(line[:400] for line in lines[max(0, marked - 4) : marked + 7])
