from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import requests

from connectors.sdk import hmac_base64
from gateway.errors import StoreError
from gateway.flow.desks import LiveSite
from gateway.ports import Envelope, Handshake, IncomingRequest
from gateway.store import SqlStore
from gateway.web.parts import WebLimits
from tests.web.conftest import SECRET, TOKEN, Serve, SmallGateway

BODY = json.dumps(
    {"type": "zen:event-type:ticket.created", "id": "event-1", "time": "2026-03-01T08:00:00Z", "detail": {"id": "35"}}
).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Return the headers by which Zendesk proves a body."""
    stamp = "2026-03-01T08:00:00Z"
    return {
        "X-Zendesk-Webhook-Signature": hmac_base64(secret, stamp.encode() + body),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        "Content-Type": "application/json",
    }


def post(address: str, body: bytes = BODY, name: str = "acme-zendesk", secret: str = SECRET) -> requests.Response:
    """Send a signed delivery."""
    return requests.post(f"{address}/hooks/{name}", data=body, headers=signed(body, secret), timeout=10)


def stored(store: SqlStore) -> int:
    """Count what waits."""
    with store.read() as tx:
        return tx.inbox.pending()


def test_an_authentic_delivery_is_stored_before_it_is_answered(address: str, parts: SmallGateway) -> None:
    """Its id finds it in the inbox, raw as it came, and the bell of apply rings."""
    answer = post(address)
    said = answer.json()
    assert (answer.status_code, said["accepted"], said["duplicate"]) == (200, True, False)
    with parts.store.read() as tx:
        row = tx.inbox.get(said["id"])
    assert row is not None
    assert (row.body, row.source_event_id, row.ref, row.trace_id) == (BODY, "event-1", "35", said["trace_id"])
    assert "x-zendesk-webhook-signature" not in row.headers
    assert parts.doorbell.rung.wait(5)
    assert set(parts.doorbell.rings) == {"apply"}


def test_the_trace_of_the_sender_goes_on(address: str) -> None:
    """A W3C traceparent names the trace."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = signed(BODY) | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = requests.post(f"{address}/hooks/acme-zendesk", data=BODY, headers=headers, timeout=10)
    assert answer.json()["trace_id"] == trace


def test_ten_at_once_are_one(address: str, store: SqlStore) -> None:
    """Each is answered 200; one is new."""
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(post(address))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 10
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False] + [True] * 9
    assert stored(store) == 1


@pytest.mark.parametrize("body", [b"", b"not json \xff\x00", b"[" * 5000, b'{"type": 7}'])
def test_an_authentic_body_that_means_nothing_is_stored(address: str, store: SqlStore, body: bytes) -> None:
    """Apply parks it; it is never refused here."""
    assert post(address, body).status_code == 200
    assert stored(store) == 1


@pytest.mark.parametrize("secret", ["another secret", None])
def test_a_delivery_without_proof_is_refused_and_not_stored(address: str, store: SqlStore, secret: str | None) -> None:
    """401, and it says which header is wrong."""
    if secret is None:
        answer = requests.post(f"{address}/hooks/acme-zendesk", data=BODY, timeout=10)
    else:
        answer = post(address, secret=secret)
    assert answer.status_code == 401
    assert "x-zendesk-webhook-signature" in answer.json()["error"]
    assert SECRET not in answer.text
    assert stored(store) == 0


@pytest.mark.parametrize("name", ["nobody", "nobody/more", "%3Cscript%3E", "..%2f..", "ä" * 300])
def test_an_unknown_connection_is_404(address: str, store: SqlStore, name: str) -> None:
    """Whatever its name."""
    assert post(address, name=name).status_code == 404
    assert stored(store) == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_405(address: str, method: str) -> None:
    """It says which are right."""
    answer = requests.request(method, f"{address}/hooks/acme-zendesk", timeout=10)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_the_limit_is_exact(serve: Serve, store: SqlStore) -> None:
    """As many bytes as the limit pass; one more is 413, before the proof is looked at."""
    address = serve(WebLimits(token=TOKEN, max_body=1000))
    assert post(address, b"x" * 1000).status_code == 200
    answer = post(address, b"x" * 1001, secret="wrong")
    assert (answer.status_code, answer.headers["Connection"].split(",")[0]) == (413, "close")
    assert "1000 bytes" in answer.json()["error"]
    assert post(address, b"x" * 1001, name="nobody").status_code == 404
    assert stored(store) == 1


