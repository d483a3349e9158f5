"""What a person says at a desk of who has a ticket means for its team: whose it is now, or whose group it is put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from gateway.ports.ways import Way
from rules.routes import Routing


class Overridden(msgspec.Struct, frozen=True):
    """A ticket and its way after that word."""

    ticket: Ticket
    way: Way
    #: the connection at which it was said, where other desks are to show it
    at: str = ""
    #: for the trail: of the group
    said: dict[str, Any] | None = None


def overridden(ticket: Ticket, way: Way, routing: Routing, teams: Mapping[str, Any], *, took: str) -> Overridden:
    """Let the team follow whoever took a ticket, and the group that a person put it in; `took` is who just did.

    Whoever is in several teams changes none, and no more does a group that is nobody's, or two teams'.
    """
    before, at = ticket, ""
    stamp = ticket.stamps.get("assignee")
    if took and stamp is not None:
        at = stamp.name if stamp.by is Setter.PERSON else ""
        names = {agent.team for agent in routing.roster.people(routing.roster.of_person.get(took, 0))}
        ticket = _of_team(ticket, names, stamp)
    put = ticket.stamps.get("queue")
    if put is None or put.by is not Setter.PERSON or put.at == way.put:
        return Overridden(ticket, way, at)
    first, way = way.put is None and not way.outcome, msgspec.structs.replace(way, put=put.at)
    names = {name for name, team in teams.items() if (team.get("accounts") or {}).get(put.name) == ticket.queue}
    ticket = _of_team(ticket, names, put)
    if first or ticket.team not in names or ticket.team == before.team:
        return Overridden(ticket, way, at)
    theirs = routing.roster.of_person.get(way.person, 0) & routing.roster.of_team.get(ticket.team, 0)
    if not way.holds or not theirs:
        way = msgspec.structs.replace(way, within=ticket.team)
    return Overridden(ticket, way, put.name, {"to": ticket.team, "from": before.team, "at": put.name})


def _of_team(ticket: Ticket, names: set[str], stamp: Stamp) -> Ticket:
    if len(names) != 1 or ticket.team in names:
        return ticket
    (name,) = names
    return with_field(ticket, "team", name, stamp)


def is_put(ticket: Ticket) -> bool:
    """Say whether a person put a ticket into the queue in which it lies: no route takes it out of it."""
    return ticket.setter("queue") is Setter.PERSON
