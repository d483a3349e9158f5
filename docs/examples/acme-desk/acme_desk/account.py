"""What a site says about one Acme account, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.sdk import ConnectionSettings, Setting
from gateway.errors import ConfigError

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "required": ["email", "token"],
            "properties": {"email": {"type": "string"}, "token": {"type": "string"}},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{email, token} of an agent kept for the gateway",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="what webhooks are signed with; a list while it is being changed",
    ),
)


class Account(msgspec.Struct, frozen=True):
    """One account; its repr shows no secret."""

    url: str
    email: str
    token: str
    webhook_secrets: tuple[str, ...]

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        auth = settings.options.get("auth")
        given = auth if isinstance(auth, Mapping) else {}
        email, token = str(given.get("email") or ""), str(given.get("token") or "")
        if not (email and token):
            raise ConfigError(f"connection {settings.name!r}: auth needs {{email, token}} of an agent")
        hooks = settings.options.get("webhook_secret") or ()
        secrets = (hooks,) if isinstance(hooks, str) else tuple(str(each) for each in hooks if each)
        return cls(settings.url.rstrip("/"), email, token, secrets)

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(dict.fromkeys((self.token, *self.webhook_secrets)))
