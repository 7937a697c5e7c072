import ipaddress

import pytest

from metabuilder.execution.addresses import NotPublic, is_public, pinned

INSIDE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["140.82.121.3", "2606:4700::1", "64:ff9b::8c52:7903"])
def test_an_address_outside_is(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_host_is_looked_up_once_and_pinned() -> None:
    answers = iter([["140.82.121.3"], ["127.0.0.1"]])
    assert pinned("example.org", 443, lambda host, port: next(answers)) == "140.82.121.3"
    assert next(answers) == ["127.0.0.1"]


def test_one_address_inside_is_enough_to_refuse() -> None:
    with pytest.raises(NotPublic, match=r"example\.org is at 10\.0\.0\.1"):
        pinned("example.org", 443, lambda host, port: ["140.82.121.3", "10.0.0.1"])


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(NotPublic, match="cannot look up"):
        pinned("example.org", 443, lambda host, port: [])
