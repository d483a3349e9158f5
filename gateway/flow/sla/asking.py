"""Actions of other packages: the escalation asks for them, apply carries them out, each in a transaction of its own.

The request goes into the inbox in the transaction in which the escalation fires: it is there once or not at all, it
holds neither the clock nor the levels that follow, and where the package breaks it is parked alone, as a dead letter
that can be replayed when the package is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.event import Event, EventKind
from gateway.domain.ids import digest
from gateway.domain.link import Link, Role
from gateway.domain.ticket import Ticket
from gateway.flow.plan import Cause
from gateway.flow.sla.levels import Level
from gateway.ports import Ids, NewDelivery
from rules.escalations import Act

#: origin of such a delivery, beside webhook, poll and write
ORIGIN = "action"


class Asked(msgspec.Struct, frozen=True):
    """What an escalation asks for."""

    ticket: str
    action: str
    given: Any
    escalation: str
    metric: str
    cycle: int
    version: int
    turn: int
    #: when the level was due
    due: datetime
    #: names this request for ever
    key: str


def request(
    act: Act, level: Level, ticket: Ticket, links: Sequence[Link], cause: Cause, ids: Ids
) -> NewDelivery | None:
    """Return what is put into the inbox; None where the ticket lives at no desk."""
    home = next((link for link in sorted(links, key=lambda each: each.role is not Role.SOURCE) if link.remote_id), None)
    if home is None:
        return None
    firing = level.firing(ticket.id)
    key = f"action:{digest('action', msgspec.to_builtins(firing), act.name, act.given)}"
    asked = Asked(
        ticket=ticket.id,
        action=act.name,
        given=act.given,
        escalation=level.escalation.name,
        metric=level.instance.metric,
        cycle=level.instance.cycle,
        version=level.instance.version,
        turn=level.turn,
        due=level.at,
        key=key,
    )
    about = msgspec.to_builtins(asked)
    event = Event(EventKind.ASKED, home.remote_id, key, cause.now, automatic=True, about=about)
    return NewDelivery(
        id=ids.new(),
        connection=home.connection,
        source_event_id=key,
        ref=home.remote_id,
        received_at=cause.now,
        headers={},
        body=msgspec.json.encode(event),
        trace_id=cause.trace_id,
        origin=ORIGIN,
    )
