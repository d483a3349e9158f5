"""A person's word on a ticket that was offered to them: they take it over, or they do not."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Setter, Stamp, with_field
from gateway.errors import ConflictError, NotFoundError
from gateway.flow.desks import LiveSite
from gateway.flow.duplicates import live_links
from gateway.flow.routing.pulling import Looking
from gateway.flow.routing.ways import is_over
from gateway.ports import AuditEntry, Ids, Tx
from gateway.ports.ways import Offered, Way


class Answered(msgspec.Struct, frozen=True):
    """What came of it."""

    ticket: str
    person: str
    owner: str
    accepted: bool
    #: where the desks are told
    updates: int = 0


class Answer:
    """One person's word, in one transaction."""

    def __init__(self, tx: Tx, site: LiveSite, *, ids: Ids, now: datetime, actor: str) -> None:
        self._tx = tx
        self._site = site
        self._ids = ids
        self._now = now
        self._actor = actor

    def accept(self, ticket_id: str, person: str = "") -> Answered:
        """Let somebody whom it was offered to have a ticket from now on; raises ConflictError where that is over."""
        way, offer = self._offer(ticket_id, person)
        ticket = self._tx.tickets.get(ticket_id)
        if ticket is None or is_over(ticket) or not way.holds:
            raise ConflictError(f"{ticket_id} is done with, or nobody has it any more: there is nothing to take over")
        owner = way.person
        sections = self._site.rules.sections
        email = str(((sections.get("people") or {}).get(offer.to) or {}).get("email", ""))
        stamp = Stamp(Setter.PERSON, self._actor.removeprefix("person:"), self._now)
        taken = with_field(ticket, "assignee", RemotePerson(email=email, name=offer.to, role="agent"), stamp)
        self._tx.tickets.save(taken)
        links = live_links(self._tx, ticket_id)
        looking = Looking(self._tx, ticket_id, self._site, self._ids, self._now)
        made = looking.give(taken, links)
        looking.store(made)
        return Answered(ticket_id, offer.to, owner, accepted=True, updates=len(made.planned))

    def decline(self, ticket_id: str, person: str = "") -> Answered:
        """Note that somebody does not take a ticket over: the next sweep asks the next."""
        way, offer = self._offer(ticket_id, person)
        offers = tuple(msgspec.structs.replace(each, declined=True) if each == offer else each for each in way.offers)
        self._tx.ways.unreserve(ticket_id)
        self._tx.ways.save(msgspec.structs.replace(way, offers=offers, wake_at=self._now), self._now)
        detail = {"to": offer.to, "from": way.person}
        self._tx.audit.add([self._entry("handoff declined", ticket_id, detail)])
        return Answered(ticket_id, offer.to, way.person, accepted=False)

    def _offer(self, ticket_id: str, person: str) -> tuple[Way, Offered]:
        self._tx.tickets.hold([ticket_id])
        self._tx.ways.lock()
        way = self._tx.ways.get(ticket_id)
        open_ones = [each for each in (way.offers if way is not None else ()) if not each.declined]
        if way is None or not open_ones:
            raise NotFoundError(f"{ticket_id} is offered to nobody: gateway handoffs list shows what is")
        found = [each for each in open_ones if each.to == person] if person else open_ones
        if not found:
            names = ", ".join(each.to for each in open_ones)
            raise NotFoundError(f"{ticket_id} is not offered to {person}, but to {names}")
        return way, found[-1]

    def _entry(self, action: str, ticket_id: str, detail: dict[str, str]) -> AuditEntry:
        return AuditEntry(self._now, self._actor, action, ticket_id, detail)
