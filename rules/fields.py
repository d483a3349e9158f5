"""What a rule can ask of a ticket: the names, what each may hold, and how it is read.

A `Vocabulary` is made for one site, because some of the valid words (connections, stages, people) are the site's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, HoldReason, Kind, Level, Ticket

#: words for priority levels, beside P1 to P4 and unset
LEVEL_WORDS: Mapping[str, Level] = {
    "urgent": Level.P1,
    "high": Level.P2,
    "normal": Level.P3,
    "low": Level.P4,
}
LEVEL_NAMES: Mapping[str, Level] = {**{level.value: level for level in Level}, **LEVEL_WORDS}

#: stages that an implementation request has without any `stages:` of the site
DEFAULT_STAGES = ("pending_approval", "provisioning", "testing", "handover")


class FieldType(StrEnum):
    """What a field holds, which decides the operators it knows."""

    TEXT = "text"
    #: one of a fixed list of words
    CHOICE = "choice"
    #: a priority level: P1 is above P2
    LEVEL = "level"
    #: a BCP 47 tag: `es` also means `es-MX`
    LANGUAGE = "language"
    #: several words
    LIST = "list"
    #: an instant
    TIME = "time"
    #: a length of time in seconds
    DURATION = "duration"
    #: a person: by e-mail address or by the name that `people:` gives them
    PERSON = "person"
    #: whatever a desk keeps in a custom field
    ANY = "any"


class Facts(msgspec.Struct, frozen=True):
    """Everything that a condition may look at."""

    ticket: Ticket
    #: the ticket as it was after the rules last ran; None when they never did
    previous: Ticket | None
    #: names of the connections in which the ticket lives
    links: frozenset[str]
    now: datetime


Reader = Callable[[Ticket, Facts], Any]


class Field(msgspec.Struct, frozen=True):
    """One name that a condition may use."""

    name: str
    type: FieldType
    read: Reader
    #: the valid words of a choice; empty: any
    words: tuple[str, ...] = ()
    #: True when it may change although the ticket does not (the clock, the links)
    volatile: bool = False


def _plain(attribute: str) -> Reader:
    def read(ticket: Ticket, _facts: Facts) -> Any:
        return getattr(ticket, attribute)

    return read


def _inner(attribute: str, part: str) -> Reader:
    def read(ticket: Ticket, _facts: Facts) -> Any:
        outer = getattr(ticket, attribute)
        return "" if outer is None else getattr(outer, part)

    return read


def _custom(key: str) -> Reader:
    def read(ticket: Ticket, _facts: Facts) -> Any:
        return ticket.custom.get(key)

    return read


def _text(ticket: Ticket, _facts: Facts) -> str:
    return f"{ticket.title}\n{ticket.body}"


def _hold_reason(ticket: Ticket, _facts: Facts) -> str:
    return ticket.status.hold_reason or ""


def _age(ticket: Ticket, facts: Facts) -> float:
    return (facts.now - ticket.created_at).total_seconds()


def _links(_ticket: Ticket, facts: Facts) -> tuple[str, ...]:
    return tuple(sorted(facts.links))


def _people(name: str) -> list[Field]:
    parts = [Field(name, FieldType.PERSON, _plain(name))]
    parts += [Field(f"{name}.{part}", FieldType.TEXT, _inner(name, part)) for part in RemotePerson.__struct_fields__]
    return parts


def _fixed() -> tuple[Field, ...]:
    text, choice, time = FieldType.TEXT, FieldType.CHOICE, FieldType.TIME
    return (
        *(Field(name, text, _plain(name)) for name in ("channel", "issue", "intent", "title", "body", "tier")),
        *(Field(name, text, _plain(name)) for name in ("team", "queue", "region", "duplicate_of")),
        Field("text", text, _text),
        Field("kind", choice, _plain("kind"), tuple(Kind)),
        Field("status", choice, _inner("status", "category"), tuple(Category)),
        Field("status.native", text, _inner("status", "native")),
        Field("hold_reason", choice, _hold_reason, tuple(HoldReason)),
        Field("priority", FieldType.LEVEL, _inner("priority", "level"), tuple(LEVEL_NAMES)),
        Field("priority.native", text, _inner("priority", "native")),
        *(Field(f"org.{part}", text, _inner("org", part)) for part in ("id", "name", "plan", "account_manager")),
        *_people("requester"),
        *_people("assignee"),
        Field("participants", FieldType.LIST, _plain("participants")),
        Field("tags", FieldType.LIST, _plain("tags")),
        Field("language", FieldType.LANGUAGE, _plain("language")),
        *(Field(name, time, _plain(name)) for name in ("created_at", "updated_at", "resolved_at", "closed_at")),
        Field("age", FieldType.DURATION, _age, volatile=True),
    )


_FIXED = _fixed()


class Vocabulary:
    """The fields of one site with the words that it knows."""

    def __init__(
        self,
        *,
        connections: tuple[str, ...] = (),
        stages: tuple[str, ...] = DEFAULT_STAGES,
        people: Mapping[str, str] | None = None,
        extra: tuple[Field, ...] = (),
    ) -> None:
        own = (
            Field("source", FieldType.CHOICE, _plain("source"), connections),
            Field("links", FieldType.LIST, _links, connections, volatile=True),
            Field("stage", FieldType.CHOICE, _plain("stage"), stages),
        )
        self.fields: Mapping[str, Field] = {field.name: field for field in (*_FIXED, *own, *extra)}
        #: name in `people:` -> e-mail address, empty where there is none
        self.people: Mapping[str, str] = people or {}

    def field(self, name: str) -> Field | None:
        """Return the field of that name; `custom.<anything>` always exists."""
        if name.startswith("custom.") and len(name) > len("custom."):
            return Field(name, FieldType.ANY, _custom(name.removeprefix("custom.")))
        return self.fields.get(name)

    def names(self) -> tuple[str, ...]:
        """Return every name, for suggestions."""
        return (*self.fields, "custom.NAME")
