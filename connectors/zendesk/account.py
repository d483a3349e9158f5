"""What a site says about one Zendesk account, read once from the settings of its connection."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sdk import ConnectionSettings, Setting
from gateway.errors import ConfigError

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["email", "api_token"]}, {"required": ["oauth_token"]}],
            "properties": {
                "email": {"type": "string"},
                "api_token": {"type": "string"},
                "oauth_token": {"type": "string"},
            },
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{email, api_token} of an agent kept for the gateway, or {oauth_token}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the webhook's signing secret; a list while it is being changed",
    ),
    Setting(
        "account_id",
        {"type": ["integer", "string"]},
        help="Zendesk's user id of the gateway's agent; learned when it is not given",
    ),
    Setting(
        "groups",
        {"type": "object", "additionalProperties": {"type": ["integer", "string"]}},
        help="names for Zendesk groups: {Support: 360001}; a queue is the name, else the id of the group",
    ),
    Setting(
        "sla_events",
        {"type": "boolean"},
        help="also read Zendesk's own SLA clocks, to compare; done unasked where a policy names this desk as authority",
    ),
    Setting(
        "custom_fields",
        {"type": "object", "additionalProperties": {"type": ["integer", "string"]}},
        help="names for custom ticket fields: {sla_due: 360002}; without a name a field is known by its id",
    ),
)


class Account(msgspec.Struct, frozen=True):
    """One account; its repr shows no secret."""

    url: str
    email: str
    api_token: str
    oauth_token: str
    webhook_secrets: tuple[str, ...]
    account_id: str
    #: both ways: name -> id and id -> name
    group_ids: dict[str, str]
    group_names: dict[str, str]
    field_ids: dict[str, str]
    field_names: dict[str, str]
    #: custom fields (by name) and tags in which the gateway alone writes
    own_fields: frozenset[str] = frozenset()
    own_tags: frozenset[str] = frozenset()
    #: Zendesk's own SLA clocks are read
    reads_clocks: bool = False

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        if not isinstance(auth, Mapping):
            msg = f"connection {settings.name!r}: auth needs {{email, api_token}} or {{oauth_token}}"
            raise ConfigError(msg)
        given = {name: str(auth.get(name) or "") for name in ("email", "api_token", "oauth_token")}
        if not given["oauth_token"] and not (given["email"] and given["api_token"]):
            msg = f"connection {settings.name!r}: auth needs {{email, api_token}} or {{oauth_token}}"
            raise ConfigError(msg)
        groups = _names(options.get("groups"))
        fields = _names(options.get("custom_fields"))
        return cls(
            settings.url.rstrip("/"),
            given["email"],
            given["api_token"],
            given["oauth_token"],
            _secrets(options.get("webhook_secret")),
            str(options.get("account_id") or ""),
            groups,
            {number: name for name, number in groups.items()},
            fields,
            {number: name for name, number in fields.items()},
            settings.own_fields,
            settings.own_tags,
            bool(settings.counts) or options.get("sla_events") is True,
        )

    def authorization(self) -> str:
        """Return the Authorization header: `email/token:api_token` as Basic, or Bearer [Z14]."""
        if self.oauth_token:
            return f"Bearer {self.oauth_token}"
        pair = f"{self.email}/token:{self.api_token}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        bare = self.authorization().partition(" ")[2]
        found = (self.api_token, self.oauth_token, bare, *self.webhook_secrets)
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def queue(self, group_id: str) -> str:
        """Return our word for a group: its name in the settings, else its id."""
        return self.group_names.get(group_id, group_id)

    def group(self, queue: str) -> str:
        """Return the group id behind a queue, or an empty string when there is none."""
        known = self.group_ids.get(queue, "")
        return known or (queue if queue.isascii() and queue.isdigit() else "")


def _names(given: Any) -> dict[str, str]:
    return {str(name): str(number) for name, number in given.items()} if isinstance(given, Mapping) else {}


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
