"""Sockets to other machines: one total deadline over every wait, and the certificate always checked.

What talks to desks (`gateway.http`, `gateway.mail`) dials here, so that both keep one promise: every wait (the name,
each address, the TLS handshake, each read and write) gets what is left of one deadline, by sockets that ask for it
before they wait: no watchdog thread, nothing to restart after a fork.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from contextvars import ContextVar
from typing import Any

import certifi

_SHORTEST_WAIT = 0.001
#: A file has as much more time as it takes at this many bytes a second, and no more than so many seconds.
_FILE_PACE = 200_000
_FILE_SECONDS = 60.0


def time_for(size: int) -> float:
    """Return by how many seconds a deadline is longer for so many bytes of files."""
    return min(_FILE_SECONDS, size / _FILE_PACE)


class Exchange:
    """One request under way: until when, and whether any of it may have reached the desk."""

    __slots__ = ("_until", "left", "max_idle")

    def __init__(self, deadline: float, max_idle: float) -> None:
        self._until = time.monotonic() + deadline
        self.max_idle = max_idle
        self.left = False

    def remaining(self) -> float:
        """Return the seconds left; raises TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return max(left, _SHORTEST_WAIT)


#: The exchange that this thread is in. The libraries above have no way to hand a deadline down to their sockets.
current: ContextVar[Exchange] = ContextVar("gateway_exchange")


class _Socket(socket.socket):
    """A socket whose reads and writes end at the deadline, however many there are."""

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(current.get().remaining())
        super().sendall(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current.get().remaining())
        return super().recv_into(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    """The same over TLS, where sendall is many sends."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current.get().remaining())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(current.get().remaining())
        return super().send(*args, **kwargs)

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is the library's
        self.settimeout(current.get().remaining())
        super().do_handshake(block)


def tls_context(authority: str = "") -> ssl.SSLContext:
    """Trust what requests trusts and what the machine's owner has installed (a company's own authority).

    `authority` is one more, as PEM; raises ssl.SSLError where it is none.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    if authority:
        context.load_verify_locations(cadata=authority)
    context.load_default_certs()
    context.sslsocket_class = _TlsSocket
    return context


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """Resolve a name within `seconds`: getaddrinfo itself cannot be told when to stop."""
    with contextlib.suppress(socket.gaierror):
        # an address is no name: nobody is asked for it
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answer: list[Any] = []
    failure: list[OSError] = []

    def ask() -> None:
        try:
            answer.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failure.append(error)

    asker = threading.Thread(target=ask, name="look-up", daemon=True)
    asker.start()
    asker.join(seconds)
    if failure:
        raise failure[0]
    if not answer:
        raise TimeoutError(f"looking up {host} took too long")
    return answer


def dial(host: str, port: int) -> socket.socket:
    """Connect to the first address that answers, within the deadline of the exchange that this thread is in."""
    exchange = current.get()
    last: OSError = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in _look_up(host, port, exchange.remaining()):
        sock = _Socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(exchange.remaining())
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        else:
            return sock
    raise last
