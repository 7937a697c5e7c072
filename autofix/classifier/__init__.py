"""What failed? A step's evidence in, one `Failure` out: pure, and linear in the length of the log.

The sandbox's word counts first, then the reports of tools (`reports/`), then the rules over the
log (`rulebook`, `scan.py`, `choice.py`), then what scanners and rules of the organisation say in
words of their own (`gates.py`), the exit status, last what the last lines say in words that all
programs use (`last_words.py`). No evidence is `unknown`, never a guess.
"""

from collections.abc import Iterable
from dataclasses import replace

from autofix.classifier import delays, places, verdicts
from autofix.classifier.choice import cause
from autofix.classifier.evidence import Evidence
from autofix.classifier.fingerprints import fingerprint, normalised, numbered, relative
from autofix.classifier.gates import of_gates
from autofix.classifier.last_words import detail_of, of_last_words, other_than_runtime
from autofix.classifier.lines import chunks_of
from autofix.classifier.redaction import redact
from autofix.classifier.reports import from_reports
from autofix.classifier.rules import NETWORK, RETRYABLE, compiled
from autofix.classifier.scan import Candidate, Scanned, scan, without_healthy
from autofix.classifier.surroundings import unquoted
from autofix.failures import Failure, Finding, Location, Signal

__all__ = ["Evidence", "classify", "classify_stream", "findings_despite_success"]

MESSAGE_CAP = 200
EXCERPT_CAP = 4000
MAX_LOCATIONS = 50
VAGUE_RANK = 20
A_GUESS = 0.65
TEST_SIGNALS = frozenset({Signal.TEST_ASSERT, Signal.RUNTIME, Signal.SCHEMA_MIGRATION, *NETWORK})
SECURITY_TOOLS = compiled(
    r"(?i)\b(?:bandit|gitleaks|trufflehog|detect-secrets|semgrep|trivy|grype|snyk|safety|gosec"
    r"|brakeman|govulncheck|pip-audit|(?:npm|yarn|pnpm|cargo|bundle|bundler|composer)[- ]audit)\b"
)


def borne_out(written: float) -> float:
    """Return how often an answer of ours is right whose rule was written with this confidence.

    Who writes a rule doubts more than turns out to be due: 0.9 is written where 0.98 of the answers on the scored part
    of the corpus are right (`scripts/bench_classifier`). Half of the doubt is kept, because logs of tools that no rule
    was written for are right less often. What is written as a guess stays one, and what a tenant writes as it is.
    """
    return 1 - (1 - written) / 2 if written > A_GUESS else written


def classify(evidence: Evidence) -> Failure:
    """The failure that this evidence shows."""
    return classify_stream(evidence, chunks_of(evidence.log))


def classify_stream(evidence: Evidence, chunks: Iterable[str]) -> Failure:
    """As `classify`, for a log that arrives in pieces; `evidence.log` is not looked at."""
    scanned = scan(chunks, evidence.kind, evidence.own_rules)
    if evidence.green_log and scanned.candidates:
        scanned = without_healthy(scanned, evidence.green_log, evidence.kind)
    return _finished(_draft(evidence, scanned), evidence, scanned)


def findings_despite_success(evidence: Evidence) -> Failure | None:
    """What a security tool found though its command ended well."""
    found = from_reports(evidence.reports, evidence.kind)
    scanned = Scanned((), ())
    if (found is None or found.signal is not Signal.SECURITY) and _is_security_step(evidence):
        scanned = scan(chunks_of(evidence.log), evidence.kind)
        only = tuple(each for each in scanned.candidates if each.signal is Signal.SECURITY)
        best = cause(replace(scanned, candidates=only, hints=()), evidence.kind)
        found = _from_log(best, only, evidence) if best else None
    if found is None or found.signal is not Signal.SECURITY:
        return None
    return _finished(found, evidence, scanned)


def _is_security_step(evidence: Evidence) -> bool:
    named = f"{evidence.command[: MESSAGE_CAP * 5]}\n{evidence.step_name[:MESSAGE_CAP]}"
    return evidence.kind == "security" or SECURITY_TOOLS.search(named) is not None


def _draft(evidence: Evidence, scanned: Scanned) -> Failure:
    verdict = verdicts.SANDBOX.get(evidence.verdict)
    if verdict is not None:
        return verdict
    own = cause(replace(scanned, candidates=_own(scanned), hints=()), evidence.kind)
    if own is not None:
        return _from_log(own, _own(scanned), evidence)
    reported = from_reports(evidence.reports, evidence.kind)
    if reported is not None:
        return reported
    best = cause(scanned, evidence.kind)
    refused = of_gates(unquoted(scanned.end), evidence.kind) if best is None or _is_vague(best, evidence.kind) else None
    if best is not None:
        return refused or _meant(_from_log(best, scanned.candidates, evidence), best)
    likely = verdicts.of_exit_code(evidence.exit_code) or refused or verdicts.of_usage(scanned.tail)
    likely = likely or verdicts.of_kind(evidence.kind, scanned.tail)
    likely = likely or of_last_words(unquoted(scanned.end), evidence.kind, evidence.green_log)
    return likely or verdicts.NO_PATTERN


