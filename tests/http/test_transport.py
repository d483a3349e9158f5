from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from gateway.errors import GatewayError, NotSentError, OutcomeUnknownError
from gateway.http import HttpTransport
from gateway.http.sockets import _Plain, _Tls
from gateway.ports import Effect, HttpRequest, HttpResponse
from tests.http.connector import TOKEN, connector
from tests.http.servers import OK, answering, desk, drip, read_request, reset, unused_port

TRACE = "0af7651916cd43dd8448eb211c80319c"
WRITE = HttpRequest("POST", "/t", Effect.WRITE, json={"a": 1})


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    """Give a transport and close its connections afterwards."""
    made = HttpTransport()
    yield made
    made.close()


def send(transport: HttpTransport, url: str, request: HttpRequest = WRITE, deadline: float = 5.0) -> HttpResponse:
    """Send to a connection with this url."""
    return transport.send(connector(url), request, deadline=deadline, trace_id=TRACE)


def test_what_is_sent(transport: HttpTransport) -> None:
    """Body as rendered, own user agent, trace and credentials; nothing of the environment."""
    with answering(OK) as server:
        answer = send(transport, server.url + "/api")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines[1:]}
    assert lines[0] == "POST /api/t HTTP/1.1"
    assert body == b'{"a":1}'
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["traceparent"].startswith(f"00-{TRACE}-")
    assert headers["user-agent"].startswith("desk-gateway")
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "7"
    assert answer.status == 200
    assert answer.body == b"{}"


def test_the_environment_has_no_say(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor a netrc of the machine takes part."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    with answering(OK) as server:
        assert send(transport, server.url).ok


@pytest.mark.parametrize("status", [b"302 Found", b"307 Temporary Redirect"])
def test_a_redirect_is_an_answer(transport: HttpTransport, status: bytes) -> None:
    """It is never followed."""
    there = b"HTTP/1.1 " + status + b"\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n"
    with answering(there) as server:
        answer = send(transport, server.url)
    assert answer.status in {302, 307}
    assert answer.header("Location") == "http://127.0.0.1:1/x"
    assert len(server.requests) == 1


def test_headers_cookies_and_compression(transport: HttpTransport) -> None:
    """Names are lower-case, cookies are neither kept nor shown, gzip is undone."""
    packed = gzip.compress(b'{"x":1}')
    raw = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nX-One: 1\r\nContent-Encoding: gzip\r\nContent-Length: "
        + str(len(packed)).encode()
        + b"\r\n\r\n"
        + packed
    )
    with answering(raw) as server:
        answer = send(transport, server.url)
        send(transport, server.url)
    assert answer.json() == {"x": 1}
    assert answer.header("x-one") == "1"
    assert "set-cookie" not in answer.headers
    assert b"cookie" not in server.requests[1].lower()


def test_refused_is_not_sent(transport: HttpTransport) -> None:
    """Nothing listens."""
    with pytest.raises(NotSentError, match="connection refused"):
        send(transport, f"http://127.0.0.1:{unused_port()}")


def test_an_unknown_host_is_not_sent(transport: HttpTransport) -> None:
    """`.invalid` never resolves (RFC 2606); a resolver out of reach counts the same."""
    with pytest.raises(NotSentError, match=r"no such host|no whole answer"):
        send(transport, "http://desk.invalid")


