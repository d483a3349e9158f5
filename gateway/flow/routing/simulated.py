"""Where other routes would have sent the tickets of the past: the same router, walked through what happened to each.

What everybody had in hand then is not known of a ticket by itself, so both lives are judged with nobody having
anything in hand; and where several fit equally well, whoever had it keeps it: only the sharing of work chose among
them. What a person assigned stays in both. Presence, handovers and measured waits are not walked through again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.presence import Snapshot
from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from gateway.flow.routing.waking import of_waiting
from gateway.flow.routing.ways import asked_of, caught_up, is_over, passed_to, who, work_of
from gateway.flow.sla.simulated import dues
from gateway.ports import Ids
from gateway.ports.ways import Way
from rules.decide import RuleSet
from rules.fields import Facts
from rules.inputs import Inputs
from rules.routed import Outcome, Routed
from rules.routes import Routing
from rules.routing import route
from rules.simulate import Comparer, Difference, Lived, Went

#: what is due when, at an instant
Due = Callable[[datetime], datetime | None]
_GIVEN = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL})
_GIVES = ("assignee", "team", "queue")
#: a ticket that nobody can have is not looked at for ever
MOST_LOOKS = 100
_WORDS = ("route", "outcome", "region", "team", "person", "queue")
_NONE = {"outcome": "not routed", "person": "nobody"}


class Step(msgspec.Struct, frozen=True):
    """A ticket as a decision left it, and the routes that held then."""

    routing: Routing
    ticket: Ticket
    links: frozenset[str]
    at: datetime

    @staticmethod
    def of(routing: Routing, decided: Ticket, inputs: Inputs) -> Step:
        """Take a decision; what routes and people give to a ticket, and no other rule, is as it came."""
        came = inputs.ticket
        stamps = {name: stamp for name, stamp in decided.stamps.items() if name not in _GIVES}
        stamps |= {name: came.stamps[name] for name in _GIVES if name in came.stamps}
        given = {name: getattr(came, name) for name in _GIVES}
        return Step(
            routing, msgspec.structs.replace(decided, stamps=stamps, **given), frozenset(inputs.links), inputs.now
        )


def walked(steps: Sequence[Step], *, due: Due, until: datetime, had: Sequence[str] = ()) -> Went:
    """Return where a ticket goes; of those who fit equally well, whoever is named in `had` has it."""
    walk = _Walk(due, had)
    for step, end in pairwise([*steps, None]):
        if step is not None:
            walk.step(step, end.at if end is not None else until)
    return walk.went()


def routes(rules: RuleSet, ids: Ids) -> Comparer:
    """Return what compares where a ticket went with where the rules would have sent it."""

    def compare(lived: Lived) -> Iterator[Difference]:
        was, past = lived.history.went, lived.history.promised
        if was is None or past is None:
            return
        would = Went()
        if rules.routing:
            pairs = zip(lived.history.decisions, lived.tickets, strict=True)
            steps = [Step.of(rules.routing, ticket, happened.inputs) for happened, ticket in pairs]
            would = walked(steps, due=dues(lived, rules, ids), until=past.until, had=was.had)
        for name in _WORDS:
            before, after = getattr(was, name), getattr(would, name)
            if before != after:
                nothing = _NONE.get(name, "none")
                yield Difference("route", f"{name}: {_said(before) or nothing} → {_said(after) or nothing}")

    return compare


def _said(word: str) -> str:
    return "on call" if word == Outcome.ON_CALL else word


class _Walk:
    """One ticket on its way."""

    def __init__(self, due: Due, had: Sequence[str]) -> None:
        self._due = due
        self._prefer = tuple(had)
        self._way = Way(ticket_id="")
        #: before it was done with
        self._last: tuple[Way, Routing] | None = None
        self._had: list[str] = []
        self._looks = 0

    def step(self, step: Step, end: datetime) -> None:
        """Let something happen to it, and then time pass."""
        if not step.routing:
            return
        ticket = self._ours(step.ticket, step.at)
        caught = caught_up(self._way, ticket, step.routing, step.at)
        self._way = caught.way
        if is_over(ticket):
            return
        self._ask(step, ticket, step.at, took=bool(caught.took))
        while self._looks < MOST_LOOKS and self._way.wake_at is not None and self._way.wake_at < end:
            self._looks += 1
            self._ask(step, self._ours(step.ticket, step.at), self._way.wake_at, took=False)

    def went(self) -> Went:
        """Say where it is in the end, or was when it was done with."""
        if self._last is None:
            return Went()
        way, routing = self._last
        person = way.person if way.holds else ""
        roster = routing.roster
        team, region = next(
            ((agent.team, agent.region) for agent in roster.people(roster.of_person.get(person, 0))), ("", way.region)
        )
        return Went(way.rule, way.outcome, region, team, person, way.queue, tuple(self._had))

    def _ours(self, ticket: Ticket, at: datetime) -> Ticket:
        """Return a ticket whose assignee is the one of this life, where no person and no desk chose."""
        stamp = ticket.stamps.get("assignee")
        chosen = ticket.assignee is not None if stamp is None else stamp.by is not Setter.RULE
        name = self._way.person if self._way.holds else ""
        if chosen or not (name or ticket.assignee):
            return ticket
        person = RemotePerson(name=name, role="agent") if name else None
        return with_field(ticket, "assignee", person, Stamp(Setter.RULE, "routing", at))

    def _ask(self, step: Step, ticket: Ticket, at: datetime, *, took: bool) -> None:
        facts, routing = Facts(ticket, ticket, step.links, at), step.routing
        asked = asked_of(routing, facts)
        way = self._way
        if way.holds and (way.asked == asked or not way.asked or took):
            way = msgspec.structs.replace(way, outcome=Outcome.KEPT.value) if took else way
        else:
            way = self._decide(msgspec.structs.replace(way, asked=asked), routing, facts)
        seen = way.person if way.holds and way.outcome in _GIVEN else who(routing, ticket)
        self._way = msgspec.structs.replace(way, asked=asked, seen=seen)
        self._last = self._way, routing
        if way.holds and way.person not in self._had[-1:]:
            self._had.append(way.person)

    def _decide(self, way: Way, routing: Routing, facts: Facts) -> Way:
        snapshot = Snapshot(routing.roster, facts.now)
        way = msgspec.structs.replace(way, due=None, wake_at=None)
        routed = self._route(routing, facts, snapshot, way)
        if routed.outcome is not Outcome.ASSIGNED or not routing.roster.of_person[routed.agent] & snapshot.on_shift:
            # only now it matters when it is due
            way = msgspec.structs.replace(way, due=self._due(facts.now))
            routed = self._route(routing, facts, snapshot, way)
        if way.holds and routed.outcome not in _GIVEN:
            return way
        way = msgspec.structs.replace(
            way, outcome=routed.outcome.value, rule=routed.rule, region=routed.region, queue=routed.queue
        )
        if routed.outcome in _GIVEN:
            return passed_to(
                way, next((name for name in self._prefer if name in routed.alike), routed.agent), facts.now
            )
        if routed.outcome is Outcome.KEPT:
            return passed_to(way, routed.agent or who(routing, facts.ticket), facts.now)
        if routed.outcome is Outcome.FROZEN or (not routed.rings and routed.outcome is Outcome.QUEUED):
            return msgspec.structs.replace(way, waiting_since=None)
        way = msgspec.structs.replace(way, waiting_since=way.waiting_since or facts.now)
        return msgspec.structs.replace(way, wake_at=of_waiting(routing, facts, way, routed, snapshot))

    def _route(self, routing: Routing, facts: Facts, snapshot: Snapshot, way: Way) -> Routed:
        routed = route(routing, facts, snapshot, work_of(way))
        if routed.outcome is not Outcome.ASSIGNED or not self._prefer or routed.agent == self._prefer[0]:
            return routed
        # who fits as well is told only where it is asked
        return route(routing, facts, snapshot, work_of(way), explain=True)
