"""Which lines of the log look like a cause? One pass, bounded memory; `choice.py` picks one."""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from autofix.classifier.fingerprints import normalised
from autofix.classifier.lines import BLOCK_CHARS, END_LINES, LINE_CAP, TAIL_LINES, Window, last_of, windows
from autofix.classifier.rules import NETWORK, Match, Rule, compiled
from autofix.classifier.rulesets import (
    CHAINED,
    COMMAND,
    DRIVER,
    FAILURES,
    MARKERS,
    RULES,
    TRACEBACK,
    OwnRules,
    Rings,
    lines_of,
    own_rules,
)
from autofix.classifier.surroundings import ALL_THERE, has_trace, is_printed_by_a_test, is_quoted, is_source
from autofix.failures import Signal

HITS_PER_RULE = 100
CONTEXTS_PER_RULE = 5
CLOSE_LINES, RUNG_LINES = 300_000, 1_000_000  # then only the end of the log counts
NETWORK_IN_A_TEST = 45
LINES_TO_CHAIN = 3  # from the words that say so to the next traceback
LINES_BELOW_A_DRIVER = 60  # of the frames between a database's driver and the socket that was refused
NOTHING: frozenset[int] = frozenset()
MAY_TEST = frozenset({"", "test", "build"})
TRACED = frozenset(index for index, rule in enumerate(RULES.rules) if rule.traced)
OF_NETWORKS = frozenset(index for index, rule in enumerate(RULES.rules) if rule.signal in NETWORK)
PROVISIONAL = frozenset(index for index, rule in enumerate(RULES.rules) if rule.unless_after)
OF_MACHINES = NETWORK | {Signal.INFRA, Signal.POLICY}

_MARKS = tuple(compiled(f"(?m){pattern}") for pattern in MARKERS)

