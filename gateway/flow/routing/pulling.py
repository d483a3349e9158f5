"""The queue of live tickets: whoever has room, comes to work or may have less is given what waits, in its order.

A sweep costs what is due: each ticket has one next look, and the queue as a whole is only gone through when somebody
has room again. What is found without a lock is asked again under it, so that two sweeps at once do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.flow.desks import LiveSite
from gateway.flow.prepare import is_no_fault_of_it
from gateway.flow.routing.counting import counted
from gateway.flow.routing.looking import Looking
from gateway.flow.routing.ways import work_of
from gateway.ports import Clock, Doorbell, Ids, Store, Tx
from gateway.ports.ways import Way
from gateway.telemetry import tell_defect
from rules.fields import Facts
from rules.waiting import Waiting, given_now

log = logging.getLogger(__name__)

TOGETHER = 100
#: a commit costs more than a ticket, and others wait
A_TRANSACTION = 10
#: of the queue, in one go: those that are due first
MOST_WAITING = 1000
#: a ticket that breaks the sweep is left alone for so long
AGAIN = timedelta(minutes=1)


class Found(msgspec.Struct, frozen=True):
    """What a sweep has to look at, in order."""

    tickets: tuple[str, ...]
    #: the queue was gone through, for room that was there by then
    until: datetime | None
    #: no open ticket is without a way, beside these
    all_known: bool


class Puller:
    """Looks at the queue of one site."""

    def __init__(
        self, *, store: Store, site: Callable[[], LiveSite], doorbell: Doorbell, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._site = site
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        #: the release, and the copies of feeds, of which all is known
        self._known = ("", "")
        self._roused = ""

    def pull(self, *, seconds: float) -> int:
        """Look for at most `seconds`; return how many tickets were looked at."""
        site = self._site()
        if not site.rules.routing:
            return 0
        if site.fetched != self._roused:
            # the moments at which tickets are to be looked at were reckoned by another roster
            people = moved(site)
            self._store.write(lambda tx: tx.ways.rouse(people, self._clock.now()))
            self._roused = site.fetched
        end = self._clock.monotonic() + seconds
        looked, planned = 0, False
        while self._clock.monotonic() < end:
            found = self._found(site)
            for first in range(0, len(found.tickets), A_TRANSACTION):
                some = found.tickets[first : first + A_TRANSACTION]
                planned = self._some(some, site) or planned
                looked += len(some)
                if self._clock.monotonic() > end:
                    break
            else:
                if found.until is not None:
                    self._store.write(lambda tx, then=found.until: tx.ways.room_looked_at(then))  # type: ignore[misc]
                if found.all_known:
                    self._known = (site.release, site.fetched)
                if not found.tickets:
                    break
        if planned:
            self._doorbell.ring("deliver")
        return looked

    def _found(self, site: LiveSite) -> Found:
        """Return the tickets to look at, in order."""
        now = self._clock.now()
        is_new = (site.release, site.fetched) != self._known
        with self._store.read() as tx:
            # tickets that were there before the routes; and other people may have room by other rules
            found = [*tx.ways.unknown(TOGETHER), *tx.ways.stale(TOGETHER)] if is_new else []
            until = now if is_new or tx.ways.is_room_new() else None
            all_known = len(found) < TOGETHER
            if until is not None:
                found += [each for each in given_out(tx, site, now) if each not in found]
            found += [each for each in tx.ways.due(now, TOGETHER) if each not in found]
        return Found(tuple(found), until, all_known=all_known)

    def _some(self, tickets: Sequence[str], site: LiveSite) -> bool:
        """Look at some tickets, in their order; say whether updates were planned."""

        def work(tx: Tx) -> list[bool]:
            tx.tickets.hold(tickets)
            return [self._one(tx, ticket_id, site) for ticket_id in tickets]

        return any(self._store.write(work))

    def _one(self, tx: Tx, ticket_id: str, site: LiveSite) -> bool:
        now = self._clock.now()
        try:
            with tx.savepoint():
                return Looking(tx, ticket_id, site, self._ids, now).run()
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            tell_defect(log, "the routing of a ticket broke", error, ticket=ticket_id)
            if tx.ways.get(ticket_id) is None:
                tx.ways.save(Way(ticket_id=ticket_id, wake_at=now + AGAIN), now)
            tx.ways.postpone(ticket_id, now + AGAIN)
            return False


def moved(site: LiveSite) -> set[str]:
    """Return who works as a feed says."""
    teams = {team for feed in site.rules.routing.feeds for team in feed.teams}
    return {agent.person for agent in site.rules.routing.roster.agents if agent.team in teams}


def given_out(tx: Tx, site: LiveSite, now: datetime) -> list[str]:
    """Return the tickets of the queue that somebody can have now, in the order in which they are given out."""
    routing = site.rules.routing
    queue = []
    for way in tx.ways.waiting(MOST_WAITING):
        ticket = tx.tickets.get(way.ticket_id)
        if ticket is not None:
            links = frozenset(link.connection for link in tx.links.of_ticket(ticket.id))
            queue.append(Waiting(facts=Facts(ticket, ticket, links, now), work=work_of(way)))
    return [each.id for each in given_now(routing, queue, counted(tx, routing.roster, now))] if queue else []
