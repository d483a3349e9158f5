"""What a site says about one business phone number, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.sdk import ConnectionSettings, Setting
from gateway.errors import ConfigError

ORIGIN = "https://graph.facebook.com"
#: the version of the Graph API stands in the address; Meta keeps each for two years
ADDRESS = f"{ORIGIN}/v23.0"
#: where the addresses of media lead; they want the token, too (Cloud API, "Media")
MEDIA_ORIGIN = "https://lookaside.fbsbx.com"

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "required": ["token"],
            "properties": {"token": {"type": "string"}},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{token} of a system user with whatsapp_business_messaging and whatsapp_business_management",
    ),
    Setting("phone_number_id", {"type": "string", "pattern": "^[0-9]+$"}, required=True, help="not the number itself"),
    Setting(
        "verify_token", {"type": "string", "minLength": 8}, secret=True, help="asked for when the webhook is set up"
    ),
    Setting(
        "template",
        {
            "type": "object",
            "required": ["name", "language"],
            "properties": {"name": {"type": "string"}, "language": {"type": "string"}},
            "additionalProperties": False,
        },
        help="an approved template whose body has one variable: it carries a reply after 24 hours of silence",
    ),
)


class Account(msgspec.Struct, frozen=True):
    """One phone number; its repr shows no secret."""

    url: str
    token: str
    phone_number_id: str
    app_secrets: tuple[str, ...]
    verify_token: str = ""
    template: str = ""
    language: str = ""

    def __repr__(self) -> str:
        """Name the number only."""
        return f"Account({self.phone_number_id!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError without a token or a number."""
        options = settings.options
        auth = options.get("auth")
        token = str(auth.get("token") or "") if isinstance(auth, Mapping) else ""
        number = str(options.get("phone_number_id") or "")
        if not token or not number:
            msg = f"connection {settings.name!r}: needs auth {{token}} and phone_number_id"
            raise ConfigError(msg)
        secret = options.get("webhook_secret") or ()
        secrets = (secret,) if isinstance(secret, str) else tuple(str(one) for one in secret if one)
        template = options.get("template")
        given = template if isinstance(template, Mapping) else {}
        return cls(
            (settings.url or ADDRESS).rstrip("/"),
            token,
            number,
            secrets,
            str(options.get("verify_token") or ""),
            str(given.get("name") or ""),
            str(given.get("language") or ""),
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(filter(None, (self.token, *self.app_secrets, self.verify_token)))
