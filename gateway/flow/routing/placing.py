"""Asks the router for one ticket inside a transaction, keeps its answer and says who is to hear of it.

The ways are locked before anything is counted: of two workers the second counts what the first has given out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.link import Link, LinkState
from gateway.domain.person import RemotePerson
from gateway.domain.presence import Snapshot
from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause, Planned
from gateway.flow.routing.carrying import carry, told
from gateway.flow.routing.counting import counted, next_due
from gateway.flow.routing.measuring import added, learnt
from gateway.flow.routing.overriding import is_put, overridden
from gateway.flow.routing.waking import is_ending, of_held, of_waiting
from gateway.flow.routing.ways import CaughtUp, asked_of, caught_up, goes_round, is_over, passed_to, who, work_of
from gateway.ports import AuditEntry, Ids, Tx
from gateway.ports.ways import Way
from rules.fields import Facts
from rules.routed import LeftOut, Outcome, Ring, Routed
from rules.routes import Routing
from rules.routing import route

_GIVEN = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL})
#: so many names are kept for each reason: a trail is read by people
NAMES = 20


class Placed(msgspec.Struct, frozen=True):
    """What came of it."""

    ticket: Ticket
    planned: tuple[Planned, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    #: the router's answer, where it was asked
    routed: Routed | None = None


class Place:
    """Places one ticket: in a transaction that holds it."""

    def __init__(
        self, tx: Tx, ticket: Ticket, links: Sequence[Link], *, site: LiveSite, cause: Cause, ids: Ids
    ) -> None:
        self._tx = tx
        self._ticket = ticket
        self._links = links
        self._site = site
        self._cause = cause
        self._ids = ids
        self._routing: Routing = site.rules.routing
        self._facts = Facts(ticket, ticket, frozenset(link.connection for link in links), cause.now)
        self._before = Way(ticket_id=ticket.id)
        self._planned: list[Planned] = []
        self._audit: list[AuditEntry] = []
        #: connection -> why it does not show who has it
        self._left: dict[str, str] = {}

    def run(self) -> Placed:
        """Bring the way of the ticket up to date; ask the router where nobody has it, or something else is asked."""
        tx, now = self._tx, self._cause.now
        known = tx.ways.get(self._ticket.id)
        if known is None and is_over(self._ticket):
            return Placed(self._ticket)
        before = known or Way(ticket_id=self._ticket.id, channel=self._ticket.channel)
        self._before = before
        self._left = dict(before.left)
        tx.ways.lock()
        caught = caught_up(before, self._ticket, self._routing, now)
        way = self._overridden(caught)
        self._heard(caught)
        way = msgspec.structs.replace(way, due=next_due(tx, self._ticket.id))
        if is_over(self._ticket):
            tx.ways.save(way, now)
            tx.ways.unreserve(self._ticket.id)
            return self._placed(None)
        asked = asked_of(self._routing, self._facts)
        snapshot = counted(tx, self._routing, now, but=self._ticket.id)
        if way.holds and (way.asked == asked or not way.asked or caught.took):
            if caught.took and goes_round(way, self._ticket, self._routing):
                return self._freeze_held(msgspec.structs.replace(way, asked=asked))
            outcome = Outcome.KEPT.value if caught.took else way.outcome
            # what was offered at the end of another day is over
            offers = way.offers if way.offers and is_ending(self._routing, way.person, snapshot) else ()
            way = msgspec.structs.replace(way, asked=asked, outcome=outcome, offers=offers)
            self._save(msgspec.structs.replace(way, wake_at=of_held(self._routing, way, snapshot)))
            return self._placed(None)
        way = msgspec.structs.replace(way, asked=asked)
        return self._decide(way, snapshot)

    def _heard(self, caught: CaughtUp) -> None:
        """Note who took it and who is through with it."""
        now = self._cause.now
        if caught.freed:
            self._tx.ways.freed(caught.freed, now)
        if caught.took:
            self._tx.ways.gave(caught.took, now)
        for action, detail in caught.said:
            self._note(action, detail)

    def _overridden(self, caught: CaughtUp) -> Way:
        """Let the team be that of a person's word, and the other desks show it."""
        sections, team = self._site.rules.sections, self._ticket.team
        said = overridden(self._ticket, caught.way, self._routing, sections.get("teams") or {}, took=caught.took)
        self._ticket = said.ticket
        if caught.took:
            # it was said of somebody else
            self._left = {}
        if is_over(said.ticket):
            return said.way
        if said.said is not None:
            self._note("team overridden", said.said)
        elif said.ticket.team != team:
            self._note("team changed", {"to": said.ticket.team, "from": team, "with": caught.took})
        if said.at:
            is_handoff = any(action == "handoff accepted" for action, _ in caught.said)
            self._spread(said.at, took=bool(caught.took), by="handoff" if is_handoff else "override")
        return said.way

    def _spread(self, at: str, *, took: bool, by: str) -> None:
        """Let the other desks show what a person said at one, or to us; what a sync rule carries goes by that rule.

        Of what was so before the ticket came here, only a copy that we are making ourselves is told.
        """
        is_at_desk = any(link.connection == at for link in self._links)
        for link in self._links:
            if not self._before.outcome and link.state is not LinkState.PENDING:
                continue
            rule = self._site.rules.sync(link.rule)
            synced = is_at_desk and rule is not None and "assignee" in rule.fields
            if link.connection != at:
                self._carry([link], by=by, queue="", person=took and not synced)

    # ------------------------------------------------------------ the router's answer

    def _decide(self, way: Way, snapshot: Snapshot) -> Placed:
        routed = route(self._routing, self._facts, snapshot, work_of(way), explain=True)
        if way.holds and routed.outcome not in _GIVEN:
            # whoever has it keeps it until there is somebody else
            self._save(msgspec.structs.replace(way, wake_at=of_held(self._routing, way, snapshot)))
            return self._placed(routed)
        way = msgspec.structs.replace(
            way, outcome=routed.outcome.value, rule=routed.rule, reason=routed.reason, region=routed.region,
            team=routed.team, queue=routed.queue, flags=routed.flags,
        )  # fmt: skip
        if routed.outcome in _GIVEN:
            way = self._give(way, routed, snapshot)
        elif routed.outcome is Outcome.KEPT:
            way = passed_to(way, routed.agent or who(self._routing, self._ticket), self._cause.now)
            way = msgspec.structs.replace(way, wake_at=of_held(self._routing, way, snapshot))
        elif routed.outcome is Outcome.FROZEN:
            way = self._freeze(way, routed)
        else:
            way = self._queue(way, routed, snapshot)
        self._save(way)
        if _is_news(self._before, way):
            self._note("routed", {"route": msgspec.to_builtins(compact(routed)), "release": self._site.release})
        return self._placed(routed)

    def _give(self, way: Way, routed: Routed, snapshot: Snapshot) -> Way:
        now, had = self._cause.now, way.person if way.holds else ""
        given = passed_to(way, routed.agent, now)
        one = learnt(self._before, routed.region, self._routing.roster, now)
        if one is not None and routed.outcome is Outcome.ASSIGNED:
            region = self._before.region
            self._tx.ways.save_waits(region, added(self._tx.ways.waits().get(region, ()), one))
        if had != routed.agent:
            if had:
                self._tx.ways.freed(had, now)
            self._tx.ways.gave(routed.agent, now)
        ticket = assigned(self._ticket, routed, self._site.rules.sections.get("people") or {}, now)
        self._show(ticket, routed, person=True)
        if routed.flags:
            words = f"{routed.agent} has this ticket: {routed.reason}. Marked: {', '.join(routed.flags)}."
            self._tell(words, f"routed:{self._ids.new()}")
        return msgspec.structs.replace(given, wake_at=of_held(self._routing, given, snapshot))

    def _queue(self, way: Way, routed: Routed, snapshot: Snapshot) -> Way:
        """Let it wait; in the fallback queue it waits as well: who comes to work may fit."""
        now, ticket = self._cause.now, self._ticket
        is_left_to_people = not routed.rings and routed.outcome is Outcome.QUEUED
        way = msgspec.structs.replace(way, waiting_since=way.waiting_since or now)
        wake = of_waiting(self._routing, self._facts, way, routed, snapshot)
        if is_left_to_people:
            way, wake = msgspec.structs.replace(way, waiting_since=None), None
        ticket = in_queue(ticket, routed, self._stamp(routed))
        if ticket is not self._ticket or self._is_let_go(way):
            self._show(ticket, routed, person=False, nobody=self._is_let_go(way))
        if routed.outcome is Outcome.UNROUTABLE and self._before.outcome != Outcome.UNROUTABLE:
            self._tell(f"Nobody can be given this ticket: {routed.reason}.", f"unroutable:{self._ids.new()}")
        return msgspec.structs.replace(way, wake_at=wake)

    def _freeze(self, way: Way, routed: Routed) -> Way:
        ticket = self._ticket
        ticket = in_queue(ticket, routed, self._stamp(routed))
        if ticket is not self._ticket or self._is_let_go(way):
            self._show(ticket, routed, person=False, nobody=self._is_let_go(way))
        self._tell_frozen(routed.reason)
        return msgspec.structs.replace(way, waiting_since=None, wake_at=None)

    def _freeze_held(self, way: Way) -> Placed:
        """Let it stay with whoever an automation gave it to last: nobody hands it on but a person."""
        lead = self._routing.settings.triage_lead or "the triage lead"
        moved = len(way.hops) - way.hops_before
        reason = f"automations passed it on, {moved} times in this cycle: it stays until {lead} decides"
        self._tell_frozen(reason)
        self._save(msgspec.structs.replace(way, outcome=Outcome.FROZEN.value, reason=reason, offers=(), wake_at=None))
        if self._before.outcome != Outcome.FROZEN:
            self._note("frozen", {"why": reason})
        return self._placed(None)

    def _tell_frozen(self, reason: str) -> None:
        if self._before.outcome != Outcome.FROZEN:
            lead = self._routing.settings.triage_lead or "whoever looks after the fallback queue"
            self._tell(f"This ticket is frozen for {lead}: {reason}.", f"frozen:{self._ids.new()}")

    # ------------------------------------------------------------ what is said and written

    def _stamp(self, routed: Routed) -> Stamp:
        return Stamp(Setter.RULE, f"route:{routed.rule}" if routed.rule else "routing", self._cause.now)

    def _is_let_go(self, way: Way) -> bool:
        """Say whether somebody was taken off it just now."""
        return way.given_up and self._before.holds

    def _show(self, ticket: Ticket, routed: Routed, *, person: bool, nobody: bool = False) -> None:
        """Let the desks show who has it, or in which queue it lies; `nobody`: that somebody has it no more."""
        self._ticket = ticket
        queue = "" if is_put(ticket) else routed.queue
        self._carry(self._links, by=f"route {routed.rule}", queue=queue, person=person, nobody=nobody)

    def _carry(self, links: Sequence[Link], *, by: str, queue: str, person: bool, nobody: bool = False) -> None:
        carried = carry(
            self._ticket if person else msgspec.structs.replace(self._ticket, assignee=None), links,
            rules=self._site.rules, connectors=self._site.connectors, pending=self._tx.outbox.pending_fields,
            key=f"routing:{self._ids.new()}", by=by, queue=queue, nobody=nobody,
        )  # fmt: skip
        self._planned += carried.planned
        if person:
            told = {link.connection for link in links}
            self._left = {name: why for name, why in self._left.items() if name not in told} | dict(carried.left)
        for connection, why in carried.left:
            self._note("assignment not carried", {"at": connection, "why": why})

    def _tell(self, words: str, why: str) -> None:
        self._planned += told(self._ticket.id, self._links, self._site.connectors, words, why)

    def _save(self, way: Way) -> None:
        now = self._cause.now
        since = self._before.since if way.outcome == self._before.outcome else now
        left = tuple(sorted(self._left.items())) if way.holds else ()
        way = msgspec.structs.replace(way, since=since or now, seen=who(self._routing, self._ticket), left=left)
        self._tx.ways.save(way, now)
        if self._before.offers and not way.offers:
            self._tx.ways.unreserve(way.ticket_id)

    def _note(self, action: str, detail: Mapping[str, Any]) -> None:
        entry = AuditEntry(self._cause.now, "gateway", action, self._ticket.id, dict(detail), self._cause.trace_id)
        self._audit.append(entry)

    def _placed(self, routed: Routed | None) -> Placed:
        return Placed(self._ticket, tuple(self._planned), tuple(self._audit), routed)


