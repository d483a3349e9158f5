"""What an event has to wait for: a write of ours that is in flight there, and whoever holds its ticket."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from gateway.domain.link import Link
from gateway.errors import DeferError
from gateway.ports import DeliveryRow, Tx

#: how soon a change is looked at again that came while its own lane was writing
IN_FLIGHT_WAIT = 0.25
#: from then on a change no longer waits for a write whose outcome stays unknown
PATIENCE_SECONDS = 120


class Waits:
    """Waits for one delivery: DeferError, as long as there is patience.

    `held` are the tickets that its transaction has locked; `read_at`: before its reads began.
    """

    def __init__(
        self,
        tx: Tx,
        row: DeliveryRow,
        now: datetime,
        *,
        held: Collection[str],
        read_at: datetime | None,
    ) -> None:
        self._tx, self._row, self._now = tx, row, now
        self._held, self._read_at = set(held), read_at
        self.patient = (now - row.received_at).total_seconds() < PATIENCE_SECONDS

    def for_creation(self) -> None:
        """Wait while a ticket is being created at the desk: this may be it."""
        if self._tx.outbox.creates_in_flight(self._row.connection) and self.patient:
            raise DeferError("a ticket of ours is being created there", seconds=IN_FLIGHT_WAIT)

    def for_flight(self, link: Link) -> Link:
        """Return a link as it is while nobody else can change it; wait while a write of ours is on its way there.

        A ticket that is found late (a conversation's, a survivor's, one that bears our mark) is locked only here.
        """
        # it may have become one with another ticket while it was not locked yet
        while link.ticket_id not in self._held and self._tx.tickets.hold([link.ticket_id], wait=False):
            self._held.add(link.ticket_id)
            link = self._tx.links.get(link.id) or link
        if self._tx.outbox.heads_in_flight([link.id]) and self.patient:
            raise DeferError(f"a write of ours to {link.connection} is in flight", seconds=IN_FLIGHT_WAIT)
        return link

    def for_reading(self, link: Link) -> None:
        """Let the ticket be read again when a write of ours landed meanwhile: what was read may be from before it.

        A desk that counts in seconds gives both states one version.
        """
        if self._read_at is None or not self.patient:
            return
        if self._tx.outbox.landed_since(link.id, self._read_at):
            raise DeferError(f"it was read while a write of ours to {link.connection} landed", seconds=IN_FLIGHT_WAIT)
