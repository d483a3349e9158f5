"""Broken promises of which nobody was told, and what a gateway that only observes would have done. Pure.

Somebody saw a breach when an escalation of it left the gateway, or when a person acknowledged it. Nothing else is
known: whoever looked at the desk at that time left no trace.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.desk_promise import DeskSays

#: so many are named
MOST_NAMED = 20


class Why(StrEnum):
    """Why nobody was told, in the order in which it is said."""

    BEFORE = "before the gateway answered"
    WITHHELD = "its escalation was withheld"
    UNWATCHED = "no escalation was due"


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A broken promise that counts in a period."""

    ticket_id: str
    metric: str
    cycle: int
    policy: str
    level: str
    source: str
    breached_at: datetime


class Told(msgspec.Struct, frozen=True):
    """A line of the trail: `escalated`, or `withheld`, at an instant."""

    ticket_id: str
    at: datetime
    action: str
    metric: str = ""
    cycle: int = 0


class UnseenLine(msgspec.Struct, frozen=True):
    """A breach that nobody saw."""

    ticket_id: str
    metric: str
    policy: str
    priority: str
    source: str
    breached_at: datetime
    why: str
    #: what the desk's own clock says of it: broken, kept, or empty where it has none
    desk: str


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """What was broken in a period, and what of it nobody saw."""

    broken: int
    seen: int
    unseen: int
    #: reason -> how many
    why: dict[str, int]
    #: of those that nobody saw, by the desk's own clocks: broken, kept, and those that it does not count
    desk_broken: int
    desk_kept: int
    desk_silent: int
    #: those that broke first, first
    first: list[UnseenLine]


class WouldLine(msgspec.Struct, frozen=True):
    """One sort of thing that was decided and not done."""

    at: str
    what: str
    count: int
    tickets: int


class Would(msgspec.Struct, frozen=True):
    """What was decided in a period and not written, because the gateway only observed."""

    total: int
    tickets: int
    lines: list[WouldLine]


class UnseenTally:
    """Takes up broken promises, some tickets at a time."""

    def __init__(self) -> None:
        self._broken = self._seen = 0
        self._why: Counter[Why] = Counter()
        self._desk: Counter[str] = Counter()
        self._first: list[UnseenLine] = []

    def take(
        self,
        broken: Sequence[Broken],
        trail: Iterable[Told],
        logs: Mapping[str, Sequence[LogEntry]],
        since: Mapping[str, datetime | None],
    ) -> None:
        """Add broken promises, with what the trail and the logs of their tickets say; `since` by source."""
        escalated: defaultdict[tuple[str, str, int], list[datetime]] = defaultdict(list)
        withheld: set[tuple[str, datetime]] = set()
        for line in trail:
            if line.action == "escalated":
                escalated[line.ticket_id, line.metric, line.cycle].append(line.at)
            else:
                withheld.add((line.ticket_id, line.at))
        for each in broken:
            self._broken += 1
            log = logs.get(each.ticket_id, ())
            fired = escalated[each.ticket_id, each.metric, each.cycle]
            if _acknowledged(each, log) or any((each.ticket_id, at) not in withheld for at in fired):
                self._seen += 1
            else:
                self._note(each, _why(each, since, fired=bool(fired)), _by_desk(each, log))

    def _note(self, each: Broken, why: Why, desk: str) -> None:
        self._why[why] += 1
        self._desk[desk] += 1
        found = (each.ticket_id, each.metric, each.policy, each.level, each.source, each.breached_at, why.value, desk)
        self._first.append(UnseenLine(*found))
        if len(self._first) > 2 * MOST_NAMED:
            self._first = self._named()

    def _named(self) -> list[UnseenLine]:
        return sorted(self._first, key=lambda each: (each.breached_at, each.ticket_id, each.metric))[:MOST_NAMED]

    def summed(self) -> Unseen:
        """Sum up."""
        return Unseen(
            broken=self._broken,
            seen=self._seen,
            unseen=self._broken - self._seen,
            why={each.value: self._why[each] for each in Why if self._why[each]},
            desk_broken=self._desk["broken"],
            desk_kept=self._desk["kept"],
            desk_silent=self._desk[""],
            first=self._named(),
        )


def _why(each: Broken, since: Mapping[str, datetime | None], *, fired: bool) -> Why:
    begun = since.get(each.source)
    if begun is not None and each.breached_at < begun:
        return Why.BEFORE
    return Why.WITHHELD if fired else Why.UNWATCHED


def _acknowledged(each: Broken, log: Sequence[LogEntry]) -> bool:
    known = (entry for entry in log if entry.kind is EntryKind.ACKNOWLEDGED and entry.metric == each.metric)
    return any(entry.at >= each.breached_at for entry in known)


def _by_desk(each: Broken, log: Sequence[LogEntry]) -> str:
    """Return what the desk's own clock says of a promise of ours, as far as it has one for that metric."""
    said = [entry.name for entry in log if entry.kind is EntryKind.DESK and entry.metric == each.metric]
    if not said:
        return ""
    return "broken" if DeskSays.BREACHED.value in said else "kept"


def would_have(withheld: Iterable[tuple[str, str, str]]) -> Would:
    """Sum up (ticket id, connection, what) of things that were withheld, the most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    tickets: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for ticket_id, at, what in withheld:
        counts[at, what] += 1
        tickets[at, what].add(ticket_id)
    lines = [WouldLine(*key, count, len(tickets[key])) for key, count in counts.items()]
    lines.sort(key=lambda each: (-each.count, each.at, each.what))
    return Would(counts.total(), len(set().union(*tickets.values())), lines)
