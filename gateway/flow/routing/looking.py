"""One ticket when the sweep comes to it, or a person has spoken: given to somebody, offered, or looked at later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway import crashpoint
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Operation
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import live_links
from gateway.flow.plan import Cause, Planned, new_update
from gateway.flow.routing.ending import end_way
from gateway.flow.routing.giving import give
from gateway.flow.routing.offering import offer
from gateway.flow.routing.placing import Placed
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.timekeeping import keep
from gateway.ports import AuditEntry, Ids, Tx
from gateway.ports.ways import Way
from rules.fields import Facts
from rules.policies import run as policy_of
from rules.routed import Outcome


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
        if self.site.observes(planned.link.connection, self.now):
            told = {"at": planned.link.connection, "what": planned.summary}
            self.tx.audit.add([AuditEntry(self.now, "gateway", "withheld", self.ticket_id, told, self.cause.trace_id)])
            return
        update = new_update(planned, self.ids.new(), self.cause)
        if planned.operation is Operation.NOTIFY:
            if self.tx.links.get(planned.link.id) is None:
                self.tx.links.add(planned.link, self.now)
            # a lane of notices stands still for none of them
            update = msgspec.structs.replace(update, ticket_id=self.ticket_id, blocks=False)
        self.planned = self.tx.outbox.add(update) > 0 or self.planned
