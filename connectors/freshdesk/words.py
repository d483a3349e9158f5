"""Freshdesk's numbers and ours: statuses, priorities and ticket types, as pure functions.

2 Open, 3 Pending, 4 Resolved and 5 Closed are the same in every account; Freshdesk brings 6 Waiting on Customer and 7
Waiting on Third Party along, and admins may add more (API reference, "Ticket properties"). A number that neither the
vendor nor the settings name stays a word under the category `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.sdk import Category, HoldReason, Kind, Level, Priority, Status


class Named(msgspec.Struct, frozen=True):
    """A status as an admin named it, and what it means."""

    name: str
    category: Category
    hold_reason: HoldReason | None = None


_COMMON = {
    "2": Named("Open", Category.OPEN),
    # the customer is shown "Awaiting your Reply" while a ticket is pending
    "3": Named("Pending", Category.PENDING_CUSTOMER),
    "4": Named("Resolved", Category.RESOLVED),
    "5": Named("Closed", Category.CLOSED),
}
STATUSES: dict[str, dict[str, Named]] = {
    "freshdesk": {
        **_COMMON,
        "6": Named("Waiting on Customer", Category.PENDING_CUSTOMER),
        "7": Named("Waiting on Third Party", Category.ON_HOLD, HoldReason.THIRD_PARTY),
    },
    "freshservice": _COMMON,
}

#: by number, from the lowest
LEVELS = {"1": Level.P4, "2": Level.P3, "3": Level.P2, "4": Level.P1}
PRIORITY_NAMES = {"1": "Low", "2": "Medium", "3": "High", "4": "Urgent"}
PRIORITY_NUMBERS = {level: number for number, level in LEVELS.items()}

#: the types that Freshdesk brings along; an admin may change them
TYPES = {
    "Question": Kind.QUESTION,
    "Incident": Kind.INCIDENT,
    "Problem": Kind.PROBLEM,
    "Feature Request": Kind.REQUEST,
    "Refund": Kind.REQUEST,
}
#: Freshservice's: service requests are made from its catalogue only, never by writing a type
SERVICE_TYPES = {"Incident": Kind.INCIDENT, "Service Request": Kind.REQUEST, "Case": Kind.OTHER}
_READ_ONLY = frozenset({"Service Request"})


class Vocabulary(msgspec.Struct, frozen=True):
    """How one account names things; numbers are kept as text, as they are in webhooks."""

    statuses: dict[str, Named]
    #: lower-case name -> number
    numbers: dict[str, str]
    #: what is written for a category
    written: dict[Category, str]
    #: lower-case name of a type -> what it means
    kinds: dict[str, Kind]
    #: what is written for a kind
    types: dict[Kind, str]

    @classmethod
    def of(
        cls, statuses: Mapping[str, Named], own: frozenset[str], types: Mapping[str, Kind], *, service: bool
    ) -> Vocabulary:
        """Put the vendor's words and those of the settings (`own`) together.

        What is written: the four that every account has, then the site's own, then those that an admin may have taken
        away.
        """
        written: dict[Category, str] = {}
        for number in sorted(statuses, key=lambda each: (each not in _COMMON, each not in own, int(each))):
            written.setdefault(statuses[number].category, number)
        written.setdefault(Category.ON_HOLD, written.get(Category.PENDING_CUSTOMER, "3"))
        written.setdefault(Category.NEW, "2")
        written.setdefault(Category.CANCELLED, "5")
        kinds = {**(SERVICE_TYPES if service else TYPES), **types}
        by_kind: dict[Kind, str] = {}
        for name in (*types, *kinds):
            if name not in _READ_ONLY:
                by_kind.setdefault(kinds[name], name)
        return cls(
            dict(statuses),
            {named.name.lower(): number for number, named in statuses.items()},
            written,
            {name.lower(): kind for name, kind in kinds.items()},
            by_kind,
        )

    def status(self, value: Any) -> Status:
        """Read a status given as number (API, `triggered_event`) or as name (placeholders)."""
        word = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        number = word if word in self.statuses else self.numbers.get(word.lower(), "")
        named = self.statuses.get(number)
        if named is None:
            return Status(Category.UNKNOWN, word.replace("\x00", "")[:100])
        return Status(named.category, named.name, named.hold_reason)

    def status_number(self, given: Status) -> str:
        """Return the number to write; empty where the account has no such status."""
        if given.native:
            word = given.native.strip()
            return word if word in self.statuses else self.numbers.get(word.lower(), "")
        return "" if given.category is Category.UNKNOWN else self.written[given.category]

    def kind(self, value: Any) -> Kind | msgspec.UnsetType:
        """Read a type; one that nobody explained is `other`, none says nothing."""
        word = value.strip().lower() if isinstance(value, str) else ""
        return self.kinds.get(word, Kind.OTHER) if word else msgspec.UNSET


def priority(value: Any) -> Priority:
    """Read a priority given as number or as name; an unknown one keeps its word."""
    word = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    by_name = {name.lower(): number for number, name in PRIORITY_NAMES.items()}
    number = word if word in LEVELS else by_name.get(word.lower(), "")
    if not number:
        return Priority(Level.UNSET, word.replace("\x00", "")[:100])
    return Priority(LEVELS[number], PRIORITY_NAMES[number])


def priority_number(given: Priority) -> str:
    """Return the number to write; empty where there is none: every ticket has a priority there."""
    if given.native:
        found = priority(given.native)
        return PRIORITY_NUMBERS.get(found.level, "")
    return PRIORITY_NUMBERS.get(given.level, "")
