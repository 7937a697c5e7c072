"""What a candidate leaves behind in the project's modules, and how it is put back before the next one runs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection, Iterator
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

MAX_ITEMS = 2000
MAX_KEPT = 400
CONTAINERS = (dict, set, list)
Container = Any  # a dict, a set or a list, of anything


def keeper(files: Collection[str]) -> Callable[[], None]:
    """Return what puts the containers of these files' modules back as they are now, and empties their caches."""
    wanted = frozenset(map(os.path.realpath, files))
    restore: list[Callable[[], object]] = []
    for value in held(wanted):
        clear = getattr(value, "cache_clear", None)
        if callable(clear):
            restore.append(clear)
        elif type(value) in CONTAINERS and len(value) < MAX_ITEMS and len(restore) < MAX_KEPT:
            restore.append(partial(put_back, value, type(value)(value)))

    def restored() -> None:
        for step in restore:
            with contextlib.suppress(Exception):  # comparing runs the project's code
                step()

    return restored


def put_back(value: Container, kept: Container) -> None:
    if value == kept:
        return
    if isinstance(value, list):
        value[:] = kept
    else:
        value.clear()
        value.update(kept)


def held(files: Collection[str]) -> Iterator[Any]:  # whatever modules hold
    """Return the values of modules, of their classes, and in the closures and defaults of their functions."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(module, ModuleType) and isinstance(path, str) and os.path.realpath(path) in files:
            for name, value in list(vars(module).items()):
                if not name.startswith("__"):
                    yield value
                    yield from inside(value)


def inside(value: Any) -> Iterator[Any]:
    if isinstance(value, type):
        for each in list(vars(value).values()):
            yield each
            yield from of_function(each)
    else:
        yield from of_function(value)


def of_function(value: Any) -> Iterator[Any]:
    function = getattr(value, "__wrapped__", value)
    for each in (value, function):
        if isinstance(each, FunctionType):
            yield from each.__defaults__ or ()
            for cell in each.__closure__ or ():
                try:
                    yield cell.cell_contents
                except ValueError:  # an empty cell
                    continue
