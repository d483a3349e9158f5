"""Files go out and come in without being held: as they are, in parts, as base64 inside JSON, where they may."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.testing.files import MemoryFiles
from gateway.errors import LoginRefusedError, NotSentError, OriginError, OutcomeUnknownError
from gateway.http import HttpTransport
from gateway.http.pieces import json_pieces, length, multipart, stream
from gateway.ports import Blob, Connector, Effect, Grant, HttpRequest, HttpResponse, Part
from gateway.ports.http import packed, unpacked
from tests.http.connector import TOKEN, Credentials, connector
from tests.http.servers import OK, answering

FILE = bytes(range(256)) * 900 + b"the end"


@pytest.fixture
def files() -> MemoryFiles:
    """Keep files."""
    return MemoryFiles()


@pytest.fixture
def transport(files: MemoryFiles) -> Iterator[HttpTransport]:
    """Give a transport and close its connections afterwards."""
    made = HttpTransport(files=files, max_file=300_000)
    yield made
    made.close()


def send(transport: HttpTransport, to: Connector, request: HttpRequest) -> HttpResponse:
    """Send to a connection."""
    return transport.send(to, request, deadline=5.0, trace_id="")


def body_of(request: bytes) -> tuple[Message, bytes]:
    """Return the head and the body of a request as a server reads it."""
    head, _, body = request.partition(b"\r\n\r\n")
    return BytesParser().parsebytes(head.partition(b"\r\n")[2]), body


def test_a_file_is_a_body(transport: HttpTransport, files: MemoryFiles) -> None:
    """With its length said before it comes."""
    with answering(OK) as server:
        send(transport, connector(server.url), HttpRequest("PUT", "/f", Effect.STAGE, body=files.put(FILE)))
    head, body = body_of(server.requests[0])
    assert body == FILE
    assert head["Content-Length"] == str(len(FILE))
    assert "Transfer-Encoding" not in head


def test_a_file_is_a_part(transport: HttpTransport, files: MemoryFiles) -> None:
    """Beside fields, with a name that may hold anything."""
    parts = (
        Part("body", "Grüße\r\n--x"),
        Part("attachments[]", files.put(FILE), filename='odd "name"\r\n.png', mime="image/png"),
    )
    with answering(OK) as server:
        send(transport, connector(server.url), HttpRequest("POST", "/t", Effect.WRITE, parts=parts))
    head, body = body_of(server.requests[0])
    whole = BytesParser().parsebytes(b"Content-Type: " + head["Content-Type"].encode() + b"\r\n\r\n" + body)
    assert whole.is_multipart()
    field, file = cast("list[Message]", whole.get_payload())
    assert field.get_payload(decode=True) == "Grüße\r\n--x".encode()
    assert file.get_payload(decode=True) == FILE
    assert file.get_content_type() == "image/png"
    assert file.get_param("filename", header="content-disposition") == "odd %22name%22%0D%0A.png"


def test_a_file_is_base64_inside_json(transport: HttpTransport, files: MemoryFiles) -> None:
    """Wherever it stands, and a text that looks like one stays a text."""
    blob = files.put(FILE)
    odd = f"\x00blob:{blob.sha256}:{blob.size}"
    sent = {"a": [{"data": blob, "name": "x"}, odd, f"\\u0000blob:{blob.sha256}:1"], "b": "ü"}
    with answering(OK) as server:
        send(transport, connector(server.url), HttpRequest("POST", "/t", Effect.WRITE, json=sent))
    head, body = body_of(server.requests[0])
    found = json.loads(body)
    assert base64.b64decode(found["a"][0]["data"], validate=True) == FILE
    assert found["a"][1].startswith("blob:")
    assert found["a"][2] == f"\\u0000blob:{blob.sha256}:1"
    assert found["b"] == "ü"
    assert head["Content-Type"] == "application/json"
    assert head["Content-Length"] == str(len(body))


@given(st.lists(st.one_of(st.text(max_size=20), st.binary(max_size=40)), max_size=6))
def test_pieces_are_as_long_as_they_say(values: list[str | bytes]) -> None:
    """Of JSON and of parts alike: a length that lies breaks the connection."""
    files = MemoryFiles()
    given_ = [files.put(each) if isinstance(each, bytes) else each for each in values]
    for pieces in (json_pieces({"x": given_}), multipart([Part(f"p{n}", each) for n, each in enumerate(given_)])[1]):
        assert len(b"".join(stream(pieces, files.open))) == length(pieces)
    decoded = json.loads(b"".join(stream(json_pieces(given_), files.open)))
    assert [
        base64.b64decode(shown) if isinstance(each, bytes) else shown
        for each, shown in zip(values, decoded, strict=True)
    ] == [each if isinstance(each, bytes) else each.replace("\x00blob:", "blob:") for each in values]


def test_a_stored_request_has_its_files_in_their_places() -> None:
    """It is sent again as it was."""
    blob = Blob(hashlib.sha256(FILE).hexdigest(), len(FILE))
    request = HttpRequest(
        "POST", "/t", Effect.WRITE, json={"files": [{"data": blob}, "x"]}, headers={"Idempotency-Key": "k"}
    )
    assert unpacked(packed(request)) == request
    for other in (HttpRequest("POST", "/t", body=blob), HttpRequest("POST", "/t", parts=(Part("a", blob, "n"),))):
        assert unpacked(packed(other)) == other


def test_a_file_that_is_gone_is_not_half_a_request(transport: HttpTransport) -> None:
    """It is known whether anything left."""
    with answering(OK) as server, pytest.raises((NotSentError, OutcomeUnknownError)):
        send(transport, connector(server.url), HttpRequest("PUT", "/f", Effect.STAGE, body=Blob("0" * 64, 5)))


def test_an_answer_is_kept(transport: HttpTransport, files: MemoryFiles) -> None:
    """By its hash; an error is no file."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FILE) + FILE
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
    with answering(whole, missing) as server:
        got = send(transport, connector(server.url), HttpRequest("GET", "/f", keep=True))
        gone = send(transport, connector(server.url), HttpRequest("GET", "/f", keep=True))
    assert got.blob == Blob(hashlib.sha256(FILE).hexdigest(), len(FILE))
    assert b"".join(files.open(got.blob.sha256)) == FILE
    assert got.body == b""
    assert (gone.status, gone.blob, gone.body) == (404, None, b"{}")


