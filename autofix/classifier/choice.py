"""Which line is the cause? The highest rank, then the earliest, in the failed command."""

from dataclasses import replace

from autofix.classifier.rules import NETWORK, compiled
from autofix.classifier.scan import NETWORK_IN_A_TEST, Candidate, Scanned
from autofix.failures import Signal

CONSEQUENCE = 20
OWN_SIGNAL = {
    "format": Signal.LINT,
    "lint": Signal.LINT,
    "typecheck": Signal.TYPECHECK,
    "security": Signal.SECURITY,
}
OWN_RANK = 40
OUTRIGHT = 84
OF_SYNTAX = 75
NOT_IN_CODE = frozenset({"secret", "dependency", "supply-chain"})
OF_A_TEST = 44
OF_A_MACHINE = 90
OF_AN_INDEX = frozenset({"auth", "proxy", "tls"})
OF_CODE = frozenset({"compile", "import"})
_EXCEPTION = compiled(r"^\s*(?:[a-z_]\w*\.)*[A-Z]\w+: ")
LINES_BEFORE_A_TEST, LINES_OF_A_TEST = 3, 15


def cause(scanned: Scanned, kind: str = "") -> Candidate | None:
    strong = [found for found in scanned.candidates if found.rank >= CONSEQUENCE]
    weak = [found for found in scanned.candidates if found.rank < CONSEQUENCE]
    strong = _of_failing_command(strong, weak)
    if not strong:
        return _first(_unrecovered(scanned))
    strong = _without_what_was_survived(_without_noise_beside_tests(strong))
    best = _first(_of_own_kind(strong, kind) or strong)
    best = _hidden_behind(best, scanned) or best
    best = _end_of_its_traceback(best, scanned) or best
    return _as_weakness(best) if best is not None and kind == "security" else best


def _of_failing_command(strong: list[Candidate], weak: list[Candidate]) -> list[Candidate]:
    sections = [found.section for found in weak] or [found.section for found in reversed(strong)]
    for section in sections:
        here = [found for found in strong if found.section == section]
        if here:
            return here
    return strong


def _of_own_kind(strong: list[Candidate], kind: str) -> list[Candidate]:
    """A linter that found something did not fail from the network it mentions.

    What a scanner or a rule of the organisation says outright stays: their hooks run among linters.
    So does a file that does not parse: what else is said of it follows from that.
    """
    own = OWN_SIGNAL.get(kind)
    if not any(found.signal == own and found.rank >= OWN_RANK for found in strong):
        return []
    return [found for found in strong if (found.signal == own and found.rank >= OWN_RANK) or _is_outright(found)]


def _is_outright(found: Candidate) -> bool:
    if found.signal is Signal.SECURITY:
        return found.rank >= OUTRIGHT and found.match.detail in NOT_IN_CODE
    if found.signal is Signal.RUNTIME:
        return found.rank >= OF_SYNTAX and found.match.detail == "compile"
    return found.signal is Signal.POLICY and found.rank >= OUTRIGHT


def _as_weakness(found: Candidate) -> Candidate:
    """What a linter says in a step that looks for weaknesses is one."""
    rule = found.match.rule
    if rule.signal is not Signal.LINT:
        return found
    weakness = replace(rule, signal=Signal.SECURITY, detail="sast", detail_from_code=False)
    return replace(found, match=replace(found.match, rule=weakness))


def _without_noise_beside_tests(strong: list[Candidate]) -> list[Candidate]:
    """Where tests failed, what is said of the network counts only where it is said of a failed test.

    What ends a machine's work (memory, disk) cuts tests off, and counts wherever it is said.
    """
    tests = [found.number for found in strong if found.signal is Signal.TEST_ASSERT and found.rank >= OF_A_TEST]
    if not tests:
        return strong
    return [found for found in strong if not _may_be_noise(found) or _is_near(found.number, tests)]


def _may_be_noise(found: Candidate) -> bool:
    if found.signal is Signal.SECURITY:
        return found.match.detail == "dependency"  # installers count advisories by the way
    if found.rank == NETWORK_IN_A_TEST:
        return False
    return found.signal in NETWORK or (found.signal in {Signal.INFRA, Signal.POLICY} and found.rank < OF_A_MACHINE)


def _is_near(number: int, tests: list[int]) -> bool:
    """Frameworks tell a test first and then why it failed; a few tell it the other way round."""
    return any(-LINES_BEFORE_A_TEST <= number - test <= LINES_OF_A_TEST for test in tests)


def _without_what_was_survived(strong: list[Candidate]) -> list[Candidate]:
    """A network failure after which the work went on until the code itself was found wrong was overcome."""
    last = max((found.number for found in strong if _is_of_code(found)), default=0)
    return [found for found in strong if found.signal not in NETWORK or found.number > last]


def _is_of_code(found: Candidate) -> bool:
    if found.signal in {Signal.LINT, Signal.TYPECHECK}:
        return bool(found.match.groups.get("file"))
    return found.signal is Signal.RUNTIME and found.match.detail in OF_CODE


def _hidden_behind(best: Candidate | None, scanned: Scanned) -> Candidate | None:
    """pip and npm say "no such package" also when the index answered 429 or not at all."""
    if best is None or not best.match.rule.may_hide:
        return None
    said = (*scanned.hints, *scanned.candidates)
    earlier = [found for found in said if _keeps_from_an_index(found) and found.number < best.number]
    return _first(earlier)


def _end_of_its_traceback(best: Candidate | None, scanned: Scanned) -> Candidate | None:
    """Of exceptions that came of one another, the last is what the program ended with and says most."""
    if best is None or not best.traceback:
        return None
    later = [found for found in scanned.candidates if _came_of(found, best)]
    return max(later, key=lambda found: (found.link, -found.number), default=None)


def _came_of(found: Candidate, first: Candidate) -> bool:
    is_linked = found.traceback == first.traceback and found.link > first.link
    return is_linked and found.signal is first.signal and _EXCEPTION.search(found.line) is not None


def _keeps_from_an_index(found: Candidate) -> bool:
    return found.signal in NETWORK or (found.signal is Signal.INFRA and found.match.detail in OF_AN_INDEX)


def _unrecovered(scanned: Scanned) -> list[Candidate]:
    return [hint for hint in scanned.hints if hint.signal in NETWORK and hint.is_retrying]


def _first(found: list[Candidate]) -> Candidate | None:
    return min(found, key=lambda candidate: (-candidate.rank, candidate.number), default=None)
