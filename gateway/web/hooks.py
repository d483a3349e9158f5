"""POST /hooks/<connection>: authenticate, store durably, answer. GET and HEAD answer a desk's endpoint check.

The path is hot: no query a request, one durable commit for many requests, and the doorbell rings on another thread.
It stands before Flask as WSGI, because finding a view and wrapping a request and an answer cost as much as all the
rest of it (docs/performance.md). Whatever we cannot take now is answered with what makes a desk send it again: 503
and Retry-After (Zendesk retries that when the wait is under a minute).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gateway.errors import AuthenticationError, GatewayError, StoreError
from gateway.flow.receive import receive
from gateway.ports import Connector, Handshake, IncomingRequest
from gateway.store import GroupCommitIntake
from gateway.telemetry import new_trace_id, tell_defect, trace_id_of, traced
from gateway.web.body import IncompleteError, TooLargeError, read_body
from gateway.web.parts import Parts, WebLimits
from gateway.web.ringing import Ringing
from gateway.web.watch import Watch

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

PREFIX = "/hooks/"
RETRY_AFTER = "5"
_encode = msgspec.json.Encoder().encode
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Answer(msgspec.Struct):
    """What a desk is answered."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Send it as WSGI wants it."""
        headers = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("X-Content-Type-Options", "nosniff"),
            *self.headers,
        ]
        start_response(_STATUS.get(self.status, str(self.status)), headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


class Hooks:
    """What stands at /hooks/; everything else goes on to `other`."""

    def __init__(self, parts: Parts, limits: WebLimits, other: Wsgi) -> None:
        self._parts = parts
        self._other = other
        self._limits = limits
        self._watch = Watch(parts, limits)
        self._ringing = Ringing(parts.doorbell, "apply")
        self._intake: GroupCommitIntake | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ.get("PATH_INFO", "")
        connection = path.removeprefix(PREFIX)
        if not connection or connection == path or "/" in connection:
            return self._other(environ, start_response)
        # WSGI hands the bytes of a path on as latin-1
        connection = connection.encode("latin-1", "replace").decode("utf-8", "replace")
        method = environ["REQUEST_METHOD"]
        if method == "POST":
            answer = self._guarded(self._take, connection, environ)
        elif method in {"GET", "HEAD"}:
            answer = self._guarded(self._check, connection, environ)
        else:
            answer = _no_post("")
        return answer.send(environ, start_response)

    def _guarded(self, view: Callable[[str, Environ, str], Answer], connection: str, environ: Environ) -> Answer:
        """Answer under a trace id; a defect of ours is a reason to send it again, never a traceback."""
        trace_id = trace_id_of(environ.get("HTTP_TRACEPARENT", "")) or new_trace_id(os.urandom(16))
        with traced(trace_id):
            try:
                return view(connection, environ, trace_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, the desk is to send it again
                if not isinstance(error, GatewayError):
                    tell_defect(log, "a delivery could not be taken", error, connection=connection[:100])
                return _later(trace_id, "the gateway cannot take it now")

    def _take(self, connection: str, environ: Environ, trace_id: str) -> Answer:
        site, refusal = self._watch.look()
        connector = site.connectors.get(connection)
        if connector is None:
            return _unknown(connection, trace_id)
        try:
            body = read_body(environ, self._limits.max_body)
        except TooLargeError:
            return self._too_large(trace_id)
        except IncompleteError:
            return _refused(400, "the body ended before its Content-Length", trace_id)
        try:
            return self._store(_incoming(environ, body), connector, refusal, trace_id)
        except AuthenticationError as error:
            log.warning("a delivery did not prove its origin", extra={"connection": connection, "error": str(error)})
            return _refused(401, str(error), trace_id)
        except StoreError as error:
            log.warning("a delivery could not be stored", extra={"connection": connection, "error": str(error)})
            return _later(trace_id, "the database cannot take it now")

    def _store(self, incoming: IncomingRequest, connector: Connector, refusal: str, trace_id: str) -> Answer:
        if refusal:
            connector.verify(incoming, self._parts.clock.now())
            log.warning("a delivery is refused for now", extra={"why": refusal})
            return _later(trace_id, "the gateway is full; it takes deliveries again soon")
        if self._intake is None:
            # two at once make two, and both work; the later one stays
            self._intake = GroupCommitIntake(self._parts.store, self._ringing.ask)
        done = receive(incoming, connector, self._intake, self._parts.clock, self._parts.ids, trace_id)
        if isinstance(done, Handshake):
            return _handshake(done)
        if done.reply is not None:
            return _handshake(done.reply)
        if done.quiet:
            return Answer(200, b"", "text/plain")
        answer = {"accepted": True, "id": done.delivery_id, "duplicate": not done.new, "trace_id": trace_id}
        return Answer(200, _encode(answer))

    def _too_large(self, trace_id: str) -> Answer:
        answer = _refused(413, f"a delivery may have {self._limits.max_body} bytes", trace_id)
        answer.headers = (("Connection", "close"),)
        return answer

    def _check(self, connection: str, environ: Environ, trace_id: str) -> Answer:
        """Answer a desk that asks whether there is somebody; nothing is stored."""
        site, _ = self._watch.look()
        connector = site.connectors.get(connection)
        if connector is None:
            return _unknown(connection, trace_id)
        incoming = _incoming(environ, b"")
        try:
            connector.verify(incoming, self._parts.clock.now())
        except AuthenticationError as error:
            return _refused(401, str(error), trace_id)
        answer = connector.envelope(incoming)
        return _handshake(answer) if isinstance(answer, Handshake) else _no_post(trace_id)


def _incoming(environ: Environ, body: bytes) -> IncomingRequest:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    for name, header in (("CONTENT_TYPE", "content-type"), ("CONTENT_LENGTH", "content-length")):
        if value := environ.get(name):
            headers[header] = value
    query: dict[str, str] = {}
    if text := environ.get("QUERY_STRING"):
        for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
            query.setdefault(name, value)
    path = environ["PATH_INFO"].encode("latin-1", "replace").decode("utf-8", "replace")
    return IncomingRequest(environ["REQUEST_METHOD"], path, query, headers, body)


def _handshake(answer: Handshake) -> Answer:
    return Answer(answer.status, answer.body, answer.content_type)


def _unknown(connection: str, trace_id: str) -> Answer:
    return _refused(404, f"there is no connection {connection[:100]!r} here", trace_id)


def _no_post(trace_id: str) -> Answer:
    refused = _refused(405, "deliveries come by POST", trace_id)
    refused.headers = (("Allow", "POST"),)
    return refused


def _refused(status: int, error: str, trace_id: str) -> Answer:
    answer = {"accepted": False, "error": error, "trace_id": trace_id}
    return Answer(status, _encode(answer))


def _later(trace_id: str, error: str) -> Answer:
    answer = _refused(503, error, trace_id)
    answer.headers = (("Retry-After", RETRY_AFTER),)
    return answer
