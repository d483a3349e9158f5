"""Tickets that a desk does not show us any more: deleted there without a word, or our account lost the right to them.

Nothing tells the two apart, so such a ticket is not taken as deleted. One letter says so, whatever comes for it later;
it is looked for again and again, and what waited goes on when it is there (docs/edges.md).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from gateway.domain.link import Link, LinkState
from gateway.domain.update import Operation, Reason
from gateway.errors import GatewayError
from gateway.flow import unseen
from gateway.flow.calls import run_reads
from gateway.flow.unseen import hint
from gateway.ports import AttemptEnd, AuditEntry, Connector, DeliveryRow, Ids, NewDelivery, Transport, Tx
from gateway.ports.hiding import Hidden

#: what a desk answers where a ticket is not there, or not any more, or not for us
REFUSED = frozenset({301, 403, 404, 410})
#: what is no part of a ticket's own story may be refused without the ticket being out of sight
APART = frozenset({Operation.CREATE, Operation.NOTIFY, Operation.UNDO})


def words(connection: str, remote_id: str) -> str:
    """Say what is known of such a ticket, and what to do."""
    return (
        f"{connection} does not show us ticket {remote_id} any more: it was deleted there, or our account lost the "
        f"right to it. Give the right back and it goes on by itself; if it is gone, discard this"
    )


def is_out_of_sight(connector: Connector, remote_id: str, transport: Transport, trace_id: str) -> bool:
    """Look whether a ticket whose write was refused is not there to be read either, or is another one by now.

    No answer is no, and so is no looking. What waits goes on when a look shows it, or where it is now.
    """
    if not connector.spec.reads:
        return False
    deadline = connector.settings.deadline
    try:
        call = connector.read(remote_id)
        found = run_reads(call, connector, transport, deadline=deadline, trace_id=trace_id)
        return found is None or bool(found.merged_into)
    except GatewayError:
        return False


def note_gone(tx: Tx, connection: str, remote_id: str, ids: Ids, now: datetime, release: str) -> None:
    """Leave a ticket to a person that was looked for and is not shown, unless that is done already."""
    if tx.hidden.get(connection, remote_id) is None:
        row = hint(connection, remote_id, ids, now)
        tx.inbox.add([row])
        note_unread(tx, row, remote_id, ids, now, release)


def note_unread(tx: Tx, row: DeliveryRow | NewDelivery, remote_id: str, ids: Ids, now: datetime, release: str) -> None:
    """Settle a delivery that only says that there is something to read: the first is parked, the rest is no news."""
    link = tx.links.by_remote([(row.connection, remote_id)]).get((row.connection, remote_id))
    if link is None:
        unseen.note(tx, row, remote_id, ids, now, release)
        return
    if link.state is not LinkState.LIVE:
        tx.hidden.drop(row.connection, remote_id)
        tx.inbox.applied(row.id, now, "of a ticket that we do not have any more")
        return
    if tx.hidden.get(row.connection, remote_id) is not None:
        tx.inbox.applied(row.id, now, "its ticket is still out of our sight: a look will show all of it")
        return
    tx.hidden.keep(Hidden(row.connection, remote_id, link.id, now, row.id))
    tx.inbox.park(row.id, Reason.HIDDEN, words(row.connection, remote_id), now, release)
    _tell(tx, link.ticket_id, row.connection, remote_id, "out of sight", now, {})


def note_refused(tx: Tx, end: AttemptEnd, now: datetime) -> None:
    """Note that an update was given up because its ticket is hidden: its letter stands for what reads have parked."""
    link = tx.links.get(end.link_id)
    if link is None:
        return
    # what we only heard of until now is told of by the letter of its connection no more
    unseen.note_ended(tx, end.connection, [link.remote_id], now)
    before = tx.hidden.get(end.connection, link.remote_id)
    if before is None:
        _tell(tx, link.ticket_id, end.connection, link.remote_id, "out of sight", now, {})
    elif before.delivery_id and tx.inbox.reopen(before.delivery_id):
        tx.inbox.applied(before.delivery_id, now, "its ticket is out of our sight, as the letter of an update says")
    since = before.since if before is not None else now
    tx.hidden.keep(Hidden(end.connection, link.remote_id, link.id, since))


def note_seen(tx: Tx, connection: str, remote_ids: Collection[str], ids: Ids, now: datetime) -> bool:
    """Let go on what waited for tickets that were read (or written) again; say whether updates go on."""
    revived = 0
    for pair in tx.hidden.among([(connection, each) for each in remote_ids]):
        unseen.note_seen(tx, *pair, ids, now)
        hidden = tx.hidden.get(*pair)
        link = tx.links.get(hidden.link_id) if hidden is not None else None
        tx.hidden.drop(*pair)
        if hidden is None or link is None:
            continue
        if hidden.delivery_id:
            tx.inbox.reopen(hidden.delivery_id)
        # where one is in sight again, so are probably those beside it
        unseen.look_again(tx, connection, ids, now, limit=unseen.BESIDE, linked=True)
        number = tx.hidden.revive(link.id, now)
        _tell(tx, link.ticket_id, connection, pair[1], "in sight again", now, {"updates": number})
        revived += number
    return revived > 0


def note_ended(tx: Tx, link: Link) -> None:
    """Note that the desk has said what became of a hidden ticket: its letter is settled with the ticket."""
    hidden = tx.hidden.get(link.connection, link.remote_id)
    tx.hidden.drop(link.connection, link.remote_id)
    if hidden is not None and hidden.delivery_id:
        tx.inbox.reopen(hidden.delivery_id)


def note_merged(tx: Tx, link: Link, now: datetime) -> bool:
    """Let what waited for a hidden ticket go on at the one that it was merged into; say whether anything does."""
    hidden = tx.hidden.get(link.connection, link.remote_id)
    if hidden is None:
        return False
    tx.hidden.drop(link.connection, link.remote_id)
    if hidden.delivery_id and tx.inbox.reopen(hidden.delivery_id):
        tx.inbox.applied(hidden.delivery_id, now, "its ticket was merged into another")
    return tx.hidden.revive(link.id, now) > 0


def look_again(tx: Tx, connection: str, ids: Ids, now: datetime) -> int:
    """Have the hidden tickets of a connection read that were not looked for lately; return how many.

    Those that we have do not wait behind those that we only heard of.
    """
    return sum(unseen.look_again(tx, connection, ids, now, limit=unseen.LOOKS, linked=each) for each in (True, False))


def _tell(
    tx: Tx, ticket_id: str, connection: str, remote_id: str, action: str, now: datetime, more: dict[str, int]
) -> None:
    detail = {"at": connection, "remote": remote_id, **more}
    tx.audit.add([AuditEntry(now, f"desk:{connection}", action, ticket_id, detail)])
