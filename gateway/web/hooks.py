"""POST /hooks/<connection>: authenticate, store durably, answer. GET and HEAD answer a desk's endpoint check.

The path is hot: no query a request, one durable commit for many requests, and the doorbell rings on another thread.
Whatever we cannot take now is answered with what makes a desk send it again: 503 and Retry-After (Zendesk retries
that when the wait is under a minute).
"""

from __future__ import annotations

import logging
import os

import msgspec
from flask import Flask, Response, request

from gateway.errors import AuthenticationError, GatewayError, StoreError
from gateway.flow.receive import receive
from gateway.ports import Connector, Handshake, IncomingRequest
from gateway.store import GroupCommitIntake
from gateway.telemetry import new_trace_id, trace_id_of, traced
from gateway.web.body import IncompleteError, TooLargeError, read_body
from gateway.web.parts import Parts, WebLimits
from gateway.web.ringing import Ringing
from gateway.web.watch import Watch

log = logging.getLogger(__name__)

RETRY_AFTER = "5"
_encode = msgspec.json.Encoder().encode


class Hooks:
    """The views of /hooks/."""

    def __init__(self, parts: Parts, limits: WebLimits) -> None:
        self._parts = parts
        self._limits = limits
        self._watch = Watch(parts, limits)
        self._ringing = Ringing(parts.doorbell, "apply")
        self._intake: GroupCommitIntake | None = None

    def take(self, connection: str) -> Response:
        """Take one delivery."""
        trace_id = trace_id_of(request.headers.get("traceparent", "")) or new_trace_id(os.urandom(16))
        with traced(trace_id):
            try:
                return self._take(connection, trace_id)
            except Exception as error:
                if not isinstance(error, GatewayError):
                    log.exception("a delivery could not be taken", extra={"connection": connection})
                return _later(trace_id, "the gateway cannot take it now")

    def _take(self, connection: str, trace_id: str) -> Response:
        site, refusal = self._watch.look()
        connector = site.connectors.get(connection)
        if connector is None:
            return _refused(404, f"there is no connection {connection[:100]!r} here", trace_id)
        try:
            body = read_body(request.environ, self._limits.max_body)
        except TooLargeError:
            return self._too_large(trace_id)
        except IncompleteError:
            return _refused(400, "the body ended before its Content-Length", trace_id)
        try:
            return self._store(_incoming(body), connector, refusal, trace_id)
        except AuthenticationError as error:
            log.warning("a delivery did not prove its origin", extra={"connection": connection, "error": str(error)})
            return _refused(401, str(error), trace_id)
        except StoreError as error:
            log.warning("a delivery could not be stored", extra={"connection": connection, "error": str(error)})
            return _later(trace_id, "the database cannot take it now")

    def _store(self, incoming: IncomingRequest, connector: Connector, refusal: str, trace_id: str) -> Response:
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
        answer = {"accepted": True, "id": done.delivery_id, "duplicate": not done.new, "trace_id": trace_id}
        return Response(_encode(answer), 200, content_type="application/json")

    def _too_large(self, trace_id: str) -> Response:
        answer = _refused(413, f"a delivery may have {self._limits.max_body} bytes", trace_id)
        answer.headers["Connection"] = "close"
        return answer

    def check(self, connection: str) -> Response:
        """Answer a desk that asks whether there is somebody; nothing is stored."""
        trace_id = new_trace_id(os.urandom(16))
        with traced(trace_id):
            site, _ = self._watch.look()
            connector = site.connectors.get(connection)
            if connector is None:
                return _refused(404, f"there is no connection {connection[:100]!r} here", trace_id)
            incoming = _incoming(b"")
            try:
                connector.verify(incoming, self._parts.clock.now())
            except AuthenticationError as error:
                return _refused(401, str(error), trace_id)
            answer = connector.envelope(incoming)
            if isinstance(answer, Handshake):
                return _handshake(answer)
            refused = _refused(405, "deliveries come by POST", trace_id)
            refused.headers["Allow"] = "POST"
            return refused


def _incoming(body: bytes) -> IncomingRequest:
    return IncomingRequest(
        method=request.method,
        path=request.path,
        query=request.args.to_dict() if request.query_string else {},
        headers={name.lower(): value for name, value in request.headers},
        body=body,
    )


def _handshake(answer: Handshake) -> Response:
    return Response(answer.body, answer.status, content_type=answer.content_type)


def _refused(status: int, error: str, trace_id: str) -> Response:
    answer = {"accepted": False, "error": error, "trace_id": trace_id}
    return Response(_encode(answer), status, content_type="application/json")


def _later(trace_id: str, error: str) -> Response:
    answer = _refused(503, error, trace_id)
    answer.headers["Retry-After"] = RETRY_AFTER
    return answer


def add_hooks(app: Flask, parts: Parts, limits: WebLimits) -> None:
    """Add the views of /hooks/ to an application."""
    hooks = Hooks(parts, limits)
    app.add_url_rule("/hooks/<connection>", "hook", hooks.take, methods=["POST"])
    app.add_url_rule("/hooks/<connection>", "hook-check", hooks.check, methods=["GET"])
