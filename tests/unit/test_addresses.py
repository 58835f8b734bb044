"""No connection is opened to a machine inside a network, whatever a name or a redirect says."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import httpcore
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from etl.addresses import (
    AddressError,
    CheckedBackend,
    Deadline,
    checked,
    is_loopback,
    objection,
    resolve,
)

PUBLIC = "93.184.215.14"
# Written out again, so that a range that goes missing there is missed here.
INSIDE = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128",
    "::ffff:0:0/96", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:10::/28",
    "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
]  # fmt: skip


@pytest.mark.parametrize("network", INSIDE)
def test_the_first_and_the_last_address_of_a_range_that_is_not_global_are_refused(
    network: str,
) -> None:
    first, last = ip_network(network)[0], ip_network(network)[-1]
    assert objection(first)
    assert objection(last)


@given(st.sampled_from(INSIDE).flatmap(lambda network: st.ip_addresses(network=network)))
def test_every_address_of_a_range_that_is_not_global_is_refused(
    address: IPv4Address | IPv6Address,
) -> None:
    with pytest.raises(AddressError, match="which is"):
        checked("data.example", [str(address)], allow_loopback=False)


@given(st.ip_addresses())
def test_what_python_holds_for_not_global_is_refused_too(
    address: IPv4Address | IPv6Address,
) -> None:
    assume(not address.is_global or address.is_multicast)
    assert objection(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_refused_in_whatever_ipv6_clothes_it_comes(inner: IPv4Address) -> None:
    number = int(inner)
    assert objection(IPv6Address((0xFFFF << 32) | number)), "v4-mapped"
    assert objection(IPv6Address(number)), "v4-compatible"
    assert objection(IPv6Address((0x2002 << 112) | (number << 80))), "6to4"
    nat64 = IPv6Address((0x64FF9B << 96) | number)
    assert objection(nat64) == objection(inner), "a NAT64 address is as good as what it holds"


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:2800:21f::1", "100.128.0.1"]
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert objection(ip_address(address)) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_allowed_only_where_that_is_said(address: str) -> None:
    assert objection(ip_address(address)) is not None
    assert objection(ip_address(address), allow_loopback=True) is None


@given(st.sampled_from(INSIDE).flatmap(lambda network: st.ip_addresses(network=network)))
def test_allowing_this_machine_allows_no_other(address: IPv4Address | IPv6Address) -> None:
    assume(address not in IPv4Network("127.0.0.0/8"))
    assume(address != IPv6Address("::1"))
    assert objection(address, allow_loopback=True)


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("127.0.0.1", True), ("::1", True), ("localhost", False), ("127.0.0.1.example", False)],
)
def test_only_an_address_is_loopback_never_a_name(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(AddressError, match=r"data\.example has no address"):
        checked("data.example", [], allow_loopback=False)


def test_the_systems_resolver_gives_each_address_once() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]


class Line(httpcore.NetworkBackend):
    """Remembers where connections went, and refuses those to ``dead``."""

    def __init__(self, dead: Iterable[str] = ()) -> None:
        self.went: list[str] = []
        self._dead = set(dead)

    def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.NetworkStream:
        self.went.append(host)
        if host in self._dead:
            raise httpcore.ConnectError(f"{host} is dead")
        return httpcore.MockStream([])


def backend(line: Line, *answers: list[str]) -> CheckedBackend:
    """A backend whose resolver gives one of ``answers`` after the other."""
    turn = iter(answers)
    return CheckedBackend(
        Deadline(), allow_loopback=False, resolve=lambda *_: next(turn), connect=line
    )


def test_the_connection_goes_to_the_address_that_was_checked_not_to_the_name() -> None:
    line = Line()
    backend(line, [PUBLIC]).connect_tcp("data.example", 443)
    assert line.went == [PUBLIC]


def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then() -> None:
    line = Line()
    rebinding = backend(line, [PUBLIC], ["127.0.0.1"])
    rebinding.connect_tcp("data.example", 443)
    with pytest.raises(
        AddressError, match=r"data\.example leads to 127\.0\.0\.1, which is loopback"
    ):
        rebinding.connect_tcp("data.example", 443)
    assert line.went == [PUBLIC], "the name was resolved once for each connection, never again"


def test_a_name_with_public_and_private_addresses_is_refused_whole() -> None:
    line = Line()
    with pytest.raises(AddressError, match=r"10\.0\.0\.7, which is private"):
        backend(line, [PUBLIC, "10.0.0.7"]).connect_tcp("data.example", 443)
    assert line.went == []


def test_the_next_address_is_tried_if_one_does_not_answer() -> None:
    line = Line(dead=[PUBLIC])
    backend(line, [PUBLIC, "8.8.8.8"]).connect_tcp("data.example", 443)
    assert line.went == [PUBLIC, "8.8.8.8"]


def test_if_no_address_answers_the_last_one_says_why() -> None:
    line = Line(dead=[PUBLIC, "8.8.8.8"])
    with pytest.raises(httpcore.ConnectError, match=r"8\.8\.8\.8 is dead"):
        backend(line, [PUBLIC, "8.8.8.8"]).connect_tcp("data.example", 443)


def test_a_name_that_cannot_be_resolved_is_no_connection() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    unresolved = CheckedBackend(Deadline(), allow_loopback=False, resolve=nothing, connect=Line())
    with pytest.raises(
        httpcore.ConnectError, match=r"data\.example cannot be resolved: no such name"
    ):
        unresolved.connect_tcp("data.example", 443)


def test_a_deadline_leaves_no_wait_longer_than_what_is_left() -> None:
    now = [100.0]
    deadline = Deadline(lambda: now[0])
    assert deadline.within(None) is None
    deadline.start(10)
    assert (deadline.within(3), deadline.within(30), deadline.within(None)) == (3, 10, 10)
    now[0] = 110.0
    with pytest.raises(httpcore.TimeoutException, match="the time allowed is over"):
        deadline.within(3)
