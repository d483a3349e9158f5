"""What a person says of two tickets: that the one repeats the other, that it does not, or that it did not after all."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.duplicate import Pair, PairState
from gateway.domain.ticket import Setter, Stamp, Ticket
from gateway.errors import DuplicateError, NotFoundError
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import is_ours, merge_notes, moved_notes, split_notes, take_along, told
from gateway.flow.plan import Cause, Planned, new_update
from gateway.flow.sla.merging import Merger
from gateway.ports import AuditEntry, Ids, Tx
from rules.duplicates import merged, parted

#: a chain is never made here; a desk's own merges may have left one
MOST_HOPS = 20


class Judged(msgspec.Struct, frozen=True):
    """What came of it."""

    pair: Pair
    #: notes that are written at the desks
    notes: int = 0
    #: duplicates of the ticket that went with it
    moved: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Judge:
    """One person's word, in one transaction."""

    def __init__(self, tx: Tx, site: LiveSite, *, ids: Ids, now: datetime, actor: str, why: str = "") -> None:
        self._tx = tx
        self._site = site
        self._ids = ids
        self._now = now
        self._actor = actor
        self._why = why
        self._notes = 0
        self._merger = Merger(tx, rules=site.rules, ids=ids, now=now)

    def merge(self, ticket_id: str, of_id: str) -> Judged:
        """Make a ticket the duplicate of another; raises DuplicateError where that cannot be right."""
        of_id, hops = self._original_of(of_id)
        warnings = [f"that is a duplicate of {of_id} itself, which is its original now"] if hops else []
        self._tx.tickets.hold([ticket_id, of_id])
        ticket, original = self._ticket(ticket_id), self._ticket(of_id)
        self._require_mergeable(ticket, original)
        pair = self._pair(ticket.id, original.id, PairState.MERGED)
        self._tx.tickets.save(self._merged(ticket, original.id))
        self._tx.audit.add(take_along(self._tx, ticket.id, original.id, self._now, self._actor))
        self._merger.join(ticket, original.id)
        planned = merge_notes(self._tx, ticket, original, pair, self._site.connectors)
        moved = []
        for theirs in self._tx.duplicates.merged_into(ticket.id):
            planned += self._move(theirs, original)
            moved.append(theirs.ticket)
        if original.status.category.value in {"closed", "cancelled"}:
            warnings.append("the original is closed: nothing is written to it")
        self._write(planned)
        return Judged(pair, self._notes, tuple(moved), tuple(warnings))

    def reject(self, ticket_id: str, of_id: str) -> Judged:
        """Say that a proposal is wrong: the two are not proposed again."""
        pair = self._tx.duplicates.get(ticket_id, of_id)
        if pair is None or pair.state is not PairState.PROPOSED:
            said = "nothing was proposed of these two" if pair is None else f"the two are {pair.state} already"
            hint = ": gateway tickets split takes a merge back" if pair is not None else ""
            raise DuplicateError(f"{said}{hint}")
        pair = self._decided(pair, PairState.REJECTED)
        self._tx.duplicates.save(pair)
        self._tx.audit.add(told(pair, self._now, self._actor))
        return Judged(pair)

    def split(self, ticket_id: str) -> Judged:
        """Take a merge back: the ticket stands by itself again, and is not proposed once more."""
        self._tx.tickets.hold([ticket_id])
        ticket = self._ticket(ticket_id)
        if not ticket.duplicate_of:
            raise DuplicateError(f"{ticket.id} is no duplicate of another ticket")
        if not is_ours(ticket):
            raise DuplicateError(f"{ticket.id} was merged at its desk: only there can it be taken apart")
        original = self._ticket(ticket.duplicate_of)
        pair = self._pair(ticket.id, original.id, PairState.SPLIT)
        self._tx.tickets.save(parted(ticket))
        self._merger.part(ticket, original.id)
        self._write(split_notes(self._tx, ticket, original, pair, self._site.connectors))
        return Judged(pair, self._notes)

    # ------------------------------------------------------------ inside

    def _original_of(self, of_id: str) -> tuple[str, int]:
        """Return the original behind a ticket, and over how many others it was found."""
        for hops in range(MOST_HOPS):
            above = self._ticket(of_id).duplicate_of
            if not above:
                return of_id, hops
            of_id = above
        raise DuplicateError(f"{of_id} is a duplicate of a duplicate of a duplicate: split them first")

    def _require_mergeable(self, ticket: Ticket, original: Ticket) -> None:
        if ticket.id == original.id:
            raise DuplicateError(f"{ticket.id} is the original of the two, or the same: name them the other way round")
        if ticket.duplicate_of:
            hint = "gateway tickets split it first" if is_ours(ticket) else "it was merged at its desk"
            raise DuplicateError(f"{ticket.id} is a duplicate of {ticket.duplicate_of} already: {hint}")
        if not ticket.requester_id or ticket.requester_id != original.requester_id:
            whose = "of two customers" if ticket.requester_id and original.requester_id else "of an unknown customer"
            raise DuplicateError(
                f"the two are {whose}: what is said on one would reach people whom the other does not concern"
            )

    def _ticket(self, ticket_id: str) -> Ticket:
        found = self._tx.tickets.get(ticket_id)
        if found is None:
            raise NotFoundError(f"there is no ticket {ticket_id}: gateway tickets list shows them")
        return found

    def _merged(self, ticket: Ticket, of_id: str) -> Ticket:
        return merged(ticket, of_id, Stamp(Setter.PERSON, self._actor.removeprefix("person:"), self._now))

    def _decided(self, pair: Pair, state: PairState) -> Pair:
        return msgspec.structs.replace(pair, state=state, by=self._actor, decided_at=self._now, why=self._why)

    def _pair(self, ticket_id: str, of_id: str, state: PairState) -> Pair:
        """Store what is said of two tickets from now on, whatever was said before; the trail keeps that."""
        before = self._tx.duplicates.get(ticket_id, of_id)
        fresh = Pair(ticket_id, of_id, state, "", self._site.release, self._now)
        known = before if before is not None and before.ticket == ticket_id else fresh
        number = before.round + 1 if before is not None else 0
        pair = msgspec.structs.replace(self._decided(known, state), round=number)
        if before is not None:
            self._tx.duplicates.drop(before)
        self._tx.duplicates.add(pair)
        self._tx.audit.add(told(pair, self._now, self._actor))
        return pair

    def _move(self, theirs: Pair, original: Ticket) -> list[Planned]:
        """Let a duplicate of the ticket be one of its new original: there is never a chain."""
        self._tx.tickets.hold([theirs.ticket])
        ticket = self._ticket(theirs.ticket)
        self._tx.duplicates.drop(theirs)
        pair = self._pair(ticket.id, original.id, PairState.MERGED)
        self._tx.tickets.save(self._merged(ticket, original.id))
        self._merger.join(ticket, original.id)
        return moved_notes(self._tx, ticket, original, pair, self._site.connectors)

    def _write(self, planned: list[Planned]) -> None:
        cause = Cause(self._site.release, self._ids.new().replace("-", ""), self._now, skipping=self._site.skipping)
        for each in planned:
            if self._site.observes(each.link.connection, self._now):
                what = {"at": each.link.connection, "what": each.summary}
                self._tx.audit.add([AuditEntry(self._now, self._actor, "withheld", each.link.ticket_id, what)])
                continue
            self._tx.outbox.add(new_update(each, self._ids.new(), cause))
            self._notes += 1
