"""A remote ticket was merged into another: its lane goes on at the one that stays.

Where we do not know the survivor, the link simply becomes the survivor's, and its lane with it. Where the survivor is
linked as well, the two lanes are joined: what was still to be said there is said to the survivor, in order and once.
Its field values are not carried over, for the survivor has its own ticket, whose values stand there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway.domain.event import Event, EventKind
from gateway.domain.link import Link, LinkState
from gateway.ports import AuditEntry, Ids, Tx

#: a ticket may be merged into one that is merged itself
MOST_HOPS = 20


def survivor_of(tx: Tx, link: Link) -> Link | None:
    """Return the link that goes on for one that was merged; None where it ended with it."""
    found: Link | None = link
    for _ in range(MOST_HOPS):
        if found is None or found.state is not LinkState.MERGED:
            return found
        found = tx.links.get(found.merged_into) if found.merged_into else None
    return None


def out_of_ring(tx: Tx, link: Link | None, said: Event, event: Event) -> Event:
    """Return `event`, or what was `said` without the merge where that leads back to the ticket itself.

    A is a duplicate of B, and B of A: a desk that lets people say so has two tickets as before, of which one must
    stay. The merge that came first counts, and the other ticket goes on.
    """
    if link is None or not event.merged_into or link.state is not LinkState.LIVE:
        return event
    pair = (link.connection, event.merged_into)
    known = tx.links.by_remote([pair]).get(pair)
    last = survivor_of(tx, known) if known is not None else None
    if last is None or last.id != link.id:
        return event
    kind = EventKind.OBSERVED if said.kind is EventKind.MERGED else said.kind
    return msgspec.structs.replace(said, kind=kind, merged_into="")


class Merged(msgspec.Struct, frozen=True):
    """What became of a link: the one that goes on (None: it ended), updates that moved to it, and that did not."""

    survivor: Link | None
    moved: int = 0
    dropped: int = 0


def merge(tx: Tx, link: Link, into: str, now: datetime, ids: Ids) -> Merged:
    """Let a link and its lane go on at the remote ticket `into`; it ends where that is gone itself."""
    pair = (link.connection, into)
    known = tx.links.by_remote([pair]).get(pair)
    if known is None:
        return _redirect(tx, link, into, now, ids)
    survivor = survivor_of(tx, known)
    if survivor is None or survivor.state is not LinkState.LIVE or survivor.id == link.id:
        tx.links.save(msgspec.structs.replace(link, state=LinkState.MERGED))
        return Merged(None)
    tx.links.save(msgspec.structs.replace(link, state=LinkState.MERGED, merged_into=survivor.id))
    moved, dropped = tx.outbox.join(link.id, survivor.id, now)
    return Merged(survivor, moved, dropped)


def _redirect(tx: Tx, link: Link, into: str, now: datetime, ids: Ids) -> Merged:
    moved = msgspec.structs.replace(link, state=LinkState.LIVE, remote_id=into, key="", url="", version_token="")
    tx.links.save(moved)
    leave(tx, link, ids, now)
    tx.outbox.fence(link.id, now)
    return Merged(moved)


def leave(tx: Tx, link: Link, ids: Ids, now: datetime) -> None:
    """Let the number that a link had still lead to it: what comes late about it begins no ticket."""
    gone = msgspec.structs.replace(
        link,
        id=ids.new(),
        state=LinkState.MERGED,
        rule=f"merged:{link.remote_id}"[:200],
        merged_into=link.id,
        observed={},
    )
    tx.links.add(gone, now)


def note_move(tx: Tx, was: Link, now_there: Link, ids: Ids, now: datetime) -> None:
    """Let the key that a ticket had before it was moved at its desk still lead to it; the trail says so."""
    if was.key in {"", now_there.key, was.remote_id}:
        return
    if (was.connection, was.key) not in tx.links.by_remote([(was.connection, was.key)]):
        leave(tx, msgspec.structs.replace(was, remote_id=was.key), ids, now)
    detail = {"at": was.connection, "from": was.key, "to": now_there.key}
    tx.audit.add([AuditEntry(now, f"desk:{was.connection}", "moved", was.ticket_id, detail)])


def goes_on(tx: Tx, link: Link, closed: str, now: datetime) -> list[AuditEntry]:
    """Say in the trails of two tickets that the one goes on with the other, which its desk has closed for good."""
    pair = (link.connection, closed)
    before = tx.links.by_remote([pair]).get(pair)
    if before is None or before.ticket_id == link.ticket_id:
        return []
    where = {"at": link.connection, "closed": closed, "remote": link.remote_id}
    actor = f"desk:{link.connection}"
    return [
        AuditEntry(now, actor, "follow-up", before.ticket_id, {**where, "ticket": link.ticket_id}),
        AuditEntry(now, actor, "follow-up of", link.ticket_id, {**where, "ticket": before.ticket_id}),
    ]


def followed(tx: Tx, links: Sequence[Link]) -> list[Link]:
    """Return where comments of a ticket go on whose own remote ticket was merged into one of another ticket."""
    found = []
    for link in links:
        if link.state is not LinkState.MERGED or not link.merged_into:
            continue
        survivor = survivor_of(tx, link)
        if survivor is None or survivor.state is not LinkState.LIVE or survivor.ticket_id == link.ticket_id:
            continue
        found.append(msgspec.structs.replace(survivor, ticket_id=link.ticket_id, role=link.role, rule=link.rule))
    return found
