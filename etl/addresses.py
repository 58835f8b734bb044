"""Which machines may be fetched from, and a connection that reaches no other.

A server decides where it sends us: a redirect, or a name that it answers for, may point at a machine
inside the network that the ledger runs in. So names are resolved here, every address that comes back
is checked, and the connection goes to the address that was checked; nobody resolves the name a
second time, so it cannot mean another machine by then. TLS and the ``Host`` header still use the
name. Proxies and certificates named in the environment are not used: a proxy would resolve the
name itself, and what it connects to could not be checked.

The ranges are those that IANA's special-purpose registries list as not globally reachable, written
down because Python's own list differs between versions.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, Final

import httpcore
import httpx

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_NAT64: Final = IPv6Network("64:ff9b::/96")  # an IPv4 address in the last four bytes
_GLOBAL_V6: Final = IPv6Network("2000::/3")  # nothing else has been given out
_REFUSED: Final[dict[IPv4Network | IPv6Network, str]] = {
    ip_network("0.0.0.0/8"): "this network",
    ip_network("10.0.0.0/8"): "private",
    ip_network("100.64.0.0/10"): "shared by a carrier's customers",
    ip_network("127.0.0.0/8"): "loopback",
    ip_network("169.254.0.0/16"): "link-local",
    ip_network("172.16.0.0/12"): "private",
    ip_network("192.0.0.0/24"): "reserved for protocols",
    ip_network("192.0.2.0/24"): "reserved for documentation",
    ip_network("192.88.99.0/24"): "a former 6to4 relay",
    ip_network("192.168.0.0/16"): "private",
    ip_network("198.18.0.0/15"): "reserved for benchmarks",
    ip_network("198.51.100.0/24"): "reserved for documentation",
    ip_network("203.0.113.0/24"): "reserved for documentation",
    ip_network("224.0.0.0/4"): "multicast",
    ip_network("240.0.0.0/4"): "reserved",
    ip_network("::1/128"): "loopback",
    ip_network("::ffff:0:0/96"): "an IPv4 address in IPv6 clothes",
    ip_network("fc00::/7"): "private",
    ip_network("fe80::/10"): "link-local",
    ip_network("ff00::/8"): "multicast",
    ip_network("2001::/23"): "reserved for protocols",
    ip_network("2001:db8::/32"): "reserved for documentation",
    ip_network("2002::/16"): "an IPv4 address in 6to4 clothes",
    ip_network("3fff::/20"): "reserved for documentation",
}


class AddressError(Exception):
    """A name leads to a machine that must not be fetched from, or to none; the message says why."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an address of this machine, written as one; a name never is."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _LOOPBACK)


def objection(address: Address, *, allow_loopback: bool = False) -> str | None:
    """Why ``address`` must not be connected to, in words; None if it may be."""
    if allow_loopback and any(address in network for network in _LOOPBACK):
        return None
    if address in _NAT64:
        return objection(IPv4Address(int(address) & 0xFFFFFFFF))
    for network, what in _REFUSED.items():
        if address in network:
            return f"{what} ({network})"
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return f"outside of what is routed publicly ({_GLOBAL_V6})"
    return None


def resolve(host: str, port: int) -> list[str]:
    """The addresses of ``host``, as the machine's resolver gives them.

    Raises:
        OSError: it gives none.
    """
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def checked(host: str, addresses: Sequence[str], *, allow_loopback: bool) -> list[str]:
    """``addresses``, if every one of them may be connected to.

    Raises:
        AddressError: one may not be, or there is none; a name that leads to both kinds is not
            trusted at all.
    """
    if not addresses:
        raise AddressError(f"{host} has no address")
    for address in addresses:
        why = objection(ip_address(address), allow_loopback=allow_loopback)
        if why:
            raise AddressError(f"{host} leads to {address}, which is {why}")
    return list(addresses)


class Deadline:
    """The moment at which a whole call must be over, however many connections it takes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._end = float("inf")

    def start(self, seconds: float) -> None:
        """From now on there are so many seconds."""
        self._end = self._clock() + seconds

    def left(self) -> float:
        """Seconds to go; zero or less once it is over."""
        return self._end - self._clock()

    def within(self, seconds: float | None) -> float | None:
        """``seconds``, or less if less is left; None stands for no limit.

        Raises:
            httpcore.ReadTimeout: nothing is left.
        """
        left = self.left()
        if left <= 0:
            raise httpcore.ReadTimeout("the time allowed is over")
        if left == float("inf"):
            return seconds
        return left if seconds is None else min(seconds, left)


READ_BYTES: Final = 1 << 19  # httpcore asks for an eighth, which costs a fifth more time


class _TimedStream(httpcore.NetworkStream):
    """A connection that nobody can keep open by sending a byte now and then."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max(max_bytes, READ_BYTES), self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.within(timeout)
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, left), self._deadline
        )

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections, but only to addresses that were checked."""

    def __init__(
        self,
        deadline: Deadline,
        *,
        allow_loopback: bool,
        resolve: Resolve = resolve,
        connect: httpcore.NetworkBackend | None = None,
    ) -> None:
        """``connect`` opens the connection to an address; the default asks the system."""
        self._deadline = deadline
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._connect = connect or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of ``host`` that answers.

        Raises:
            AddressError: an address of ``host`` must not be connected to.
            httpcore.ConnectError: it has none, or none answers.
        """
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in checked(host, found, allow_loopback=self._allow_loopback):
            try:
                stream = self._connect.connect_tcp(
                    address, port, self._deadline.within(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure


class _Body(httpx.SyncByteStream):
    """The body of a response as httpx wants it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class CheckedTransport(httpx.BaseTransport):
    """httpx over checked connections; errors are those of httpcore."""

    def __init__(self, backend: CheckedBackend, tls: ssl.SSLContext) -> None:
        """``tls`` says which certificates are trusted."""
        self._pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; the body of the answer is not read yet."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
            request=request,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()
