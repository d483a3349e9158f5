"""A ticket that was moved, and is a new one where it is now: the one that we know goes on there, told or not.

Where the desk's word of the move was lost, the new ticket looks like one of somebody's own. Before it begins one, the
tickets that it may have been are read: those that bear its mark, or that the same person began at the same time. The
desk itself says where they are now; nothing is taken for the same by its looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import Link, LinkState
from gateway.domain.people import keys_of
from gateway.domain.person import RemotePerson
from gateway.errors import GatewayError
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.ending import ENDED
from gateway.flow.prepare import READ_DEADLINE, READ_TRIES, Ready
from gateway.ports import Store, Transport, Tx

#: a ticket that began so shortly before it was heard of is taken for what it looks like
NEW = timedelta(seconds=30)
#: so many tickets are read of which a new one may be the rest
MOST = 5
#: the desk keeps when a ticket began; what was put right of its clock meanwhile may differ by so much
AROUND = timedelta(minutes=2)


class Mover:
    """Finds out whether a ticket that is unknown is one that we know, moved."""

    def __init__(self, *, store: Store, site: LiveSite, transport: Transport) -> None:
        self._store = store
        self._site = site
        self._transport = transport

    def follow(self, ready: Sequence[Ready]) -> list[Ready]:
        """Return deliveries with the moves in front that their desk did not tell of."""
        return [self._follow(each) if self._may_move(each) else each for each in ready]

    def _may_move(self, ready: Ready) -> bool:
        connector = self._site.connectors.get(ready.row.connection)
        going = ready.parked is None and ready.deferred is None
        return going and connector is not None and connector.spec.moves_anew

    def _follow(self, ready: Ready) -> Ready:
        moves: list[Event] = []
        told = {each.merged_into for each in ready.events}
        for event in ready.events:
            there = ready.reads.get(event.remote_id) or event.snapshot
            if there is None or event.kind in ENDED or event.remote_id in told:
                continue
            if there.created_at is None or ready.row.received_at - there.created_at < NEW:
                continue
            with self._store.read() as tx:
                known = self._candidates(tx, ready.row.connection, there)
            try:
                moves += self._moved(ready, known, event)
            except GatewayError as error:
                if ready.row.tries < READ_TRIES:
                    return msgspec.structs.replace(ready, deferred=(0.5 * 2**ready.row.tries, str(error)))
        return msgspec.structs.replace(ready, events=(*moves, *ready.events)) if moves else ready

    def _candidates(self, tx: Tx, connection: str, there: RemoteTicket) -> list[Link]:
        """Return the live links that may be of a ticket which is unknown at its place; none where it is known."""
        if tx.links.by_remote([(connection, there.remote_id)]):
            return []
        marked = tx.links.by_effect_key(connection, there.marker) if there.marker else None
        if marked is not None:
            return [marked] if marked.state is LinkState.LIVE and marked.remote_id else []
        who, began = there.requester, there.created_at
        if not isinstance(who, RemotePerson) or began is None:
            return []
        theirs = [each.id for each in tx.people.find(keys_of(who, connection, self._site.stitch))]
        return list(tx.links.begun(connection, theirs, began - AROUND, began + AROUND, MOST)) if theirs else []

    def _moved(self, ready: Ready, known: Sequence[Link], event: Event) -> list[Event]:
        """Return the move of the one of them that its desk shows here now; raises where the desk does not answer."""
        connector = self._site.connectors[ready.row.connection]
        for link in known:
            call = connector.read(link.remote_id)
            deadline, trace = READ_DEADLINE, ready.row.trace_id
            found = run_reads(call, connector, self._transport, deadline=deadline, trace_id=trace)
            if found is not None and found.merged_into == event.remote_id:
                key = f"merged:{link.remote_id}:{event.remote_id}"
                into = event.remote_id
                return [Event(EventKind.MERGED, link.remote_id, key=key, at=event.at, merged_into=into)]
        return []
