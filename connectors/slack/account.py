"""What a site says about one Slack workspace, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.sdk import ConnectionSettings, Setting
from gateway.errors import ConfigError

ORIGIN = "https://slack.com"

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "required": ["bot_token"],
            "properties": {"bot_token": {"type": "string"}},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{bot_token} of a Slack app: xoxb-…",
    ),
    Setting(
        "signing_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the app's signing secret; with it, notices of a breach and of a handoff have buttons",
    ),
    Setting(
        "presses",
        {"enum": ["anybody", "people"]},
        help="who may press Acknowledge: anybody in the channel (the default), or people: accounts under `people:`",
    ),
    Setting(
        "channel",
        {"type": "string"},
        help="a channel id whose history the app may read; with it, a lost answer is looked up there",
    ),
)


class Account(msgspec.Struct, frozen=True):
    """One workspace; its repr shows no secret."""

    url: str
    bot_token: str
    signing_secrets: tuple[str, ...]
    channel: str

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError without a bot token."""
        options = settings.options
        auth = options.get("auth")
        token = str(auth.get("bot_token") or "") if isinstance(auth, Mapping) else ""
        if not token:
            msg = f"connection {settings.name!r}: auth needs {{bot_token}}"
            raise ConfigError(msg)
        secret = options.get("signing_secret") or options.get("webhook_secret") or ()
        secrets = (secret,) if isinstance(secret, str) else tuple(str(one) for one in secret if one)
        url = (settings.url or ORIGIN).rstrip("/")
        return cls(url, token, secrets, str(options.get("channel") or ""))

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return (self.bot_token, *self.signing_secrets)
