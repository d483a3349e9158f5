"""Servers that misbehave on purpose, on loopback, one behaviour a function."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Behaviour = Callable[[socket.socket], None]


class Desk:
    """A raw TCP server; `requests` holds what each request brought, `connections` how many there were."""

    def __init__(self, behave: Behaviour) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            self._behave(sock)

    def close(self) -> None:
        """Stop listening and drop every connection."""
        # shutdown first: a thread blocked in accept would keep the socket alive
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.close()


def read_request(sock: socket.socket) -> bytes:
    """Read one request with its body; empty at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        chunk = sock.recv(65536)
        if not chunk:
            break
        body += chunk
    return head + b"\r\n\r\n" + body


def reset(sock: socket.socket) -> None:
    """Close with a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def drip(sock: socket.socket, data: bytes, seconds: float) -> None:
    """Send a byte at a time."""
    for index in range(len(data)):
        sock.sendall(data[index : index + 1])
        time.sleep(seconds)


@contextlib.contextmanager
def desk(behave: Behaviour) -> Iterator[Desk]:
    """Run a desk that treats each connection so."""
    server = Desk(behave)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[Desk]:
    """Run a desk that reads each request and gives these answers in turn, the last one for ever (keep-alive)."""
    holder: list[Desk] = []
    left = list(answers)

    def behave(sock: socket.socket) -> None:
        while request := read_request(sock):
            holder[0].requests.append(request)
            sock.sendall(left.pop(0) if len(left) > 1 else left[0])

    with desk(behave) as server:
        holder.append(server)
        yield server


def unused_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
