"""The run of a forecast: what happens next, in virtual time, until everybody has had their turn.

The gateway's part (who is given what, what waits, what is offered) is decided by the functions that decide it for live
tickets; what people do is planned by `behaviour`. Events of one instant keep the order in which they were planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.domain.ticket import CLOSED_CATEGORIES, Category, Status
from gateway.flow.forecast.agenda import Agenda, Kind
from gateway.flow.forecast.arrivals import Arrival
from gateway.flow.forecast.behaviour import Act, Behaviour, again, plan, reopened_after, reply_after
from gateway.flow.forecast.hands import Hands
from gateway.flow.forecast.job import AGENT, CUSTOMER, Job
from gateway.flow.forecast.lineup import Lineup, edges
from gateway.flow.forecast.shifts import Remembering, Shifts
from gateway.flow.forecast.tally import How, Tally
from gateway.flow.routing.placing import assigned
from gateway.flow.routing.waking import by_time
from gateway.flow.routing.ways import asked_of, caught_up, passed_to, work_of
from rules.clocks import Clockwork
from rules.decide import RuleSet
from rules.routed import Outcome, Routed
from rules.routes import Routing, wanted
from rules.routing import language_of, match, route
from rules.waiting import Waiting

#: nobody opens a ticket again more often
MOST_TURNS = 4
#: nor so shortly before no further is looked: what is opened again has its turn as well
LAST_OPENED = timedelta(days=7)
_GIVEN = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL})


class Course:
    """One forecast on its way."""

    def __init__(
        self, rules: RuleSet, *, begin: datetime, end: datetime, until: datetime, seed: int, behaviour: Behaviour
    ) -> None:
        known = rules.routing
        roster = Remembering.of(known.roster)
        self.routing = Routing(known.routes, known.settings, roster, known.people)
        self.rules = rules
        self.until = until
        self.behaviour = behaviour
        self.shifts = Shifts(roster, begin, until)
        self.tally = Tally(begin, end, self.shifts)
        self.lineup = Lineup(self.routing, begin)
        self.agenda = Agenda(begin)
        #: the tickets that are under way
        self.jobs: dict[str, Job] = {}
        self._seed = seed
        # what escalations watch beside the promises is nobody's promise
        self._clockwork = Clockwork(rules.policies, rules.sections.get("calendars") or {}, rules.holidays)
        self._people = rules.sections.get("people") or {}
        self._edge = 0
        self._moved = 0
        self._progress: Callable[[int], None] = lambda _done: None
        self.hands = Hands(rules, self.routing, self.shifts, agenda=self.agenda, tally=self.tally, behaviour=behaviour)

    @property
    def now(self) -> datetime:
        """The time of the forecast."""
        return self.agenda.now

    def run(self, coming: Iterable[Arrival], progress: Callable[[int], None]) -> Tally:
        """Let tickets come, and everything happen that follows."""
        agenda, waiting = self.agenda, iter(coming)
        arrival = next(waiting, None)
        self._progress = progress
        self._next_edge()
        while arrival is not None or self.jobs:
            happens = agenda.next
            comes = arrival.at if arrival is not None else None
            moment = min((each for each in (happens, comes) if each is not None), default=None)
            if agenda.is_room_new and (moment is None or moment > agenda.now):
                agenda.is_room_new = False
                self._give_out()
                continue
            if moment is None or moment > self.until:
                break
            agenda.now = moment
            if happens == moment:
                self._happen(*agenda.pop())
            elif arrival is not None:
                self._arrive(arrival)
                arrival = next(waiting, None)
        for job in list(self.jobs.values()):
            self._count(job, self._lies(job))
        for person in list(self.tally.loads):
            self.tally.carries(person, 0, max(self.now, self.tally.end))
        return self.tally

    # ------------------------------------------------------------ events

    def _happen(self, kind: Kind, name: str, version: int) -> None:
        if kind is Kind.SHIFT:
            self.agenda.is_room_new = True
            self._next_edge()
            return
        job = self.jobs.get(name)
        if job is None:
            return
        match kind:
            case Kind.ACT if version == job.hand:
                self._act(job)
            case Kind.REPLY:
                job.set(self.now, CUSTOMER, status=Status(Category.OPEN))
                self._changed(job)
                if job.way.holds:
                    self.hands.work(job)
            case Kind.REOPEN:
                self._reopen(job)
            case Kind.LOOK if version == job.looks and not job.way.holds:
                self.place(job)
            case Kind.HANDOVER if version == job.looks:
                self.hands.offer(job)
            case Kind.ACCEPT if version == job.looks:
                self.hands.accept(job)
            case _:
                pass

    def _next_edge(self) -> None:
        if self._edge < len(self.shifts.edges):
            at = datetime.fromtimestamp(self.shifts.edges[self._edge], UTC)
            self._edge += 1
            self.agenda.plan(at, Kind.SHIFT)

    def _arrive(self, arrival: Arrival) -> None:
        job = Job(arrival, self.rules, self._clockwork, self._seed)
        self.jobs[job.ticket.id] = job
        job.decide(self.now)
        self.tally.came(self.now, job.ticket.region)
        self._moved_on()
        self.place(job)

    # ------------------------------------------------------------ who has it

    def place(self, job: Job) -> None:
        """Ask the router for a ticket that nobody has."""
        now = self.now
        facts = job.facts(now)
        job.way = caught_up(job.way, job.ticket, self.routing, now).way
        # whoever takes it at once takes it whenever it is due: only for the others its clocks have to be told
        due = job.due(now) if job.way.waiting_since is not None else None
        job.way = msgspec.structs.replace(job.way, asked=asked_of(self.routing, facts), due=due)
        routed = route(self.routing, facts, self.hands.snapshot(), work_of(job.way))
        if due is None and (routed.outcome is not Outcome.ASSIGNED or not routed.rings):
            job.way = msgspec.structs.replace(job.way, due=job.due(now))
            if job.way.due is not None:
                routed = route(self.routing, facts, self.hands.snapshot(), work_of(job.way))
        if routed.outcome in _GIVEN:
            self.lineup.take(job.ticket.id)
            self.give(job, routed)
        elif routed.outcome is Outcome.QUEUED and not routed.rings:
            self._count(job, How.LEFT)
        elif routed.outcome is Outcome.FROZEN:
            self.lineup.take(job.ticket.id)
            self._count(job, How.FROZEN)
        elif routed.outcome in {Outcome.NONE, Outcome.KEPT}:
            self._count(job, How.KEPT)
        else:
            self._wait(job, routed)

    def _wait(self, job: Job, routed: Routed) -> None:
        now = self.now
        if routed.outcome is Outcome.UNROUTABLE and job.way.outcome != Outcome.UNROUTABLE:
            self.tally.count("unroutable")
        job.way = msgspec.structs.replace(
            job.way, outcome=routed.outcome.value, rule=routed.rule, waiting_since=job.way.waiting_since or now
        )
        facts, work = job.facts(now), work_of(job.way)
        self.lineup.put(Waiting(facts=facts, work=work), self.hands.snapshot())
        self.tally.waiting(len(self.lineup))
        moments = [*by_time(self.routing, facts, job.way, routed, now), *edges(work, self.routing.settings, now)]
        if moments:
            job.looks += 1
            self.agenda.plan(min(moments), Kind.LOOK, job.ticket.id, job.looks)

    def _give_out(self) -> None:
        """Go through the queue: somebody has room again, or comes to work."""
        for name, routed in self.lineup.given(self.hands.snapshot, self._as_waiting):
            self.give(self.jobs[name], routed)

    def _as_waiting(self, waiting: Waiting) -> Waiting:
        job = self.jobs[waiting.id]
        job.way = msgspec.structs.replace(job.way, due=job.due(self.now))
        return Waiting(facts=job.facts(self.now), work=work_of(job.way))

    def give(self, job: Job, routed: Routed) -> None:
        """Let somebody have a ticket."""
        now, way = self.now, job.way
        had = way.person if way.holds else ""
        if not had:
            self._note(job, routed)
        given = passed_to(way, routed.agent, now)
        if had != routed.agent:
            if had:
                self.hands.free(had, job)
            self.hands.take(routed.agent, job)
        job.way = msgspec.structs.replace(given, outcome=routed.outcome.value, rule=routed.rule)
        job.show(assigned(job.ticket, routed, self._people, now), now)
        job.way = msgspec.structs.replace(job.way, seen=routed.agent)
        if not job.steps:
            self._plan_work(job)
        self.hands.begin(job)

    def _note(self, job: Job, routed: Routed) -> None:
        """Count how it came to somebody."""
        since = job.way.waiting_since
        waited = int((self.now - since).total_seconds()) if since is not None else 0
        self.tally.placed(self._how(job, routed, waited), job.came, waited, routed.rule, job.ticket.region)

    def _how(self, job: Job, routed: Routed, waited: int) -> How:
        if routed.outcome is Outcome.ON_CALL:
            return How.ON_CALL
        if not routed.rings:
            # whoever had it before is asked before any region is looked at
            return How.STICKY
        found, _ = match(self.routing, job.facts(self.now), explain=False)
        if found is not None:
            asked = wanted(found, language_of(job.ticket), waited)
            if asked.gave_way or asked.widen:
                return How.RELAXED
        if routed.rings[0].region not in {"", routed.region} and routed.region:
            return How.OVERFLOW
        return How.QUEUE if waited else How.DIRECT

    # ------------------------------------------------------------ work

    def _plan_work(self, job: Job) -> None:
        level = job.ticket.priority.level
        if job.turns > 1:
            job.steps = list(again(self.behaviour, level, job.chosen).steps)
            return
        known = self.rules.stages.of(job.ticket.kind)
        stages = len(known) - known.index(job.ticket.stage) - 1 if job.ticket.stage in known else 0
        job.steps = list(plan(self.behaviour, level, stages, job.chosen, known=job.arrival.handling).steps)

    def _act(self, job: Job) -> None:
        now = self.now
        job.done, act = job.steps.pop(0)
        job.began = None
        match act:
            case Act.ANSWER:
                is_new = job.ticket.status.category is Category.NEW
                job.set(now, AGENT, **({"status": Status(Category.OPEN)} if is_new else {}))
            case Act.UPDATE:
                job.set(now, AGENT)
            case Act.ASK:
                job.set(now, AGENT, status=Status(Category.PENDING_CUSTOMER))
                self.agenda.plan(now + timedelta(seconds=reply_after(job.chosen)), Kind.REPLY, job.ticket.id)
            case Act.MOVE:
                known = self.rules.stages.of(job.ticket.kind)
                place = known.index(job.ticket.stage) + 1 if job.ticket.stage in known else len(known)
                if place < len(known):
                    job.set(now, stage=known[place])
            case Act.SOLVE:
                job.set(now, AGENT, status=Status(Category.RESOLVED))
                self._solved(job)
                return
        self._changed(job)
        self.hands.work(job)

    def _changed(self, job: Job) -> None:
        """Ask the router again where something else is asked now; whoever has it keeps it until there is another."""
        if not job.way.holds or job.ticket.status.category in CLOSED_CATEGORIES:
            return
        facts = job.facts(self.now)
        asked = asked_of(self.routing, facts)
        if asked == job.way.asked:
            return
        job.way = msgspec.structs.replace(job.way, asked=asked, due=job.due(self.now))
        routed = route(self.routing, facts, self.hands.without(job), work_of(job.way))
        if routed.outcome in _GIVEN and routed.agent != job.way.person:
            self.hands.put_down(job)
            self.give(job, routed)

    def _solved(self, job: Job) -> None:
        caught = caught_up(job.way, job.ticket, self.routing, self.now)
        job.way = caught.way
        self.hands.free(caught.freed, job)
        self.hands.unreserve(job)
        job.looks += 1
        self.tally.count("solved")
        after = reopened_after(self.behaviour, job.chosen) if job.turns < MOST_TURNS else None
        if after is None or self.now + timedelta(seconds=after) > self.until - LAST_OPENED:
            self._end(job)
        else:
            self.agenda.plan(self.now + timedelta(seconds=after), Kind.REOPEN, job.ticket.id)

    def _reopen(self, job: Job) -> None:
        job.set(self.now, CUSTOMER, status=Status(Category.OPEN))
        job.turns += 1
        job.came, job.done, job.steps = self.now, 0, []
        self.tally.count("reopened")
        self.place(job)

    # ------------------------------------------------------------ the end

    def _lies(self, job: Job) -> How | None:
        """Say where a ticket lies that nobody has when the forecast ends."""
        if job.way.waiting_since is None:
            return None
        return How.FALLBACK if job.way.outcome == Outcome.UNROUTABLE else How.WAITING

    def _count(self, job: Job, how: How | None) -> None:
        """Count a ticket that comes to nobody, or that somebody still has."""
        if how is not None:
            about = (job.ticket.language, job.ticket.region)
            self.tally.not_placed(how, job.came, job.way.rule, about)
        elif job.way.holds:
            self.tally.count("in hand")
        if how in {How.LEFT, How.KEPT, How.FROZEN}:
            # what people make of it is not known
            self._gone(job)
            return
        self._end(job)

    def _end(self, job: Job) -> None:
        self.tally.clocks(job.policy, job.instances(self.now))
        self._gone(job)

    def _gone(self, job: Job) -> None:
        del self.jobs[job.ticket.id]
        self._moved_on()

    def _moved_on(self) -> None:
        """Tell how far it is: half of the way is to let tickets come, half to see the last of them."""
        self._moved += 1
        self._progress(self._moved // 2)
