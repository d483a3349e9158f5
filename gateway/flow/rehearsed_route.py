"""Who has a ticket of a rehearsal at each moment: asked again when it waits, changes, or is open again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.domain.clock_instance import Chain
from gateway.domain.link import Link
from gateway.domain.presence import Snapshot, State
from gateway.domain.ticket import CLOSED_CATEGORIES, Ticket
from gateway.flow.sla.simulated import next_due
from rules.fields import Facts
from rules.routed import Outcome, Routed, Work
from rules.routes import Routing
from rules.routing import language_of, match, route

_HAS_SOMEBODY = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL, Outcome.KEPT})


class RehearsedRoute:
    """The way of one ticket."""

    def __init__(self, routing: Routing, states: Mapping[str, State]) -> None:
        self.routing = routing
        self.states = states
        self.last: Routed | None = None
        self.asked: object = None
        self.waiting_since: datetime | None = None
        self.owner = ""
        self.owned_until: datetime | None = None

    def at(
        self,
        at: datetime,
        ticket: Ticket,
        before: Ticket | None,
        links: Iterable[Link],
        clocks: Mapping[str, Chain],
    ) -> Routed | None:
        """Return who has it now; None in a site without routes."""
        if not self.routing:
            return None
        facts = Facts(ticket, before, frozenset(link.connection for link in links), at)
        if ticket.status.category in CLOSED_CATEGORIES:
            if self.owner and self.owned_until is None:
                self.owned_until = at
            self.waiting_since = None
            self.last = self.last or self._ask(facts, Work(), at)
            return self.last
        reopened = self.owned_until is not None
        found, _ = match(self.routing, facts, explain=False)
        asked = (found.name if found else "", language_of(ticket), ticket.region, ticket.assignee)
        if self.last is not None and self.last.outcome in _HAS_SOMEBODY and asked == self.asked and not reopened:
            return self.last
        self.asked = asked
        self.waiting_since = self.waiting_since or at
        work = Work(
            waiting_since=self.waiting_since,
            due=next_due(clocks),
            owner=self.owner,
            owned_until=self.owned_until,
            reopened=reopened,
        )
        self.last = self._ask(facts, work, at)
        if self.last.outcome in _HAS_SOMEBODY:
            self.owner, self.owned_until, self.waiting_since = self.last.agent, None, None
        return self.last

    def _ask(self, facts: Facts, work: Work, at: datetime) -> Routed:
        return route(self.routing, facts, Snapshot(self.routing.roster, at, self.states), work, explain=True)
