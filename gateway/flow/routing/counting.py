"""Who is there now and what each has in hand: counted from live assignments whenever it is asked, never kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.domain.availability import ACCEPTS, Availability, KnownAgent, availability
from gateway.domain.clock_instance import Instance
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
    """Return when the next of a ticket's clocks is due; None when none runs.

    A promise that is broken and still not kept is overdue: where nothing else is due, the ticket is as urgent as that.
    """
    return urgent(row.instance for row in tx.clocks.rows(ticket_id))


def urgent(instances: Iterable[Instance]) -> datetime | None:
    """Return when the next of these clocks is due, else since when the first of them is overdue; None: none runs."""
    going = [each for each in instances if each.ended is None and each.due is not None]
    for outcome in (Outcome.PENDING, Outcome.BREACHED):
        dues = [each.due for each in going if each.outcome is outcome and each.due is not None]
        if dues:
            return min(dues)
    return None
