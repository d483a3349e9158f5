"""Connections of urllib3 over sockets that keep one total deadline, and that know when the first byte has left.

A timeout of requests counts anew for each read, so a desk that drips its answer holds a worker for ever; here each
wait gets what is left of one deadline (`gateway.dialing`).

Whether a failed request may have taken effect is not guessed from the kind of error: `Exchange.left` is set just before
the first byte of the request is handed to the kernel.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import urllib3.connection
import urllib3.connectionpool
from requests import PreparedRequest
from requests.adapters import HTTPAdapter

from gateway.dialing import current, dial

#: more than a worker has lanes in flight: a connection too many is closed after its request
_POOL_SIZE = 64


class _Plain(urllib3.connection.HTTPConnection):
    parked = 0.0

    def _new_conn(self) -> socket.socket:
        return dial(self._dns_host, self.port)

    def send(self, data: Any) -> None:
        _send_through(self, data)
        super().send(data)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _require_open(self)
        return super().getresponse()


class _Tls(urllib3.connection.HTTPSConnection):
    parked = 0.0

    def _new_conn(self) -> socket.socket:
        return dial(self._dns_host, self.port)

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