def test_a_large_body_is_refused_without_being_read_whole(serve: Serve) -> None:
    """The answer comes although most of the body was never sent."""
    address = urlsplit(serve(WebLimits(token=TOKEN, max_body=1000)))
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as sock:
        sock.sendall(b"POST /hooks/acme-zendesk HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        sock.sendall(b"x" * (2 * 1024 * 1024))
        assert sock.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_was_cut_off_is_refused(serve: Serve, store: SqlStore) -> None:
    """Even when what came is proved."""
    address = urlsplit(serve())
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(BODY).items())
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as sock:
        head = f"POST /hooks/acme-zendesk HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(BODY) + 1}\r\n\r\n"
        sock.sendall(head.encode() + BODY)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100).startswith(b"HTTP/1.1 400")
    assert stored(store) == 0


@pytest.mark.parametrize(("chunk", "status"), [(100, 200), (101, 413)])
def test_chunks_are_counted(serve: Serve, store: SqlStore, chunk: int, status: int) -> None:
    """A body without Content-Length has the same limit."""
    address = urlsplit(serve(WebLimits(token=TOKEN, max_body=1000)))
    body = b"x" * chunk * 10
    connection = http.client.HTTPConnection(address.netloc, timeout=10)

    def chunks() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * chunk

    connection.request("POST", "/hooks/acme-zendesk", body=chunks(), headers=signed(body), encode_chunked=True)
    assert connection.getresponse().status == status
    connection.close()
    assert stored(store) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    "limits",
    [{"max_pending": 0}, {"min_free": 2**62}],
)
def test_a_full_gateway_asks_for_a_redelivery(
    serve: Serve, parts: SmallGateway, store: SqlStore, limits: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """503 with a wait that Zendesk accepts, for authentic deliveries; others are 401 as ever."""
    full = WebLimits(token=TOKEN, data=tmp_path_factory.getbasetemp(), **limits)
    address = serve()
    assert post(address).status_code == 200
    address = serve(full)
    answer = post(address, BODY + b" ")
    assert answer.status_code == 503
    assert 0 < int(answer.headers["Retry-After"]) < 60
    assert post(address, secret="wrong").status_code == 401
    assert stored(store) == 1


def test_a_database_that_refuses_is_a_redelivery(address: str, store: SqlStore) -> None:
    """No traceback, no detail of the database; 503 and when to come again."""
    assert post(address).status_code == 200
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE delivery_keys")
    answer = post(address, BODY + b" ")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "delivery_keys" not in answer.text
    assert answer.json()["trace_id"]


class Broken:
    """A connector with a defect in one place, and one that greets."""

    def __init__(self, inner: object, *, verify: Exception | None = None, envelope: Envelope | Handshake) -> None:
        self.spec = inner.spec  # type: ignore[attr-defined]
        self.settings = inner.settings  # type: ignore[attr-defined]
        self._verify = verify
        self._envelope = envelope

    def verify(self, request: IncomingRequest, now: object) -> None:
        """Pass, or fail."""
        if self._verify is not None:
            raise self._verify

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Return the one answer."""
        return self._envelope


def with_connector(parts: SmallGateway, connector: object) -> None:
    """Put it in the place of Zendesk."""
    parts.live = msgspec.structs.replace(parts.live, connectors={"acme-zendesk": connector})


@pytest.mark.parametrize("error", [ZeroDivisionError("with s3cret inside"), StoreError("sqlite said s3cret")])
def test_a_defect_is_a_redelivery(serve: Serve, parts: SmallGateway, error: Exception) -> None:
    """Nothing of it reaches the desk."""
    connector = parts.live.connectors["acme-zendesk"]
    with_connector(parts, Broken(connector, verify=error, envelope=Handshake()))
    answer = post(serve())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "s3cret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_handshake_is_answered_and_not_stored(serve: Serve, parts: SmallGateway, store: SqlStore) -> None:
    """By GET, HEAD and POST, as the connector says."""
    connector = parts.live.connectors["acme-zendesk"]
    with_connector(parts, Broken(connector, envelope=Handshake(202, b"hello", "text/x-greeting")))
    address = serve()
    for method, body in (("GET", b"hello"), ("HEAD", b""), ("POST", b"hello")):
        answer = requests.request(method, f"{address}/hooks/acme-zendesk", timeout=10)
        assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (202, body, "text/x-greeting")
    assert stored(store) == 0


def test_a_delivery_is_stored_and_answered_as_its_desk_wants_it(
    serve: Serve, parts: SmallGateway, store: SqlStore
) -> None:
    """In the desk's own form, when it is new and when it is known already."""
    connector = parts.live.connectors["acme-zendesk"]
    reply = Handshake(200, b"<Ack>true</Ack>", "text/xml")
    with_connector(parts, Broken(connector, envelope=Envelope("id", reply=reply)))
    address = serve()
    for _ in range(2):
        answer = post(address)
        assert (answer.status_code, answer.content) == (200, b"<Ack>true</Ack>")
        assert answer.headers["Content-Type"] == "text/xml"
    assert stored(store) == 1


def test_a_get_is_no_delivery(serve: Serve, parts: SmallGateway, store: SqlStore) -> None:
    """An unproved one is 401, an authentic one that is no handshake 405."""
    assert requests.get(f"{serve()}/hooks/acme-zendesk", timeout=10).status_code == 401
    assert requests.get(f"{serve()}/hooks/nobody", timeout=10).status_code == 404
    connector = parts.live.connectors["acme-zendesk"]
    with_connector(parts, Broken(connector, envelope=Envelope("id")))
    assert requests.get(f"{serve()}/hooks/acme-zendesk", timeout=10).status_code == 405
    assert stored(store) == 0


def test_a_new_release_is_seen_soon(address: str, parts: SmallGateway) -> None:
    """A connection that a release added works within two seconds, without a query a request."""
    assert post(address, name="second").status_code == 404
    calls = []

    def site() -> LiveSite:
        calls.append(1)
        connectors = {**parts.live.connectors, "second": parts.live.connectors["acme-zendesk"]}
        return msgspec.structs.replace(parts.live, connectors=connectors)

    parts.site = site  # type: ignore[method-assign]
    done = threading.Event()
    for _ in range(300):
        if post(address, name="second").status_code == 200:
            break
        done.wait(0.02)
    else:
        pytest.fail("the new release was not seen")
    for _ in range(20):
        post(address)
    assert len(calls) <= 3


def test_health(address: str, parts: SmallGateway) -> None:
    """Alive without a look at the database; ready with one, and Redis is only a detail."""
    assert requests.get(f"{address}/healthz", timeout=10).json() == {"ok": True}
    ready = requests.get(f"{address}/readyz", timeout=10)
    assert (ready.status_code, ready.json()["schema"], ready.json()["redis"]) == (200, "current", "ok")
    parts.doorbell.here = False
    assert requests.get(f"{address}/readyz", timeout=10).status_code == 200
    with parts.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    old = requests.get(f"{address}/readyz", timeout=10)
    assert (old.status_code, old.json()["ok"]) == (503, False)
    with parts.store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE deliveries")
    assert requests.get(f"{address}/readyz", timeout=10).status_code == 503
    assert requests.get(f"{address}/healthz", timeout=10).status_code == 200
