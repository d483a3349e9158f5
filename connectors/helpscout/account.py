"""What a site says about one Help Scout account, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sdk import Category, ConnectionSettings, Grant, RemotePerson, Setting
from gateway.errors import ConfigError

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NAMES: dict[str, Any] = {"type": "object", "additionalProperties": {"type": ["integer", "string"]}}
#: an access token lasts for two days
TOKEN_SECONDS = 172_800

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["client_id", "client_secret"]}, {"required": ["token"]}],
            "properties": {"client_id": _TEXT, "client_secret": _TEXT, "token": _TEXT},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{client_id, client_secret} of an app that the gateway's user made, or an access {token}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the secret key of the webhook; a list while it is being changed",
    ),
    Setting("account_id", {"type": ["integer", "string"]}, help="the id of the gateway's user; learned when not given"),
    Setting("mailboxes", _NAMES, help="names for inboxes: {Support: 85}; a queue is the name, else the inbox's id"),
    Setting("custom_fields", _NAMES, help="names for custom fields: {plan: 6688}; without a name a field is its id"),
    Setting("ticket_marker", _NAMES["additionalProperties"], help="id of a custom field (text) for our mark"),
    Setting(
        "closed_means",
        {"enum": [Category.RESOLVED.value, Category.CLOSED.value]},
        help="what `closed` means: resolved (default; an answer opens it again) or closed",
    ),
)


class Account(msgspec.Struct):
    """One account; its repr shows no secret. `own`, `people` and `ended` are learned while it is talked to."""

    url: str
    client_id: str
    client_secret: str
    token: str
    webhook_secrets: tuple[str, ...]
    #: both ways: name -> id and id -> name
    mailbox_ids: dict[str, str]
    mailbox_names: dict[str, str]
    field_ids: dict[str, str]
    field_names: dict[str, str]
    marker: str
    closed: Category
    #: the id of our own user, once it is known
    own: str = ""
    own_mail: str = ""
    people: dict[str, RemotePerson] = {}
    #: conversations of which a signed webhook says nothing but their id, as of what is deleted
    ended: dict[str, None] = {}

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        given = (
            {name: str(auth.get(name) or "") for name in ("client_id", "client_secret", "token")}
            if isinstance(auth, Mapping)
            else {}
        )
        if not given or not (given["token"] or (given["client_id"] and given["client_secret"])):
            msg = f"connection {settings.name!r}: auth needs {{client_id, client_secret}} or {{token}}"
            raise ConfigError(msg)
        mailboxes, fields = _names(options.get("mailboxes")), _names(options.get("custom_fields"))
        return cls(
            settings.url.rstrip("/"),
            given["client_id"],
            given["client_secret"],
            given["token"],
            _secrets(options.get("webhook_secret")),
            mailboxes,
            {number: name for name, number in mailboxes.items()},
            fields,
            {number: name for name, number in fields.items()},
            str(options.get("ticket_marker") or ""),
            Category(str(options.get("closed_means") or Category.RESOLVED.value)),
            str(options.get("account_id") or ""),
            "",
            {},
            {},
        )

    def grant(self) -> Grant | None:
        """Return how an access token is got: the form of client credentials (Authentication, "Client Credentials")."""
        if self.token:
            return None
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return Grant(f"{self.url}/v2/oauth2/token", form, TOKEN_SECONDS)

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        found = (self.client_secret, self.token, *self.webhook_secrets)
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def queue(self, mailbox: str) -> str:
        """Return our word for an inbox: its name in the settings, else its id."""
        return self.mailbox_names.get(mailbox, mailbox)

    def mailbox(self, queue: str) -> str:
        """Return the id of the inbox behind a queue, or an empty string when there is none."""
        known = self.mailbox_ids.get(queue, "")
        return known or (queue if queue.isascii() and queue.isdigit() else "")

    def field(self, name: str) -> str:
        """Return the id of a custom field, or an empty string when there is none."""
        known = self.field_ids.get(name, "")
        return known or (name if name.isascii() and name.isdigit() else "")


def _names(given: Any) -> dict[str, str]:
    return {str(name): str(number) for name, number in given.items()} if isinstance(given, Mapping) else {}


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