_HEALTHY = compiled(
    r"^\s*(?:✓|✔|√|PASS(?:ED)?\b|ok\b|OK\b|--- (?:PASS|SKIP)|\[ +(?:OK|RUN) +\])"
    r"|\bPASSED(?: +\[ *\d+%\])?\s*$"
    r"|\.\.\. ?(?:ok|OK|passed|skipped.*|ignored)$|\.{4,}(?:Passed|Skipped)$|^\s*(?:#|//) "
    r"|^(?:HEAD is now at|[Cc]ommit:|Previous HEAD position was|\[\S+ [0-9a-f]{7,40}\]) "
    r"|^\s*'[1-5]\d\d': '[^']*',?$"  # of node's table of statuses, which it shows with the objects of a failed request
    r"|^[A-Z]\w+ {2,}Traceback \(most recent call last\)$"  # IPython's heading; the exception comes at the end
)
_SOFT = compiled(
    r"(?i)^\s*(?:\[?warn(?:ing)?\]?\b|npm warn|W: |(?:\[?(?:info|debug|notice|trace)\]?)[:\s])"
    r"|\b\w*warning: "
    r"|\blevel=(?:info|debug|warn)|\bretrying\b|\bretry in \d|will (?:be )?retr(?:y|ied)"
    r"|(?:^|[,:;] )(?:waiting|sleeping) (?:for )?\d+ ?s|\bbacking off\b"
    r"|Retry\(total=|\battempt \d+ ?(?:of|/) ?\d+"
)
_LOUD = compiled(
    r"(?i)^\[warn\] |DATA RACE|\berror: |\] (?:ERROR|BUILD FAILURE)|(?::|-) error |COMPILATION ERROR"
    r"|SC\d{4}\]$|^warning {2,}|clang-format-violations|Warning, treated as error"
    r"|\.rb:\d+:\d+: [CWEF]:|\[\w+\]$"
)
# A line that names a test or what it expected speaks of the test, not of the machine.
_ABOUT_A_TEST = compiled(
    r"^\s*(?:not ok \d|ok \d|--- (?:FAIL|PASS)|=== (?:RUN|PAUSE|CONT|NAME)|\[ *(?:FAILED|OK|PASSED) *\]|● |✗ |✘ "
    r"|FAIL: |\d+\) (?:test\b|\w*(?:Test|Spec)\b)|[│ ]*[├└]─|test \S+ \.\.\. )"
    r"|\w+ \([\w.]+\) \.\.\. (?:FAIL|ERROR)|<<< (?:FAILURE|ERROR)!"
    r"|^\s+at [\w.$<>/ ]+\(|^[\w.$]+\.\w+:\d+ "
    r"|^\s+[✕×] |^\s+\d+\) |^\s*FAIL +\S+\.\w+ > |^\s*>?\s*\d+ ?[|│] |^\s*['\"][^'\"]*['\"]$"
    r"|^\s*(?:[Ee]xpected|[Rr]eceived|[Aa]ctual)"
    r"(?: (?:string|substring|value|number|pattern|array|object|message|length|path))?: "
    r"|(?i)\bexpected:? ?<|\bbut was:? ?<|\bAssertionFailed|\bassertion(?:error| failed| with)"
)
# node's own runner passes on what a test file wrote as comments.
_TAP_ERROR = compiled(r"^#\s+(?:(?:Uncaught )?(?:[A-Z]\w*)?Error(?: \[\w+\])?: |\S+: line \d+: \S+: command not found)")
_EXPECTED = compiled(
    r"(?i)\([^()]*\b(?:simulated|ignored|handled|fixed)\b[^()]*\)|\bas expected\b"
    r"|\((?:(?:[^()]* )?(?:is|was|are|were|as|this|an?|by) )?expected\b(?: [a-z][^()]*)?\)|\(mock(?:ed)?\)"
    r"|\b(?:simulated|injected|provoked|raised) by (?:the|a|this) test\b"
    r"|\b(?:if|when(?:ever)?) (?:you|it|an?|the|one)\b.{0,60}\b(?:see|says|gets?|fails|happens|shows)\b"
    r"|\b(?:handled|tolerated|ignored|recovered)\W*$|\bretried\b.*\b(?:then|20[0-4]|ok|succe\w+)\b"
)
_REFUSED = compiled(r"ConnectionRefusedError|\bECONNREFUSED\b|[Cc]onnection refused|Connect call failed")
_RETRYING = compiled(r"(?i)\bretry|\battempt \d+ ?(?:of|/) ?\d+")
_ASSERTION = compiled(
    r"^E\s+assert |^(?:E\s+)?AssertionError\b| - (?:AssertionError|assert )"
    r"|^E\s+(?:[-+?] |Failed: )"
)
_IN_FAILURES = compiled(r"^E\s|^Cell \d+: |^\S+\.py:\d+: \w|^_{3,} .* _{3,}$|^(?:FAILED|ERROR) |^\w+Error\b|^worker '")
_TEST_ID = compiled(r"^(?:FAILED|ERROR) (?P<id>\S+\.py(?:::\S+?)?)(?: - |$)")
_POINTER = compiled(r"^\s*--> (?P<file>[^\s:]+):(?P<line>\d+)")
_RECOVERED = compiled(
    r"(?im)\b(?:success(?:ful(?:ly)?)?|succeeded|downloaded|completed"
    r"|connected|installed|uploaded|published|done|recovered)\b|\bcomplete\W*$|\battempt \d+ ok\b"
)


@dataclass(frozen=True)
class Candidate:
    """A line that may name the cause. `section` counts the commands of the log, `traceback` Python's tracebacks:
    those of exceptions that came of one another are one, of several links.
    """

    match: Match
    rank: int
    number: int
    section: int
    line: str
    traceback: int = 0
    link: int = 0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def is_retrying(self) -> bool:
        return _RETRYING.search(self.line) is not None

    @property
    def signal(self) -> Signal:
        return self.match.rule.signal

    @property
    def excerpt(self) -> str:
        return "\n".join((*self.before, self.line, *self.after))


@dataclass(frozen=True)
class Scanned:
    """`hints` only warn: they count where a tool swallowed the error they warn about."""

    candidates: tuple[Candidate, ...]
    hints: tuple[Candidate, ...]
    end: tuple[str, ...] = ()

    @property
    def tail(self) -> str:
        return "\n".join(self.end[-TAIL_LINES:])


@dataclass(frozen=True)
class _Rung:
    """The lines to read, in order, and what rings on each."""

    lines: list[int]
    ours: Rings
    own: Rings


@dataclass
class _State:
    kind: str
    own: OwnRules | None = None
    section: int = 0
    traceback: int = 0
    link: int = 0
    chained_at: int = -LINES_TO_CHAIN
    driver_at: int = -LINES_BELOW_A_DRIVER
    in_failures: bool = False
    in_assertion: bool = False
    close_lines: int = 0
    rung_lines: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    candidates: list[Candidate] = field(default_factory=list)
    hints: list[Candidate] = field(default_factory=list)

    @property
    def has_had_enough(self) -> bool:
        return self.close_lines > CLOSE_LINES or self.rung_lines > RUNG_LINES


