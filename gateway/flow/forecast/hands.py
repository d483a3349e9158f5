"""Who has what in a forecast: room, the work on it, and handing it over before a shift ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.presence import Snapshot
from gateway.domain.ticket import Category, Setter, Stamp, with_field
from gateway.flow.forecast.agenda import Agenda, Kind
from gateway.flow.forecast.behaviour import Behaviour, accepted_after
from gateway.flow.forecast.job import Job
from gateway.flow.forecast.shifts import Hours, Shifts
from gateway.flow.forecast.tally import Tally
from gateway.flow.routing.offering import offers_of
from gateway.flow.routing.waking import is_ending, of_held
from gateway.flow.routing.ways import caught_up, work_of
from gateway.ports.ways import Offered
from rules.decide import RuleSet
from rules.handoffs import Asked, Held, handoff
from rules.routed import Outcome
from rules.routes import Routing


class Hands:
    """Everybody, with what they have in hand."""

    def __init__(
        self, rules: RuleSet, routing: Routing, shifts: Shifts, *, agenda: Agenda, tally: Tally, behaviour: Behaviour
    ) -> None:
        self._people: Mapping[str, Mapping[str, str]] = rules.sections.get("people") or {}
        self._routing = routing
        self._shifts = shifts
        self._agenda = agenda
        self._tally = tally
        self._behaviour = behaviour
        self._snapshot = Snapshot(routing.roster, agenda.now)
        #: ticket -> for whom room is kept
        self._kept: dict[str, str] = {}

    # ------------------------------------------------------------ room

    def snapshot(self) -> Snapshot:
        """Return how it stands now."""
        now = self._agenda.now
        if self._snapshot.at != now:
            self._snapshot = self._snapshot.later(now, self._shifts.on_shift(now))
        return self._snapshot

    def without(self, job: Job) -> Snapshot:
        """Return how it would stand if nobody had a ticket."""
        return self._with(self.snapshot(), job.way.person, job.ticket.channel, -1) if job.way.holds else self.snapshot()

    def take(self, person: str, job: Job) -> None:
        """Let somebody have one ticket more."""
        self._snapshot = self.snapshot().given(person, job.ticket.channel)
        self._tally.given(person, self._agenda.now)
        self._carries(person)

    def free(self, person: str, job: Job) -> None:
        """Let somebody have one ticket less."""
        if person:
            self._snapshot = self.snapshot().taken(person, job.ticket.channel)
            self._agenda.is_room_new = True
            self._carries(person)

    def _reserve(self, person: str, job: Job) -> None:
        self._kept[job.ticket.id] = person
        self._snapshot = self._with(self.snapshot(), person, job.ticket.channel, 1)
        self._carries(person)

    def unreserve(self, job: Job) -> None:
        """Keep no more room for a ticket."""
        person = self._kept.pop(job.ticket.id, "")
        if person:
            self._snapshot = self._with(self.snapshot(), person, job.ticket.channel, -1)
            self._agenda.is_room_new = True
            self._carries(person)

    def _carries(self, person: str) -> None:
        self._tally.carries(person, self._snapshot.state(person).used, self._agenda.now)

    @staticmethod
    def _with(snapshot: Snapshot, person: str, channel: str, sign: int) -> Snapshot:
        """Return a snapshot in which somebody carries a ticket more or less, and it was nobody's turn."""
        roster, state = snapshot.roster, snapshot.state(person)
        agents = roster.people(roster.of_person.get(person, 0))
        weight = sign * max((agent.weight(channel) for agent in agents), default=1)
        load = {**state.load, channel: max(0, state.load.get(channel, 0) + weight)}
        return snapshot.with_state(person, msgspec.structs.replace(state, load=load))

    # ------------------------------------------------------------ work

    def _hours(self, job: Job) -> Hours:
        """Return when whoever has a ticket works on it."""
        person = job.way.person
        return self._shifts.called(person) if job.way.outcome == Outcome.ON_CALL else self._shifts.of(person)

    def begin(self, job: Job) -> None:
        """Let whoever has a ticket from now on begin with it."""
        self.work(job)
        job.looks += 1
        self._look_again(job)

    def work(self, job: Job) -> None:
        """Let whoever has a ticket work on it until the next thing that they do; it may wait for the customer."""
        if not job.steps or job.ticket.status.category is Category.PENDING_CUSTOMER:
            return
        now = self._agenda.now
        job.began = now
        at = self._hours(job).after(now, max(0, job.steps[0][0] - job.done))
        if at is not None:
            self._agenda.plan(at, Kind.ACT, job.ticket.id, job.hand)

    def put_down(self, job: Job) -> None:
        """Let whoever has a ticket leave off: what they did is done."""
        if job.began is not None:
            job.done += self._hours(job).between(job.began, self._agenda.now)
        job.began = None
        job.hand += 1
        job.looks += 1
        self.unreserve(job)

    # ------------------------------------------------------------ handing over

    def _look_again(self, job: Job) -> None:
        """Look at a ticket again when its owner's day comes to its end."""
        # when it is due is asked when that day ends: until then most are done
        way = msgspec.structs.replace(job.way, due=job.way.due or self._agenda.now) if job.log else job.way
        at = of_held(self._routing, way, self.snapshot())
        if at is not None:
            self._agenda.plan(at, Kind.HANDOVER, job.ticket.id, job.looks)

    def offer(self, job: Job) -> None:
        """Ask the next who may take a ticket over, where that is to be."""
        now, settings = self._agenda.now, self._routing.settings
        if not job.way.holds:
            return
        self.unreserve(job)
        job.way = msgspec.structs.replace(job.way, due=job.due(now))
        held = Held(facts=job.facts(now), work=work_of(job.way), offers=offers_of(job.way, self._routing))
        found = handoff(self._routing, held, self.without(job))
        if found is None:
            kept = job.way.offers and is_ending(self._routing, job.way.person, self.snapshot())
            job.way = msgspec.structs.replace(job.way, offers=job.way.offers if kept else ())
            self._look_again(job)
            return
        made = Offered(found.to, now, found.until, found.asked.value)
        job.way = msgspec.structs.replace(job.way, offers=(*job.way.offers, made))
        self._reserve(found.to, job)
        self._tally.count("offered to a manager" if found.asked is Asked.MANAGER else "offered")
        after = accepted_after(self._behaviour, settings.handoff_accept_within, job.chosen)
        if after is not None:
            self._agenda.plan(now + timedelta(seconds=after), Kind.ACCEPT, job.ticket.id, job.looks)
        else:
            self._agenda.plan(found.until, Kind.HANDOVER, job.ticket.id, job.looks)

    def accept(self, job: Job) -> None:
        """Let whoever was asked last take a ticket over, as by their word."""
        now, to, owner = self._agenda.now, job.way.offers[-1].to, job.way.person
        self.put_down(job)
        stamp = Stamp(Setter.PERSON, to, now)
        email = str(self._people.get(to, {}).get("email", ""))
        taken = with_field(job.ticket, "assignee", RemotePerson(email=email, name=to, role="agent"), stamp)
        roster = self._routing.roster
        team = next((agent.team for agent in roster.people(roster.of_person.get(to, 0))), "")
        if team and team != taken.team:
            taken = with_field(taken, "team", team, stamp)
        job.show(taken, now, automatic=False)
        self.free(owner, job)
        self.take(to, job)
        job.way = caught_up(job.way, job.ticket, self._routing, now).way
        job.way = msgspec.structs.replace(job.way, outcome=Outcome.KEPT.value, due=job.due(now))
        self._tally.passed_on(len(job.way.hops) - job.way.hops_before)
        self.begin(job)
