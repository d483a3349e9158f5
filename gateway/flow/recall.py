"""A ticket is read once more: its words were taken away (retention.personal_data), or what it shows is in doubt."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import Event, RemoteTicket
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.flow.brought import is_doubtful
from gateway.flow.unseen import hint
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


def ask_in_doubt(tx: Tx, event: Event, link: Link, read: RemoteTicket | None, ids: Ids, now: datetime) -> None:
    """Have a ticket read of which a webhook shows something else than was seen or written at that very version.

    A desk that counts in seconds gives one version to all states of a second, before our write and after it; what the
    webhook shows was not taken, and only a read says which it is. The look has no place in the line of its ticket: it
    says nothing itself, so that nobody has to wait behind one that fails.
    """
    if read is None and is_doubtful(event, link):
        look = hint(link.connection, link.remote_id, ids, now)
        tx.inbox.add([msgspec.structs.replace(look, ref="")])


def _is_there(link: Link) -> bool:
    return link.role is Role.SOURCE and link.state is LinkState.LIVE