def scan(chunks: Iterable[str], kind: str = "", own: tuple[Rule, ...] = ()) -> Scanned:
    state = _State(kind, own_rules(own) if own else None)
    last: deque[Window] = deque(maxlen=2)
    unseen: Window | None = None
    for window in windows(chunks):
        last.append(window)
        unseen = window if state.has_had_enough else None
        if unseen is None:
            _look_at(window, state)
    if unseen is not None:
        _look_at(unseen, state)
    return Scanned(tuple(state.candidates), tuple(state.hints), last_of(last, END_LINES))


def _look_at(window: Window, state: _State) -> None:
    rung = _rung_in(window, state)
    if rung.lines or state.in_failures:
        _read(window, rung, state)


def without_healthy(scanned: Scanned, green_log: str, kind: str = "") -> Scanned:
    """Leave out the lines that stood in the log of the same step when it passed, apart from what changes."""
    lines = (green_log[start : start + BLOCK_CHARS] for start in range(0, len(green_log), BLOCK_CHARS))
    green = scan(lines, kind)
    known = {normalised(found.line) for found in (*green.candidates, *green.hints)}
    candidates = tuple(found for found in scanned.candidates if normalised(found.line) not in known)
    return replace(scanned, candidates=candidates) if known else scanned


def best_match(line: str, kind: str = "") -> Match | None:
    """The rule for one line that is known to be an error, such as the message of a failed test."""
    line = line[:LINE_CAP]
    match = RULES.best(line, kind)
    if match is not None and _ASSERTION.search(line) and not match.rule.in_assertions:
        return None
    return match


def _rung_in(window: Window, state: _State) -> _Rung:
    """Say on which lines of a window something rings: a rule that was found often enough is not asked any more."""
    ours = RULES.rings(window.raw)
    state.rung_lines += len(ours)
    own = state.own.rings(window.raw) if state.own else {}
    lines = {line for line, rings in ours.items() if any(_is_wanted(index, state) for index in rings)}
    if state.own:
        rules = state.own.rules
        lines |= {line for line, rings in own.items() if any(state.hits[rules[i].id] < HITS_PER_RULE for i in rings)}
    if any(hint.signal in NETWORK for hint in state.hints) or _may_speak_of_networks(ours):
        lines.update(lines_of(window.raw, [match.span() for match in _RECOVERED.finditer(window.raw)]))
    return _Rung(sorted(lines), ours, own)


def _may_speak_of_networks(rings: Rings) -> bool:
    return any(not OF_NETWORKS.isdisjoint(indexes) for indexes in rings.values())


def _is_wanted(index: int, state: _State) -> bool:
    return index >= len(RULES.rules) or state.hits[RULES.rules[index].id] < HITS_PER_RULE


def _lines_to_read(window: Window, rung: _Rung, state: _State) -> Iterator[int]:
    """Yield the indexes of the lines on which something rings; inside pytest's failures, of all."""
    ordered = deque(rung.lines)
    index = -1
    while True:
        while ordered and ordered[0] <= index:
            ordered.popleft()
        if state.in_failures:
            index += 1
        elif ordered:
            index = ordered[0]
        else:
            return
        if index >= len(window.lines):
            return
        yield index


def _read(window: Window, rung: _Rung, state: _State) -> None:
    for index in _lines_to_read(window, rung, state):
        state.close_lines += 1
        line = window.lines[index][:LINE_CAP]
        if not line or line.isspace():
            continue
        rings = _rings_on(index, rung, window)
        _note_markers(line, window.first_number + index, rings, state)
        if state.hints and _RECOVERED.search(line):
            state.hints = [hint for hint in state.hints if hint.signal not in NETWORK]
        if state.candidates and ALL_THERE.search(line):
            state.candidates = [found for found in state.candidates if found.signal not in NETWORK]
        own = _own_match(line, rung.own.get(index, NOTHING), state)
        found = RULES.best_of(rings, line, state.kind)
        if own is None and found is None and not state.in_failures:
            continue
        if own is None and (not _counts(line, state) or is_source(index, window) or is_quoted(index, window)):
            continue
        match = own or _match(found, line, rings, state)
        if match is not None:
            _keep(match, index, window, state)