def _is_vague(best: Candidate, kind: str) -> bool:
    """It knows only that a program says that something is wrong, or took a check's mark for a test's."""
    is_mark = best.match.rule.id == "failed-test-mark" and kind not in {"", "test"}
    return is_mark or (best.signal is Signal.RUNTIME and best.rank <= VAGUE_RANK)


def _meant(found: Failure, best: Candidate) -> Failure:
    """A vague line may still speak of a schema, a certificate, a signature: then it is about that."""
    other = other_than_runtime(best.line) if best.signal is Signal.RUNTIME and best.rank <= VAGUE_RANK else None
    return replace(found, signal=other[0], detail=other[1], retryable=other[0] in RETRYABLE) if other else found


def _own(scanned: Scanned) -> tuple[Candidate, ...]:
    return tuple(found for found in scanned.candidates if found.match.rule.is_own)


def _from_log(best: Candidate, candidates: tuple[Candidate, ...], evidence: Evidence) -> Failure:
    rule, groups = best.match.rule, best.match.groups
    related = [found for found in candidates if _belongs(found, best)]
    locations = [place for found in related for place in places.from_groups(found.match.groups)]
    wait = delays.said(groups.get("wait", "")) if rule.retryable else None
    if wait is None and rule.signal in NETWORK:
        wait = delays.asked_for(best.excerpt, evidence.now)
    subject = groups.get("subject", "")
    return Failure(
        signal=rule.signal,
        message=best.match.message,
        rule=rule.id,
        detail=best.match.detail or _detail_of(best),
        subject=subject.split(".")[0] if rule.id == "python-module-missing" else subject,
        severity=rule.severity,
        confidence=rule.confidence if rule.is_own else borne_out(rule.confidence),
        retryable=rule.retryable,
        requires_replan=rule.requires_replan,
        retry_after_seconds=wait,
        excerpt=best.excerpt,
        locations=tuple(dict.fromkeys(locations)) or places.last_own_place(best.excerpt),
        findings=tuple(finding for found in related if (finding := _finding(found))),
    )


def _detail_of(best: Candidate) -> str:
    """Rules that know only that a program says what is wrong do not know the finer kind."""
    is_vague = best.signal is Signal.RUNTIME and best.rank <= VAGUE_RANK
    return detail_of(best.line) if is_vague else ""


def _belongs(found: Candidate, best: Candidate) -> bool:
    """Failing tests belong to whatever made tests fail, other findings to their own signal."""
    if found.match.groups.get("id"):
        return best.signal in TEST_SIGNALS
    return found.signal == best.signal and bool(found.match.groups.get("file"))


def _finding(found: Candidate) -> Finding | None:
    groups = found.match.groups
    place = places.from_groups(groups)
    if groups.get("id"):
        return Finding(groups["id"], found.match.message, place[0] if place else None)
    if not place:
        return None
    about = groups.get("subject") or normalised(groups.get("text", ""))
    parts = (place[0].file, groups.get("code") or found.match.rule.id, about)
    return Finding(":".join(part for part in parts if part), found.match.message, place[0])


def _finished(draft: Failure, evidence: Evidence, scanned: Scanned) -> Failure:
    """Redacted, with paths inside the project, cut to size and with its fingerprint."""
    root = evidence.workspace
    done = replace(
        draft,
        message=_one_line(relative(redact(draft.message), root)),
        subject=redact(draft.subject),
        excerpt=redact(relative(draft.excerpt or scanned.tail, root))[:EXCERPT_CAP],
        locations=tuple(_here(place, root) for place in draft.locations[:MAX_LOCATIONS]),
        findings=numbered(tuple(_clean(found, root) for found in _distinct(draft.findings))),
    )
    return replace(done, fingerprint=fingerprint(done, root))


def _distinct(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


def _clean(finding: Finding, root: str) -> Finding:
    place = _here(finding.location, root) if finding.location else None
    message = _one_line(relative(redact(finding.message), root))
    return Finding(redact(relative(finding.id, root)), message, place)


def _here(place: Location, root: str) -> Location:
    return replace(place, file=relative(place.file, root).removeprefix("./"))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_CAP else f"{line[: MESSAGE_CAP - 1]}…"
