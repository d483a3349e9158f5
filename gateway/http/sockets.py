"""One total deadline over everything that touches the network, and the knowledge of when the first byte has left.

A timeout of requests counts anew for each read, so a desk that drips its answer holds a worker for ever. Here every
wait (the name, each address, the TLS handshake, each read and write) gets what is left of one deadline, by sockets that
ask for it before they wait: no watchdog thread, nothing to restart after a fork.

Whether a failed request may have taken effect is not guessed from the kind of error: `Exchange.left` is set just before
the first byte of the request is handed to the kernel.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextvars import ContextVar
from typing import Any

import certifi
import urllib3.connection
import urllib3.connectionpool
from requests import PreparedRequest
from requests.adapters import HTTPAdapter

#: more than a worker has lanes in flight: a connection too many is closed after its request
_POOL_SIZE = 64
_SHORTEST_WAIT = 0.001


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


#: The exchange that this thread is in. urllib3 has no way to hand a deadline down to its sockets.
current: ContextVar[Exchange] = ContextVar("gateway_exchange")


class _Socket(socket.socket):
    """A socket whose reads end at the deadline, however many there are."""

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


def tls_context() -> ssl.SSLContext:
    """Trust what requests trusts and what the machine's owner has installed (a company's own authority)."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    context.sslsocket_class = _TlsSocket
    return context


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """Resolve a name within `seconds`: getaddrinfo itself cannot be told when to stop."""
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


def _connect(host: str, port: int) -> socket.socket:
    """Connect to the first address that answers."""
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


class _Plain(urllib3.connection.HTTPConnection):
    parked = 0.0

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)

    def send(self, data: Any) -> None:
        _send_through(self, data)
        super().send(data)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _require_open(self)
        return super().getresponse()


class _Tls(urllib3.connection.HTTPSConnection):
    parked = 0.0

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)

    def send(self, data: Any) -> None:
        _send_through(self, data)
        super().send(data)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _require_open(self)
        return super().getresponse()


def _send_through(connection: _Plain | _Tls, data: bytes) -> None:
    """Connect if that has not happened, then note that from here on the request may have left."""
    exchange = current.get()
    if connection.sock is None:
        connection.connect()
    if connection.sock is not None:
        connection.sock.settimeout(exchange.remaining())
    exchange.left = exchange.left or bool(data)


def _require_open(connection: _Plain | _Tls) -> None:
    """Say that the server has closed while the request was on its way: urllib3 goes on to read, and has no socket."""
    if connection.sock is None:
        raise ConnectionResetError("the connection was closed while the request was sent")


class _PlainPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _Plain

    def _get_conn(self, timeout: float | None = None) -> Any:
        return _fresh(super()._get_conn(timeout))

    def _put_conn(self, conn: Any) -> None:
        _park(conn)
        super()._put_conn(conn)


class _TlsPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _Tls

    def _get_conn(self, timeout: float | None = None) -> Any:
        return _fresh(super()._get_conn(timeout))

    def _put_conn(self, conn: Any) -> None:
        _park(conn)
        super()._put_conn(conn)


def _park(connection: Any) -> None:
    if connection is not None:
        connection.parked = time.monotonic()


def _fresh(connection: Any) -> Any:
    """Close a connection that has idled long enough for its server to be about to close it."""
    if not connection.is_closed and time.monotonic() - connection.parked > current.get().max_idle:
        connection.close()
    return connection


class DeskAdapter(HTTPAdapter):
    """The adapter of one connection: pooled, keep-alive, safe between threads; no retry, no cookie, no proxy."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our connections, and one TLS context instead of one a connection."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Keep our TLS context: with `verify` requests would put its own in place."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 - theirs
        """Leave the authorities to the context; certificates are always required."""
        conn.cert_reqs = "CERT_REQUIRED"
