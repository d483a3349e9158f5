"""The clocks of one ticket, in one transaction: the levels that they have come to, and what these do.

What is done is written in one transaction with the note that it was, so that two sweeps at once, or one that dies on
the way, do nothing twice. What leaves is an ordinary update: it is retried, and becomes a dead letter, like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway import crashpoint
from gateway.domain.clock_log import LogEntry
from gateway.domain.event import Event, EventKind
from gateway.domain.link import Link, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Operation
from gateway.flow.deciding import decide_on, for_the_trail
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import live_links
from gateway.flow.listening import Listener
from gateway.flow.plan import Cause, Planned, Planner, new_update
from gateway.flow.sla.acts import Acted, Situation, act
from gateway.flow.sla.asking import request
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.following import Decided, follow, view_of
from gateway.flow.sla.levels import Ladder, Level
from gateway.flow.sla.merging import MERGED, Merger
from gateway.flow.sla.timekeeping import Told, enter, tell, told, watch
from gateway.ports import AuditEntry, Ids, Tx
from rules.decide import RuleSet
from rules.escalations import Act
from rules.fields import Facts
from rules.inputs import encoded

#: what actions change in a ticket, and desks are told of
ESCALATED = ("priority", "queue", "assignee")
#: no more levels of one ticket in one go: rules that change a ticket in a ring end here
MOST = 50


class Waking:
    """One ticket, while its clocks are looked at or an action is carried out."""

    def __init__(self, tx: Tx, ticket_id: str, site: LiveSite, ids: Ids, cause: Cause) -> None:
        self.tx = tx
        self.ticket_id = ticket_id
        self.site = site
        self.ids = ids
        self.now = cause.now
        self.planned = False
        #: actions of other packages were asked for
        self.asked = False
        self.log: list[LogEntry] = []
        self.notes: list[AuditEntry] = []
        self.links: list[Link] | None = None
        self.fired = list(tx.clocks.firings(ticket_id))
        self.cause = cause

    def run(self, listener: Listener) -> bool:
        """Do what is due; say whether updates were planned."""
        ticket = self.tx.tickets.get(self.ticket_id)
        if ticket is not None and ticket.duplicate_of:
            Merger(self.tx, rules=self.site.rules, ids=self.ids, now=self.now).end(ticket.id, MERGED)
        self.log = watch(self.tx, self.ticket_id, self.now, self.site.rules, self.ids)
        stood = tell(self.tx, self.ticket_id, self.now, log=self.log)
        for _ in range(MOST):
            changed = None if ticket is None else self.climb(ticket, stood, listener)
            if changed is None:
                break
            ticket, stood = changed, tell(self.tx, self.ticket_id, self.now, log=self.log)
        kept = told(self.tx, self.ticket_id, self.now, self.site.rules, fired=self.fired, found=stood)
        if ticket is not None:
            self.show(ticket, kept)
        self.close()
        return self.planned or self.asked

    def close(self) -> None:
        """Put what was noted into the trail."""
        self.tx.audit.add(self.notes)
        self.notes = []

    def carry(self, ticket: Ticket, level: Level, acts: Sequence[Act], listener: Listener, by: str) -> None:
        """Do what an action of another package has returned, and tell the clocks anew."""
        stood = tell(self.tx, self.ticket_id, self.now)
        self.log = list(stood.log)
        changed = self.do(ticket, level, acts, stood, listener, by)
        kept = told(self.tx, self.ticket_id, self.now, self.site.rules, log=self.log, fired=self.fired)
        self.show(changed or ticket, kept)
        self.close()

    def show(self, ticket: Ticket, kept: Told) -> None:
        """Let the desks show how the clocks stand."""
        key = f"sweep:{self.now.isoformat()}"
        for each in view_of(self.tx, ticket, kept, site=self.site, event_key=key, now=self.now):
            self.append(each)

    def climb(self, ticket: Ticket, stood: Told, listener: Listener) -> Ticket | None:
        """Do what is due in its order; stop at what changes the ticket and return it: the rest is asked again then."""
        for level in self.levels(ticket, stood):
            firing = level.firing(self.ticket_id)
            is_first = self.tx.clocks.fire(firing, self.now)
            self.fired.append(firing)
            if not is_first or level.passed_over:
                continue
            since = self.site.answers_since(ticket.source)
            if since is not None and level.at < since:
                missed: dict[str, object] = {"escalation": level.escalation.name, "due": level.at.isoformat()}
                self.note("passed before going live", missed)
                continue
            crashpoint.reach("sweep.firing")
            changed = self.fire(ticket, level, stood, listener)
            if changed is not None:
                return changed
        return None

    def levels(self, ticket: Ticket, stood: Told) -> list[Level]:
        """Return the levels that were come to, in their order."""
        ladder = Ladder(self.site.rules.escalations, stood.log, self.fired)
        links = frozenset(link.connection for link in self.linked())
        facts = Facts(ticket, ticket, links, self.now)
        return ladder.due(stood.chains, self.now, lambda escalation: escalation.when.holds(facts))

    def linked(self) -> list[Link]:
        """Return where the ticket can be written to."""
        if self.links is None:
            self.links = live_links(self.tx, self.ticket_id)
        return self.links

    def enter(self, tx: Tx, happened: Happened, rules: RuleSet, ids: Ids) -> None:
        """Enter what an escalation has made of the ticket."""
        self.log = enter(tx, happened, rules, ids, log=self.log)

    def fire(self, ticket: Ticket, level: Level, stood: Told, listener: Listener) -> Ticket | None:
        """Do everything that a level asks for; return the ticket where it is another now."""
        return self.do(ticket, level, level.escalation.do, stood, listener)

    def do(
        self, ticket: Ticket, level: Level, acts: Sequence[Act], stood: Told, listener: Listener, by: str = ""
    ) -> Ticket | None:
        """Do some things for a level; `by` is the action of another package that asked for them."""
        before = ticket
        said: list[str] = []
        planned: list[Planned] = []
        links = list(self.linked())
        for action in acts:
            given = Situation(
                ticket=ticket,
                links=links,
                chain=stood.chains[level.instance.metric],
                level=level,
                rules=self.site.rules,
                connectors=self.site.connectors,
                now=self.now,
            )
            done: Acted = act(action, given)
            ticket, said = done.ticket, [*said, done.said]
            planned += done.planned
            links += [link for link in done.links if link.ticket_id]
            self.keep(done.links)
            if done.asked is not None:
                self.ask(done.asked, level, before, links)
        detail = {
            "escalation": level.escalation.name,
            "metric": level.instance.metric,
            "cycle": level.instance.cycle,
            "due": level.at.isoformat(),
            "did": said,
            **({"action": by} if by else {}),
        }
        self.note("action carried out" if by else "escalated", detail)
        decided = self.decide(before, ticket, level, links, listener) if ticket != before else None
        for each in planned:
            self.append(each)
        return decided

    def ask(self, act: Act, level: Level, ticket: Ticket, links: Sequence[Link]) -> None:
        """Ask for an action of another package, by way of the inbox."""
        wanted = request(act, level, ticket, links, self.cause, self.ids)
        if wanted is not None:
            self.asked = bool(self.tx.inbox.add([wanted])) or self.asked

    def keep(self, links: Sequence[Link]) -> None:
        """Store the links that updates need."""
        for link in links:
            if self.site.observes(link.connection, self.now):
                continue
            if self.tx.links.get(link.id) is None:
                self.tx.links.add(link, self.now)
                self.links = None

    def decide(self, before: Ticket, ticket: Ticket, level: Level, links: list[Link], listener: Listener) -> Ticket:
        """Let the rules look at what an escalation has made of a ticket, and carry it to the desks."""
        decision, inputs = decide_on(
            ticket, before, links, None, tx=self.tx, rules=self.site.rules, listener=listener, now=self.now
        )
        decided = decision.ticket
        self.note("decided", for_the_trail(decision, self.site.release), encoded(inputs))
        self.tx.tickets.save(decided)
        by = f"escalation {level.escalation.name}"
        key = f"escalation:{level.escalation.name}:{level.instance.metric}:{level.instance.cycle}:{level.turn}"
        fields = [field for field in ESCALATED if getattr(decided, field) != getattr(before, field)]
        rules = tuple(rule for rule in self.site.rules.sync_rules if rule.name in {link.rule for link in links})
        planner = Planner(
            links=links,
            rules=rules,
            connectors=self.site.connectors,
            people=self.site.rules.sections.get("people") or {},
            pending=self.tx.outbox.pending_fields,
            event_key=key,
        )
        named = {each.field: each.rule for each in decision.sets}
        for planned in planner.decided(decided, [(field, named.get(field, by)) for field in fields], frozenset()):
            self.append(planned)
        origin = next((link for link in links if link.role is Role.SOURCE), None)
        if origin is not None:
            event = Event(EventKind.CHANGED, origin.remote_id, key, self.now, automatic=True)
            made = Decided(before=before, decision=decision, event=event, comments=(), origin=origin, links=links)
            said = follow(self.tx, made, site=self.site, cause=self.cause, ids=self.ids, keep=self.enter)
            self.notes += said.audit
            decided = said.ticket
            for each in said.planned:
                self.append(each)
        return decided

    def append(self, planned: Planned) -> None:
        """Put an update into the outbox; in mode observe nothing leaves."""
        if self.site.observes(planned.link.connection, self.now):
            self.note("withheld", {"at": planned.link.connection, "what": planned.summary})
            return
        update = new_update(planned, self.ids.new(), self.cause)
        if planned.operation is Operation.NOTIFY:
            # a lane of notices stands still for none of them
            update = msgspec.structs.replace(update, ticket_id=self.ticket_id, blocks=False)
        self.planned = self.tx.outbox.add(update) > 0 or self.planned

    def note(self, action: str, detail: dict[str, object], inputs: bytes = b"") -> None:
        """Put a line into the trail."""
        self.notes.append(AuditEntry(self.now, "gateway", action, self.ticket_id, detail, self.cause.trace_id, inputs))
