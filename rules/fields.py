"""What a rule can ask of a ticket: the names, what each may hold, how it is read, and what an operator is.

A `Vocabulary` is made for one site, because some of the valid words (connections, stages, people, calendars) are the
site's own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.recent import Count
from gateway.domain.ticket import Category, HoldReason, Kind, Level, Ticket

#: words for priority levels, beside P1 to P4 and unset
LEVEL_WORDS: Mapping[str, Level] = {
    "urgent": Level.P1,
    "high": Level.P2,
    "normal": Level.P3,
    "low": Level.P4,
}
LEVEL_NAMES: Mapping[str, Level] = {**{level.value: level for level in Level}, **LEVEL_WORDS}

#: what is counted of the other tickets of late
COUNTED = Count.__struct_fields__

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
    #: a whole number, or none where nobody knows it
    NUMBER = "number"
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
    #: the metric that `pause_when` is asked about
    metric: str = ""


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
    #: where it stands in the ticket (`org.plan`), when it simply stands there: a condition can fetch it in one step
    path: str = ""

    def fetch(self) -> Callable[[Facts], Any]:
        """Return what gets the value of it out of the facts."""
        if self.path:
            return attrgetter(f"ticket.{self.path}")
        read = self.read
        return lambda facts: read(facts.ticket, facts)


class Look(Enum):
    """How an index looks at the value of a field: each gives some keys (`rules.clues`)."""

    #: what the value is, in the form in which values are compared
    SAME = "same"
    #: whether it holds anything
    FILLED = "filled"
    #: the runs of letters and digits in it
    TOKENS = "tokens"
    #: how large a number is, roughly
    SIZE = "size"
    #: which of the rules' regular expressions are found in it
    PATTERNS = "patterns"


class Clue(msgspec.Struct, frozen=True):
    """A sign without which a condition cannot hold: looked at in this way, the field shows one of these keys."""

    field: Field
    look: Look
    keys: frozenset[Hashable]


Test = Callable[[Any], bool]


class Operator(msgspec.Struct, frozen=True):
    """One operator: its name, the fields that know it, how it reads in a sentence, and its builder.

    It is built once, when a release is loaded; `build(operand, field, vocabulary)` raises `OperandError` with words for
    the admin, or returns a test of one value. That test must be pure: the same value gives the same answer.
    """

    name: str
    types: frozenset[FieldType]
    #: how a trace says that it does not hold: `org.plan is 'basic', not <phrase> premium`
    phrase: str
    build: Callable[[Any, Field, Vocabulary], Test]
    #: looks at the value before, too: (now, before or MISSING) instead of (now)
    compares: bool = False
    #: the sign without which it cannot hold; without one the rules that use it are asked each time
    clue: Callable[[Any, Field, Vocabulary], Clue | None] | None = None
    #: JSON Schema of what stands behind it, for editors; None: as for a comparison with the field
    schema: Mapping[str, Any] | None = None


class OpenHours(Protocol):
    """What a condition asks of a calendar."""

    def is_open(self, at: datetime) -> bool:
        """Say whether it is open at that instant."""
        ...


def _stored(name: str, of: FieldType, path: str = "", words: tuple[str, ...] = ()) -> Field:
    get = attrgetter(path or name)
    return Field(name, of, lambda ticket, _facts: get(ticket), words, path=path or name)


def _inner(attribute: str, part: str) -> Reader:
    def read(ticket: Ticket, _facts: Facts) -> Any:
        outer = getattr(ticket, attribute)
        return "" if outer is None else getattr(outer, part)

    return read


def _custom(key: str) -> Reader:
    def read(ticket: Ticket, _facts: Facts) -> Any:
        return ticket.custom.get(key)

    return read


@lru_cache(maxsize=16)
def _joined(title: str, body: str) -> str:
    return f"{title}\n{body}"


def _text(ticket: Ticket, _facts: Facts) -> str:
    # kept, because every rule about `text` wants the same one, folded
    return _joined(ticket.title, ticket.body)


def _hold_reason(ticket: Ticket, _facts: Facts) -> str:
    return ticket.status.hold_reason or ""


def _age(ticket: Ticket, facts: Facts) -> float:
    return (facts.now - ticket.created_at).total_seconds()


def _now(_ticket: Ticket, facts: Facts) -> datetime:
    return facts.now


def _links(_ticket: Ticket, facts: Facts) -> tuple[str, ...]:
    return tuple(sorted(facts.links))


def _people(name: str) -> list[Field]:
    parts = [_stored(name, FieldType.PERSON)]
    parts += [Field(f"{name}.{part}", FieldType.TEXT, _inner(name, part)) for part in RemotePerson.__struct_fields__]
    return parts


def _fixed() -> tuple[Field, ...]:
    text, choice, time = FieldType.TEXT, FieldType.CHOICE, FieldType.TIME
    return (
        *(_stored(name, text) for name in ("channel", "issue", "intent", "title", "body", "tier")),
        *(_stored(name, text) for name in ("team", "queue", "region", "duplicate_of")),
        Field("text", text, _text),
        _stored("kind", choice, words=tuple(Kind)),
        _stored("status", choice, "status.category", tuple(Category)),
        _stored("status.native", text),
        Field("hold_reason", choice, _hold_reason, tuple(HoldReason)),
        _stored("priority", FieldType.LEVEL, "priority.level", tuple(LEVEL_NAMES)),
        _stored("priority.native", text),
        *(_stored(f"org.{part}", text) for part in ("id", "name", "plan", "account_manager")),
        *_people("requester"),
        *(_stored(f"recent.{whose}.{what}", FieldType.NUMBER) for whose in ("requester", "org") for what in COUNTED),
        *_people("assignee"),
        _stored("participants", FieldType.LIST),
        _stored("tags", FieldType.LIST),
        _stored("language", FieldType.LANGUAGE),
        *(_stored(name, time) for name in ("created_at", "updated_at", "resolved_at", "closed_at")),
        Field("age", FieldType.DURATION, _age, volatile=True),
        Field("now", time, _now, volatile=True),
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
        calendars: Mapping[str, OpenHours] | None = None,
        operators: Mapping[str, Operator] | None = None,
        extra: tuple[Field, ...] = (),
    ) -> None:
        own = (
            _stored("source", FieldType.CHOICE, words=connections),
            Field("links", FieldType.LIST, _links, connections, volatile=True),
            _stored("stage", FieldType.CHOICE, words=stages),
        )
        self.fields: Mapping[str, Field] = {field.name: field for field in (*_FIXED, *own, *extra)}
        #: name in `people:` -> e-mail address, empty where there is none
        self.people: Mapping[str, str] = people or {}
        #: name in `calendars:` -> when it is open
        self.calendars: Mapping[str, OpenHours] = calendars or {}
        #: operators that plug-ins add to those of `rules.operators`
        self.operators: Mapping[str, Operator] = operators or {}
        self._custom: dict[str, Field] = {}

    def field(self, name: str) -> Field | None:
        """Return the field of that name; `custom.<anything>` always exists."""
        if name.startswith("custom.") and len(name) > len("custom."):
            # one and the same for all rules, so that they can share what is read
            if name not in self._custom:
                self._custom[name] = Field(name, FieldType.ANY, _custom(name.removeprefix("custom.")))
            return self._custom[name]
        return self.fields.get(name)

    def names(self) -> tuple[str, ...]:
        """Return every name, for suggestions."""
        return (*self.fields, "custom.NAME")
