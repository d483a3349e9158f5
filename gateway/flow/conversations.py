"""Conversations of desks that have no tickets: to which ticket a message belongs, or that it begins one.

A message names its conversation (`Event.thread`), and a ticket that it begins is called `<thread>:<its own id>`
(docs/adr/0062).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import CORRESPONDENCE, Link, LinkState
from gateway.domain.ticket import CLOSED_CATEGORIES, Visibility
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
        if link.state is LinkState.PENDING:
            # the ticket that we were creating there: entered as such, so that its link learns its name
            return event
        # whatever is said of it, it was sent
        confirmed = tx.outbox.confirm_by_marker(marker, now)
        if event.comment is None:
            return "our own message" if confirmed is None else "our own message, of which nothing was known"
        return _on(link, event)
    link, sure = _conversation(tx, connection, event)
    if link is not None:
        known = sure or _takes_part(link, event)
        ticket = tx.tickets.get(link.ticket_id)
        if ticket is not None and ticket.status.category not in CLOSED_CATEGORIES:
            return _on(link, event if known else _of_a_stranger(event))
        # somebody else's ticket that is over is nothing that a stranger goes on with
        event = _of_thread(event, link) if known else event
    if event.snapshot is None or event.snapshot.title is msgspec.UNSET:
        return "of a conversation that has no open ticket"
    # the words are the ticket's own: said once more below it they would be read twice
    return msgspec.structs.replace(event, kind=EventKind.CREATED, comment=None)


def _conversation(tx: Tx, connection: str, event: Event) -> tuple[Link | None, bool]:
    """Return the newest link of the conversation that a message belongs to, and whether more than a tag says so.

    What it answers is surer than how the thread began: not every program keeps the beginning.
    """
    for marker in event.answers_ours:
        link = tx.links.by_effect_key(connection, marker)
        if link is not None and link.remote_id:
            return _newest(tx, link), True
    for beginning in event.answers:
        ticket_id = tx.tickets.entered(connection, beginning)
        for link in tx.links.of_ticket(ticket_id) if ticket_id else ():
            if link.connection == connection and link.remote_id:
                return _newest(tx, link), True
    link = tx.links.newest_in_thread(connection, event.thread)
    if link is not None or not event.tag:
        return link, True
    return tx.links.newest_in_thread(connection, event.tag), False


def _newest(tx: Tx, link: Link) -> Link | None:
    return tx.links.newest_in_thread(link.connection, link.remote_id.partition(":")[0])


def _of_thread(event: Event, link: Link) -> Event:
    """Return a message under the name of the conversation that it was found to belong to."""
    thread, number = link.remote_id.partition(":")[0], event.remote_id.partition(":")[2]
    if thread == event.thread:
        return event
    shown = event.snapshot
    if shown is not None:
        key = thread if shown.key == event.thread else shown.key
        shown = msgspec.structs.replace(shown, remote_id=f"{thread}:{number}", key=key)
    return msgspec.structs.replace(event, thread=thread, remote_id=f"{thread}:{number}", snapshot=shown)


def _takes_part(link: Link, event: Event) -> bool:
    """Say whether who wrote a message is one of those that the conversation is with."""
    said = link.observed.get(CORRESPONDENCE)
    people = said.value.get("people", ()) if said is not None and isinstance(said.value, dict) else ()
    return event.actor is not None and bool(event.actor.email) and event.actor.email in people


def _of_a_stranger(event: Event) -> Event:
    """Return a message that only names a tag, by somebody who takes no part: colleagues see it, and nobody else does.

    Nor are they written to from then on.
    """
    comment, shown = event.comment, event.snapshot
    if comment is not None:
        comment = msgspec.structs.replace(comment, visibility=Visibility.INTERNAL)
    if shown is not None:
        files = tuple(msgspec.structs.replace(each, visibility=Visibility.INTERNAL) for each in shown.attachments)
        shown = msgspec.structs.replace(shown, correspondence={}, attachments=files)
    return msgspec.structs.replace(event, comment=comment, snapshot=shown)


def _on(link: Link, event: Event) -> Event:
    """Return a message as a comment of a ticket that is there; of how the desk stands only the newest token counts."""
    shown = event.snapshot
    stands = None
    if shown is not None and (shown.version_token or shown.correspondence) and not shown.marker:
        stands = RemoteTicket(
            link.remote_id,
            shown.updated_at,
            version=shown.version,
            version_token=shown.version_token,
            correspondence=shown.correspondence,
        )
    return msgspec.structs.replace(event, kind=EventKind.COMMENTED, remote_id=link.remote_id, snapshot=stands)
