"""Tickets that we only heard of, and that their desk does not show us: one dead letter a connection tells of them all.

An account that loses the right to a project goes on hearing of its tickets. Those that we have are each a story of its
own (sight.py); of the others nothing is known but that they are there, so that thousands of letters would say one
thing. The letter is a delivery of our own: it says how many there are, and which came last. All are looked for again,
and where one is in sight so are probably those beside it (docs/edges.md).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from gateway.domain.event import RemoteTicket
from gateway.domain.update import Reason
from gateway.ports import DeliveryRow, Ids, NewDelivery, Tx
from gateway.ports.hiding import Hidden, Unseen

#: of a delivery that is the letter of a connection; it names no ticket
ORIGIN = "sight"
#: a ticket out of sight is looked for so often, where its connection is polled
LOOK_EVERY = timedelta(minutes=15)
#: no more of them in one poll, and where one is in sight again so many of those beside it at once
LOOKS, BESIDE = 20, 10
#: and so many where a person replays the letter
REPLAYED = 100
#: so many are named
NAMED = 20
#: what a look is called, by which it is known that nobody waits for it any more
AGAIN = "again:"


def words(connection: str, unseen: Unseen) -> str:
    """Say how many tickets are meant and which came last, and what to do."""
    number = "There is 1 ticket" if unseen.number == 1 else f"There are {unseen.number} tickets"
    last = f", the last {len(unseen.newest)}" if unseen.number > len(unseen.newest) else ""
    return (
        f"{connection} does not show us tickets that we only heard of: they were deleted there, or our account has no "
        f"right to them. Give the right, and all of them are read by themselves; if they are gone, discard this. "
        f"{number}{last}: {', '.join(unseen.newest)}"
    )


def note(tx: Tx, row: DeliveryRow | NewDelivery, remote_id: str, ids: Ids, now: datetime, release: str) -> None:
    """Settle a delivery of a ticket that we do not have and cannot read: the letter of its connection tells of it."""
    if tx.hidden.get(row.connection, remote_id) is not None:
        tx.inbox.applied(row.id, now, "its ticket is still out of our sight: a look will show all of it")
        return
    if row.source_event_id.startswith(AGAIN):
        tx.inbox.applied(row.id, now, "it was given up while it was looked for")
        return
    before = tx.hidden.unseen(row.connection, 0)
    letter = before.letter if before is not None else _begun(tx, row.connection, ids, now, release)
    tx.hidden.keep(Hidden(row.connection, remote_id, "", now, letter))
    tx.inbox.applied(row.id, now, "its ticket is out of our sight, as the letter of its connection says")
    _tell(tx, row.connection, letter, now)


def note_seen(tx: Tx, connection: str, remote_id: str, ids: Ids, now: datetime) -> None:
    """Note that one is in sight, or is known to be no more; those beside it are looked for, some of them at once."""
    hidden = tx.hidden.get(connection, remote_id)
    if hidden is None or hidden.link_id:
        return
    tx.hidden.drop(connection, remote_id)
    look_again(tx, connection, ids, now, limit=BESIDE, linked=False)
    _tell(tx, connection, hidden.delivery_id, now)


def note_ended(tx: Tx, connection: str, remote_ids: Collection[str], now: datetime) -> None:
    """Note that the desk has said what became of tickets: nobody waits for them any more."""
    for remote_id in remote_ids:
        hidden = tx.hidden.get(connection, remote_id)
        if hidden is not None and not hidden.link_id:
            tx.hidden.drop(connection, remote_id)
            _tell(tx, connection, hidden.delivery_id, now)


def settle(tx: Tx, letter: DeliveryRow, ids: Ids, now: datetime) -> None:
    """Settle a letter that is in line again: all are in sight, or a person replayed it and wants them looked for."""
    unseen = tx.hidden.unseen(letter.connection, NAMED)
    if unseen is None or unseen.letter != letter.id:
        tx.inbox.applied(letter.id, now, "all of its tickets are in sight, or known to be no more")
        return
    look_again(tx, letter.connection, ids, now, limit=REPLAYED, linked=False, every=timedelta(0))
    tx.inbox.park(letter.id, Reason.HIDDEN, words(letter.connection, unseen), now, letter.release)


def look_again(
    tx: Tx, connection: str, ids: Ids, now: datetime, *, limit: int, linked: bool, every: timedelta = LOOK_EVERY
) -> int:
    """Have tickets read that are out of sight and were not looked for lately, the longest ago first; return how many.

    `linked`: those that we have, or those that we only heard of.
    """
    found = tx.hidden.due(connection, now - every, limit, linked=linked)
    tx.hidden.looked(found, now)
    return len(tx.inbox.add([hint(connection, each.remote_id, ids, now, AGAIN) for each in found]))


def hint(connection: str, remote_id: str, ids: Ids, now: datetime, why: str = "look:") -> NewDelivery:
    """Return a delivery that has a ticket read, and says nothing of it."""
    body = msgspec.json.encode(RemoteTicket(remote_id, now))
    return _delivery(ids, connection, f"{why}{remote_id}:{ids.new()}", remote_id, now, body, "poll")


def _begun(tx: Tx, connection: str, ids: Ids, now: datetime, release: str) -> str:
    """Store the letter of a connection; return its id."""
    letter = _delivery(ids, connection, f"{ORIGIN}:{ids.new()}", "", now, b"{}", ORIGIN)
    tx.inbox.add([letter])
    tx.inbox.park(letter.id, Reason.HIDDEN, "", now, release)
    return letter.id


def _tell(tx: Tx, connection: str, letter: str, now: datetime) -> None:
    """Let the letter say how it stands; it ends with the last ticket. One that a person replays tells by itself."""
    unseen, row = tx.hidden.unseen(connection, NAMED), tx.inbox.get(letter)
    if unseen is None:
        tx.inbox.reopen(letter)
    elif row is not None and row.state == "parked":
        tx.inbox.park(letter, Reason.HIDDEN, words(connection, unseen), now, row.release)


def _delivery(ids: Ids, connection: str, name: str, ref: str, now: datetime, body: bytes, origin: str) -> NewDelivery:
    return NewDelivery(
        id=ids.new(),
        connection=connection,
        source_event_id=name[:300],
        ref=ref,
        received_at=now,
        headers={},
        body=body,
        trace_id=ids.new().replace("-", ""),
        origin=origin,
    )
