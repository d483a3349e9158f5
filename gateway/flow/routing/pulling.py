"""The queue of live tickets: whoever has room, comes to work or may have less is given what waits, in its order.

A sweep costs what is due: each ticket has one next look, and the queue as a whole is only gone through when somebody
has room again. What is found without a lock is asked again under it, so that two sweeps at once do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from gateway.flow.desks import LiveSite
from gateway.flow.one_by_one import OneByOne
from gateway.flow.routing.looking import Looking
from gateway.flow.routing.queueing import Queue
from gateway.ports import Clock, Doorbell, Ids, Store, Tx
from gateway.ports.ways import Way

TOGETHER = 100


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
        one_by_one = OneByOne(
            self._store,
            self._clock,
            look=lambda tx, ticket_id, now: Looking(tx, ticket_id, site, self._ids, now).run(),
            postpone=_postpone,
            what="routing",
        )
        if site.release != self._known[0]:
            # other routes may find other people for what waits
            self._store.write(lambda tx: tx.ways.renew(site.rules.digest, self._clock.now()))
        number, planned, is_first = 0, False, True
        while self._clock.monotonic() < end:
            found = self._found(site, first=is_first)
            looked = one_by_one.go(found.tickets, until=end)
            number, planned = number + looked.number, planned or looked.planned
            if looked.whole and found.until is not None:
                self._store.write(lambda tx, then=found.until: _looked_at(tx, then))  # type: ignore[misc]
            is_first = False
            if looked.whole and found.all_known:
                self._known = (site.release, site.fetched)
            if not found.tickets:
                break
        if planned:
            self._doorbell.ring("deliver")
        return number

    def _found(self, site: LiveSite, *, first: bool) -> Found:
        """Return the tickets to look at, in order."""
        now = self._clock.now()
        is_new = (site.release, site.fetched) != self._known
        with self._store.read() as tx:
            # tickets that were there before the routes; and other people may have room by other rules
            found = [*tx.ways.unknown(TOGETHER), *tx.ways.stale(TOGETHER)] if is_new else []
            until = now if is_new or tx.ways.is_room_new() or tx.staff.is_news(now) else None
            all_known = len(found) < TOGETHER
            due = tx.ways.due(now, TOGETHER)
            if until is not None or (due and first):
                # who comes to work, or asks less, is as good as room: the first of the queue comes first
                found += [each for each in Queue(tx, site, now).given_out() if each not in found]
            found += [each for each in due if each not in found]
        return Found(tuple(found), until, all_known=all_known)


def _looked_at(tx: Tx, then: datetime) -> None:
    tx.ways.room_looked_at(then)
    tx.staff.looked_at(then)


def moved(site: LiveSite) -> set[str]:
    """Return who works as a feed says."""
    teams = {team for feed in site.rules.routing.feeds for team in feed.teams}
    return {agent.person for agent in site.rules.routing.roster.agents if agent.team in teams}


def _postpone(tx: Tx, ticket_id: str, until: datetime) -> None:
    if tx.ways.get(ticket_id) is None:
        tx.ways.save(Way(ticket_id=ticket_id, wake_at=until), until)
    tx.ways.postpone(ticket_id, until)
