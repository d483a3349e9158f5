"""What a site says about one Redmine, read once from the settings of its connection, and what is learned of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from connectors.sdk import Category, ConnectionSettings, Kind, Level, Priority, RemotePerson, Setting, Status
from gateway.errors import ConfigError, UnmappedError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1}

SETTINGS = (
    Setting(
        "auth",
        {
            "type": "object",
            "oneOf": [{"required": ["api_key"]}, {"required": ["user", "password"]}],
            "properties": {"api_key": _TEXT, "user": _TEXT, "password": _TEXT},
            "additionalProperties": False,
        },
        required=True,
        secret=True,
        help="{api_key} of a user kept for the gateway, or {user, password}",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the webhook's secret; a list while it is being changed",
    ),
    Setting(
        "plugin_webhooks",
        {"type": "boolean"},
        help="true: also take unsigned webhooks (plugin redmine_webhook) with `?secret=` in their address (false)",
    ),
    Setting("account_id", {"type": ["integer", "string"]}, help="Redmine's id of the gateway's user; learned"),
    Setting(
        "text_formatting",
        {"enum": ["textile", "markdown", "common_mark"]},
        help="Administration > Settings > General > Text formatting (common_mark)",
    ),
    Setting(
        "statuses",
        {"type": "object", "additionalProperties": {"enum": [category.value for category in Category]}},
        help="what your own issue statuses mean, beside Redmine's: {Blocked: on_hold}",
    ),
    Setting(
        "priorities",
        {"type": "object", "additionalProperties": {"enum": [level.value for level in Level]}},
        help="what your own priorities mean, beside Redmine's",
    ),
    Setting(
        "trackers",
        {"type": "object", "additionalProperties": {"enum": [kind.value for kind in Kind]}},
        help="what your own trackers mean, beside Redmine's: {Incident: incident}",
    ),
    Setting("ticket_marker", _NUMBER, help="id of the issue custom field that holds our mark on issues (needed)"),
    Setting("comment_marker", _NUMBER, help="id of another issue custom field: our mark on notes; else words decide"),
    Setting("requester_field", _NUMBER, help="id of the issue custom field that holds the requester's e-mail"),
    Setting(
        "custom_fields",
        {"type": "object", "additionalProperties": _NUMBER},
        help="names for issue custom fields: {sla_due: 7}",
    ),
    Setting(
        "duplicates_are_merged",
        {"type": "boolean"},
        help="true: a closed issue that duplicates another is read as merged into that one (false)",
    ),
)

#: Redmine's default data (lib/redmine/default_data/loader.rb)
STATUSES: Mapping[str, Category] = {
    "new": Category.NEW,
    "in progress": Category.OPEN,
    "resolved": Category.RESOLVED,
    "feedback": Category.PENDING_CUSTOMER,
    "closed": Category.CLOSED,
    "rejected": Category.CANCELLED,
}
WORDS: Mapping[Category, str] = {
    Category.NEW: "New",
    Category.OPEN: "In Progress",
    Category.PENDING_CUSTOMER: "Feedback",
    # it has no word for a ticket that waits for somebody else
    Category.ON_HOLD: "Feedback",
    Category.RESOLVED: "Resolved",
    Category.CLOSED: "Closed",
    Category.CANCELLED: "Rejected",
}
PRIORITIES: Mapping[str, Level] = {
    "immediate": Level.P1,
    "urgent": Level.P1,
    "high": Level.P2,
    "normal": Level.P3,
    "low": Level.P4,
}
LEVELS: Mapping[Level, str] = {Level.P1: "Urgent", Level.P2: "High", Level.P3: "Normal", Level.P4: "Low"}
TRACKERS: Mapping[str, Kind] = {"bug": Kind.INCIDENT, "feature": Kind.REQUEST, "support": Kind.QUESTION}
KIND_WORDS: Mapping[Kind, str] = {Kind.INCIDENT: "Bug", Kind.REQUEST: "Feature", Kind.QUESTION: "Support"}


class Account(msgspec.Struct):
    """One connection's settings and what was learned; its repr shows no secret."""

    url: str
    api_key: str = ""
    user: str = ""
    password: str = ""
    webhook_secrets: tuple[str, ...] = ()
    plugin_webhooks: bool = False
    account_id: str = ""
    formatting: str = "common_mark"
    statuses: dict[str, Category] = {}
    words: dict[Category, str] = {}
    priorities: dict[str, Level] = {}
    levels: dict[Level, str] = {}
    trackers: dict[str, Kind] = {}
    kinds: dict[Kind, str] = {}
    ticket_marker: str = ""
    comment_marker: str = ""
    requester_field: str = ""
    #: both ways: name -> id and id -> name
    field_ids: dict[str, str] = {}
    field_names: dict[str, str] = {}
    duplicates_are_merged: bool = False
    #: id by name in small letters, of statuses, priorities, trackers and projects, once they have been asked for
    known: dict[str, dict[str, int]] = {}

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        given = {name: str(auth.get(name) or "") for name in auth} if isinstance(auth, Mapping) else {}
        if not (given.get("api_key") or (given.get("user") and given.get("password"))):
            msg = f"connection {settings.name!r}: auth needs {{api_key}} or {{user, password}}"
            raise ConfigError(msg)
        statuses = _meanings(settings.name, "statuses", options.get("statuses"), Category)
        priorities = _meanings(settings.name, "priorities", options.get("priorities"), Level)
        trackers = _meanings(settings.name, "trackers", options.get("trackers"), Kind)
        fields = {str(name): str(number) for name, number in (options.get("custom_fields") or {}).items()}
        return cls(
            settings.url.rstrip("/"),
            given.get("api_key", ""),
            given.get("user", ""),
            given.get("password", ""),
            _texts(options.get("webhook_secret")),
            options.get("plugin_webhooks") is True,
            str(options.get("account_id") or ""),
            str(options.get("text_formatting") or "common_mark"),
            {**STATUSES, **_small(statuses)},
            {**WORDS, **_first(statuses)},
            {**PRIORITIES, **_small(priorities)},
            {**LEVELS, **_first(priorities)},
            {**TRACKERS, **_small(trackers)},
            {**KIND_WORDS, **_first(trackers)},
            str(options.get("ticket_marker") or ""),
            str(options.get("comment_marker") or ""),
            str(options.get("requester_field") or ""),
            fields,
            {number: name for name, number in fields.items()},
            options.get("duplicates_are_merged") is True,
        )

    def authorization(self) -> dict[str, str]:
        """Return the credential header (Rest_api, "Authentication")."""
        if self.api_key:
            return {"X-Redmine-API-Key": self.api_key}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        basic = self.authorization()["Authorization"].partition(" ")[2] if self.password else ""
        found = (self.api_key, self.password, basic, *self.webhook_secrets)
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether somebody is our user; None while that cannot be told."""
        if person is None or not person.external_id or not self.account_id:
            return None
        return person.external_id == self.account_id

    # -- words

    def status(self, word: str) -> Status:
        """Read a status; one that nobody has given a meaning keeps its word."""
        return Status(self.statuses.get(word.lower(), Category.UNKNOWN), word)

    def status_word(self, value: Any) -> str:
        """Return the status to write; raises UnmappedError where there is none."""
        given = _converted(value, Status)
        if given.native:
            return given.native
        if given.category is Category.UNKNOWN:
            msg = "a status of the category `unknown` has no word in Redmine: map it in the sync rule"
            raise UnmappedError(msg, field="status")
        return self.words[given.category]

    def priority(self, word: str) -> Priority:
        """Read a priority; one that nobody has given a meaning keeps its word."""
        return Priority(self.priorities.get(word.lower(), Level.UNSET), word)

    def priority_word(self, value: Any) -> str:
        """Return the priority to write, nothing for none: an issue always has one."""
        given = _converted(value, Priority)
        return given.native or self.levels.get(given.level, "")

    def kind(self, word: str) -> Kind:
        """Read a tracker."""
        return self.trackers.get(word.lower(), Kind.OTHER)

    def kind_word(self, value: Any) -> str:
        """Return the tracker to write; nothing where no tracker means that."""
        return self.kinds.get(Kind(value), "") if value in set(Kind) else ""


def _meanings(connection: str, name: str, given: Any, kind: type[E]) -> dict[str, E]:
    try:
        return {str(word): kind(meaning) for word, meaning in (given or {}).items()}
    except (AttributeError, ValueError) as error:
        msg = f"connection {connection!r}: {name}: {error} (one of: {', '.join(kind)})"
        raise ConfigError(msg) from error


def _small(meanings: Mapping[str, E]) -> dict[str, E]:
    return {word.lower(): meaning for word, meaning in meanings.items()}


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
