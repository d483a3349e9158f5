"""The load generator, a process of its own: kept-alive raw sockets, one selector, so that it is not what is measured.

Closed loop: so many clients, each sends its next prepared request when its last is answered. Open loop: requests leave
at their times whatever became of the earlier ones, and are timed from when they were due. It gets its order as one line
of JSON, says "ready", waits for a line, and answers with one line of JSON.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from benchmarks.traffic import event, mixed, request

#: connections of an open loop
_MOST = 64
#: how long answers may take after the end
_PATIENCE = 10.0


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be sent."""

    port: int
    path: str
    secret: str
    seconds: float
    #: closed loop
    clients: int = 16
    #: closed loop: requests to prepare
    prepared: int = 0
    #: open loop: requests a second; 0: closed loop
    rate: float = 0.0
    #: open loop: the number of the first of the tickets that exist already, and how many there are
    first: int = 0
    known: int = 0
    #: open loop: number of the first event, and of the ticket that it creates
    number: int = 0
    #: open loop: what happens, in turn; tickets are numbered on from those that exist
    sorts: tuple[str, ...] = ("created", "comment", "title")


class Told(msgspec.Struct, frozen=True):
    """What became of it."""

    seconds: float
    statuses: dict[int, int]
    #: seconds from the sending (open loop: from the time due) to the whole answer
    latencies: list[float]
    #: share of the time in which this process used a processor
    busy: float
    #: open loop: (number of the event, time due as seconds since 1970)
    sent: list[tuple[int, float]] = []


class _Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.since = 0.0
        self._got = b""

    def send(self, data: bytes, since: float) -> None:
        """Send one request."""
        self.since = since
        self._got = b""
        self.sock.sendall(data)

    def receive(self) -> int:
        """Read what is there; return the status once the answer is whole, else 0."""
        data = self.sock.recv(65_536)
        if not data:
            return -1
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return 0
        head = self._got[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
        return int(self._got[9:12]) if len(self._got) >= end + 4 + length else 0


class _Loop:
    """All connections, and what they were told."""

    def __init__(self, port: int, clients: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.idle: deque[_Client] = deque()
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.waiting = 0
        for _ in range(clients):
            self._connect()

    def _connect(self) -> None:
        client = _Client(self._port)
        self._selector.register(client.sock, selectors.EVENT_READ, client)
        self.idle.append(client)

    def send(self, data: bytes, since: float) -> None:
        """Send over an idle connection."""
        client = self.idle.popleft()
        try:
            client.send(data, since)
        except OSError:
            # an idle connection was closed: take a new one
            self._selector.unregister(client.sock)
            client.sock.close()
            self._connect()
            client = self.idle.pop()
            client.send(data, since)
        self.waiting += 1

    def listen(self, seconds: float) -> None:
        """Take the answers that have come."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            client: _Client = key.data
            status = client.receive()
            if status == 0:
                continue
            if status < 0:
                self._selector.unregister(client.sock)
                client.sock.close()
                if client not in self.idle:
                    self.waiting -= 1
                    self.statuses[0] += 1
                else:
                    self.idle.remove(client)
                self._connect()
                continue
            self.latencies.append(time.monotonic() - client.since)
            self.statuses[status] += 1
            self.waiting -= 1
            self.idle.append(client)


def closed(order: Order, start: Callable[[], None]) -> Told:
    """Send as fast as the answers come."""
    at = datetime.now(UTC) - timedelta(hours=1)
    bodies = (mixed(number, at + timedelta(milliseconds=number)) for number in range(order.prepared))
    requests: Iterator[bytes] = iter([request(order.path, body, order.secret, at) for body in bodies])
    loop = _Loop(order.port, order.clients)
    start()
    began, used = time.monotonic(), time.process_time()
    end = began + order.seconds
    more = True
    while more and time.monotonic() < end:
        while loop.idle and more:
            data = next(requests, None)
            more = data is not None
            if data is not None:
                loop.send(data, time.monotonic())
        loop.listen(end - time.monotonic())
    took, busy = time.monotonic() - began, time.process_time() - used
    done = Told(took, dict(loop.statuses), list(loop.latencies), busy / took)
    _finish(loop)
    return done


def open_loop(order: Order, start: Callable[[], None]) -> Told:
    """Send at a steady rate, whatever the answers do."""
    loop = _Loop(order.port, 4)
    for _ in range(_MOST - 4):
        loop._connect()  # noqa: SLF001 - the same module
    start()
    began, used, wall = time.monotonic(), time.process_time(), time.time()
    sent = []
    count = int(order.seconds * order.rate)
    for index in range(count):
        due = began + index / order.rate
        while (left := due - time.monotonic()) > 0 or not loop.idle:
            loop.listen(min(left, 0.05) if left > 0 else 0.05)
        number = order.number + index
        sort = order.sorts[index % len(order.sorts)]
        ticket = number if sort == "created" else order.first + index % order.known
        body = event(sort, ticket, number, datetime.now(UTC))
        loop.send(request(order.path, body, order.secret, datetime.now(UTC)), due)
        sent.append((number, wall + due - began))
    _finish(loop)
    took = time.monotonic() - began
    return Told(took, dict(loop.statuses), loop.latencies, (time.process_time() - used) / took, sent)


def _finish(loop: _Loop) -> None:
    until = time.monotonic() + _PATIENCE
    while loop.waiting and time.monotonic() < until:
        loop.listen(0.1)


def _wait_for_go() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def answerer() -> tuple[int, Callable[[], None]]:
    """Start a server that answers anything at once and reads nothing of it; return its port and how to stop it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port: int = listener.getsockname()[1]
    listener.setblocking(False)
    stopped = threading.Event()

    def serve() -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            while not stopped.is_set():
                for key, _ in selector.select(0.1):
                    sock = key.fileobj
                    if sock is listener:
                        sock, _ = listener.accept()
                        selector.register(sock, selectors.EVENT_READ)
                    elif isinstance(sock, socket.socket):
                        if sock.recv(65_536):
                            sock.sendall(answer)
                        else:
                            selector.unregister(sock)
                            sock.close()

    threading.Thread(target=serve, daemon=True).start()
    return port, stopped.set


def main() -> None:
    """Carry out the order on standard input."""
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    told = open_loop(order, _wait_for_go) if order.rate else closed(order, _wait_for_go)
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


if __name__ == "__main__":
    main()
