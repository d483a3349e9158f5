"""The one ticket: what every desk's ticket is read into, and what every rule decides on.

Names and enums are those that Merge, Zendesk, Jira, ServiceNow, Freshdesk and Request Tracker agree on. All instants
are aware UTC. Each field that can be synced carries a stamp that says who set it and when.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.ids import digest
from gateway.domain.person import RemotePerson
from gateway.domain.recent import Recent


class Category(StrEnum):
    """What a desk's status means."""

    NEW = "new"
    OPEN = "open"
    PENDING_CUSTOMER = "pending_customer"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class HoldReason(StrEnum):
    """Why a ticket waits."""

    CUSTOMER = "customer"
    THIRD_PARTY = "third_party"
    OTHER = "other"


class Level(StrEnum):
    """Priority levels; rule files may also write urgent, high, normal and low."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    UNSET = "unset"


class Kind(StrEnum):
    """What sort of work a ticket is."""

    INCIDENT = "incident"
    REQUEST = "request"
    QUESTION = "question"
    PROBLEM = "problem"
    CHANGE = "change"
    IMPLEMENTATION = "implementation"
    TASK = "task"
    OTHER = "other"


class Visibility(StrEnum):
    """Who may read a comment. What is not known is internal (fail closed)."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Setter(StrEnum):
    """Who set a value. A person outranks a rule, a rule outranks what a desk filled in by itself."""

    DESK = "desk"
    RULE = "rule"
    PERSON = "person"


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """A status: our category and, where one desk said it, that desk's own word."""

    category: Category = Category.NEW
    native: str = ""
    hold_reason: HoldReason | None = None


class Priority(msgspec.Struct, frozen=True, omit_defaults=True):
    """A priority: our level and, where one desk said it, that desk's own word."""

    level: Level = Level.UNSET
    native: str = ""


class Org(msgspec.Struct, frozen=True, omit_defaults=True):
    """The requester's organisation."""

    id: str = ""
    name: str = ""
    plan: str = ""
    account_manager: str = ""


class Stamp(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who set a field: the setter, its name (connection, rule or person) and the real time of the edit."""

    by: Setter
    name: str
    at: datetime
    #: the desk's own order of the change within `name` (transaction id, sequence), 0 where it has none
    version: int = 0


class Unmapped(msgspec.Struct, frozen=True):
    """A value that no mapping covered, kept so that nothing is dropped silently."""

    connection: str
    field: str
    native: str


class Ticket(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of work, whatever the number of desks it lives in."""

    id: str
    #: the connection that brought it in
    source: str
    created_at: datetime
    updated_at: datetime
    channel: str = ""
    kind: Kind = Kind.OTHER
    issue: str = ""
    intent: str = ""
    title: str = ""
    #: canonical Markdown
    body: str = ""
    status: Status = Status()
    priority: Priority = Priority()
    tier: str = ""
    requester: RemotePerson | None = None
    #: id of the person behind `requester`
    requester_id: str = ""
    #: the identity by which they asked (people.py): it stays theirs whoever is merged or parted
    asked_as: str = ""
    org: Org = Org()
    #: what else they asked of late, as the rules saw it
    recent: Recent = Recent()
    participants: tuple[str, ...] = ()
    assignee: RemotePerson | None = None
    team: str = ""
    queue: str = ""
    stage: str = ""
    #: BCP 47; `und` when unsure
    language: str = "und"
    region: str = ""
    tags: tuple[str, ...] = ()
    custom: dict[str, Any] = {}
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    duplicate_of: str = ""
    #: connections where it is private: fewer people there may read it than others of its kind
    private_at: tuple[str, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    #: field name -> who set it
    stamps: dict[str, Stamp] = {}
    #: since when it is without what was about people (redaction.py)
    redacted_at: datetime | None = None

    @property
    def heading(self) -> str:
        """A title to show: of one whose words were taken away, that they were."""
        return heading(self.title, self.redacted_at)

    @property
    def org_key(self) -> str:
        """What tells its organisation from others, a digest: the id and who gave it, else the name; empty: none known.

        Once the ticket is redacted nobody can be counted by it any more.
        """
        if self.redacted_at is not None:
            return ""
        if self.org.id:
            stamp = self.stamps.get("org.id")
            return digest("org", stamp.name if stamp else self.source, self.org.id)
        named = " ".join(self.org.name.casefold().split())
        return digest("org", named) if named else ""

    def setter(self, field: str) -> Setter | None:
        """Return who set `field`, or None where nobody did."""
        stamp = self.stamps.get(field)
        return stamp.by if stamp else None


def heading(title: str, redacted_at: datetime | None) -> str:
    """Return a title as lists show it."""
    return title or "(redacted)" * (redacted_at is not None)


#: the fields that a sync rule may carry from desk to desk, in the order in which they are written
SYNCED_FIELDS = ("title", "body", "kind", "priority", "status", "queue", "assignee", "tags", "language")

OPEN_CATEGORIES = frozenset(
    {Category.NEW, Category.OPEN, Category.PENDING_CUSTOMER, Category.ON_HOLD, Category.UNKNOWN}
)
CLOSED_CATEGORIES = frozenset({Category.RESOLVED, Category.CLOSED, Category.CANCELLED})


def over_since(status: Status | msgspec.UnsetType, *told: datetime | None) -> datetime | None:
    """Return since when a ticket is over: the first of the times that its desk gives; None of one that is open.

    Many a desk keeps the time of an end when the ticket is opened again.
    """
    is_over = status is not msgspec.UNSET and status.category in CLOSED_CATEGORIES
    return next((at for at in told if at is not None), None) if is_over else None


def with_field(ticket: Ticket, field: str, value: Any, stamp: Stamp) -> Ticket:
    """Return the ticket with `field` set and stamped; resolution times follow the status.

    `resolved_at` is set when the category becomes resolved or closed and cleared when it opens again.
    """
    changes: dict[str, Any] = {field: value, "stamps": {**ticket.stamps, field: stamp}}
    if field == "status":
        category = value.category
        if category in OPEN_CATEGORIES:
            changes |= {"resolved_at": None, "closed_at": None}
        elif category in {Category.RESOLVED, Category.CLOSED}:
            changes["resolved_at"] = ticket.resolved_at or stamp.at
            if category is Category.CLOSED:
                changes["closed_at"] = ticket.closed_at or stamp.at
    if stamp.at > ticket.updated_at:
        changes["updated_at"] = stamp.at
    return msgspec.structs.replace(ticket, **changes)
