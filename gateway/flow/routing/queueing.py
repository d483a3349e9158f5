"""Which tickets of the queue somebody can have now, however long it is.

Tickets for which the router looks for the same people are of one *kin*. It is asked once for each kin, as for a ticket
that has waited as long as the longest of them and is due as soon as the first: where nobody has room for that one,
nobody has for any of them, and they are passed over at once. Of the others every one is looked at, in order, until
nobody has room. What becomes urgent meanwhile is no matter of room: each has its own next look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import count

import msgspec

from gateway.flow.desks import LiveSite
from gateway.flow.routing.counting import counted
from gateway.flow.routing.ways import work_of
from gateway.ports import Tx
from gateway.ports.ways import Kin, Way
from rules.fields import Facts
from rules.routed import Outcome
from rules.routing import route
from rules.waiting import Waiting, given_now

#: so many are read at once
PAGE = 1000
#: and of those that have waited longest, however late they are due
LONGEST = 100
_GIVEN = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL})


class Queue:
    """The queue at an instant."""

    def __init__(self, tx: Tx, site: LiveSite, now: datetime) -> None:
        self._tx = tx
        self._routing = site.rules.routing
        self._now = now
        self._kins = tx.ways.kins()
        self._firsts: dict[str, Waiting] = {}

    def given_out(self) -> list[str]:
        """Return the tickets that somebody can have now, in the order in which they are given out."""
        if not self._kins:
            return []
        self._snapshot = counted(self._tx, self._routing.roster, self._now)
        names = {kin.name for kin in self._kins if self._fits(kin)}
        kins = [kin for kin in self._kins if kin.name in names]
        given: list[str] = []
        for skip in count(0, PAGE):
            if not any(self._fits(kin) for kin in kins):
                break
            page = self._tx.ways.waiting(PAGE, kins=names, skip=skip)
            oldest = () if skip else self._tx.ways.longest(LONGEST, kins=names)
            given += self._given([*page, *oldest], but=given)
            if len(page) < PAGE:
                break
        return given

    def _given(self, ways: Iterable[Way], *, but: Collection[str]) -> list[str]:
        """Give out some tickets, as far as there is room."""
        queue = {way.ticket_id: waiting for way in ways if (waiting := self._waiting(way)) is not None}
        found = []
        for each in given_now(self._routing, [queue[name] for name in queue if name not in but], self._snapshot):
            self._snapshot = self._snapshot.given(each.routed.agent, queue[each.id].facts.ticket.channel)
            found.append(each.id)
        return found

    def _fits(self, kin: Kin) -> bool:
        """Say whether somebody can have any ticket of a kin."""
        if kin.name not in self._firsts:
            way = self._tx.ways.get(kin.ticket_id)
            found = self._waiting(way) if way is not None else None
            if found is None:
                # it is gone: whether the others can be given is seen one by one
                return True
            work = msgspec.structs.replace(found.work, waiting_since=kin.since, due=kin.due)
            self._firsts[kin.name] = msgspec.structs.replace(found, work=work)
        first = self._firsts[kin.name]
        return route(self._routing, first.facts, self._snapshot, first.work).outcome in _GIVEN

    def _waiting(self, way: Way) -> Waiting | None:
        ticket = self._tx.tickets.get(way.ticket_id)
        if ticket is None:
            return None
        links = frozenset(link.connection for link in self._tx.links.of_ticket(ticket.id))
        return Waiting(facts=Facts(ticket, ticket, links, self._now), work=work_of(way))