def assigned(ticket: Ticket, routed: Routed, people: Mapping[str, Any], now: datetime) -> Ticket:
    """Return the ticket in the hands of whom the router chose."""
    stamp = Stamp(Setter.RULE, f"route:{routed.rule}", now)
    person = RemotePerson(email=str((people.get(routed.agent) or {}).get("email", "")), name=routed.agent, role="agent")
    if ticket.assignee != person or ticket.setter("assignee") is not Setter.RULE:
        ticket = with_field(ticket, "assignee", person, stamp)
    if routed.team and ticket.team != routed.team:
        ticket = with_field(ticket, "team", routed.team, stamp)
    return in_queue(ticket, routed, stamp)


def in_queue(ticket: Ticket, routed: Routed, stamp: Stamp) -> Ticket:
    """Return the ticket in the queue of its route, unless a person put it into another."""
    if not routed.queue or ticket.queue == routed.queue or is_put(ticket):
        return ticket
    return with_field(ticket, "queue", routed.queue, stamp)


def compact(routed: Routed) -> Routed:
    """Return a decision short enough for the trail: of many people with one reason, some names."""
    return msgspec.structs.replace(routed, rings=tuple(_short(ring) for ring in routed.rings), alike=())


def _short(ring: Ring) -> Ring:
    kept: list[LeftOut] = []
    seen: dict[str, int] = {}
    for each in ring.left_out:
        seen[each.why] = seen.get(each.why, 0) + 1
        if seen[each.why] <= NAMES:
            kept.append(each)
    return msgspec.structs.replace(ring, candidates=ring.candidates[:NAMES], left_out=tuple(kept))


def _is_news(before: Way, after: Way) -> bool:
    return (before.outcome, before.person, before.holds, before.rule, before.reason, before.queue) != (
        after.outcome, after.person, after.holds, after.rule, after.reason, after.queue
    )  # fmt: skip


def placed(tx: Tx, ticket: Ticket, links: Sequence[Link], *, site: LiveSite, cause: Cause, ids: Ids) -> Placed:
    """Place one ticket; the caller stores the ticket, the trail and the updates."""
    return Place(tx, ticket, links, site=site, cause=cause, ids=ids).run()
