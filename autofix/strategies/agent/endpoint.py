"""One call of an OpenAI-compatible endpoint: POST {base}/chat/completions, no streaming, no redirects, no retries.

https://platform.openai.com/docs/api-reference/chat. The host is looked up once and has to be public, unless the
platform allows it by name; the connection goes to the address that was looked at.
"""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from autofix.strategies.base import Message
from metabuilder.execution import addresses

MAX_ANSWER_BYTES = 2 << 20
MAX_OUTPUT_TOKENS = 4_000
MAX_COUNT = 10_000_000
PART_BYTES = 1 << 16
CONNECT_SECONDS = 10.0
HTTPS, HTTP = 443, 80
OK = 200
UNAUTHORIZED, FORBIDDEN, TOO_MANY = 401, 403, 429


class EndpointError(Exception):
    """The endpoint did not answer, or not with an answer; the message is for an admin."""


@dataclass(frozen=True)
class Endpoint:
    """Where to ask. `allowed` are hosts, with their port where it is not the usual one, that need not be public."""

    base_url: str
    model: str
    key: str
    seconds: float = 120.0
    allowed: Collection[str] = ()


@dataclass(frozen=True)
class Answer:
    text: str
    input_tokens: int
    output_tokens: int


def check(base_url: str, allowed: Collection[str]) -> None:
    """Raise EndpointError for an address that may not be asked."""
    _target(base_url, allowed)


def ask(endpoint: Endpoint, system: str, messages: Sequence[Message]) -> Answer:
    """Return a model's answer; raise EndpointError."""
    body = {
        "model": endpoint.model,
        "messages": [{"role": "system", "content": system}, *({"role": m.role, "content": m.text} for m in messages)],
        "max_tokens": MAX_OUTPUT_TOKENS,
        "temperature": 0,
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    status, data = _posted(endpoint, json.dumps(body).encode(), headers)
    if status != OK:
        raise EndpointError(_refusal(status))
    return _answer(data)


def _target(base_url: str, allowed: Collection[str]) -> tuple[str, int, str, str, bool]:
    """Return host, port, address and path, and whether it is HTTPS."""
    try:
        parts = urlsplit(base_url)
        port = parts.port
        base_url.encode("ascii")
    except ValueError:
        raise EndpointError("the base URL is not a URL") from None
    host, secure = parts.hostname or "", parts.scheme == "https"
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.query or parts.fragment:
        raise EndpointError("the base URL has to read https://host/path, without credentials or a query")
    usual = HTTPS if secure else HTTP
    port = port or usual
    if f"{host}:{port}" in allowed or (port == usual and host in allowed):
        return host, port, host, parts.path, secure
    if not secure:
        raise EndpointError("plain http is only for hosts that the platform allows (META_V3_MODEL_HOSTS)")
    try:
        return host, port, addresses.pinned(host, port), parts.path, secure
    except addresses.NotPublic as error:
        raise EndpointError(f"{error}; the platform can allow it by META_V3_MODEL_HOSTS") from None


def _posted(endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    host, port, address, path, secure = _target(endpoint.base_url, endpoint.allowed)
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=endpoint.seconds, total=endpoint.seconds)
    options: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 1}  # Any: keywords of either pool
    pool: urllib3.HTTPConnectionPool = (
        urllib3.HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host, **options)
        if secure
        else urllib3.HTTPConnectionPool(address, port, **options)
    )
    try:
        with pool:
            answer = pool.urlopen(
                *("POST", f"{path.rstrip('/')}/chat/completions", body, {**headers, "Host": _host(host, port, secure)}),
                redirect=False,
                preload_content=False,
            )
            data = _read(answer, time.monotonic() + endpoint.seconds)
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        raise EndpointError(f"the endpoint did not answer: {type(error).__name__}") from None
    if len(data) > MAX_ANSWER_BYTES:
        raise EndpointError("the endpoint's answer is too long")
    return answer.status, data


def _read(answer: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """Return a body, as much of it as is wanted; raise EndpointError where it comes drop by drop."""
    data = bytearray()
    try:
        while len(data) <= MAX_ANSWER_BYTES and (part := answer.read1(PART_BYTES)):
            data += part
            if time.monotonic() > until:
                raise EndpointError("the endpoint did not answer in time")
    finally:
        answer.close()
    return bytes(data)


def _host(host: str, port: int, secure: bool) -> str:
    return host if port == (HTTPS if secure else HTTP) else f"{host}:{port}"


def _refusal(status: int) -> str:
    """Say what a status means, and nothing that the endpoint said: it may repeat the key."""
    if status in (UNAUTHORIZED, FORBIDDEN):
        return f"the endpoint refused the key (HTTP {status}): enter it again"
    if status == TOO_MANY:
        return "the endpoint's rate limit or quota is used up (HTTP 429)"
    return f"the endpoint answered HTTP {status}"


def _answer(data: bytes) -> Answer:
    try:
        plain = json.loads(data)
        text = plain["choices"][0]["message"]["content"]
        usage = plain.get("usage") or {}
        counts = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise EndpointError("the endpoint's answer is not one of the chat completions protocol") from None
    if not isinstance(text, str):
        raise EndpointError("the endpoint answered without text")
    return Answer(text.encode(errors="replace").decode(), *counts)


def _count(told: object) -> int:
    return min(max(0, told), MAX_COUNT) if isinstance(told, int) else 0
