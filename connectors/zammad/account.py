"""What a site says about one Zammad, read once from the settings of its connection."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from connectors.sdk import Category, ConnectionSettings, Level, Priority, RemotePerson, Setting, Status
from gateway.errors import ConfigError, UnmappedError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["token"]}, {"required": ["oauth_token"]}, {"required": ["user", "password"]}],
            "properties": {"token": _TEXT, "oauth_token": _TEXT, "user": _TEXT, "password": _TEXT},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{token} of an agent kept for the gateway, {oauth_token}, or {user, password}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the webhook's HMAC SHA1 Signature Token; a list while it is being changed",
    ),
    Setting(
        "account_id",
        {"type": ["integer", "string"]},
        help="Zammad's user id of the gateway's agent; learned when it is not given",
    ),
    Setting(
        "statuses",
        {"type": "object", "additionalProperties": {"enum": [category.value for category in Category]}},
        help="what your own ticket states mean, beside Zammad's: {waiting for parts: on_hold}",
    ),
    Setting(
        "priorities",
        {"type": "object", "additionalProperties": {"enum": [level.value for level in Level]}},
        help="what your own priorities mean, beside Zammad's: {0 critical: P1}",
    ),
    Setting(
        "pending_states",
        {"type": "array", "items": _TEXT},
        help="states of your own that need a pending time, beside `pending reminder` and `pending close`",
    ),
    Setting(
        "pending_days",
        {"type": "integer", "minimum": 1, "maximum": 3650},
        help="days until the pending time of a ticket that the gateway sets to a pending state (7)",
    ),
    Setting("marker_attribute", _TEXT, help="text attribute of tickets that holds our mark (gateway_key)"),
    Setting(
        "custom_fields",
        {"type": "array", "items": _TEXT},
        help="attributes of tickets (by their names) that are read as custom fields",
    ),
    Setting(
        "reply_as",
        {"enum": ["note", "email", "web"]},
        help="type of a public reply: note is shown in the customer's portal, email is also sent to them (note)",
    ),
)

#: the states that Zammad brings along (db/seeds/ticket_states.rb); for whom a pending ticket waits, only a site can say
STATUSES: Mapping[str, Category] = {
    "new": Category.NEW,
    "open": Category.OPEN,
    "pending reminder": Category.ON_HOLD,
    "pending close": Category.PENDING_CUSTOMER,
    # a customer's answer opens it again, unless the group says otherwise: it is not closed for good
    "closed": Category.RESOLVED,
    "merged": Category.CLOSED,
    "removed": Category.CANCELLED,
}
MERGED = "merged"
#: what we write; `removed` and `merged` are Zammad's own
WORDS: Mapping[Category, str] = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "pending close",
    Category.ON_HOLD: "pending reminder",
    Category.RESOLVED: "closed",
    Category.CLOSED: "closed",
    Category.CANCELLED: "closed",
}
#: a state of these types is refused without `pending_time`
PENDING = frozenset({"pending reminder", "pending close"})

PRIORITIES: Mapping[str, Level] = {"1 low": Level.P4, "2 normal": Level.P3, "3 high": Level.P2}
#: Zammad has three
LEVELS: Mapping[Level, str] = {Level.P1: "3 high", Level.P2: "3 high", Level.P3: "2 normal", Level.P4: "1 low"}


class Account(msgspec.Struct):
    """One connection's settings, and our own id there once it is known; its repr shows no secret."""

    url: str
    token: str = ""
    oauth_token: str = ""
    user: str = ""
    password: str = ""
    webhook_secrets: tuple[str, ...] = ()
    account_id: str = ""
    statuses: dict[str, Category] = {}
    words: dict[Category, str] = {}
    priorities: dict[str, Level] = {}
    levels: dict[Level, str] = {}
    pending: frozenset[str] = PENDING
    pending_days: int = 7
    marker: str = "gateway_key"
    custom: frozenset[str] = frozenset()
    reply_as: str = "note"

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        given = {name: str(auth.get(name) or "") for name in auth} if isinstance(auth, Mapping) else {}
        if not (given.get("token") or given.get("oauth_token") or (given.get("user") and given.get("password"))):
            msg = f"connection {settings.name!r}: auth needs {{token}}, {{oauth_token}} or {{user, password}}"
            raise ConfigError(msg)
        statuses = _meanings(settings.name, "statuses", options.get("statuses"), Category)
        priorities = _meanings(settings.name, "priorities", options.get("priorities"), Level)
        return cls(
            settings.url.rstrip("/"),
            given.get("token", ""),
            given.get("oauth_token", ""),
            given.get("user", ""),
            given.get("password", ""),
            _texts(options.get("webhook_secret")),
            str(options.get("account_id") or ""),
            {**STATUSES, **statuses},
            {**WORDS, **_first(statuses)},
            {**PRIORITIES, **priorities},
            {**LEVELS, **_first(priorities)},
            PENDING | {word.lower() for word in _texts(options.get("pending_states"))},
            int(options.get("pending_days") or 7),
            str(options.get("marker_attribute") or "gateway_key"),
            frozenset(_texts(options.get("custom_fields"))) | settings.own_fields,
            str(options.get("reply_as") or "note"),
        )

    def authorization(self) -> str:
        """Return the Authorization header (api/intro: `Token token=`, `Bearer`, Basic)."""
        if self.token:
            return f"Token token={self.token}"
        if self.oauth_token:
            return f"Bearer {self.oauth_token}"
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        basic = self.authorization().partition(" ")[2] if self.password else ""
        found = (self.token, self.oauth_token, self.password, basic, *self.webhook_secrets)
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether somebody is our agent; None while that cannot be told."""
        if person is None or not person.external_id or not self.account_id:
            return None
        return person.external_id == self.account_id

    # -- words

    def status(self, word: str) -> Status:
        """Read a state; one that nobody has given a meaning keeps its word."""
        return Status(self.statuses.get(word.lower(), Category.UNKNOWN), word)

    def status_word(self, value: Any) -> str:
        """Return the state to write; raises UnmappedError where there is none."""
        given = _converted(value, Status)
        if given.native:
            return given.native
        if given.category is Category.UNKNOWN:
            msg = "a status of the category `unknown` has no state in Zammad: map it in the sync rule"
            raise UnmappedError(msg, field="status")
        return self.words[given.category]

    def priority(self, word: str) -> Priority:
        """Read a priority; one that nobody has given a meaning keeps its word."""
        return Priority(self.priorities.get(word.lower(), Level.UNSET), word)

    def priority_word(self, value: Any) -> str:
        """Return the priority to write, nothing for none: a ticket of Zammad always has one."""
        given = _converted(value, Priority)
        return given.native or self.levels.get(given.level, "")


def _meanings(connection: str, name: str, given: Any, kind: type[E]) -> dict[str, E]:
    try:
        return {str(word).lower(): kind(meaning) for word, meaning in (given or {}).items()}
    except (AttributeError, ValueError) as error:
        msg = f"connection {connection!r}: {name}: {error} (one of: {', '.join(kind)})"
        raise ConfigError(msg) from error


def _first(meanings: Mapping[str, E]) -> dict[E, str]:
    """Return the word to write for each meaning: the first that the site names."""
    found: dict[E, str] = {}
    for word, meaning in meanings.items():
        found.setdefault(meaning, word)
    return found


def _texts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(str(each) for each in given if each) if isinstance(given, (list, tuple)) else ()


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None
