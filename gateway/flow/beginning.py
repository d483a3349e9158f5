"""The ticket that a remote ticket begins, and what is known of it beside what is synced. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import Link
from gateway.domain.shown import CUSTOM
from gateway.domain.ticket import CLOSED_CATEGORIES, SYNCED_FIELDS, Setter, Stamp, Ticket, with_field

#: a desk that gives a ticket to somebody by itself does so as it begins; desks count in whole seconds
AT_ONCE = timedelta(seconds=1)


def new_ticket(ticket_id: str, source: str, remote: RemoteTicket, event: Event) -> Ticket:
    """Return the ticket that a remote ticket begins; its first values were filled in by the desk.

    But what this very event says that somebody changed is theirs, and whoever has a ticket that is met later than it
    began was given it, for all we know, by a person.
    """
    created = remote.created_at or event.at
    ticket = Ticket(
        id=ticket_id, source=source, created_at=created, updated_at=remote.updated_at, channel=remote.channel
    )
    stamp = Stamp(Setter.DESK, source, created, 0)
    is_late = not event.automatic and remote.updated_at - created > AT_ONCE
    said = {each.field for each in event.changes} if event.kind is not EventKind.CREATED and not event.automatic else ()
    for field in SYNCED_FIELDS:
        value = getattr(remote, field)
        if value is msgspec.UNSET:
            continue
        over = field == "status" and value.category in CLOSED_CATEGORIES
        # a ticket that we meet when it is over was so since then, and not since it was opened
        since = max(created, remote.resolved_at or remote.updated_at) if over else created
        by = Setter.PERSON if field in said or (field == "assignee" and is_late and value is not None) else Setter.DESK
        ticket = with_field(ticket, field, value, msgspec.structs.replace(stamp, by=by, at=since))
    private_at = (source,) if remote.private is True else ()
    return with_details(msgspec.structs.replace(ticket, private_at=private_at), remote)


def with_words(remote: RemoteTicket) -> RemoteTicket:
    """Return a remote ticket with the words of its body in its place, where its desk did not show their form."""
    if remote.body is not msgspec.UNSET or not remote.plain_body:
        return remote
    return msgspec.structs.replace(remote, body=remote.plain_body)


def with_privacy(ticket: Ticket, link: Link, remote: RemoteTicket) -> Ticket:
    """Note whether a ticket is private at a desk, where that says so.

    That it is private no more is believed of what is certainly not older than what is known.
    """
    if remote.private is msgspec.UNSET or remote.private is (link.connection in ticket.private_at):
        return ticket
    if not remote.private and not (remote.complete or (remote.version and remote.version >= link.version)):
        return ticket
    others = tuple(name for name in ticket.private_at if name != link.connection)
    return msgspec.structs.replace(ticket, private_at=(*others, link.connection) if remote.private else others)


def with_details(ticket: Ticket, remote: RemoteTicket, own: frozenset[str] = frozenset()) -> Ticket:
    """Take over what is not synced but known of the remote ticket: requester, organisation, custom fields, channel.

    What the gateway shows there itself (`own`) is nobody's word.
    """
    changes: dict[str, Any] = {}
    if isinstance(remote.requester, msgspec.Struct):
        known = ticket.requester
        if known is None or (remote.requester.email and not known.email):
            changes["requester"] = remote.requester
    if remote.org is not msgspec.UNSET:
        changes["org"] = remote.org
    if remote.custom is not msgspec.UNSET:
        theirs = {name: value for name, value in remote.custom.items() if CUSTOM + name not in own}
        changes["custom"] = {**ticket.custom, **theirs}
    if remote.channel and not ticket.channel:
        changes["channel"] = remote.channel
    return msgspec.structs.replace(ticket, **changes) if changes else ticket
