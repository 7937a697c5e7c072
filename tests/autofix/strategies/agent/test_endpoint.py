"""One call over the wire, to a server that speaks the protocol."""

import json
import time

import pytest

from autofix.strategies import Message
from autofix.strategies.agent import endpoint
from autofix.strategies.agent.endpoint import Endpoint, EndpointError, ask, check
from metabuilder.execution import addresses
from tests.fake_model import fake_model

KEY = "key-that-nobody-may-see"


def asked(model, **more):
    where = Endpoint(model.url, "fake", KEY, **{"allowed": [model.host], "seconds": 5.0, **more})
    return ask(where, "be brief", [Message("user", "why?")])


def test_what_is_sent_and_what_comes_back():
    with fake_model("because") as model:
        answer = asked(model)
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("because", 1200, 80)
    assert model.paths == ["/v1/chat/completions"]
    assert model.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert model.headers[0]["Host"] == model.host
    body = model.requests[0]
    assert body["model"] == "fake"
    assert body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, b'{"error": {"message": "bad key ' + KEY.encode() + b'"}}'), "refused the key"),
        ((429, b"{}"), "rate limit or quota"),
        ((500, b"oops"), "HTTP 500"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
        ((200, b"<html>"), "not one of the chat completions protocol"),
        ((200, b"[]"), "not one of"),
        ((200, b"[" * 100_000), "not one of"),
        ((200, b'{"choices": []}'), "not one of"),
        ((200, b'{"choices": [{"message": {"content": null}}]}'), "without text"),
        ((200, b'{"choices": [{"message": {"content": 7}}]}'), "without text"),
        ((200, b"x" * (endpoint.MAX_ANSWER_BYTES + 10)), "too long"),
    ],
)
def test_anything_else_is_a_problem_in_words_that_never_tell_the_key(answer, says):
    with fake_model(answer) as model, pytest.raises(EndpointError, match=says) as caught:
        asked(model)
    assert KEY not in str(caught.value)


def test_usage_that_is_not_told_counts_as_nothing_said():
    body = {"choices": [{"message": {"content": "x"}}]}
    with fake_model((200, json.dumps(body).encode())) as model:
        assert asked(model).input_tokens == 0


def test_who_does_not_answer_is_not_waited_for():
    with fake_model("late") as model:
        model.before = lambda: time.sleep(1.5)
        with pytest.raises(EndpointError, match="did not answer"):
            asked(model, seconds=0.3)
    with pytest.raises(EndpointError, match="did not answer"):
        asked(model)  # it is gone


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host/v1", "https://host/path"),
        ("https://user:pass@host/v1", "without credentials"),
        ("https://host/v1?key=x", "without credentials or a query"),
        ("https://", "https://host/path"),
        ("https://host:port/v1", "not a URL"),
        ("http://models.example/v1", "plain http"),
        ("https://127.0.0.1/v1", "not on the public internet"),
        ("https://169.254.169.254/v1", "not on the public internet"),
        ("https://[::1]/v1", "not on the public internet"),
        ("https://[::ffff:10.0.0.1]/v1", "not on the public internet"),
        ("https://localhost/v1", "not on the public internet"),
    ],
)
def test_addresses_that_may_not_be_asked(url, says):
    with pytest.raises(EndpointError, match=says):
        check(url, ["127.0.0.1:8000"])


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch):
    connected = []

    class Pool:
        def __init__(self, address, port, **options):
            connected.append((address, port, options["server_hostname"], options["assert_hostname"]))
            raise endpoint.urllib3.exceptions.HTTPError

    monkeypatch.setattr(addresses, "pinned", lambda host, port: "93.184.215.14")
    monkeypatch.setattr(endpoint.urllib3, "HTTPSConnectionPool", Pool)
    with pytest.raises(endpoint.urllib3.exceptions.HTTPError):
        ask(Endpoint("https://models.example/v1", "m", KEY), "", [])
    assert connected == [("93.184.215.14", 443, "models.example", "models.example")]


@pytest.mark.parametrize("key", ["sk-…", "a\nb", "\u200b"])
def test_a_key_that_is_no_header_is_a_problem_in_words(key):
    with fake_model("x") as model, pytest.raises(EndpointError, match="did not answer") as caught:
        ask(Endpoint(model.url, "fake", key, allowed=[model.host]), "", [])
    assert key not in str(caught.value)


@pytest.mark.parametrize("told", [99999999999999, -5, "many", None, float("inf")])
def test_counts_that_cannot_be_are_held_within_bounds(told):
    body = {"choices": [{"message": {"content": "x \ud83d"}}], "usage": {"prompt_tokens": told, "completion_tokens": 1}}
    with fake_model((200, json.dumps(body).encode())) as model:
        answer = asked(model)
    assert 0 <= answer.input_tokens <= endpoint.MAX_COUNT
    assert answer.text.encode()
