"""How new code gets into functions that are already there, without importing anything again."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from types import CodeType, FunctionType

from .wire import Swap

Key = tuple[str, int, str]


class CannotSwap(Exception):
    """There is no such function, or it closes over other names now."""


class Functions:
    """The living functions of some files, by where their code starts."""

    def __init__(self, files: Collection[str]) -> None:
        real = {file: os.path.realpath(file) for file in files}
        wanted = frozenset(real.values())
        self._by_code: dict[CodeType, list[FunctionType]] = {}
        self._by_key: dict[Key, list[CodeType]] = {}
        seen: dict[str, str] = {}
        for function in gc.get_objects():
            if type(function) is FunctionType:
                name = function.__code__.co_filename
                path = seen.get(name) or seen.setdefault(name, os.path.realpath(name))
                if path in wanted:
                    self._add(path, function)

    def _add(self, path: str, function: FunctionType) -> None:
        code = function.__code__
        if code not in self._by_code:
            self._by_key.setdefault((path, code.co_firstlineno, code.co_name), []).append(code)
        self._by_code.setdefault(code, []).append(function)

    def keys(self) -> list[Key]:
        return list(self._by_key)

    def codes(self, swap: Swap) -> list[CodeType]:
        return self._by_key.get((swap.path, swap.line, swap.name), [])

    def living(self, code: CodeType) -> FunctionType | None:
        """Return a function that had this code at first."""
        return next(iter(self._by_code.get(code, ())), None)

    def swap(self, swaps: Sequence[Swap]) -> Callable[[], None]:
        """Put the new code in and return what takes it out again; raise CannotSwap when that cannot be."""
        undo: list[Callable[[], None]] = []
        try:
            for swap in swaps:
                undo += self._swap(swap)
        except (CannotSwap, ValueError, NameError):
            taken_back(undo)
            raise CannotSwap from None
        return lambda: taken_back(undo)

    def _swap(self, swap: Swap) -> Iterator[Callable[[], None]]:
        codes = self._by_key.get((swap.path, swap.line, swap.name))
        if not codes:
            raise CannotSwap
        for old in codes:
            if swap.code is not None:
                for before, after in pairs(old, swap.code):
                    yield from self._recode(before, after)
            if swap.defaults is not None:
                yield from self._redefault(old, swap.defaults)

    def _recode(self, before: CodeType, after: CodeType) -> Iterator[Callable[[], None]]:
        for function in self._by_code.get(before, ()):
            if len(before.co_freevars) != len(after.co_freevars):
                raise CannotSwap
            yield partial(setattr, function, "__code__", before)
            function.__code__ = after

    def _redefault(self, old: CodeType, defaults: CodeType) -> Iterator[Callable[[], None]]:
        for function in self._by_code.get(old, ()):
            values = eval(defaults, function.__globals__)  # noqa: S307  # the candidate's own default values
            yield partial(setattr, function, "__defaults__", function.__defaults__)
            yield partial(setattr, function, "__kwdefaults__", function.__kwdefaults__)
            function.__defaults__, function.__kwdefaults__ = values


def reload(path: str, text: bytes) -> None:
    """Run a file's text again in the modules that were made of it.

    What others have imported from them by name stays what it was, but for the code of functions. A quick look at what
    an edit outside of functions does; whether it is right a fresh import has to show.
    """
    real = os.path.realpath(path)
    code = compile(text, path, "exec", dont_inherit=True)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.realpath(file) == real:
            before = dict(vars(module))
            exec(code, vars(module))  # noqa: S102  # the project's own code
            for name, new in list(vars(module).items()):
                old = before.get(name)
                if isinstance(old, FunctionType) and isinstance(new, FunctionType) and not new.__closure__:
                    with contextlib.suppress(ValueError):
                        old.__code__, old.__defaults__ = new.__code__, new.__defaults__
                        old.__kwdefaults__ = new.__kwdefaults__


def pairs(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Return the codes of a function and of those in it with what they become, as far as they can be told apart."""
    yield old, new
    inner = [[const for const in code.co_consts if isinstance(const, CodeType)] for code in (old, new)]
    if [code.co_name for code in inner[0]] == [code.co_name for code in inner[1]]:
        for before, after in zip(*inner):
            yield from pairs(before, after)


def taken_back(undo: Sequence[Callable[[], None]]) -> None:
    for step in reversed(undo):
        step()
