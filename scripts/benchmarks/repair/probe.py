"""Runs inside the sandbox, with the standard library and pytest only: records, varies and replays calls.

python probe.py suite ANSWER                    run the tests, say how each ended
python probe.py record PACKAGE ROOT ANSWER      run the tests, keep what public functions were called with
python probe.py vary CALLS SEED ROOT TESTS ANSWER    make fresh inputs out of these
python probe.py replay CALLS ROOT TESTS ANSWER       call everything, say what came back
"""

import importlib
import inspect
import io
import json
import pickle
import random
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path

KEPT, SEEN, LARGEST = 60, 400, 20_000
FRESH, LEAST, MOST = 1500, 30, 300  # in all, and of each function
SECONDS, MAX_SLOW = 1.0, 6
ITEMS, DEPTH, SHOWN = 200, 7, 400
NOT_ASKED = frozenset({"__del__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__repr__"})
CLOCKS = {"time": 1_700_000_000.0, "monotonic": 100_000.0, "perf_counter": 100_000.0, "sleep": None}
ADDRESS = re.compile(r"0x[0-9a-f]+")


class TooSlow(BaseException):
    """A call took too long; no library catches this by accident."""


class Outcomes:
    """A pytest plugin that keeps how each test ended."""

    def __init__(self) -> None:
        self.tests: dict[str, str] = {}
        self.broken: list[str] = []

    def pytest_runtest_logreport(self, report) -> None:  # noqa: ANN001 - pytest's
        if report.when == "call" or report.outcome != "passed":
            worse = self.tests.get(report.nodeid) == "failed"
            self.tests[report.nodeid] = "failed" if worse else report.outcome

    def pytest_collectreport(self, report) -> None:  # noqa: ANN001 - pytest's
        if report.failed:
            self.broken.append(report.nodeid)


class Recorder:
    """A profile function that keeps a sample of the arguments of a package's functions."""

    def __init__(self, package: str, root: Path) -> None:
        self.root, self.package = root, package
        self.places: dict = {}
        self.seen: dict[str, int] = defaultdict(int)
        self.calls: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.executed: set[tuple[str, str]] = set()

    def __call__(self, frame, event, _) -> None:  # noqa: ANN001 - the interpreter's
        if event != "call":
            return
        code = frame.f_code
        if code not in self.places:
            self.places[code] = self.place(code)
        place = self.places[code]
        if not place or self.seen[place] >= SEEN:
            return
        self.seen[place] += 1
        sys.setprofile(None)
        with suppress(Exception, RecursionError):
            self.keep(place, pickle.dumps(arguments(frame), 4))
        sys.setprofile(self)

    def place(self, code) -> str:  # noqa: ANN001 - a code object
        """Return `module:name` for a public function of the package."""
        path = Path(code.co_filename)
        is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)  # else the body of a module or class
        if not is_function or not path.is_relative_to(self.root):
            return ""
        inside = path.relative_to(self.root)
        if inside.parts[0].removesuffix(".py") != self.package or "tests" in inside.parts:
            return ""
        self.executed.add((str(inside), code.co_qualname))
        module = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
        return f"{module}:{code.co_qualname}" if is_public(code.co_qualname) else ""

    def keep(self, place: str, data: bytes) -> None:
        """Keep the calls whose digests are least: a sample that depends on nothing else."""
        kept = self.calls[place]
        if len(data) <= LARGEST:
            kept[sha256(data).hexdigest()] = data
        if len(kept) > KEPT:
            del kept[max(kept)]


def is_public(name: str) -> bool:
    parts = name.split(".")
    is_hidden = any(part.startswith("_") and not (part.startswith("__") and part.endswith("__")) for part in parts)
    return not is_hidden and "<" not in name and parts[-1] not in NOT_ASKED


def arguments(frame) -> tuple[list, dict]:  # noqa: ANN001 - the interpreter's
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    plain, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    positional = [values[name] for name in names[:plain]]
    keywords = {name: values[name] for name in names[plain:named]}
    if code.co_flags & inspect.CO_VARARGS:
        positional += values[names[named]]
        named += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        keywords |= values[names[named]]
    return positional, keywords


def suite(answer: str) -> None:
    answer_with(answer, json.dumps(run_tests()).encode())


