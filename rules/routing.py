"""Phase route: who works on a ticket. (ticket, roster snapshot, now) -> decision with its trace; it asks nobody else.

The order is fixed: the first route whose condition holds; a ticket that a person assigned, or that was passed on too
often, stays; the previous owner; then region by region whoever fits and has room. In an open region that is merely
busy a ticket waits for what gives way with time. Where there is nobody: it waits for a region that opens before it is
due, goes to whoever is on call, or into the fallback queue with an alert. Never to everybody, never nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from gateway.domain.language import UNKNOWN, canonical
from gateway.domain.presence import Snapshot, Wait
from gateway.domain.ticket import CLOSED_CATEGORIES, Setter, Ticket
from rules.candidates import Asked, Pool, alike, chosen, eligible, flags_of, left_out, look
from rules.duration import words
from rules.fields import Facts
from rules.route_words import learnt
from rules.routed import LeftOut, Outcome, Ring, RingState, Routed, Work
from rules.routes import OF_TICKET, REGION_OF_TICKET, TRANSLATE, Route, Routing, Settings, wanted
from rules.trace import TraceLine

NEW = Work()
UNROUTABLE, FROZEN = "unroutable", "frozen"


def route(routing: Routing, facts: Facts, snapshot: Snapshot, work: Work = NEW, *, explain: bool = False) -> Routed:
    """Say who is to work on a ticket at the instant of the snapshot.

    With `explain` the trace has a line for each route, and each region the name of everybody in it with the reason why
    they are no candidate; without it, numbers only.
    """
    ticket = facts.ticket
    if ticket.duplicate_of:
        return Routed(Outcome.NONE, f"it repeats {ticket.duplicate_of}: that one is routed")
    if ticket.status.category in CLOSED_CATEGORIES:
        return Routed(Outcome.NONE, f"status is '{ticket.status.category}': it is done with")
    found, trace = match(routing, facts, explain=explain)
    if found is None:
        moved = len(work.hops) - work.hops_before
        often = f", and it was passed on {moved} times in this cycle" if moved >= routing.settings.max_hops > 0 else ""
        return _unroutable(routing, f"no route holds for it{often}", None, (), trace)
    return _Routing(routing, found, facts, snapshot, work, explain=explain).decide(trace)


def match(routing: Routing, facts: Facts, *, explain: bool) -> tuple[Route | None, tuple[TraceLine, ...]]:
    """Return the first route whose condition holds, and what became of each."""
    if not explain:
        for place in routing.index.possible(facts):
            if routing.routes[place].when.holds(facts):
                return routing.routes[place], ()
        return None, ()
    found: Route | None = None
    trace = []
    for each in routing.routes:
        if found is not None:
            reason = f"not asked: '{found.name}' stands above it and holds"
            trace.append(TraceLine("route", each.name, matched=False, reason=reason, ran=False))
        elif each.when.holds(facts):
            found = each
            trace.append(TraceLine("route", each.name, matched=True, reason="it is the first that holds"))
        else:
            trace.append(TraceLine("route", each.name, matched=False, reason=each.when.why(facts)))
    return found, tuple(trace)


def start_region(found: Route, ticket: Ticket) -> str:
    """Return the region in which a ticket starts; empty: in every one."""
    return ticket.region if found.start_in == REGION_OF_TICKET else found.start_in


def language_of(ticket: Ticket) -> str:
    """Return the language of a ticket as agents are looked up by it; empty when it is not known."""
    tag = canonical(ticket.language)
    return "" if tag.partition("-")[0] in UNKNOWN else tag


def barred(work: Work, now: datetime, settings: Settings) -> set[str]:
    """Return who must not be given a ticket: who had it in this cycle, or passed it on a short while ago."""
    since = now - timedelta(seconds=settings.no_return_within)
    found = {*work.visited, *(hop.giver for hop in work.hops if hop.at > since)}
    if work.passed_on and work.owner:
        found.add(work.owner)
    return found


def _unroutable(
    routing: Routing, why: str, found: Route | None, rings: tuple[Ring, ...], trace: tuple[TraceLine, ...]
) -> Routed:
    queue = routing.settings.fallback_queue
    reason = f"{why}: it goes to the queue '{queue}'"
    rule = found.name if found is not None else ""
    return Routed(Outcome.UNROUTABLE, reason, rule, queue=queue, alert=UNROUTABLE, rings=rings, trace=trace)


class _Routing:
    """One pass for one ticket."""

    __slots__ = (
        "asked", "excluded", "explain", "found", "language", "now", "pools", "rings", "roster", "routing", "settings",
        "snapshot", "ticket", "waited", "work",
    )  # fmt: skip

    def __init__(
        self, routing: Routing, found: Route, facts: Facts, snapshot: Snapshot, work: Work, *, explain: bool
    ) -> None:
        self.routing = routing
        self.settings = routing.settings
        self.roster = snapshot.roster
        self.found = found
        self.ticket = facts.ticket
        self.snapshot = snapshot
        self.work = work
        self.explain = explain
        self.now = snapshot.at
        since = work.waiting_since
        self.waited = 0 if since is None else max(0, int((self.now - since).total_seconds()))
        self.language = language_of(facts.ticket)
        self.asked = self.asked_after(self.waited)
        self.excluded = self.roster.bits_of(self.barred()) if work.visited or work.hops or work.owner else 0
        self.rings: list[Ring] = []
        self.pools: list[tuple[str, Pool]] = []

    def asked_after(self, waited: int) -> Asked:
        """Return what is asked of an agent after so many seconds of waiting."""
        now = wanted(self.found, self.language, waited)
        if self.work.within:
            now = msgspec.structs.replace(now, team=self.work.within)
        # who speaks the language is preferred, also where it is not asked any more
        tongue = self.language if self.found.needs.language == OF_TICKET else self.found.needs.language
        return Asked(now, self.found.needs.skills, tongue, self.ticket.channel)

    def barred(self) -> set[str]:
        """Return who must not be given it: who had it in this cycle, or passed it on a short while ago."""
        return barred(self.work, self.now, self.settings)

    def decide(self, trace: tuple[TraceLine, ...]) -> Routed:
        """Return the decision."""
        answer = self.stays() or self.queue_only() or self.sticky() or self.regions() or self.nobody()
        raised = self.asked.wanted.raise_priority
        return Routed(
            answer.outcome, answer.reason, self.found.name, answer.region, answer.team, answer.agent,
            answer.queue or self.found.queue, answer.flags, answer.until, answer.alert, raised, tuple(self.rings),
            trace, answer.alike,
        )  # fmt: skip

    # ------------------------------------------------------------ what comes before choosing

    def stays(self) -> Routed | None:
        """Leave alone what a person assigned, and what was passed on too often."""
        return self.kept() or self.frozen()

    def kept(self) -> Routed | None:
        """Leave alone what a person assigned, unless it is given up, or is open again."""
        ticket = self.ticket
        if self.work.reopened or self.work.passed_on or ticket.assignee is None:
            return None
        stamp = ticket.stamps.get("assignee")
        if stamp is None or stamp.by is not Setter.PERSON:
            return None
        name = self.routing.name_of(ticket.assignee, stamp.name) or self.work.owner
        reason = f"a person assigned it to {name or ticket.assignee.label}"
        agents = self.roster.people(self.roster.of_person.get(name, 0))
        region, team = (agents[0].region, agents[0].team) if agents else ("", "")
        return Routed(Outcome.KEPT, reason, region=region, team=team, agent=name)

    def frozen(self) -> Routed | None:
        """Let nothing but a person move what was passed on too often."""
        work, lead = self.work, self.settings.triage_lead
        moved = len(work.hops) - work.hops_before
        if moved < self.settings.max_hops or not (moved or work.visited or work.passed_on):
            return None
        reason = f"it was passed on {moved} times in this cycle: it stays until {lead or 'the triage lead'} decides"
        return Routed(Outcome.FROZEN, reason, agent=lead, queue=self.settings.fallback_queue, alert=FROZEN)

    def queue_only(self) -> Routed | None:
        """Put it into the queue of a route that leaves the choice to people."""
        if not self.found.is_queue_only or self.work.within:
            return None
        reason = f"the route names the queue '{self.found.queue}' and asks for nobody"
        return Routed(Outcome.QUEUED, reason, queue=self.found.queue)

    def sticky(self) -> Routed | None:
        """Give it to whoever had it last, or to their team."""
        work = self.work
        if not work.owner or work.passed_on or not self.settings.sticky_owner:
            return None
        left = work.owned_until or self.now
        if (self.now - left).total_seconds() > self.settings.sticky_owner:
            return None
        mine = self.roster.of_person.get(work.owner, 0) & ~self.excluded
        fits = eligible(self.snapshot, mine, self.asked, self.settings)
        with_room = fits & self.snapshot.room(self.ticket.channel)
        there = with_room & self.snapshot.on_shift & self.snapshot.accepting
        if there:
            return self.given(there, f"{work.owner} had it before")
        soon = self.settings.sticky_back_within
        # how somebody is shown after hours says nothing of when they are back
        later = with_room & ~self.snapshot.on_shift
        if later and soon:
            back = self.snapshot.next_there(later)
            if back is not None and back <= self.now + timedelta(seconds=soon) and self.in_time(back):
                return self.given(later, f"{work.owner} had it before, and is back in {words(_apart(self.now, back))}")
        team = 0
        for agent in self.roster.people(self.roster.of_person.get(work.owner, 0)):
            team |= self.roster.of_team[agent.team]
        pool = look(self.snapshot, team, self.excluded, self.asked, self.settings)
        if not pool.candidates:
            return None
        return self.given(pool.candidates, f"{work.owner} had it before, and is of this team")

    # ------------------------------------------------------------ region by region

    def in_order(self) -> Iterator[tuple[str, int]]:
        """Go through the regions in which somebody is looked for, each with its members."""
        start = start_region(self.found, self.ticket)
        team = self.asked.wanted.team
        members = self.roster.of_team.get(team, 0) if team else self.roster.all
        if not start or self.asked.wanted.widen:
            yield "", members
            return
        found = False
        for region in self.roster.after(start):
            if self.roster.in_region(region):
                found = True
                yield region, members & self.roster.in_region(region)
        if not found:
            yield "", members

    def regions(self) -> Routed | None:
        """Look for somebody in one region after the other."""
        for region, members in self.in_order():
            pool = look(self.snapshot, members, self.excluded, self.asked, self.settings)
            self.pools.append((region, pool))
            self.note(region, pool)
            if pool.candidates:
                return self.given(pool.candidates, self.said(region, pool))
            if pool.state is RingState.BUSY and (held := self.waits(region, pool)) is not None:
                return held
        for region, pool in self.pools:
            if pool.state is RingState.NOBODY and (held := self.waits(region, pool)) is not None:
                return held
        return None

    def said(self, region: str, pool: Pool) -> str:
        """Say why somebody of a pool is given it."""
        count = pool.candidates.bit_count()
        where = f" in {region}" if region else ""
        passed = zip(self.pools[:-1], self.rings, strict=False)
        over = "".join(
            f"{name} is {other.state}{f', and {ring.too_long}' if ring.too_long else ''}; "
            for (name, other), ring in passed
        )
        if count == 1:
            return f"{over}the only one who fits{where} and has room"
        return f"{over}{self.settings.balance} of {count} who fit{where} and have room"

    def waits(self, region: str, pool: Pool) -> Routed | None:
        """Let it wait in an open region when what gives way with time lets it be due in time."""
        found = self.gives_way(pool)
        measured = self.snapshot.waits.get(region) if pool.state is RingState.BUSY else None
        if measured is not None and (found is None or measured.seconds < found[0]):
            found = measured.seconds, f"somebody usually has room after {words(measured.seconds)}{learnt(measured)}"
        if found is None or not self.in_time(self.now + timedelta(seconds=found[0])):
            if measured is not None:
                self.note_wait(measured)
            return None
        seconds, why = found
        reason = f"it waits in {region}: {why}" if region else f"it waits: {why}"
        return Routed(Outcome.QUEUED, reason, region=region, until=self.now + timedelta(seconds=seconds))

    def note_wait(self, measured: Wait) -> None:
        """Keep that the last region is not waited for, because that takes too long."""
        if self.work.due is None:
            return
        left = words(max(0, _apart(self.now, self.work.due)))
        why = f"expected wait {words(measured.seconds)}{learnt(measured)} is more than the {left} that are left"
        self.rings[-1] = msgspec.structs.replace(self.rings[-1], too_long=why)

    def gives_way(self, pool: Pool) -> tuple[int, str] | None:
        """Return after how many seconds a relaxation lets in somebody who is there and has room."""
        for step in self.found.relax:
            if step.after > self.waited:
                later = look(self.snapshot, pool.members, self.excluded, self.asked_after(step.after), self.settings)
                if later.candidates:
                    return step.after - self.waited, f"it asks less in {words(step.after - self.waited)}"
        return None

    # ------------------------------------------------------------ when nobody is there

    def nobody(self) -> Routed:
        """Hold it for a region that opens in time; else call somebody; else the fallback queue."""
        busy = next((region for region, pool in self.pools if pool.state in {RingState.BUSY, RingState.FULL}
                     and pool.suited), None)  # fmt: skip
        if busy is not None and self.in_time(
            self.now + timedelta(seconds=room_after(self.routing, self.snapshot, busy))
        ):
            where = f"in {busy} " if busy else ""
            reason = f"everybody {where}who fits is full: it waits for room"
            measured = self.snapshot.waits.get(busy)
            if measured is not None:
                reason += f", which usually takes {words(measured.seconds)}{learnt(measured)}"
            return Routed(Outcome.QUEUED, reason, region=busy)
        opening, back = self.next_opening(), self.now + timedelta(seconds=self.settings.full_for)
        if (opening is None or opening[1] > back) and self.are_away() and self.in_time(back):
            return Routed(Outcome.QUEUED, "who fits and works now is away at a desk: it waits for somebody to be back")
        if opening is not None and self.in_time(opening[1]):
            region, at = opening
            reason = f"{region or 'somebody who fits'} opens in {words(_apart(self.now, at))}, before it is due"
            return Routed(Outcome.QUEUED, reason, region=region, until=at)
        out = self.barred()
        # what is due at no time is no emergency: nobody is called for it
        called = self.roster.on_call(self.now) if self.work.due is not None else ()
        reached = (person for person in called if self.snapshot.state(person).reachable)
        on_call = next((person for person in reached if person not in out), "")
        why = "nobody who fits is there before it is due" if opening or busy is not None else "nobody fits it"
        if on_call:
            flags = flags_of(self.roster, self.asked, self.settings, on_call)
            tongue = self.asked.tongue
            if tongue and not self.roster.speaks(on_call, tongue, cross_scripts=self.settings.cross_scripts):
                flags = tuple(dict.fromkeys((*flags, TRANSLATE)))
            reason = f"{why}: {on_call} is on call"
            return Routed(Outcome.ON_CALL, reason, agent=on_call, flags=flags)
        nobody = "nobody is on call" if self.work.due is not None else "it is due at no time"
        return _unroutable(self.routing, f"{why}, and {nobody}", self.found, (), ())

    def are_away(self) -> bool:
        """Say whether somebody who fits has a shift now and is only shown as away by a desk: they may be back soon."""
        shown = self.snapshot.on_shift & self.snapshot.reachable & ~self.snapshot.accepting
        if not shown:
            return False
        last = self.asked_after(self.found.relax[-1].after) if self.found.relax else self.asked
        pools = (pool.members & ~self.excluded & shown for _, pool in self.pools)
        return any(eligible(self.snapshot, members, last, self.settings) for members in pools if members)

    def next_opening(self) -> tuple[str, datetime] | None:
        """Return the region in which somebody who fits comes to work next, and when."""
        last = self.asked_after(self.found.relax[-1].after) if self.found.relax else self.asked
        found = []
        for place, (region, pool) in enumerate(self.pools):
            fits = eligible(self.snapshot, pool.members & ~self.excluded, last, self.settings)
            at = self.snapshot.next_there(fits)
            if at is not None:
                found.append((at, place, region))
        if not found:
            return None
        at, _, region = min(found)
        return region, at

    def in_time(self, at: datetime) -> bool:
        """Say whether an instant is before the ticket is due."""
        return self.work.due is None or at < self.work.due

    # ------------------------------------------------------------ what is said

    def given(self, candidates: int, reason: str) -> Routed:
        """Give it to the best of some candidates."""
        agent = self.roster.agents[chosen(self.snapshot, candidates, self.asked, self.settings)]
        others: tuple[str, ...] = ()
        if self.explain:
            others = self.roster.names(alike(self.snapshot, candidates, self.asked, self.settings))
        return Routed(
            Outcome.ASSIGNED, reason, region=agent.region, team=agent.team, agent=agent.person,
            flags=flags_of(self.roster, self.asked, self.settings, agent.person), alike=others,
        )  # fmt: skip

    def note(self, region: str, pool: Pool) -> None:
        """Keep what a region looked like."""
        names: tuple[str, ...] = ()
        left: tuple[LeftOut, ...] = ()
        if self.explain:
            names = self.roster.names(pool.candidates)
            out = {person: self.why_barred(person) for person in self.barred()}
            left = left_out(self.snapshot, pool, self.asked, self.settings, out)
        members, on_shift, accepting = pool.members.bit_count(), pool.on_shift.bit_count(), pool.accepting.bit_count()
        room, fit = pool.with_room.bit_count(), pool.fit.bit_count()
        self.rings.append(Ring(region, pool.state, members, on_shift, accepting, room, fit, names, left))

    def why_barred(self, person: str) -> str:
        """Say why somebody must not be given it."""
        if self.work.passed_on and person == self.work.owner:
            return "gives it up"
        return "had it in this cycle" if person in self.work.visited else "passed it on a short while ago"


def room_after(routing: Routing, snapshot: Snapshot, region: str) -> int:
    """Return after how many seconds a full region is thought to have room: as measured, else as the site says."""
    measured = snapshot.waits.get(region)
    return routing.settings.full_for if measured is None else measured.seconds


def _apart(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())
