"""Which line is the cause? The highest rank, then the earliest, in the failed command."""

from autofix.classifier.rules import NETWORK
from autofix.classifier.scan import Candidate, Scanned
from autofix.failures import Signal

CONSEQUENCE = 20
OWN_SIGNAL = {
    "format": Signal.LINT,
    "lint": Signal.LINT,
    "typecheck": Signal.TYPECHECK,
    "security": Signal.SECURITY,
}
OWN_RANK = 40


def cause(scanned: Scanned, kind: str = "") -> Candidate | None:
    strong = [found for found in scanned.candidates if found.rank >= CONSEQUENCE]
    weak = [found for found in scanned.candidates if found.rank < CONSEQUENCE]
    strong = _of_failing_command(strong, weak)
    if not strong:
        return _first(_unrecovered(scanned))
    best = _first(_of_own_kind(strong, kind) or strong)
    return _hidden_behind(best, scanned) or best


def _of_failing_command(strong: list[Candidate], weak: list[Candidate]) -> list[Candidate]:
    sections = [found.section for found in weak] or [found.section for found in reversed(strong)]
    for section in sections:
        here = [found for found in strong if found.section == section]
        if here:
            return here
    return strong


def _of_own_kind(strong: list[Candidate], kind: str) -> list[Candidate]:
    """A linter that found something did not fail from the network it mentions."""
    own = OWN_SIGNAL.get(kind)
    return [found for found in strong if found.signal == own and found.rank >= OWN_RANK]


def _hidden_behind(best: Candidate | None, scanned: Scanned) -> Candidate | None:
    """pip and npm say "no such package" also when the index answered 429 or not at all."""
    if best is None or not best.match.rule.may_hide:
        return None
    earlier = [hint for hint in scanned.hints if hint.signal in NETWORK and hint.number < best.number]
    return _first(earlier)


def _unrecovered(scanned: Scanned) -> list[Candidate]:
    return [hint for hint in scanned.hints if hint.signal in NETWORK and hint.is_retrying]


def _first(found: list[Candidate]) -> Candidate | None:
    return min(found, key=lambda candidate: (-candidate.rank, candidate.number), default=None)
