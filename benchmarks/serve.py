"""Web applications to compare with, under the very server of the gateway: `python -m benchmarks.serve NAME PORT`.

do-nothing checks Zendesk's signature and answers. commit-each also stores each delivery, in a transaction of its own
that begins without the write gate, and rings. rq checks, enqueues an RQ job with Retry, and answers.
"""

from __future__ import annotations

import hmac
import os
import sys
from collections.abc import Callable
from typing import Any

import redis
from flask import Flask, Response, request
from rq import Queue, Retry

from connectors.sdk import hmac_base64
from gateway.bootstrap import build
from gateway.cli.running import WEB_THREADS, WEB_WORKERS
from gateway.cli.serving import Web
from gateway.config import Settings
from gateway.ports import IncomingRequest, NewDelivery
from gateway.store.unit import SqlTx
from gateway.web.ringing import Ringing

STAMP, SIGNATURE = "X-Zendesk-Webhook-Signature-Timestamp", "X-Zendesk-Webhook-Signature"
ANSWER = b'{"accepted":true,"id":"0190c3f0-0000-7000-8000-000000000000","duplicate":false}'


def _app(take: Callable[[bytes], None]) -> Flask:
    """Return an application whose one view checks the signature and hands the body on."""
    app = Flask("benchmarks.serve")
    secret = os.environ["DEMO_ZENDESK_SECRET"]

    @app.post("/hooks/<connection>")
    def hook(connection: str) -> Response:
        del connection
        body = request.get_data()
        expected = hmac_base64(secret, request.headers.get(STAMP, "").encode() + body)
        if not hmac.compare_digest(expected, request.headers.get(SIGNATURE, "")):
            return Response(b"{}", 401, content_type="application/json")
        take(body)
        return Response(ANSWER, 200, content_type="application/json")

    return app


def do_nothing() -> Flask:
    """Check and answer."""
    return _app(lambda _: None)


def commit_each() -> Flask:
    """Check, commit, ring, answer: one transaction a request."""
    gateway = build(Settings.from_env(os.environ), os.environ)
    ringing = Ringing(gateway.doorbell, "apply")
    connector = gateway.site().connectors["acme-zendesk"]
    sealer = gateway.store.sealer

    def take(body: bytes) -> None:
        store = gateway.store
        headers = {name.lower(): value for name, value in request.headers}
        envelope: Any = connector.envelope(_incoming(headers, body))
        row = NewDelivery(
            gateway.ids.new(), "acme-zendesk", envelope.source_event_id, envelope.ref, gateway.clock.now(),
            envelope.headers, body, "",
        )  # fmt: skip
        with store.engine.begin() as connection:
            SqlTx(store, connection, sealer).inbox.add([row])
        ringing.ask()

    return _app(take)


def _incoming(headers: dict[str, str], body: bytes) -> Any:
    return IncomingRequest("POST", "/", {}, headers, body)


def rq() -> Flask:
    """Check, enqueue, answer."""
    queue = Queue("naive", connection=redis.Redis.from_url(os.environ["REDIS_URL"]))

    def take(body: bytes) -> None:
        queue.enqueue("benchmarks.naive.carry", body.decode(), retry=Retry(max=3, interval=[1, 5, 30]))

    return _app(take)


MAKERS = {"do-nothing": do_nothing, "commit-each": commit_each, "rq": rq}


if __name__ == "__main__":
    Web(MAKERS[sys.argv[1]], f"127.0.0.1:{sys.argv[2]}", workers=WEB_WORKERS, threads=WEB_THREADS).run()
