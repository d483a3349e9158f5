"""Conversations of desks that have no tickets: to which ticket a message belongs, or that it begins one.

A message names its conversation (`Event.thread`), and a ticket that it begins is called `<thread>:<its own id>`
(docs/adr/0062).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import Link
from gateway.domain.ticket import CLOSED_CATEGORIES
from gateway.ports import Tx


def placed(tx: Tx, connection: str, event: Event, now: datetime) -> Event | str:
    """Return a message as an event of its ticket, or in a word or two why there is nothing to enter.

    What is about a message of ours (its effect key is the snapshot's marker) belongs where that was written; what
    somebody says belongs to the newest ticket of the conversation while that is open, and begins the next one else.
    """
    if tx.tickets.knows_event(connection, event.key):
        return "known already"
    marker = event.snapshot.marker if event.snapshot is not None else ""
    if marker:
        link = tx.links.by_effect_key(connection, marker)
        if link is None:
            return "about a message that is not ours"
        if event.comment is None:
            confirmed = tx.outbox.confirm_by_marker(marker, now)
            return "our own message" if confirmed is None else "our own message, of which nothing was known"
        return _on(link, event)
    link = tx.links.newest_in_thread(connection, event.thread)
    if link is not None:
        ticket = tx.tickets.get(link.ticket_id)
        if ticket is not None and ticket.status.category not in CLOSED_CATEGORIES:
            return _on(link, event)
    if event.snapshot is None or event.snapshot.title is msgspec.UNSET:
        return "of a conversation that has no open ticket"
    # the words are the ticket's own: said once more below it they would be read twice
    return msgspec.structs.replace(event, kind=EventKind.CREATED, comment=None)


def _on(link: Link, event: Event) -> Event:
    """Return a message as a comment of a ticket that is there; of how the desk stands only the newest token counts."""
    shown = event.snapshot
    stands = None
    if shown is not None and shown.version_token and not shown.marker:
        stands = RemoteTicket(
            link.remote_id, shown.updated_at, version=shown.version, version_token=shown.version_token
        )
    return msgspec.structs.replace(event, kind=EventKind.COMMENTED, remote_id=link.remote_id, snapshot=stands)
