"""What passes by itself: services that are away, slow or busy, and tests that fail now and then.

No network is needed: the client is real, the service is inside the step, on 127.0.0.1, and what it does depends on
how often the step has run, which a file outside the repository counts.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from scripts.benchmarks.repair.workshop import Built, Site, Unavailable, step

SERVICE = '''"""Fetches the day's rates from a service."""

import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

COUNTER = pathlib.Path(".cache/tries")
COUNTER.parent.mkdir(exist_ok=True)
tries = int(COUNTER.read_text()) if COUNTER.exists() else 0
COUNTER.write_text(str(tries + 1))
TROUBLE = {trouble!r} if tries < {fails} else ""
HEAD = {{
    "busy": "HTTP/1.1 429 Too Many Requests\\r\\nRetry-After: {after}\\r\\n",
    "away": "HTTP/1.1 503 Service Unavailable\\r\\n",
    "broken": "HTTP/1.1 502 Bad Gateway\\r\\n",
}}
BODY = b"{body}\\n"


def answer(connection):
    connection.recv(65536)
    if TROUBLE == "slow":
        time.sleep(30)
    if TROUBLE == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif TROUBLE != "cut":
        head = HEAD.get(TROUBLE, "HTTP/1.1 200 OK\\r\\n")
        connection.sendall(f"{{head}}Content-Length: {{len(BODY)}}\\r\\nConnection: close\\r\\n\\r\\n".encode() + BODY)
    connection.close()


def serve(listener):
    while True:
        threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
if TROUBLE == "refused":
    listener.close()
else:
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
host = "{host}" if TROUBLE == "unknown" else "127.0.0.1"
url = f"http://{{host}}:{{port}}/{path}"
{client}
'''
URLLIB = """import urllib.request

with urllib.request.urlopen(url, timeout=2) as response:
    print(response.read().decode())
"""
HTTP_CLIENT = """import http.client

connection = http.client.HTTPConnection(host, port, timeout=2)
connection.request("GET", url)
response = connection.getresponse()
print(f"GET {url}: {response.status} {response.reason}")
for name, value in response.getheaders():
    print(f"{name}: {value}")
sys.exit(response.status != 200)
"""
COMMAND = "sys.exit(subprocess.run([{words}]).returncode)\n"
CLIENTS = {
    "urllib": URLLIB,
    "http.client": HTTP_CLIENT,
    "curl": COMMAND.format(words="'curl', '-sS', '--fail-with-body', '-D', '-', '--max-time', '2', url"),
    "wget": COMMAND.format(words="'wget', '-nv', '-S', '-O', '-', '--tries=1', '--timeout=2', url"),
    "git": COMMAND.format(words="'git', 'ls-remote', url"),
}
GIT_BODY = "0123456789abcdef0123456789abcdef01234567\\trefs/heads/main"
JSON_BODY = '{\\"eur\\": 1}'
CONNECTIONS = ("refused", "reset", "unknown", "away", "cut", "broken")
FLAKY = """import pathlib

COUNTER = pathlib.Path(".cache/tries")


def workers_up():
    \"\"\"Say how many workers are up, as a slow machine would: none at first.\"\"\"
    COUNTER.parent.mkdir(exist_ok=True)
    tries = int(COUNTER.read_text()) if COUNTER.exists() else 0
    COUNTER.write_text(str(tries + 1))
    return {late} if tries == 0 else {workers}
"""
FLAKY_TEST = """from pool import workers_up


def test_all_workers_come_up():
    assert workers_up() == {workers}


def test_the_pool_is_named():
    assert workers_up.__module__ == "pool"
"""
FULL = """import pathlib

COUNTER = pathlib.Path(".cache/tries")
COUNTER.parent.mkdir(exist_ok=True)
tries = int(COUNTER.read_text()) if COUNTER.exists() else 0
COUNTER.write_text(str(tries + 1))
target = pathlib.Path("/dev/shm/bundle" if tries == 0 else "/tmp/bundle")
with target.open("wb") as file:
    for _ in range(32):
        file.write(bytes(1 << 20))
print(f"packed {target.stat().st_size} bytes")
"""


def connection(site: Site) -> Built:
    client = list(CLIENTS)[site.number % len(CLIENTS)]
    return _service(site, CONNECTIONS[site.number % len(CONNECTIONS)], client)


def timeout(site: Site) -> Built:
    return _service(site, "slow", ("urllib", "curl", "http.client", "wget")[site.number % 4])


def rate_limit(site: Site) -> Built:
    return _service(site, "busy", ("curl", "http.client", "wget")[site.number % 3])


def flaky(site: Site) -> Built:
    workers = site.rng.randrange(3, 9)
    site.write(
        {
            "pool.py": FLAKY.format(workers=workers, late=site.rng.randrange(workers)),
            "tests/test_pool.py": FLAKY_TEST.format(workers=workers),
            "pytest.ini": "[pytest]\npythonpath = .\ntestpaths = tests\n",
        }
    )
    return Built("a test fails the first time", [step("test", "pytest -q", "test")], _unchanged(site))


def disk_full(site: Site) -> Built:
    site.write({"tools/pack.py": FULL})
    return Built("a disk is full the first time", [step("package", "python tools/pack.py", "build")], _unchanged(site))


def _service(site: Site, trouble: str, client: str) -> Built:
    if client in ("curl", "wget", "git") and shutil.which(client) is None:
        raise Unavailable(f"{client} is not installed")
    fails = site.rng.choice([1, 1, 2])
    text = SERVICE.format(
        trouble=trouble,
        fails=fails,
        after=site.rng.randrange(1, 4),
        host=f"{site.rng.choice(['rates', 'mirror', 'artifacts'])}.example.org",
        path="project.git" if client == "git" else "rates.json",
        body=GIT_BODY if client == "git" else JSON_BODY,
        client=CLIENTS[client],
    )
    site.write({"tools/sync.py": text})
    steps = [step("sync", "python tools/sync.py", "other", 60)]
    return Built(f"{client}: {trouble} {fails} times", steps, _unchanged(site))


def _unchanged(site: Site) -> Callable[[Path], str]:
    """Return a judge: nothing was wrong with the sources, so nothing may be changed in them."""
    before = _contents(site.tree)
    return lambda tree: "" if _contents(tree) == before else "the sources were changed, which had no fault"


def _contents(tree: Path) -> dict[str, bytes]:
    files = (path for path in sorted(tree.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(tree)): path.read_bytes() for path in files}