def test_a_file_that_is_too_large_is_not_read(transport: HttpTransport, files: MemoryFiles) -> None:
    """However much of it comes."""
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000
    with answering(large) as server, pytest.raises(OutcomeUnknownError, match="larger than 300000 bytes"):
        send(transport, connector(server.url), HttpRequest("GET", "/f", keep=True))
    assert files.held == {}


def redirect(to: str) -> bytes:
    """Return an answer that leads elsewhere."""
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_redirect_is_followed_for_a_file_only(transport: HttpTransport) -> None:
    """Within the desk's own origin, and not for ever."""
    file = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    with answering(redirect("/there"), file) as server:
        assert send(transport, connector(server.url), HttpRequest("GET", "/f", keep=True)).blob is not None
        assert [one.split(b" ")[1] for one in server.requests] == [b"/f", b"/there"]
    with answering(redirect("/there"), file) as server:
        assert send(transport, connector(server.url), HttpRequest("GET", "/f")).status == 302
    with answering(redirect("/for-ever")) as server:
        assert send(transport, connector(server.url), HttpRequest("GET", "/f", keep=True)).status == 302
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:1/x", "https://evil.example/x", "http://cdn.desk.example/x", "https://desk.example/x",
           "https://user@cdn.desk.example/x", "https://cdn.desk.example.evil.example/x", "file:///etc/passwd"]
)  # fmt: skip
def test_a_file_leads_nowhere_else(transport: HttpTransport, to: str) -> None:
    """But to hosts that the connector names, over TLS."""
    with answering(redirect(to)) as server:
        there = Credentials(server.url)
        there.spec = msgspec.structs.replace(there.spec, file_hosts=("*.desk.example",))
        with pytest.raises(OriginError):
            send(transport, cast("Connector", cast("Any", there)), HttpRequest("GET", "/f", keep=True))


