"""A ticket's way, brought up to what the ticket says: who took it, gave it up, was through with it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.ticket import CLOSED_CATEGORIES, Setter, Ticket
from gateway.ports.ways import Passed, Way
from rules.fields import Facts
from rules.routed import Hop, Outcome, Work
from rules.routes import Routing
from rules.routing import language_of, match

#: a way that never ends must not grow for ever
MOST_HOPS = 50


class CaughtUp(msgspec.Struct, frozen=True):
    """A way as the ticket tells it."""

    way: Way
    #: who has room again
    freed: str = ""
    #: somebody took it who was not given it by the router: it is their turn that is over
    took: str = ""
    #: for the trail: (what, details)
    said: tuple[tuple[str, dict[str, Any]], ...] = ()


def who(routing: Routing, ticket: Ticket) -> str:
    """Return the name of whoever has a ticket; of a stranger what the desk calls them; empty for nobody."""
    if ticket.assignee is None:
        return ""
    stamp = ticket.stamps.get("assignee")
    known = routing.name_of(ticket.assignee, stamp.name if stamp is not None else "")
    return known or ticket.assignee.name or ticket.assignee.label


def is_persons(ticket: Ticket) -> bool:
    """Say whether a person chose whoever has a ticket."""
    stamp = ticket.stamps.get("assignee")
    return stamp is not None and stamp.by is Setter.PERSON


def is_over(ticket: Ticket) -> bool:
    """Say whether nobody has to work on a ticket: it is done with, or repeats another."""
    return bool(ticket.duplicate_of) or ticket.status.category in CLOSED_CATEGORIES


def asked_of(routing: Routing, facts: Facts) -> str:
    """Return what the choice of somebody depends on: another answer asks the router again."""
    found, _ = match(routing, facts, explain=False)
    ticket = facts.ticket
    return "\n".join((found.name if found is not None else "", language_of(ticket), ticket.region))


def caught_up(way: Way, ticket: Ticket, routing: Routing, now: datetime) -> CaughtUp:
    """Bring a way up to what its ticket says."""
    way = msgspec.structs.replace(way, channel=ticket.channel)
    if is_over(ticket):
        return _over(way, now)
    if way.closed:
        way = msgspec.structs.replace(
            way, closed=False, reopened=bool(way.person), visited=(), hops_before=len(way.hops), given_up=False
        )
    name, seen = who(routing, ticket), way.seen
    way = msgspec.structs.replace(way, seen=name)
    if not way.outcome:
        # what a desk fills in by itself when a ticket begins is no choice of anybody
        return _taken(way, name, ticket, now) if name and is_persons(ticket) else CaughtUp(way)
    if name == seen:
        return CaughtUp(way)
    if name:
        return _taken(way, name, ticket, now)
    return _let_go(way, ticket, now) if way.holds else CaughtUp(way)


def _over(way: Way, now: datetime) -> CaughtUp:
    freed = way.person if way.holds else ""
    until = way.owned_until or (now if way.person else None)
    since = way.since if way.closed else now
    ended = msgspec.structs.replace(
        way,
        outcome=Outcome.NONE.value,
        since=since,
        holds=False,
        closed=True,
        reopened=False,
        owned_until=until,
        waiting_since=None,
        offers=(),
        wake_at=None,
        within="",
    )
    return CaughtUp(ended, freed)


def _taken(way: Way, name: str, ticket: Ticket, now: datetime) -> CaughtUp:
    """Somebody has it now who was not given it here: a person said so at a desk, or an automation there did."""
    stamp = ticket.stamps.get("assignee")
    offer = next((each for each in way.offers if each.to == name), None)
    said: list[tuple[str, dict[str, Any]]] = []
    told = {"to": name, "from": way.person if way.holds else "", "at": stamp.name if stamp is not None else ""}
    if offer is not None:
        said.append(("handoff accepted", told))
    elif is_persons(ticket):
        said.append(("assignment overridden" if way.outcome else "assigned by a person", told))
    elif way.outcome:
        # an escalation's word, or that of an automation there
        by_rule = stamp is not None and stamp.by is Setter.RULE
        said.append(("assigned by a rule" if by_rule else "assigned at the desk", told))
    taken = passed_to(way, name, now)
    return CaughtUp(taken, way.person if way.holds else "", name, tuple(said))


def goes_round(way: Way, ticket: Ticket, routing: Routing) -> bool:
    """Say whether something other than a person has passed a ticket on, and that too often in this cycle."""
    return not is_persons(ticket) and len(way.hops) - way.hops_before >= routing.settings.max_hops


def _let_go(way: Way, ticket: Ticket, now: datetime) -> CaughtUp:
    stamp = ticket.stamps.get("assignee")
    left = msgspec.structs.replace(
        way, holds=False, given_up=True, owned_until=now, offers=(), visited=tuple({*way.visited, way.person})
    )
    told = {"from": way.person, "at": stamp.name if stamp is not None else ""}
    return CaughtUp(left, way.person, "", (("assignment taken back", told),))


def passed_to(way: Way, name: str, now: datetime) -> Way:
    """Return the way of a ticket that somebody has from now on; whoever had it in this cycle is not given it again."""
    giver = way.person
    moved = bool(giver) and giver != name
    # who had it before it was done with has not passed it on
    is_hop = moved and not way.reopened
    hops = (*way.hops, Passed(giver, name, now)) if is_hop else way.hops
    before = max(0, way.hops_before - max(0, len(hops) - MOST_HOPS))
    visited = {*way.visited, giver} if moved else set(way.visited)
    return msgspec.structs.replace(
        way, person=name, holds=True, waiting_since=None, owned_until=None, reopened=False, given_up=False, offers=(),
        within="",
        visited=tuple(sorted(visited - {name, ""})), hops=hops[-MOST_HOPS:], hops_before=before,
    )  # fmt: skip


def work_of(way: Way) -> Work:
    """Return what the router is told of a ticket's way."""
    return Work(
        waiting_since=way.waiting_since,
        due=way.due,
        owner=way.person,
        owned_until=way.owned_until,
        reopened=way.reopened,
        passed_on=way.given_up,
        visited=frozenset(way.visited),
        hops=tuple(Hop(each.giver, each.taker, each.at) for each in way.hops),
        hops_before=way.hops_before,
        within=way.within,
    )
