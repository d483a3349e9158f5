"""Signed JSON under the part of the suite that is about notices."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, ClassVar

from connectors import webhook
from connectors.testing.conformance.channel import Channel
from connectors.webhook.simulator import WebhookSimulator

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class TestWebhook(Channel):
    """Posted under one name, by which the receiver knows it again."""

    plugin = webhook.gateway_connector()
    folder = Path(webhook.__file__).parent
    simulator = WebhookSimulator
    started: ClassVar[dict[str, Any]] = {"key": base64.b64decode(SECRET.removeprefix("whsec_"))}
    options: ClassVar[dict[str, Any]] = {"secret": SECRET}
    path = "/hook"