def test_credentials_do_not_leave_with_a_file(transport: HttpTransport) -> None:
    """The address of a file host is rendered as one that is not the desk's own."""
    there = Credentials("https://desk.example")
    there.spec = msgspec.structs.replace(there.spec, file_hosts=("*.files.example",))
    known = cast("Connector", cast("Any", there))
    rendered = transport.render(known, HttpRequest("GET", "https://a.files.example/x", keep=True))
    assert not rendered.home
    assert "Authorization" not in transport._prepare(known, HttpRequest("GET", "/x"), rendered, "").headers
    with pytest.raises(OriginError):
        transport.render(known, HttpRequest("GET", "https://a.files.example/x"))


# ---------------------------------------------------------------- access tokens


class Login(Credentials):
    """A connection whose desk wants an access token."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.given = Grant(
            url + "/token", {"grant_type": "client_credentials", "client_id": "a", "client_secret": "s&"}
        )

    def grant(self) -> Grant | None:
        """Say how it is got."""
        return self.given


def answer(status: str, body: bytes) -> bytes:
    """Return a whole answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body


def login(url: str) -> Connector:
    """Return one as the transport is typed for."""
    return cast("Connector", cast("Any", Login(url)))


def test_a_token_is_got_once_and_used(transport: HttpTransport) -> None:
    """The form goes to its address alone; a request of the desk bears the token."""
    with answering(answer("200 OK", b'{"access_token":"abc","expires_in":3600}'), OK) as server:
        there = login(server.url)
        assert send(transport, there, HttpRequest("GET", "/x")).ok
        assert send(transport, there, HttpRequest("GET", "/y")).ok
    asked, first, second = (body_of(each) for each in server.requests)
    assert asked[1] == b"grant_type=client_credentials&client_id=a&client_secret=s%26"
    assert TOKEN.encode() not in server.requests[0]
    assert first[0]["Authorization"] == second[0]["Authorization"] == "Bearer abc"


def test_a_token_that_is_refused_is_renewed() -> None:
    """When the desk takes it no more, the request is sent again with a new one."""
    transport = HttpTransport(young=-1.0)
    with answering(
        answer("200 OK", b'{"access_token":"one","expires_in":3600}'),
        OK,
        answer("401 Unauthorized", b"{}"),
        answer("200 OK", b'{"access_token":"two","expires_in":"90"}'),
        OK,
    ) as server:
        there = login(server.url)
        assert send(transport, there, HttpRequest("GET", "/x")).ok
        assert send(transport, there, HttpRequest("POST", "/y", Effect.WRITE, json={})).ok
    assert [body_of(each)[0]["Authorization"] for each in server.requests] == [
        None, "Bearer one", "Bearer one", None, "Bearer two",
    ]  # fmt: skip


def test_a_fresh_token_that_is_refused_is_an_answer(transport: HttpTransport) -> None:
    """Another would be refused as well."""
    with answering(answer("200 OK", b'{"access_token":"one"}'), answer("401 Unauthorized", b"{}")) as server:
        assert send(transport, login(server.url), HttpRequest("GET", "/x")).status == 401
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer("401 Unauthorized", b'{"error":"invalid_client"}'), LoginRefusedError),
        (answer("400 Bad Request", b"<html>"), LoginRefusedError),
        (answer("503 Busy", b""), NotSentError),
        (answer("200 OK", b'{"token":1}'), NotSentError),
        (answer("200 OK", b'{"access_token":"a\\r\\nb"}'), NotSentError),
        (answer("200 OK", b"[]"), NotSentError),
    ],
)
def test_without_a_token_nothing_is_sent(transport: HttpTransport, told: bytes, error: type[NotSentError]) -> None:
    """And the words hold no secret."""
    with answering(told) as server, pytest.raises(NotSentError) as caught:
        send(transport, login(server.url), HttpRequest("POST", "/y", Effect.WRITE, json={}))
    assert caught.type is error
    assert "s&" not in str(caught.value)
    assert len(server.requests) == 1
