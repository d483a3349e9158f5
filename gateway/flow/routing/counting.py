"""Who is there now and what each has in hand: counted from live assignments whenever it is asked, never kept."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.clock_state import Outcome
from gateway.domain.presence import Snapshot, State
from gateway.domain.roster import Roster
from gateway.flow.routing.measuring import expected
from gateway.ports import Tx


def counted(tx: Tx, roster: Roster, now: datetime, *, but: str = "") -> Snapshot:
    """Look at a roster as it stands, without the ticket `but`; whoever gives out after it locks the ways first."""
    loads: dict[str, dict[str, int]] = {}
    for use in tx.ways.use(now, but=but):
        agents = roster.people(roster.of_person.get(use.person, 0))
        weight = max((agent.weight(use.channel) for agent in agents), default=1)
        loads.setdefault(use.person, {})[use.channel] = use.count * weight
    turns = {each.person: each for each in tx.ways.turns()}
    states = {}
    for person in loads.keys() | turns.keys():
        turn = turns.get(person)
        states[person] = State(
            load=loads.get(person, {}),
            assigned_at=turn.assigned_at if turn is not None else None,
            turn=turn.turn if turn is not None else 0,
            released_at=turn.released_at if turn is not None else None,
        )
    return Snapshot(roster, now, states, waits=expected(tx.ways.waits(), now))


def next_due(tx: Tx, ticket_id: str) -> datetime | None:
    """Return when the next of a ticket's clocks is due; None when none runs."""
    dues = [
        row.instance.due
        for row in tx.clocks.rows(ticket_id)
        if row.instance.due is not None and row.instance.ended is None and row.instance.outcome is Outcome.PENDING
    ]
    return min(dues, default=None)
