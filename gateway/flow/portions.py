"""A ticket with thousands of comments is taken in portions, so that no transaction keeps other writers waiting.

What was read is cut by its comments, oldest first; each portion is applied in a transaction of its own. The delivery is
settled with the last one, which is the whole: whoever dies in between reads again, and what was taken is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.flow.prepare import Ready
from gateway.ports import Store

#: so many comments that are new to us are taken in one transaction
PORTION = 50


def portions(store: Store, ready: Sequence[Ready]) -> list[Ready]:
    """Return deliveries ready to be applied, those that bring too much at once in several portions, in order."""
    return [each for whole in ready for each in _of(store, whole)]


def _of(store: Store, whole: Ready) -> Iterator[Ready]:
    """Return the portions of one delivery; only what is of one ticket is cut."""
    if whole.parked is None and whole.deferred is None and len(whole.events) == 1:
        event = whole.events[0]
        read = whole.reads.get(event.remote_id)
        if read is not None and len(read.comments) > PORTION and not (read.deleted or read.merged_into):
            yield from _cut(store, whole, event, read)
    yield whole


def _cut(store: Store, whole: Ready, event: Event, read: RemoteTicket) -> Iterator[Ready]:
    pair = (whole.row.connection, event.remote_id)
    with store.read() as tx:
        link = tx.links.by_remote([pair]).get(pair)
        known = tx.tickets.known_comments(link.id) if link is not None else frozenset()
    fresh = [each for each in read.comments if each.remote_id not in known]
    if event.kind in {EventKind.MERGED, EventKind.DELETED}:
        return
    for number, start in enumerate(range(0, len(fresh) - PORTION, PORTION), start=1):
        some = msgspec.structs.replace(read, comments=tuple(fresh[start : start + PORTION]), complete=False)
        part = msgspec.structs.replace(
            event, kind=EventKind.OBSERVED, key=f"{event.key[:280]}:part:{number}", changes=(), comment=None
        )
        yield msgspec.structs.replace(whole, events=(part,), reads={event.remote_id: some}, goes_on=True)
