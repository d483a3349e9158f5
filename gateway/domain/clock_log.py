"""The log of a ticket from which its clocks are told: what was promised, what waits, who spoke, what is done.

It is only ever added to. An entry says when something happened and when it was heard of, so that one that comes late
takes its place in the order, and what follows from it can be seen to have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.domain.clock_event import MOST_AHEAD


class EntryKind(StrEnum):
    """What an entry says. The order is that in which entries of one instant count."""

    #: other terms hold from here
    TERMS = "terms"
    OPENED = "opened"
    REOPENED = "reopened"
    #: the ticket has another status (a category)
    STATUS = "status"
    #: the ticket enters a stage, or (empty) leaves the one it was in
    STAGE = "stage"
    #: the ticket reaches a team, or (empty) leaves the one that had it
    TEAM = "team"
    #: these metrics wait from here, and no others
    PAUSES = "pauses"
    #: a public message of the customer
    CUSTOMER = "customer"
    #: somebody of the team has taken it
    ACCEPTED = "accepted"
    #: a public message of a person on our side
    AGENT = "agent"
    SOLVED = "solved"
    #: nothing is promised any more: the ticket was merged into another, or called off
    ENDED = "ended"
    #: a person sets the due time of a metric, or takes it back
    OVERRIDE = "override"
    #: a person knows of the breach of a metric
    ACKNOWLEDGED = "acknowledged"
    #: what reports count the ticket by: owner, client and the like
    CONTEXT = "context"
    #: what a desk says of a promise that it counts itself
    DESK = "desk"
    #: an earlier entry did not happen
    RETRACT = "retract"


_RANK = {kind: rank for rank, kind in enumerate(EntryKind)}


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry. Instants are aware UTC; ids are unique within a ticket."""

    id: str
    kind: EntryKind
    at: datetime
    #: when it was heard of
    arrived: datetime
    #: of terms: their digest
    terms: str = ""
    #: of pauses: the metrics that wait
    metrics: tuple[str, ...] = ()
    #: of a status, a stage or a team: its name; of a desk: what it says
    name: str = ""
    #: of an override, an acknowledgement or a desk
    metric: str = ""
    #: of an override: the due time, None takes it back; of a desk: as it counts
    due: datetime | None = None
    #: who did it, in a word; of a desk: the connection
    by: str = ""
    #: of a desk: of which of its cycles, what is promised, and whether it counts its business hours
    cycle: int = 0
    target_s: int = 0
    business: bool = False
    #: where they said so: `command`, `page`, or a connection
    way: str = ""
    reason: str = ""
    #: of a context
    context: dict[str, str] = {}
    #: id of an earlier entry that this one corrects or retracts
    replaces: str = ""


def said_by(entry: LogEntry) -> str:
    """Say in words who said something, where, and why."""
    return ", ".join(each for each in (f"by {entry.by}" if entry.by else "", entry.way, entry.reason) if each)


def in_order(entry: LogEntry) -> tuple[datetime, int, str]:
    """Return what entries are sorted by."""
    return (entry.at, _RANK[entry.kind], entry.id)


def counting(entries: Iterable[LogEntry], *, known_at: datetime, until: datetime) -> list[LogEntry]:
    """Return the entries that count, in their order: heard of by `known_at`, and not after `until`.

    What was corrected or retracted does not count, nor what is dated more than MOST_AHEAD after it was heard of.
    """
    heard = {each.id: each for each in entries if each.arrived <= known_at and each.at - each.arrived <= MOST_AHEAD}
    gone = {each.replaces for each in heard.values() if each.replaces}
    found = [
        each
        for each in heard.values()
        if each.id not in gone and each.kind is not EntryKind.RETRACT and each.at <= until
    ]
    return sorted(found, key=in_order)
