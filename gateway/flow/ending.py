"""A remote ticket is no more: deleted, called spam, or merged into one that nobody names; or it is there again."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import Link, LinkState
from gateway.flow.sight import note_ended
from gateway.ports import AuditEntry, Tx

ENDED = frozenset({EventKind.DELETED, EventKind.MERGED})


def ends(link: Link, event: Event) -> bool:
    """Say whether the end of a ticket is news; a poll tells of it again."""
    return link.state is not LinkState.GONE or bool(event.merged_into)


def end_link(tx: Tx, link: Link, kind: EventKind) -> tuple[LinkState, str]:
    """End a link; return what it is then, and that in a word or two."""
    state, outcome = LinkState.GONE, "deleted there"
    if kind is EventKind.MERGED:
        state, outcome = LinkState.MERGED, "merged into another"
    tx.links.save(msgspec.structs.replace(link, state=state))
    note_ended(tx, link)
    return state, outcome


def come_back(tx: Tx, link: Link, read: RemoteTicket | None, now: datetime) -> Link:
    """Let a link live again whose ticket was deleted, where the desk shows it after all (restored, no spam).

    Only what was just read whole says so: a webhook that comes late is of before the end.
    """
    if link.state is not LinkState.GONE or read is None or not read.complete or read.deleted:
        return link
    link = msgspec.structs.replace(link, state=LinkState.LIVE)
    tx.links.save(link)
    detail = {"at": link.connection, "remote": link.remote_id}
    tx.audit.add([AuditEntry(now, f"desk:{link.connection}", "restored", link.ticket_id, detail)])
    return link
