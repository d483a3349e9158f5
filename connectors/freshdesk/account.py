"""What a site says about one Freshdesk or Freshservice account, read once from the settings of its connection."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from connectors.freshdesk.words import STATUSES, Named, Vocabulary
from connectors.sdk import Category, ConnectionSettings, HoldReason, Kind, RemotePerson, Setting
from gateway.errors import ConfigError


class Product(StrEnum):
    """The two desks of one vendor: the same numbers and paths, other envelopes."""

    FRESHDESK = "freshdesk"
    FRESHSERVICE = "freshservice"


_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NUMBER: dict[str, Any] = {"type": ["integer", "string"]}

#: names of the custom field that holds our mark; Freshdesk puts `cf_` before the names of custom fields by itself
MARKERS = {Product.FRESHDESK: "cf_gateway_key", Product.FRESHSERVICE: "gateway_key"}
#: the default note of a merge; its words are those of the account's language
MERGE_NOTE = "This ticket is closed and merged into ticket {id}"

SETTINGS = (
    Setting(
        "product",
        {"enum": [product.value for product in Product]},
        help="freshdesk (default) or freshservice",
    ),
    Setting(
        "auth",
        {
            "type": "object",
            "required": ["api_key"],
            "properties": {"api_key": _TEXT},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{api_key} of an agent kept for the gateway",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="what the automation sends as X-Gateway-Secret, or as the password of basic authentication; a list while "
        "it is being changed",
    ),
    Setting("account_id", _NUMBER, help="the agent id of the gateway's agent; learned when it is not given"),
    Setting(
        "groups",
        {"type": "object", "additionalProperties": _NUMBER},
        help="names for groups: {Support: 5000012}; a queue is the name, else the id of the group",
    ),
    Setting(
        "statuses",
        {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["id", "category"],
                "properties": {
                    "id": {"type": "integer", "minimum": 2},
                    "category": {"enum": [category.value for category in Category]},
                    "hold_reason": {"enum": [reason.value for reason in HoldReason]},
                },
                "additionalProperties": False,
            },
        },
        help="your own statuses by name: {In review: {id: 8, category: on_hold}}",
    ),
    Setting(
        "types",
        {"type": "object", "additionalProperties": {"enum": [kind.value for kind in Kind]}},
        help="what your own ticket types mean: {Outage: incident}",
    ),
    Setting("ticket_marker", {"type": "string"}, help="custom field of tickets for our mark: gateway_key"),
    Setting(
        "public_as", {"enum": ["reply", "note"]}, help="a public reply is mailed (reply, default) or a public note"
    ),
    Setting("merge_note", _TEXT, help=f"the note of a merge where its words are others than: {MERGE_NOTE}"),
    Setting("workspace_id", {"type": "integer", "minimum": 0}, help="Freshservice: one workspace; 0: all that we see"),
    Setting("presence", {"type": "boolean"}, help="agents who are not available for assignment count as away"),
)


class Account(msgspec.Struct):
    """One account; its repr shows no secret. `own` and `people` are learned while it is talked to."""

    url: str
    product: Product
    api_key: str
    webhook_secrets: tuple[str, ...]
    words: Vocabulary
    #: both ways: name -> id and id -> name
    group_ids: dict[str, str]
    group_names: dict[str, str]
    marker: str
    public_note: bool
    merge_note: str
    workspace_id: str
    presence: bool
    #: our own agent id, once it is known
    own: str = ""
    #: agents and contacts by id, as far as they were asked for
    people: dict[str, RemotePerson] = {}

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        key = str(auth.get("api_key") or "") if isinstance(auth, Mapping) else ""
        if not key:
            msg = f"connection {settings.name!r}: auth needs {{api_key}}"
            raise ConfigError(msg)
        product = Product(str(options.get("product") or Product.FRESHDESK))
        groups = {str(name): str(number) for name, number in dict(options.get("groups") or {}).items()}
        marker = options.get("ticket_marker")
        return cls(
            settings.url.rstrip("/"),
            product,
            key,
            _secrets(options.get("webhook_secret")),
            _vocabulary(product, options),
            groups,
            {number: name for name, number in groups.items()},
            MARKERS[product] if marker is None else _field(product, str(marker)),
            options.get("public_as") == "note",
            str(options.get("merge_note") or MERGE_NOTE),
            str(options["workspace_id"]) if options.get("workspace_id") is not None else "",
            options.get("presence") is True,
            str(options.get("account_id") or ""),
            {},
        )

    @property
    def is_freshservice(self) -> bool:
        """Say whether its answers come in envelopes and its lists know no order by time of change."""
        return self.product is Product.FRESHSERVICE

    def authorization(self) -> str:
        """Return the Authorization header: the key as the user of Basic, with any password (both API references)."""
        return "Basic " + base64.b64encode(f"{self.api_key}:X".encode()).decode()

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        bare = self.authorization().partition(" ")[2]
        return tuple(dict.fromkeys(secret for secret in (self.api_key, bare, *self.webhook_secrets) if secret))

    def queue(self, group: str) -> str:
        """Return our word for a group: its name in the settings, else its id."""
        return self.group_names.get(group, group)

    def group(self, queue: str) -> str:
        """Return the group id behind a queue, or an empty string when there is none."""
        known = self.group_ids.get(queue, "")
        return known or (queue if queue.isascii() and queue.isdigit() else "")

    def field(self, name: str) -> str:
        """Return the desk's name of a custom field: Freshdesk's begin with `cf_`."""
        return _field(self.product, name)

    def field_name(self, native: str) -> str:
        """Return our name of a custom field."""
        return native if self.is_freshservice else native.removeprefix("cf_")


def _field(product: Product, name: str) -> str:
    prefixed = product is Product.FRESHDESK and name and not name.startswith("cf_")
    return f"cf_{name}" if prefixed else name


def _vocabulary(product: Product, options: Mapping[str, Any]) -> Vocabulary:
    own = {
        str(given["id"]): Named(
            str(name),
            Category(given["category"]),
            HoldReason(given["hold_reason"]) if given.get("hold_reason") else None,
        )
        for name, given in dict(options.get("statuses") or {}).items()
    }
    types = {str(name): Kind(kind) for name, kind in dict(options.get("types") or {}).items()}
    return Vocabulary.of({**STATUSES[product.value], **own}, frozenset(own), types, service=product != "freshdesk")


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
