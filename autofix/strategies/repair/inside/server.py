"""pytest, configured once, and forked for every request: before anything of the project is imported
("cold", where files are served as a candidate has them), and after collection ("hot").
"""

from __future__ import annotations

import contextlib
import gc
import importlib._bootstrap_external as bootstrap
import json
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import CodeType
from typing import Any

import pytest

from . import wire
from .children import Say, Stage, carry_out
from .running import Watcher, told
from .swapping import Functions
from .tracing import Tracer
from .wire import Request

# Plug-ins that run tests elsewhere, twice, in another order or under a clock of their own; their options are ignored.
LEFT_OUT = ("xdist", "xdist.looponfail", "pytest_cov", "randomly", "random_order", "timeout", "rerunfailures", "html")
FLAGS = (
    "--no-cov", "--no-cov-on-fail", "--cov-append", "--cov-branch", "--self-contained-html", "--loadfile",
    "--randomly-dont-reset-seed", "--randomly-dont-reorganize", "--random-order", "-f",
)  # fmt: skip
VALUED = (
    "--cov-report", "--cov-config", "--cov-fail-under", "--cov-context", "--numprocesses", "--dist", "--maxprocesses",
    "--max-worker-restart", "--tx", "--timeout", "--timeout-method", "--timeout_method", "--session-timeout",
    "--reruns", "--reruns-delay", "--only-rerun", "--html", "--randomly-seed", "--random-order-bucket", "-n",
)  # fmt: skip
ARGUMENTS = (
    *(part for name in LEFT_OUT for part in ("-p", f"no:{name}")),
    *("-p", "no:terminalreporter", "-p", "no:faulthandler", "-p", "no:cacheprovider", "--assert=plain"),
    *("--capture=no", "--maxfail=0", "-o", "junit_family=xunit2"),
)
MAX_ROW_BYTES = 64 << 20


class Server:
    """A plugin of the process that configures and collects. Each descriptor of `hot` and `cold` is one server's."""

    def __init__(self, hot: Sequence[int], cold: Sequence[int], files: Sequence[str]) -> None:
        self._hot, self._cold, self._files = hot, cold, files
        self._watcher = Watcher()
        self._broken: list[tuple[str, str]] = []
        self._request: Request | None = None
        self._say: Say | None = None
        self._imports = Tracer(files)

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        group = parser.getgroup("left out by the search")
        options: list[tuple[str, dict[str, Any]]] = [("--cov", {"nargs": "?", "action": "append"})]
        options += [(flag, {"action": "store_true"}) for flag in FLAGS]
        options += [(name, {"action": "append"}) for name in VALUED]
        for name, how in options:
            with contextlib.suppress(ValueError):
                # lower-case short options are pytest's own, so its public method refuses them
                group._addoption(name, dest="left_out" + name.replace("-", "_"), **how)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._watcher)

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Leave servers behind before anything of the project is imported."""
        for fd in self._cold:
            if os.fork() == 0:
                self._become_cold(fd)
                return
            os.close(fd)

    def _become_cold(self, fd: int) -> None:
        """Serve from here; return in a child, which goes on as pytest does."""
        close_but(fd, (*self._hot, *self._cold))
        while (data := wire.receive(fd)) is not None:
            request = wire.unpacked(data)
            say = forked(fd, request)
            if say is not None:
                self._request, self._say = replace(request, texts=()), say
                serve_texts(dict(request.texts))
                if request.do == "imports":
                    self._imports.start()
                return
        os._exit(0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        if self._request is not None and self._request.do == "run" and self._request.files:
            session.config.args = list(self._request.files)

    def pytest_exception_interact(self, node: pytest.Collector, call: pytest.CallInfo, report: object) -> None:
        if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
            self._broken.append((node.nodeid, json.dumps(told(call.excinfo.value))))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Everything is collected: serve from here, or do what this child was forked for. Never returns."""
        self._imports.stop()
        by_id = {item.nodeid: item for item in session.items}
        functions = Functions(self._files)
        stage = Stage(session, self._watcher, functions, self._broken, by_id, self._imports.lines)
        if self._request is not None and self._say is not None:
            carry_out(self._request, stage, self._say)
            os._exit(0)
        gc.collect()
        gc.freeze()
        self._serve_hot(stage)

    def _serve_hot(self, stage: Stage) -> None:
        children = []
        for fd in self._hot:
            pid = os.fork()
            if pid == 0:
                close_but(fd, self._hot)
                serve_hot(fd, stage)
            children.append(pid)
            os.close(fd)
        for pid in children:
            os.waitpid(pid, 0)
        os._exit(0)


def serve_hot(fd: int, stage: Stage) -> None:
    while (data := wire.receive(fd)) is not None:
        request = wire.unpacked(data)
        say = forked(fd, request)
        if say is not None:
            carry_out(request, stage, say)
            os._exit(0)
    os._exit(0)


def forked(fd: int, request: Request) -> Say | None:
    """Fork. Return in the child with what it speaks through; in the server, when the child has been answered for."""
    began = time.monotonic()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.close(fd)
        os.setpgid(0, 0)
        return Say(writer)
    os.close(writer)
    try:
        rows, end = listened(reader, request.silence_seconds)
    finally:
        os.close(reader)
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    if not end:
        end = "done" if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else "died"
    wire.send(fd, json.dumps([rows, end, used.ru_utime + used.ru_stime, time.monotonic() - began]).encode())
    return None


def listened(reader: int, silence_seconds: float) -> tuple[list[Any], str]:
    """Return the rows that a child said until it closed its end, and "killed" if it was silent for too long."""
    data = bytearray()
    until = time.monotonic() + silence_seconds
    while len(data) < MAX_ROW_BYTES:
        ready, _, _ = select.select([reader], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return rows_of(data), "killed"
        part = os.read(reader, 1 << 16)
        if not part:
            return rows_of(data), ""
        data += part
        until = time.monotonic() + silence_seconds
    return rows_of(data), "killed"


def rows_of(data: bytes | bytearray) -> list[Any]:
    rows = []
    for line in bytes(data).split(b"\n"):
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def close_but(kept: int, fds: Sequence[int]) -> None:
    for fd in fds:
        if fd != kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def serve_texts(texts: dict[str, bytes]) -> None:
    """Let imports find these texts in place of those on disk."""
    original: Callable[[Any, str], CodeType | None] = bootstrap.SourceFileLoader.get_code
    by_path = {os.path.realpath(path): text for path, text in texts.items()}

    def get_code(self: Any, fullname: str) -> CodeType | None:
        text = by_path.get(os.path.realpath(self.path))
        if text is None:
            return original(self, fullname)
        return compile(text, self.path, "exec", dont_inherit=True)

    bootstrap.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def serve(hot: Sequence[int], cold: Sequence[int], arguments: Sequence[str], files: Sequence[str]) -> None:
    """Be the server until there is nobody to serve. Never returns."""
    try:
        pytest.main([*arguments, *ARGUMENTS], plugins=[Server(hot, cold, files)])
    finally:
        os._exit(1)
