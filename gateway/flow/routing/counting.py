"""Who is there now and what each has in hand: counted from live assignments whenever it is asked, never kept."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.availability import ACCEPTS, Availability, KnownAgent, availability
from gateway.domain.clock_state import Outcome
from gateway.domain.presence import Snapshot, State
from gateway.flow.routing.measuring import expected
from gateway.ports import Tx
from rules.routes import Routing


def counted(tx: Tx, routing: Routing, now: datetime, *, but: str = "") -> Snapshot:
    """Look at a roster as it stands, without the ticket `but`; whoever gives out after it locks the ways first."""
    roster = routing.roster
    loads: dict[str, dict[str, int]] = {}
    for use in tx.ways.use(now, but=but):
        agents = roster.people(roster.of_person.get(use.person, 0))
        weight = max((agent.weight(use.channel) for agent in agents), default=1)
        loads.setdefault(use.person, {})[use.channel] = use.count * weight
    turns = {each.person: each for each in tx.ways.turns()}
    absent = {person: each for person, each in available(tx, now).items() if not each.accepting}
    states = {}
    for person in loads.keys() | turns.keys() | absent.keys():
        turn = turns.get(person)
        shown = absent.get(person, ACCEPTS)
        states[person] = State(
            accepting=shown.accepting,
            reachable=shown.reachable,
            back=shown.back,
            why=shown.why,
            load=loads.get(person, {}),
            assigned_at=turn.assigned_at if turn is not None else None,
            turn=turn.turn if turn is not None else 0,
            released_at=turn.released_at if turn is not None else None,
        )
    return Snapshot(roster, now, states, waits=expected(tx.ways.waits(), now))


def available(tx: Tx, now: datetime) -> dict[str, Availability]:
    """Return whether people are given tickets, of everybody of whom a desk or a person says that they are away."""
    agents: dict[str, list[KnownAgent]] = {}
    for each in tx.staff.absent(now):
        agents.setdefault(each.person, []).append(each)
    absences = {each.person: each for each in tx.staff.absences()}
    return {
        person: availability(agents.get(person, ()), absences.get(person), now)
        for person in agents.keys() | absences.keys()
    }


def next_due(tx: Tx, ticket_id: str) -> datetime | None:
    """Return when the next of a ticket's clocks is due; None when none runs."""
    dues = [
        row.instance.due
        for row in tx.clocks.rows(ticket_id)
        if row.instance.due is not None and row.instance.ended is None and row.instance.outcome is Outcome.PENDING
    ]
    return min(dues, default=None)
