"""What a site says about one receiver, read once from the settings of its connection."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

import msgspec

from connectors.sdk import ConnectionSettings, Setting
from gateway.errors import ConfigError

PREFIX = "whsec_"
#: a shorter path is no secret, and would be masked everywhere
SECRET_PATH = 16

SETTINGS = (
    Setting(
        "secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        required=True,
        secret=True,
        help="what the receiver checks the signature with: whsec_… or any long text; a list while it is being changed",
    ),
    Setting(
        "idempotent",
        {"type": "boolean"},
        help="false: the receiver knows no message again by its webhook-id, so a lost answer is left to a person",
    ),
)


class Account(msgspec.Struct, frozen=True):
    """One receiver; its repr shows no secret."""

    url: str
    keys: tuple[bytes, ...]
    literal: tuple[str, ...]
    idempotent: bool = True

    def __repr__(self) -> str:
        """Name the host only: the rest of an address may be all that protects it."""
        return f"Account({urlsplit(self.url).netloc!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError without an address or a usable secret."""
        if not settings.url:
            msg = f"connection {settings.name!r}: url is missing, the address that is posted to"
            raise ConfigError(msg)
        given = settings.options.get("secret") or ()
        secrets = (given,) if isinstance(given, str) else tuple(str(one) for one in given if one)
        if not secrets:
            msg = f"connection {settings.name!r}: secret is missing"
            raise ConfigError(msg)
        keys = tuple(_key(secret, settings.name) for secret in secrets)
        return cls(settings.url, keys, secrets, settings.options.get("idempotent") is not False)

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction: also an address that only those who may post know."""
        parts = urlsplit(self.url)
        hidden = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return (*self.literal, hidden) if len(hidden) >= SECRET_PATH else self.literal


def _key(secret: str, name: str) -> bytes:
    """Return the bytes that sign: those behind `whsec_` are base64 [W1]."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"connection {name!r}: what stands behind whsec_ in its secret is no base64"
        raise ConfigError(msg) from error
