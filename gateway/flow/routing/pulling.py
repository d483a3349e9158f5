"""The queue of live tickets: whoever has room, comes to work or may have less is given what waits, in its order.

A sweep costs what is due: each ticket has one next look, and the queue as a whole is only gone through when somebody
has room again. What is found without a lock is asked again under it, so that two sweeps at once do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from gateway import crashpoint
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import live_links
from gateway.flow.one_by_one import OneByOne
from gateway.flow.plan import Cause, Planned, new_update
from gateway.flow.routing.ending import end_way
from gateway.flow.routing.giving import give
from gateway.flow.routing.offering import offer
from gateway.flow.routing.placing import Placed
from gateway.flow.routing.queueing import Queue
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.timekeeping import keep
from gateway.ports import AuditEntry, Clock, Doorbell, Ids, Store, Tx
from gateway.ports.ways import Way
from rules.fields import Facts
from rules.policies import run as policy_of
from rules.routed import Outcome

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
        self._release = ""

    def pull(self, *, seconds: float) -> int:
        """Look for at most `seconds`; return how many tickets were looked at."""
        site = self._site()
        if not site.rules.routing:
            return 0
        end = self._clock.monotonic() + seconds
        one_by_one = OneByOne(
            self._store,
            self._clock,
            look=lambda tx, ticket_id, now: Looking(tx, ticket_id, site, self._ids, now).run(),
            postpone=_postpone,
            what="routing",
        )
        if site.release != self._release:
            # other routes may find other people for what waits
            self._store.write(lambda tx: tx.ways.renew(site.rules.digest, self._clock.now()))
        number, planned, is_first = 0, False, True
        while self._clock.monotonic() < end:
            found = self._found(site, first=is_first)
            looked = one_by_one.go(found.tickets, until=end)
            number, planned = number + looked.number, planned or looked.planned
            if looked.whole and found.until is not None:
                self._store.write(lambda tx, then=found.until: tx.ways.room_looked_at(then))  # type: ignore[misc]
            is_first = False
            if looked.whole and found.all_known:
                self._release = site.release
            if not found.tickets:
                break
        if planned:
            self._doorbell.ring("deliver")
        return number

    def _found(self, site: LiveSite, *, first: bool) -> Found:
        """Return the tickets to look at, in order."""
        now = self._clock.now()
        is_new = site.release != self._release
        with self._store.read() as tx:
            # tickets that were there before the routes; and other people may have room by other rules
            found = [*tx.ways.unknown(TOGETHER), *tx.ways.stale(TOGETHER)] if is_new else []
            until = now if is_new or tx.ways.is_room_new() else None
            all_known = len(found) < TOGETHER
            due = tx.ways.due(now, TOGETHER)
            if until is not None or (due and first):
                # who comes to work, or asks less, is as good as room: the first of the queue comes first
                found += [each for each in Queue(tx, site, now).given_out() if each not in found]
            found += [each for each in due if each not in found]
        return Found(tuple(found), until, all_known=all_known)


def _postpone(tx: Tx, ticket_id: str, until: datetime) -> None:
    if tx.ways.get(ticket_id) is None:
        tx.ways.save(Way(ticket_id=ticket_id, wake_at=until), until)
    tx.ways.postpone(ticket_id, until)


class Looking:
    """One ticket, in a transaction that holds it."""

    def __init__(self, tx: Tx, ticket_id: str, site: LiveSite, ids: Ids, now: datetime) -> None:
        self.tx = tx
        self.ticket_id = ticket_id
        self.site = site
        self.ids = ids
        self.now = now
        self.cause = Cause(site.release, ids.new().replace("-", ""), now, skipping=site.skipping)
        self.planned = False

    def run(self) -> bool:
        """Give it to somebody, offer it, or look again later; say whether updates were planned."""
        self.look()
        if self.tx.ways.get(self.ticket_id) is None:
            # it is gone, or repeats another: it is not found anew with each release
            self.tx.ways.save(Way(ticket_id=self.ticket_id, outcome=Outcome.NONE.value, closed=True), self.now)
        return self.planned

    def look(self) -> None:
        """Do what is to be done now."""
        ticket = self.tx.tickets.get(self.ticket_id)
        links = live_links(self.tx, self.ticket_id)
        if ticket is None or not any(link.role is Role.SOURCE and link.state is LinkState.LIVE for link in links):
            end_way(self.tx, self.ticket_id, self.now)
            return
        way = self.tx.ways.get(self.ticket_id)
        if way is not None and way.holds:
            offered = offer(self.tx, ticket, way, links, site=self.site, cause=self.cause, ids=self.ids)
            if offered is not None:
                self.store(Placed(ticket, offered.planned, offered.audit))
                return
        self.store(self.give(ticket, links))
        crashpoint.reach("sweep.routing")

    def give(self, ticket: Ticket, links: Sequence[Link]) -> Placed:
        """Ask the router."""
        facts = Facts(ticket, ticket, frozenset(link.connection for link in links), self.now)
        policy, _ = policy_of(self.site.rules.policies, facts, explain=False, index=self.site.rules.policy_index)
        happened = Happened(
            before=ticket, ticket=ticket, policy=policy, links=facts.links, at=self.now, now=self.now, automatic=True
        )
        return give(self.tx, happened, links, site=self.site, cause=self.cause, ids=self.ids, keep=keep)

    def store(self, made: Placed) -> None:
        """Keep what came of it."""
        self.tx.audit.add(list(made.audit))
        for planned in made.planned:
            self.append(planned)

    def append(self, planned: Planned) -> None:
        """Put an update into the outbox; in mode observe the trail says what would have been written."""
        if self.site.mode == "observe":
            told = {"at": planned.link.connection, "what": planned.summary}
            self.tx.audit.add([AuditEntry(self.now, "gateway", "withheld", self.ticket_id, told, self.cause.trace_id)])
            return
        self.planned = self.tx.outbox.add(new_update(planned, self.ids.new(), self.cause)) > 0 or self.planned
