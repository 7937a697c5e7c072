"""Which host on the network did a failed step wait for in vain? Pure, and linear in the length of the text.

The host goes into a row's key, and the text is of an unknown hand: what is no plain public or
private name or address is no host. Nor is a name that means something else on every machine, such
as `localhost` or the `db` of a test setup. Read next: `breaker` (what a host's failures lead to).
"""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from autofix.classifier.rules import compiled
from autofix.failures import Failure, Signal

SIGNALS = frozenset({Signal.TRANSIENT, Signal.INFRA, Signal.RATE_LIMIT})
# What the machine, or the project's own set-up, is to blame for, whatever host is named beside it.
OWN_FAULTS = frozenset({"auth", "config", "disk", "limits", "lock", "oom", "permission", "port"})
SEARCHED_CHARACTERS = 8000
MAX_HOST = 200
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
LOCAL_SUFFIXES = (".localhost", ".localdomain", ".docker.internal")
FILE_SUFFIXES = frozenset(
    [
        "c",
        "cc",
        "cfg",
        "conf",
        "cpp",
        "cs",
        "css",
        "csv",
        "ex",
        "go",
        "h",
        "hpp",
        "html",
        "ini",
        "java",
        "jar",
        "js",
        "json",
        "jsx",
        "kt",
        "lock",
        "log",
        "md",
        "mjs",
        "php",
        "pl",
        "pom",
        "py",
        "pyc",
        "rb",
        "rs",
        "scala",
        "sh",
        "sql",
        "svg",
        "swift",
        "tar",
        "tf",
        "toml",
        "ts",
        "tsx",
        "txt",
        "vue",
        "whl",
        "xml",
        "yaml",
        "yml",
        "zip",
    ]
)

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*)"
_OPEN = r"[ \t:=]*['\"`‘“<(]?"
# Words of curl, git, ssh, wget, Python, Node, Go, Java, Ruby, Rust, apt, libpq; then the host.
_WAITED_FOR = compiled(
    r"(?i)(?:resolve (?:host(?: ?name| address)?|proxy)|failed to resolve|resolving|lookup|translate host name"
    r"|unknown ?host(?:exception)?|getaddrinfo \w{1,30}"
    r"|\bconnect(?:ion|ing|ed)? to(?: the)?(?: host| server)?(?: at| on)?|dial (?:tcp|udp)"
    r"|\bconnect E[A-Z]{3,20}|closed by|\bhost)"
    rf"{_OPEN}{_HOST}"
)
_URL = compiled(rf"(?i)\b([a-z][a-z0-9+.-]{{1,20}})://(?:[^\s/@'\"<>]*@)?{_HOST}")
_FAILING = compiled(
    r"(?i)fail|error|\berr\b|tim(?:ed|e)[ -]?out|ETIMEDOUT|refused|reset|could ?n[o'’]t|cannot|can't|unable"
    r"|unreachable|unavailable|too many|bad gateway|broken|\b429\b|\b50[0-4]\b"
)
# "See https://…" and its like name a page to read, not the host that failed.
_TO_READ = compiled(
    r"(?i)(?:\bsee|\bhelp|\bhelp \d+\]|documentation(?:_url)?|\bdocs?|info(?:rmation)?|visit|upgrading|guide|more|"
    r"details|read|report(?:ed)?|issue)\W{0,5}(?:at|on|in|to)?\W{0,3}$"
)
_TEST_ID = compiled(r"[\w/.-]+\.\w{1,5}::\S+")


def upstream_host(failure: Failure) -> str:
    """Return the host that a failed step could not use, in its canonical form; empty if none is named."""
    if failure.signal not in SIGNALS or failure.detail in OWN_FAULTS:
        return ""
    text = f"{failure.message}\n{failure.excerpt}"[:SEARCHED_CHARACTERS]
    text = _TEST_ID.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))
    addresses: list[str] = []
    for host in (*_named(text), *_in_urls(text)):
        if not _is_address(host):
            return host
        addresses.append(host)  # of a name that may yet come
    return addresses[0] if addresses else ""


def host_of(url: str) -> str:
    """Return the host of a source's address, `user@host:path` included; empty for a path."""
    scp = re.match(r"[\w.-]+@([\w.-]+):", url)
    if scp:
        return canonical(scp[1])
    with suppress(ValueError):
        return canonical(urlsplit(url).hostname or "")
    return ""


def canonical(name: str) -> str:
    """Return a host in lower case and ASCII; empty if it is none, or not one on a network."""
    name = name.strip("[]").rstrip("._-")
    if not name or len(name) > MAX_HOST:
        return ""
    with suppress(ValueError):
        return _on_network(ipaddress.ip_address(name))
    try:
        host = name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    labels = host.split(".")
    is_name = all(LABEL.fullmatch(label) for label in labels) and labels[-1].strip("0123456789")
    return host if is_name and len(labels) > 1 and len(host) <= MAX_HOST and not host.endswith(LOCAL_SUFFIXES) else ""


def _named(text: str) -> Iterator[str]:
    for found in _WAITED_FOR.finditer(text):
        host = canonical(found.group(1))
        if host and not _is_file(host):
            yield host


def _in_urls(text: str) -> Iterator[str]:
    """Yield the hosts of the URLs on lines that tell of a failure."""
    for line in text.splitlines():
        if "://" not in line or not _FAILING.search(line):
            continue
        for found in _URL.finditer(line):
            before = line[max(0, found.start() - 40) : found.start()]
            host = "" if _TO_READ.search(before) else canonical(found.group(2))
            if host:
                yield host


def _on_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    is_here = address.is_loopback or address.is_unspecified or address.is_link_local
    return "" if is_here or address.is_multicast or address.is_reserved else str(address)


def _is_address(host: str) -> bool:
    return ":" in host or not host.rpartition(".")[2].strip("0123456789")


def _is_file(host: str) -> bool:
    """True for `client.py`, which is no host though Paraguay has such names."""
    name, _, suffix = host.partition(".")
    return suffix in FILE_SUFFIXES and name != ""
