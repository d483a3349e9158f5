"""Slack under the part of the suite that is about notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from connectors import slack
from connectors.slack.simulator import SlackSimulator
from connectors.testing.conformance.channel import Channel


class TestSlack(Channel):
    """Posted once where the app may read the channel's history."""

    plugin = slack.gateway_connector()
    folder = Path(slack.__file__).parent
    simulator = SlackSimulator
    started: ClassVar[dict[str, Any]] = {"bot_token": "xoxb-1-secret"}
    options: ClassVar[dict[str, Any]] = {
        "auth": {"bot_token": "xoxb-1-secret"},
        "signing_secret": "an-app-secret",
        "channel": "C0GATEWAY",
    }
    params: ClassVar[dict[str, Any]] = {"channel": "#gateway"}
