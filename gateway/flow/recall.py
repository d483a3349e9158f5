"""A ticket whose words were taken away after their time (retention.personal_data) is asked for when it lives again."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import RemoteTicket
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.ports import Ids, NewDelivery, Tx


def ask_again(tx: Tx, ticket: Ticket, ids: Ids, now: datetime, trace_id: str) -> None:
    """Have the ticket read at the desk that it came from, once for each time that its words were taken away."""
    if ticket.redacted_at is None:
        return
    source = next((each for each in tx.links.of_ticket(ticket.id) if _is_there(each)), None)
    if source is None:
        return
    hint = NewDelivery(
        id=ids.new(),
        connection=source.connection,
        source_event_id=f"recalled:{ticket.id}:{ticket.redacted_at.isoformat()}",
        ref=source.remote_id,
        received_at=now,
        headers={},
        body=msgspec.json.encode(RemoteTicket(source.remote_id, now)),
        trace_id=trace_id,
        origin="poll",
    )
    tx.inbox.add([hint])


def _is_there(link: Link) -> bool:
    return link.role is Role.SOURCE and link.state is LinkState.LIVE
