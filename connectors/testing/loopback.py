"""A small HTTP/1.1 server on loopback that can also misbehave on purpose.

The servers of the standard library cannot break off an answer or reset a connection, and are slow; a benchmark needs a
desk that answers in well under a millisecond. One thread a connection, keep-alive, Content-Length only.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote

import msgspec

PHRASES = {status.value: status.phrase for status in HTTPStatus}
MAX_LINE = 65_536
MAX_HEADERS = 200
MAX_BODY = 64 * 1024 * 1024


class Wire(StrEnum):
    """How an answer leaves, or does not."""

    NORMAL = "normal"
    #: a TCP reset instead of an answer
    RESET = "reset"
    #: the connection closes without an answer
    CLOSE = "close"
    #: the full length is announced, half of the body is sent
    HALF = "half"
    #: answered, then closed without having said so
    DROP_AFTER = "drop_after"


class SimRequest(msgspec.Struct, frozen=True):
    """A request as it came: `path` without the query and decoded, header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    #: path and query exactly as they came, for what passes a request on
    target: str = ""

    def json(self) -> Any:
        """Decode the body; raises msgspec.DecodeError when it is not JSON."""
        return msgspec.json.decode(self.body)


class SimResponse(msgspec.Struct, frozen=True):
    """An answer, and how it leaves."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b""
    wire: Wire = Wire.NORMAL


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> SimResponse:
    """Return `value` as a JSON answer."""
    return SimResponse(
        status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, msgspec.json.encode(value)
    )


class LoopbackServer:
    """Serves `handle` on 127.0.0.1; `port` 0 takes a free one, which is kept when listening stops and starts again."""

    def __init__(self, handle: Callable[[SimRequest], SimResponse], port: int = 0) -> None:
        self.port = port
        self._handle = handle
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Start to accept connections; nothing happens when it does already."""
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.port))
            listener.listen(256)
        except OSError:
            listener.close()
            raise
        listener.settimeout(0.1)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), name="sim-accept", daemon=True)
        self._acceptor.start()

    def refuse(self) -> None:
        """Stop to listen and close what is open: new connections are refused by the kernel."""
        listener, acceptor = self._listener, self._acceptor
        self._listener = self._acceptor = None
        if listener is not None:
            # wakes the acceptor on Linux; elsewhere it looks ten times a second
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        if acceptor is not None and acceptor is not threading.current_thread():
            acceptor.join(2)
        if listener is not None:
            listener.close()
        with self._lock:
            open_now = list(self._connections)
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="sim-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        try:
            while self._one(connection, reader):
                pass
        except (OSError, ValueError):
            pass  # the client has gone, or speaks something else
        finally:
            with self._lock:
                self._connections.discard(connection)
            with contextlib.suppress(OSError):
                reader.close()
            connection.close()

    def _one(self, connection: socket.socket, reader: BinaryIO) -> bool:
        """Answer one request; False when the connection is to close."""
        request = _read_request(reader)
        if request is None:
            return False
        response = self._handle(request)
        if response.wire is Wire.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if response.wire is Wire.CLOSE:
            return False
        closing = request.headers.get("connection", "").lower() == "close"
        head, body = _render(response, closing=closing, bodiless=request.method == "HEAD")
        if response.wire is Wire.HALF:
            connection.sendall(head + body[: max(1, len(body) // 2)])
            return False
        connection.sendall(head + body)
        return not closing and response.wire is not Wire.DROP_AFTER


def _read_request(reader: BinaryIO) -> SimRequest | None:
    """Read one request; None at the end of the connection. Raises ValueError on anything that is not HTTP/1."""
    line = reader.readline(MAX_LINE)
    if not line.strip():
        return None
    method, target, _version = line.decode("latin-1").split()
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        raw = reader.readline(MAX_LINE)
        if raw in {b"\r\n", b"\n", b""}:
            break
        name, _, value = raw.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY or "transfer-encoding" in headers:
        msg = "only bodies with a Content-Length are read here"
        raise ValueError(msg)
    body = reader.read(length) if length else b""
    path, _, query = target.partition("?")
    return SimRequest(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, body, target)


def _render(response: SimResponse, *, closing: bool, bodiless: bool) -> tuple[bytes, bytes]:
    phrase = PHRASES.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append(f"Content-Length: {len(response.body)}")
    if closing:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return head, b"" if bodiless else response.body
