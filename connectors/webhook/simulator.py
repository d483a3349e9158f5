"""A receiver on loopback that checks signatures as the Standard Webhooks libraries do, and knows a message again.

Run it as a process of its own with `python -m connectors.webhook.simulator --port N`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sys
from datetime import datetime
from typing import Any

import msgspec

from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

TOLERANCE = 300


class WebhookSimulator(SimulatedDesk):
    """One receiver at /hook; `key` is what it checks signatures with, where it is given."""

    def __init__(self, *, key: bytes = b"", **common: Any) -> None:
        super().__init__(**common)
        self.key = key
        #: the messages by their webhook-id, each once
        self.messages: dict[str, dict[str, Any]] = {}
        #: how often each was posted
        self.posts: list[str] = []
        #: what the next posts are answered with in place of 200
        self.answers: list[SimResponse] = []

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the one address."""
        return [("POST", r"/hook", self._post)]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - it sends nothing
        """Return nothing: a receiver sends nothing."""
        return {}

    def _post(self, request: SimRequest) -> SimResponse:
        name = request.headers.get("webhook-id", "")
        if self.key and not self._is_signed(request, name):
            return json_answer({"error": "no matching signature"}, 401)
        if self.answers:
            return self.answers.pop(0)
        self.posts.append(name)
        if name not in self.messages:
            self.messages[name] = msgspec.json.decode(request.body)
            self.effect("message", name, key=name, change_id=name)
        return json_answer({"ok": True})

    def _is_signed(self, request: SimRequest, name: str) -> bool:
        stamp = request.headers.get("webhook-timestamp", "")
        if not stamp.isdigit() or abs(self.now().timestamp() - int(stamp)) > TOLERANCE:
            return False
        wanted = base64.b64encode(
            hmac.new(self.key, f"{name}.{stamp}.".encode() + request.body, hashlib.sha256).digest()
        ).decode()
        given = request.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(each, f"v1,{wanted}") for each in given)


if __name__ == "__main__":
    sys.exit(serve(WebhookSimulator, "A receiver of signed webhooks on loopback"))
