"""What a site says about one Planfix account, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.sdk import Category, ConnectionSettings, Level, Priority, RemotePerson, Setting, Status
from gateway.errors import ConfigError, UnmappedError

T = TypeVar("T")

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1}
#: names the gateway among the applications that leave their `sourceObjectId` on tasks and comments
SOURCE = "5d7f6f0e-4c1b-4f0a-9d2e-6b8a1c3e5f70"

SETTINGS = (
    Setting(
        "auth",
        {"type": "object", "required": ["token"], "properties": {"token": _TEXT}, "additionalProperties": False},
        required=True,
        secret=True,
        help="{token} of the REST API, with the scopes of docs/connectors/planfix.md",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="what the scenario's request has in its header X-Webhook-Secret; a list while it is being changed",
    ),
    Setting(
        "account_id",
        {"type": ["integer", "string"]},
        required=True,
        help="number of the employee on whose behalf the token works: 5, or user:5",
    ),
    Setting("source_id", _TEXT, help="uuid of the gateway among applications, where you have a reason to change it"),
    Setting(
        "statuses",
        {"type": "object", "additionalProperties": {"enum": [category.value for category in Category]}},
        help="what the statuses of your own processes mean, beside Planfix's: {Waiting for parts: on_hold}",
    ),
    Setting(
        "projects",
        {"type": "object", "additionalProperties": _NUMBER},
        help="names for projects: {Support: 12}; a queue is the name of a project",
    ),
    Setting("requester_field", _NUMBER, help="id of the task's custom field that holds the requester's e-mail"),
    Setting(
        "custom_fields",
        {"type": "object", "additionalProperties": _NUMBER},
        help="names for custom fields of tasks: {sla_due: 87}",
    ),
    Setting("notify_customer", {"type": "boolean"}, help="true: a public reply notifies the task's contact (false)"),
)

#: Planfix's own statuses in both of its languages; processes have others
STATUSES: Mapping[str, Category] = {
    "draft": Category.NEW,
    "черновик": Category.NEW,
    "new": Category.NEW,
    "новая": Category.NEW,
    "in progress": Category.OPEN,
    "в работе": Category.OPEN,
    "postponed": Category.ON_HOLD,
    "отложенная": Category.ON_HOLD,
    "done": Category.RESOLVED,
    "сделанная": Category.RESOLVED,
    "выполненная": Category.RESOLVED,
    "completed": Category.CLOSED,
    "завершенная": Category.CLOSED,
    "завершённая": Category.CLOSED,
    "canceled": Category.CANCELLED,
    "cancelled": Category.CANCELLED,
    "отмененная": Category.CANCELLED,
    "отменённая": Category.CANCELLED,
    "rejected": Category.CANCELLED,
    "отклоненная": Category.CANCELLED,
    "отклонённая": Category.CANCELLED,
}
#: what we write, by the names that a process may have, the first that it has
WORDS: Mapping[Category, tuple[str, ...]] = {
    Category.NEW: ("New", "Новая"),
    Category.OPEN: ("In progress", "В работе"),
    Category.PENDING_CUSTOMER: ("Postponed", "Отложенная"),
    Category.ON_HOLD: ("Postponed", "Отложенная"),
    Category.RESOLVED: ("Done", "Сделанная", "Выполненная", "Completed", "Завершенная"),
    Category.CLOSED: ("Completed", "Завершенная", "Завершённая"),
    Category.CANCELLED: ("Canceled", "Отмененная", "Отменённая", "Rejected", "Отклоненная"),
}
PRIORITIES: Mapping[str, Level] = {"Urgent": Level.P1, "NotUrgent": Level.P3}
#: Planfix has two
LEVELS: Mapping[Level, str] = {
    Level.P1: "Urgent",
    Level.P2: "Urgent",
    Level.P3: "NotUrgent",
    Level.P4: "NotUrgent",
}


class Account(msgspec.Struct):
    """One connection's settings; its repr shows no secret."""

    base: str
    token: str = ""
    webhook_secrets: tuple[str, ...] = ()
    account_id: str = ""
    source_id: str = SOURCE
    statuses: dict[str, Category] = {}
    words: dict[Category, tuple[str, ...]] = {}
    project_ids: dict[str, str] = {}
    requester_field: str = ""
    #: both ways: name -> id and id -> name
    field_ids: dict[str, str] = {}
    field_names: dict[str, str] = {}
    notify_customer: bool = False
    #: statuses by name in small letters, of each process, once they have been asked for
    known: dict[str, dict[str, int]] = {}

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.base!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        token = str(auth.get("token") or "") if isinstance(auth, Mapping) else ""
        us = str(options.get("account_id") or "").removeprefix("user:")
        if not token or not us.isdigit():
            msg = f"connection {settings.name!r}: auth needs {{token}}, and account_id the number of its employee"
            raise ConfigError(msg)
        if settings.url.rstrip("/").endswith("/rest"):
            msg = f"connection {settings.name!r}: url is the account's own, without /rest"
            raise ConfigError(msg)
        statuses = _meanings(settings.name, options.get("statuses"))
        words = dict(WORDS)
        for word, category in reversed(statuses.items()):
            words[category] = (word, *words.get(category, ()))
        fields = {str(name): str(number) for name, number in (options.get("custom_fields") or {}).items()}
        return cls(
            settings.url.rstrip("/"),
            token,
            _texts(options.get("webhook_secret")),
            f"user:{us}",
            str(options.get("source_id") or SOURCE),
            {**STATUSES, **{word.lower(): category for word, category in statuses.items()}},
            words,
            {str(name): str(number) for name, number in (options.get("projects") or {}).items()},
            str(options.get("requester_field") or ""),
            fields,
            {number: name for name, number in fields.items()},
            options.get("notify_customer") is True,
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(dict.fromkeys(secret for secret in (self.token, *self.webhook_secrets) if secret))

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether somebody is the employee of our token; None for somebody without an id."""
        if person is None or not person.external_id:
            return None
        return person.external_id == self.account_id

    # -- words

    def status(self, word: str) -> Status:
        """Read a status; one that nobody has given a meaning keeps its word."""
        return Status(self.statuses.get(word.lower(), Category.UNKNOWN), word)

    def status_words(self, value: Any) -> tuple[str, ...]:
        """Return the names of the status to write, the best first; raises UnmappedError where there is none."""
        given = _converted(value, Status)
        if given.native:
            return (given.native,)
        if given.category is Category.UNKNOWN:
            msg = "a status of the category `unknown` has no word in Planfix: map it in the sync rule"
            raise UnmappedError(msg)
        return self.words[given.category]

    def priority(self, word: str) -> Priority:
        """Read a priority."""
        return Priority(PRIORITIES.get(word, Level.UNSET), word)

    def priority_word(self, value: Any) -> str:
        """Return the priority to write, nothing for none: a task always has one."""
        given = _converted(value, Priority)
        if given.native and given.native not in PRIORITIES:
            msg = f"Planfix has no priority {given.native!r} (there are: {', '.join(PRIORITIES)})"
            raise UnmappedError(msg)
        return given.native or LEVELS.get(given.level, "")


def _meanings(connection: str, given: Any) -> dict[str, Category]:
    try:
        return {str(word): Category(meaning) for word, meaning in (given or {}).items()}
    except (AttributeError, ValueError) as error:
        msg = f"connection {connection!r}: statuses: {error} (one of: {', '.join(Category)})"
        raise ConfigError(msg) from error


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