def _rings_on(index: int, rung: _Rung, window: Window) -> Collection[int]:
    """What rings on a line, less the rules that the lines after it speak against."""
    rings = rung.ours.get(index, NOTHING)
    if not TRACED.isdisjoint(rings) and not has_trace(index, window):
        rings = frozenset(rings) - TRACED
    if PROVISIONAL.isdisjoint(rings):
        return rings
    after = window.around(index)[2]
    return [ring for ring in rings if ring not in PROVISIONAL or not RULES.rules[ring].is_taken_back_by(after)]


def _own_match(line: str, rings: Collection[int], state: _State) -> Match | None:
    return state.own.best_of(rings, line, state.kind) if state.own and rings else None


def _note_markers(line: str, number: int, rings: Collection[int], state: _State) -> None:
    for marker, pattern in enumerate(_MARKS):
        if len(RULES.rules) + marker not in rings or not pattern.search(line):
            continue
        if marker == TRACEBACK:
            if number - state.chained_at > LINES_TO_CHAIN:
                state.traceback += 1
                state.driver_at = -LINES_BELOW_A_DRIVER
        elif marker == CHAINED:
            state.chained_at = number
            state.link += 1
        elif marker == DRIVER:
            state.driver_at = number
        else:
            state.section += marker == COMMAND
            state.in_failures = marker == FAILURES


def _counts(line: str, state: _State) -> bool:
    """Healthy lines do not, nor the source and the output that pytest shows of a failed test."""
    if _HEALTHY.search(line) and not _TAP_ERROR.search(line):
        return False
    if not state.in_failures:
        return True
    if not _IN_FAILURES.search(line):
        state.in_assertion = False
        return False
    return True


def _match(match: Match | None, line: str, rings: Collection[int], state: _State) -> Match | None:
    """Say whether the best match on a line may be the cause, or which other."""
    if match is not None and _may_be_of_a_test(match, state) and _ABOUT_A_TEST.search(line):
        match = RULES.best_of(rings, line, state.kind, OF_MACHINES)
    asserting = _ASSERTION.search(line) is not None
    continued = state.in_assertion and line.startswith("E ")
    state.in_assertion = state.in_failures and (asserting or continued)
    if match is None or not (asserting or continued) or match.rule.in_assertions:
        return match
    return None


def _may_be_of_a_test(match: Match, state: _State) -> bool:
    """Checks of commits and rules use a test's marks as well, in steps that are no tests."""
    signal = match.rule.signal
    return signal in OF_MACHINES and (signal is not Signal.POLICY or state.kind in MAY_TEST)


def _keep(match: Match, index: int, window: Window, state: _State) -> None:
    number = window.first_number + index
    if state.kind == "migrate" or number - state.driver_at < LINES_BELOW_A_DRIVER:
        match = _of_a_database(match, window.lines[index][:LINE_CAP])
    rule = match.rule
    state.hits[rule.id] += 1
    seen = state.hits[rule.id]
    if seen > HITS_PER_RULE:
        return
    line = window.lines[index]
    in_test = rule.signal in NETWORK and (state.in_failures or line.startswith(("FAILED ", "ERROR tests")))
    rank = NETWORK_IN_A_TEST if in_test else rule.rank
    before, short, after = window.around(index)
    placed = _placed(match, line[:LINE_CAP], after)
    found = Candidate(placed, rank, number, state.section, short, state.traceback, state.link)
    if seen <= CONTEXTS_PER_RULE:
        found = replace(found, before=tuple(before), after=tuple(after))
    is_soft = _SOFT.search(line[:LINE_CAP]) and not _LOUD.search(line[:LINE_CAP])
    soft = not (rule.is_own or rule.warns) and (
        is_soft
        or (rule.signal in OF_MACHINES and _EXPECTED.search(line[:LINE_CAP]))
        or is_printed_by_a_test(index, window)
    )
    (state.hints if soft else state.candidates).append(found)


def _of_a_database(match: Match, line: str) -> Match:
    """Whom a database's driver could not reach is the database, whatever its port."""
    rule = match.rule
    if rule.signal is not Signal.TRANSIENT or not _REFUSED.search(line):
        return match
    down = "A database or broker that the step needs does not run"
    return replace(match, rule=replace(rule, signal=Signal.INFRA, detail="database", message=down))


def _placed(match: Match, line: str, after: list[str]) -> Match:
    """Some tools name the test at the beginning of the line, or the file on the line below."""
    if "id" not in match.groups and (test := _TEST_ID.search(line)):
        return replace(match, groups={**match.groups, "id": test.group("id")})
    if "file" not in match.groups and after and (place := _POINTER.search(after[0])):
        return replace(match, groups={**match.groups, **place.groupdict()})
    return match
