"""Who has a ticket of a rehearsal at each moment: its way is brought up to what happens as that of a live ticket is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from gateway.domain.clock_instance import Chain
from gateway.domain.link import Link
from gateway.domain.person import RemotePerson
from gateway.domain.presence import Snapshot, State
from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from gateway.flow.routing.overriding import overridden
from gateway.flow.routing.ways import asked_of, caught_up, is_over, passed_to, who, work_of
from gateway.flow.sla.simulated import next_due
from gateway.ports.ways import Way
from rules.decide import RuleSet
from rules.fields import Facts
from rules.routed import Outcome, Routed, Work
from rules.routing import route

_GIVEN = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL})


class RehearsedRoute:
    """The way of one ticket."""

    def __init__(self, rules: RuleSet, states: Mapping[str, State]) -> None:
        self.routing = rules.routing
        self.teams = rules.sections.get("teams") or {}
        self.states = states
        self.last: Routed | None = None
        self.way = Way(ticket_id="")
        #: what the ticket said of its assignee when it was last looked at
        self._said: tuple[RemotePerson | None, Stamp | None] = (None, None)
        #: the router has given it to somebody since then
        self._given = False

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
        ticket = self._ours(ticket, at)
        facts = Facts(ticket, before, frozenset(link.connection for link in links), at)
        caught = caught_up(self.way, ticket, self.routing, at)
        self.way = overridden(ticket, caught.way, self.routing, self.teams, took=caught.took).way
        if is_over(ticket):
            if self.last is None or ticket.duplicate_of:
                self.last = self._ask(facts, Work())
            return self.last
        asked = asked_of(self.routing, facts)
        is_asked = self.way.asked
        self.way = msgspec.structs.replace(self.way, asked=asked, due=next_due(clocks))
        if caught.took:
            self.last = self._taken(facts, caught.took)
        elif self.last is None or not self.way.holds or asked != is_asked:
            self.last = self._decided(facts, self.last)
        return self.last

    def _ours(self, ticket: Ticket, at: datetime) -> Ticket:
        """Return a ticket as the router left it, where nobody has said anything else of its assignee since."""
        said = ticket.assignee, ticket.stamps.get("assignee")
        if said != self._said or not self._given:
            self._said, self._given = said, False
            return ticket
        person = RemotePerson(name=self.way.seen, role="agent") if self.way.seen else None
        return with_field(ticket, "assignee", person, Stamp(Setter.RULE, "routing", at))

    def _taken(self, facts: Facts, name: str) -> Routed:
        """Let whoever took it have it."""
        routed = self._ask(facts, work_of(self.way))
        if routed.outcome is not Outcome.KEPT:
            routed = Routed(Outcome.KEPT, f"it was given to {name} by a rule or at the desk", agent=name)
        self.way = msgspec.structs.replace(self.way, outcome=Outcome.KEPT.value)
        return routed

    def _decided(self, facts: Facts, last: Routed | None) -> Routed:
        routed = self._ask(facts, work_of(self.way))
        if self.way.holds and last is not None and routed.outcome not in _GIVEN:
            # whoever has it keeps it until there is somebody else
            return last
        way = msgspec.structs.replace(self.way, outcome=routed.outcome.value, rule=routed.rule, region=routed.region)
        if routed.outcome in _GIVEN:
            way = msgspec.structs.replace(passed_to(way, routed.agent, facts.now), seen=routed.agent)
            self._given = True
        elif routed.outcome is Outcome.KEPT:
            way = passed_to(way, routed.agent or who(self.routing, facts.ticket), facts.now)
        else:
            way = msgspec.structs.replace(way, waiting_since=way.waiting_since or facts.now)
        self.way = way
        return routed

    def _ask(self, facts: Facts, work: Work) -> Routed:
        return route(self.routing, facts, Snapshot(self.routing.roster, facts.now, self.states), work, explain=True)
