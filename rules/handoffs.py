"""Handing over before a shift ends: which tickets are offered, to whom, and who is asked when nobody accepts.

A ticket is offered when its owner's day ends soon and its next clock is due before they are back. The owner keeps it
until somebody accepts: an offer moves nothing and no clock. One who does not accept in time gives way to the next who
fits; after them the team's manager is asked, once; then it stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from gateway.domain.presence import Snapshot
from rules.fields import Facts
from rules.routed import Outcome, Routed, Work
from rules.routes import Routing
from rules.routing import route

#: a break of this length is no end of a day
LONGEST_BREAK = timedelta(hours=2)


class Asked(StrEnum):
    """As what somebody is asked."""

    CANDIDATE = "candidate"
    MANAGER = "manager"


class Offer(msgspec.Struct, frozen=True):
    """Somebody was asked to take a ticket over."""

    to: str
    at: datetime


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that somebody has: `work.owner`, due at `work.due`."""

    facts: Facts
    work: Work
    #: to whom it was offered since this end of shift came near, in order; none of these has accepted
    offers: tuple[Offer, ...] = ()


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask now."""

    ticket: str
    owner: str
    to: str
    asked: Asked
    #: until when they may accept before the next is asked
    until: datetime
    #: in one line, for the note
    reason: str
    routed: Routed | None = None


def handoffs(routing: Routing, held: Iterable[Held], snapshot: Snapshot) -> list[Handoff]:
    """Return whom to ask at this instant, of the tickets that people have; the most urgent first.

    An offer counts as a ticket in the hands of whoever is asked, so that nobody is asked for more than they can carry.
    """
    found = []
    for each in sorted(held, key=lambda one: (one.work.due or snapshot.at, one.facts.ticket.id)):
        asked = handoff(routing, each, snapshot)
        if asked is not None:
            found.append(asked)
            snapshot = snapshot.given(asked.to, each.facts.ticket.channel)
    return found


def handoff(routing: Routing, held: Held, snapshot: Snapshot) -> Handoff | None:
    """Return whom to ask for one ticket now; None when nobody is to be asked, or the last one may still accept."""
    owner, due, now = held.work.owner, held.work.due, snapshot.at
    if not owner or due is None or held.work.owned_until is not None:
        return None
    roster, settings = snapshot.roster, routing.settings
    mine = roster.of_person.get(owner, 0)
    end = roster.shift_end(owner, now, LONGEST_BREAK) if mine & snapshot.on_shift else now
    if not mine or end is None or end - now > timedelta(seconds=settings.handoff_before_shift_end):
        return None
    back = roster.back(owner, end)
    if back is not None and due >= back:
        return None
    within = timedelta(seconds=settings.handoff_accept_within)
    if held.offers and now < held.offers[-1].at + within:
        return None
    return _next(routing, held, snapshot, end, back)


def _next(routing: Routing, held: Held, snapshot: Snapshot, end: datetime, back: datetime | None) -> Handoff | None:
    owner, due = held.work.owner, held.work.due
    offered = {offer.to for offer in held.offers}
    settings, now = routing.settings, snapshot.at
    until = now + timedelta(seconds=settings.handoff_accept_within)
    returns = f"is back {back:%Y-%m-%d %H:%M} UTC" if back is not None else "is not back for long"
    why = f"{owner} leaves at {end:%H:%M} UTC and {returns}; it is due {due:%Y-%m-%d %H:%M} UTC"
    work = msgspec.structs.replace(held.work, passed_on=True, visited=held.work.visited | offered)
    manager = manager_of(routing, owner)
    if not manager or manager not in offered:
        routed = route(routing, held.facts, staying(snapshot, end), work)
        if routed.outcome is Outcome.FROZEN:
            return None
        if routed.outcome is Outcome.ASSIGNED:
            return Handoff(
                ticket=held.facts.ticket.id, owner=owner, to=routed.agent, asked=Asked.CANDIDATE, until=until,
                reason=f"{why}; {routed.reason}", routed=routed,
            )  # fmt: skip
    if not manager or manager in offered or manager == owner or not snapshot.state(manager).reachable:
        return None
    return Handoff(
        ticket=held.facts.ticket.id, owner=owner, to=manager, asked=Asked.MANAGER, until=until,
        reason=f"{why}; nobody who fits has accepted it",
    )  # fmt: skip


def staying(snapshot: Snapshot, end: datetime) -> Snapshot:
    """Return the snapshot with those only who still work when a shift has ended: others would pass it on at once."""
    made = snapshot.later(snapshot.at)
    made.on_shift = snapshot.on_shift & snapshot.roster.on_shift(end)
    return made


def manager_of(routing: Routing, person: str) -> str:
    """Return who manages the team of somebody."""
    roster = routing.roster
    for agent in roster.people(roster.of_person.get(person, 0)):
        team = roster.teams.get(agent.team)
        if team is not None and team.manager:
            return team.manager
    return ""


__all__ = ["Asked", "Handoff", "Held", "Offer", "handoff", "handoffs", "manager_of", "staying"]