def record(package: str, root: str, answer: str) -> None:
    recorder = Recorder(package, Path(root).resolve())
    sys.setprofile(recorder)
    try:
        run_tests()
    finally:
        sys.setprofile(None)
    calls = [(place, data) for place, kept in sorted(recorder.calls.items()) for _, data in sorted(kept.items())]
    answer_with(answer, pickle.dumps({"calls": calls, "executed": sorted(recorder.executed)}))


def run_tests() -> dict:
    import pytest  # noqa: PLC0415 - the other commands must not need it

    outcomes = Outcomes()
    pytest.main(["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"], [outcomes])
    return {"tests": outcomes.tests, "broken": outcomes.broken}


def vary(calls: str, seed: str, answer: str) -> None:
    """Keep the recorded calls and add fresh ones: one argument of one of them is another value."""
    rng = random.Random(int(seed))
    by_place: defaultdict[str, list[bytes]] = defaultdict(list)
    for place, data in pickle.loads(Path(calls).read_bytes())["calls"]:
        by_place[place].append(data)
    made = []
    each = min(MOST, max(LEAST, FRESH // max(1, len(by_place))))
    for place, recorded in by_place.items():
        fresh = (varied(recorded, rng) for _ in range(each))
        made += [(place, data) for data in dict.fromkeys([*recorded, *fresh]) if data]
    answer_with(answer, pickle.dumps(made))


def varied(recorded: list[bytes], rng: random.Random) -> bytes:
    try:
        positional, keywords = pickle.loads(rng.choice(recorded))
        other_positional, _ = pickle.loads(rng.choice(recorded))
        places = list(range(len(positional))) + list(keywords)
        where = rng.choice(places)
        into = positional if isinstance(where, int) else keywords
        if rng.random() < 0.3 and isinstance(where, int) and where < len(other_positional):  # noqa: PLR2004
            into[where] = other_positional[where]
        else:
            into[where] = other(into[where], rng)
        return pickle.dumps((positional, keywords), 4)
    except Exception:
        return b""


def other(value: object, rng: random.Random, depth: int = 0) -> object:
    """Return a value like this one that is not it."""
    for kind, make in VARIATIONS:
        if isinstance(value, kind):
            return make(value, rng, depth)
    attributes = getattr(value, "__dict__", None)
    if attributes and depth < 2:  # noqa: PLR2004
        name = rng.choice(sorted(attributes))
        attributes[name] = other(attributes[name], rng, depth + 1)
    return value


def other_int(value: int, rng: random.Random, _: int) -> int:
    return rng.choice([value + 1, value - 1, 0, -value, value * 2 if abs(value) < 1000 else 7, rng.randrange(30)])  # noqa: PLR2004


def other_float(value: float, rng: random.Random, _: int) -> float:
    return rng.choice([value + 0.5, -value, value * 10, 0.0, round(value), value / 3])


def other_text(value, rng: random.Random, _: int):  # noqa: ANN001, ANN201 - str or bytes
    place = rng.randrange(len(value) + 1)
    cut, tail = value[:place], value[place:]
    choices = [cut, tail, cut + tail[1:], value + value[:1], tail + cut, value[::-1], value[:0], cut + cut[-1:] + tail]
    return rng.choice([*choices, value.upper(), value.lower(), value.title()])


def other_row(value, rng: random.Random, depth: int):  # noqa: ANN001, ANN201 - list or tuple
    items = list(value)
    if items and rng.random() < 0.5:  # noqa: PLR2004
        place = rng.randrange(len(items))
        items[place] = other(items[place], rng, depth + 1)
    else:
        items = rng.choice([items[1:], items[:-1], items[::-1], items + items[:1], []])
    return tuple(items) if type(value) is tuple else items if type(value) is list else value


def other_dict(value: dict, rng: random.Random, depth: int) -> dict:
    if not value:
        return {"a": 1}
    key = rng.choice(list(value))
    if rng.random() < 0.5:  # noqa: PLR2004
        value[key] = other(value[key], rng, depth + 1)
    else:
        del value[key]
    return value


VARIATIONS = (
    (bool, lambda value, rng, depth: not value),
    (int, other_int),
    (float, other_float),
    (str, other_text),
    (bytes, other_text),
    ((list, tuple), other_row),
    (dict, other_dict),
    (type(None), lambda value, rng, depth: rng.choice([0, 1, "", "a", False])),
)


def stop_the_clock() -> None:
    """Let no time pass: what expires would differ from one replay to the next."""
    for name, value in CLOCKS.items():
        setattr(time, name, stopped(name, value))


def stopped(name: str, value: float | None) -> Callable:
    def clock(*_: float) -> float | None:
        return value

    clock.__module__, clock.__name__, clock.__qualname__ = "time", name, name  # so that it can be pickled
    return clock


def replay(calls: str, answer: str) -> None:
    signal.signal(signal.SIGALRM, too_slow)
    slow: defaultdict[str, int] = defaultdict(int)
    said = []
    for place, data in pickle.loads(Path(calls).read_bytes()):
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            result = "not asked: others took too long" if slow[place] > MAX_SLOW else called(place, data)
        slow[place] += result == "took too long"
        said.append(result if len(result) <= SHOWN else result[:SHOWN] + sha256(result.encode()).hexdigest())
    answer_with(answer, json.dumps(said).encode())


def too_slow(number, frame) -> None:  # noqa: ANN001 - the interpreter's
    raise TooSlow


def called(place: str, data: bytes) -> str:
    random.seed(0)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        positional, keywords = pickle.loads(data)
        result = canonical(resolved(place)(*positional, **keywords))
        return f"{result} leaving {canonical([positional, keywords])}"
    except TooSlow:
        return "took too long"
    except BaseException as error:
        return f"raised {type(error).__name__}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def resolved(place: str):  # noqa: ANN201 - whatever the package has there
    """Return the function itself where it is a method, so that it takes what it was seen to take."""
    module, _, name = place.partition(":")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part)
    for attribute in ("fget", "__func__"):
        found = getattr(found, attribute, None) or found
    return found


def canonical(value: object, depth: int = DEPTH) -> str:
    """Say a value in words that are the same in every process."""
    name = type(value).__name__
    if value is None or isinstance(value, PLAIN):
        return repr(value) if name in {"int", "str"} else f"{name} {value!r}"
    if depth <= 0:
        return name
    for kind, show in SHAPES:
        if isinstance(value, kind):
            return f"{name} {show(value, depth - 1)}"
    return described(value, name, depth)


def of_dict(value: dict, depth: int) -> str:
    pairs = (f"{canonical(key, depth)}: {canonical(each, depth)}" for key, each in value.items())
    return f"{{{', '.join(pairs)}}}{state(value, depth + 1)}"


def of_row(value: Iterable, depth: int) -> str:
    return f"[{', '.join(canonical(each, depth) for each in islice(value, ITEMS))}]"


def of_set(value: Iterable, depth: int) -> str:
    return f"{{{', '.join(sorted(canonical(each, depth) for each in value))}}}"


PLAIN = (bool, int, float, str, bytes, complex)
SHAPES = (
    (dict, of_dict),
    ((list, tuple, Iterator), of_row),
    ((set, frozenset), of_set),
    (BaseException, lambda value, depth: "exception"),
)


def described(value: object, name: str, depth: int) -> str:
    if isinstance(value, type) or inspect.isroutine(value) or inspect.ismodule(value):
        return f"{name} {getattr(value, '__qualname__', name)}"
    words = state(value, depth)
    return f"{name}{words}" if words else ADDRESS.sub("", repr(value))


def state(value: object, depth: int) -> str:
    attributes = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in [slots] if isinstance(slots, str) else slots:
            if not slot.startswith("__") and hasattr(value, slot):
                attributes[slot] = getattr(value, slot)
    return f" with {canonical(attributes, depth - 1)}" if attributes else ""


def answer_with(answer: str, data: bytes) -> None:
    Path(answer).write_bytes(data)


def main() -> None:
    command, *rest = sys.argv[1:]
    sys.path[0:1] = [""]
    if command in {"vary", "replay"}:
        stop_the_clock()
        *rest, root, tests, answer = rest
        sys.path[0:1] = [root, ".", *tests.split(":")]
        rest.append(answer)
    {"suite": suite, "record": record, "vary": vary, "replay": replay}[command](*rest)


if __name__ == "__main__":
    main()
