"""A helper process with one side's Django in it, asked line by line; as a module, its parent's end of it.

What it can do are the functions of the module that its settings name in BENCH_SIDE, and of those
that a call names itself. Its processor time counts for nobody, nor does that of its database
connection (`backend_pid`).
"""

import json
import subprocess
import sys
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

QUIT_SECONDS = 10


class AgentFailed(Exception):
    """A call to the helper raised; the text is its traceback."""


class Agent:
    """The parent's end. Any: arguments and answers are JSON."""

    def __init__(self, python: str, root: Path, env: Mapping[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [python, "-m", "scripts.benchmarks.agent"],
            cwd=root,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            text=True,
        )

    def __enter__(self) -> "Agent":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.kill()
            self._process.wait(QUIT_SECONDS)
        finally:
            for stream in (self._process.stdin, self._process.stdout, self._log):
                if stream is not None:
                    stream.close()

    def call(self, name: str, **arguments: Any) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise AgentFailed("it has no pipes")
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AgentFailed(f"it ended while it was asked to {name}: {Path(self._log.name).read_text()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise AgentFailed(f"{name}: {answer['error']}")
        return answer["result"]


class _Held:
    """A transaction that stays open between two calls: what is in it starts all at once."""

    def __init__(self) -> None:
        self.stack = ExitStack()

    def hold(self) -> None:
        from django.db import transaction  # noqa: PLC0415 - the parent has no Django

        self.stack.enter_context(transaction.atomic())

    def release(self) -> None:
        self.stack.close()


def serve() -> None:
    import django  # noqa: PLC0415 - the parent has no Django
    from django.conf import settings  # noqa: PLC0415

    django.setup()
    side, held = import_module(settings.BENCH_SIDE), _Held()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"result": do(side, held, name, arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def do(side: ModuleType, held: _Held, name: str, arguments: Mapping[str, Any]) -> Any:  # Any: JSON
    from django.db import connection  # noqa: PLC0415 - the parent has no Django

    if name == "backend_pid":
        connection.ensure_connection()
        return connection.connection.info.backend_pid
    if name in {"hold", "release"}:
        return getattr(held, name)()
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"{__package__}.{module}") if module else side, function)(**arguments)


if __name__ == "__main__":
    serve()