def test_tls_to_a_plain_port_is_not_sent(transport: HttpTransport) -> None:
    """The handshake fails before any byte of the request."""
    with desk(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server, pytest.raises(NotSentError):
        send(transport, f"https://127.0.0.1:{server.port}")


def test_a_tls_handshake_that_hangs_ends_at_the_deadline(transport: HttpTransport) -> None:
    """And is not sent."""
    with desk(lambda sock: time.sleep(5)) as server:
        started = time.monotonic()
        with pytest.raises(NotSentError, match=r"0\.4 s"):
            send(transport, f"https://127.0.0.1:{server.port}", deadline=0.4)
        assert time.monotonic() - started < 1.5


def test_a_connect_that_hangs_is_not_sent(transport: HttpTransport) -> None:
    """A listener with a full backlog swallows the handshake."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        started = time.monotonic()
        with pytest.raises(NotSentError, match=r"no whole answer within 0\.5 s"):
            send(transport, f"http://127.0.0.1:{port}", deadline=0.5)
        assert time.monotonic() - started < 2
        for filler in fillers:
            filler.close()


def _hang(sock: socket.socket) -> None:
    read_request(sock)
    time.sleep(5)


def _reset_after(sock: socket.socket) -> None:
    read_request(sock)
    reset(sock)


def _close_after(sock: socket.socket) -> None:
    read_request(sock)


def _half(sock: socket.socket) -> None:
    read_request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def _half_chunked(sock: socket.socket) -> None:
    read_request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")


def _drip_body(sock: socket.socket) -> None:
    read_request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    drip(sock, b"x" * 500, 0.02)


def _drip_head(sock: socket.socket) -> None:
    read_request(sock)
    drip(sock, b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500, 0.02)


def _garbage(sock: socket.socket) -> None:
    read_request(sock)
    sock.sendall(b"this is not HTTP\r\n\r\n")


def _bad_gzip(sock: socket.socket) -> None:
    read_request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")


@pytest.mark.parametrize(
    "behave",
    [_reset_after, _close_after, _half, _half_chunked, _garbage, _bad_gzip],
    ids=lambda behave: behave.__name__,
)
def test_after_the_request_may_have_left_the_outcome_is_unknown(behave: object, transport: HttpTransport) -> None:
    """Reset, closed, half an answer, nonsense: the desk may have done it."""
    with desk(behave) as server, pytest.raises(OutcomeUnknownError, match="may have taken effect"):  # type: ignore[arg-type]
        send(transport, server.url)


@pytest.mark.parametrize("behave", [_hang, _drip_body, _drip_head], ids=lambda behave: behave.__name__)
def test_the_deadline_is_total(behave: object, transport: HttpTransport) -> None:
    """A hanging or dripping answer is cut at the deadline, not a read later."""
    with desk(behave) as server:  # type: ignore[arg-type]
        started = time.monotonic()
        with pytest.raises(OutcomeUnknownError, match=r"no whole answer within 0\.5 s"):
            send(transport, server.url, deadline=0.5)
        assert 0.4 < time.monotonic() - started < 1.5


def test_a_desk_that_does_not_read_is_cut_too(transport: HttpTransport) -> None:
    """A large body into a full window ends at the deadline."""
    with desk(lambda sock: time.sleep(5)) as server:
        started = time.monotonic()
        with pytest.raises(OutcomeUnknownError):
            send(transport, server.url, HttpRequest("PUT", "/t", Effect.WRITE, body=b"x" * 32_000_000), deadline=0.5)
        assert time.monotonic() - started < 2


def test_a_huge_answer_is_not_read() -> None:
    """Beyond the limit it is dropped; packed answers count unpacked."""
    packed = gzip.compress(b"x" * 300_000)
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    zipped = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    transport = HttpTransport(max_body=200_000)
    for raw in (plain, zipped):
        with answering(raw) as server, pytest.raises(OutcomeUnknownError, match="larger than"):
            send(transport, server.url)
    transport.close()


def test_a_connection_is_used_again(transport: HttpTransport) -> None:
    """Keep-alive: many requests, one connection."""
    with answering(OK) as server:
        for _ in range(10):
            send(transport, server.url)
        assert server.connections == 1
        assert len(server.requests) == 10


def test_a_connection_that_the_desk_closed_is_not_used_again(transport: HttpTransport) -> None:
    """A close that has arrived is seen before sending, so it costs a connection and no unknown outcome."""

    def once(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(OK)

    with desk(once) as server:
        for _ in range(3):
            assert send(transport, server.url).ok
            time.sleep(0.05)
        assert server.connections == 3


def test_a_connection_that_closes_under_the_request_stays_unknown(transport: HttpTransport) -> None:
    """On a reused connection nobody can tell whether the close came before or after the request."""

    def closing(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(OK)
        read_request(sock)

    with desk(closing) as server:
        assert send(transport, server.url).ok
        with pytest.raises(OutcomeUnknownError):
            send(transport, server.url)


def test_a_connection_that_idled_long_is_not_used_again() -> None:
    """Its server is about to close it."""
    transport = HttpTransport(max_idle=0.05)
    with answering(OK) as server:
        send(transport, server.url)
        time.sleep(0.1)
        send(transport, server.url)
        assert server.connections == 2
    transport.close()


def test_many_threads_share_one_transport(transport: HttpTransport) -> None:
    """No answer goes to the wrong thread, and connections are pooled."""

    def echo(sock: socket.socket) -> None:
        while request := read_request(sock):
            body = request.partition(b"\r\n\r\n")[2]
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    wrong: list[object] = []

    def work(url: str, number: int) -> None:
        for turn in range(20):
            sent = {"thread": number, "turn": turn}
            answer = send(transport, url, HttpRequest("POST", "/t", Effect.WRITE, json=sent), deadline=20)
            if answer.json() != sent:
                wrong.append((sent, answer))

    with desk(echo) as server:
        threads = [threading.Thread(target=work, args=(server.url, number)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert server.connections <= 12


def test_a_fork_gets_connections_of_its_own(transport: HttpTransport) -> None:
    """Parent and child never write into one socket."""
    with answering(OK) as server:
        send(transport, server.url)
        child = os.fork()
        if child == 0:
            os._exit(0 if send(transport, server.url).ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert send(transport, server.url).ok
        assert server.connections == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hook/s3cret-token-value", "http://s3cret-token-value.invalid"])
def test_an_error_tells_where_and_no_secret(transport: HttpTransport, url: str) -> None:
    """Not even when the address holds it."""
    with pytest.raises(GatewayError) as caught:
        send(transport, url, HttpRequest("POST", f"/x?token={TOKEN}"))
    error = caught.value
    assert "acme-desk" in str(error)
    assert TOKEN not in str(error)
    assert error.__suppress_context__


def test_our_own_overhead_is_small(transport: HttpTransport) -> None:
    """A call over loopback costs a few milliseconds of CPU at the very most."""
    with answering(OK) as server:
        send(transport, server.url)
        before = time.thread_time()
        for _ in range(50):
            send(transport, server.url)
        assert (time.thread_time() - before) / 50 < 0.006


def test_a_reset_at_once_is_told_for_what_it_was(transport: HttpTransport) -> None:
    """It may come before anything was written, or after; it is never taken for an answer, nor for a defect."""
    with desk(reset) as server, pytest.raises((OutcomeUnknownError, NotSentError)):
        send(transport, server.url)


@pytest.mark.parametrize("made", [_Plain, _Tls])
def test_a_connection_that_was_closed_while_sending_has_no_answer(made: type[_Plain | _Tls]) -> None:
    """A write into it may have met the reset already: that is an outcome of the network, and no defect."""
    with pytest.raises(ConnectionResetError, match="closed while the request was sent"):
        made("127.0.0.1", unused_port()).getresponse()
