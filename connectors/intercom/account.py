"""What a site says about one Intercom workspace, read once from the settings of its connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sdk import Category, ConnectionSettings, Level, Setting
from gateway.domain.crosslink import own_fields
from gateway.errors import ConfigError

_CATEGORY = {"enum": [each.value for each in Category if each is not Category.UNKNOWN]}
_ID = {"type": ["integer", "string"]}
OBJECTS = ("tickets", "conversations")
VERSION = "2.15"

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
        help="{token}: the access token of an app of the workspace",
    ),
    Setting(
        "webhook_secret",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        secret=True,
        help="the app's client secret; a list while it is being changed",
    ),
    Setting("admin_id", _ID, help="the teammate in whose name we write; the app's own where it is not given"),
    Setting("account_id", _ID, help="that teammate, as `gateway connections test` learned"),
    Setting("workspace", {"type": "string"}, help="the workspace's id (as in its addresses): links lead there"),
    Setting(
        "objects",
        {"type": "array", "items": {"enum": list(OBJECTS)}, "minItems": 1},
        help="what is synced: [tickets] leaves conversations alone that are no tickets (both)",
    ),
    Setting("ticket_type", _ID, help="the ticket type of new tickets; needed where the gateway makes any"),
    Setting(
        "key_attribute",
        {"type": "string"},
        help="the text attribute of that type that holds our key (Gateway key)",
    ),
    Setting(
        "states",
        {"type": "object", "additionalProperties": _CATEGORY},
        help="what ticket states of your own mean, by their internal label: {With vendor: on_hold}",
    ),
    Setting("priority_attribute", {"type": "string"}, help="the list attribute of tickets that is their priority"),
    Setting(
        "priorities",
        {"type": "object", "additionalProperties": {"enum": [each.value for each in Level]}},
        help="what its values mean: {Urgent: P1, High: P2, Normal: P3, Low: P4} (these)",
    ),
    Setting(
        "teams",
        {"type": "object", "additionalProperties": _ID},
        help="names for teams: {Support: 5017691}; a queue is the name, else the id of the team",
    ),
    Setting("snooze_hours", {"type": "integer", "minimum": 1}, help="for how long a conversation on hold sleeps (72)"),
)
PRIORITIES = {"Urgent": "P1", "High": "P2", "Normal": "P3", "Low": "P4"}


class Account(msgspec.Struct, frozen=True):
    """One workspace; its repr shows no secret."""

    url: str
    token: str
    webhook_secrets: tuple[str, ...]
    admin_id: str
    workspace: str
    objects: tuple[str, ...]
    ticket_type: str
    key_attribute: str
    #: internal label -> category
    states: dict[str, Category]
    priority_attribute: str
    #: word -> level
    priorities: dict[str, Level]
    #: both ways: name -> id and id -> name
    team_ids: dict[str, str]
    team_names: dict[str, str]
    snooze_hours: int = 72
    #: attributes of tickets in which people keep the numbers of tickets elsewhere (`cross_links:`)
    kept: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name the address only."""
        return f"Account({self.url!r})"

    @classmethod
    def of(cls, settings: ConnectionSettings) -> Account:
        """Read the settings; raises ConfigError where they cannot work."""
        options = settings.options
        auth = options.get("auth")
        token = str(auth.get("token") or "") if isinstance(auth, Mapping) else ""
        if not token:
            msg = f"connection {settings.name!r}: auth needs {{token}}, the access token of an app"
            raise ConfigError(msg)
        teams = {str(name): str(number) for name, number in (options.get("teams") or {}).items()}
        words = options.get("priorities") or PRIORITIES
        return cls(
            settings.url.rstrip("/"),
            token,
            _secrets(options.get("webhook_secret")),
            str(options.get("admin_id") or options.get("account_id") or ""),
            str(options.get("workspace") or ""),
            tuple(each for each in OBJECTS if each in (options.get("objects") or OBJECTS)),
            str(options.get("ticket_type") or ""),
            str(options.get("key_attribute") or "Gateway key"),
            {str(label): Category(word) for label, word in (options.get("states") or {}).items()},
            str(options.get("priority_attribute") or ""),
            {str(word): Level(level) for word, level in words.items()},
            teams,
            {number: name for name, number in teams.items()},
            int(options.get("snooze_hours") or 72),
            own_fields(settings.cross_links),
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        return tuple(dict.fromkeys((self.token, *self.webhook_secrets)))

    def queue(self, team: str) -> str:
        """Return our word for a team: its name in the settings, else its id."""
        return self.team_names.get(team, team)

    def team(self, queue: str) -> str:
        """Return the team's id behind a queue, or an empty string when there is none."""
        return self.team_ids.get(queue, "") or (queue if queue.isascii() and queue.isdigit() else "")


def _secrets(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,) if given else ()
    if isinstance(given, (list, tuple)):
        return tuple(str(secret) for secret in given if secret)
    return ()
