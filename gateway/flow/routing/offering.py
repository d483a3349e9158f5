"""Handing over before a shift ends: whom to ask, a note and a notice for them, and room that is kept until they answer.

The owner keeps a ticket until somebody accepts; no clock is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from gateway.domain.ids import effect_key
from gateway.domain.link import Link, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Intent, Operation
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause, Planned
from gateway.flow.routing.carrying import told
from gateway.flow.routing.counting import counted, next_due
from gateway.flow.routing.ways import asked_of, is_over, who, work_of
from gateway.flow.telling import lane_of, places
from gateway.ports import AuditEntry, Ids, Tx
from gateway.ports.ways import Offered, Way
from rules.fields import Facts
from rules.handoffs import Handoff, Held, Offer, handoff
from rules.notices import people_of
from rules.routed import Outcome
from rules.routes import Routing


class Asked(msgspec.Struct, frozen=True):
    """Somebody was asked."""

    planned: tuple[Planned, ...]
    audit: tuple[AuditEntry, ...]


def offer(
    tx: Tx, ticket: Ticket, way: Way, links: Sequence[Link], *, site: LiveSite, cause: Cause, ids: Ids
) -> Asked | None:
    """Ask the next who may take a ticket over; None where nobody is to be asked now."""
    routing, now = site.rules.routing, cause.now
    facts = Facts(ticket, ticket, frozenset(link.connection for link in links), now)
    changed = is_over(ticket) or who(routing, ticket) != way.seen or asked_of(routing, facts) != way.asked
    if changed or way.outcome == Outcome.ON_CALL:
        return None
    tx.ways.lock()
    way = msgspec.structs.replace(way, due=next_due(tx, ticket.id))
    snapshot = counted(tx, routing, now, but=ticket.id)
    held = Held(facts=facts, work=work_of(way), offers=offers_of(way, routing))
    found = handoff(routing, held, snapshot)
    if found is None:
        return None
    made = Offered(found.to, now, found.until, found.asked.value)
    tx.ways.save(msgspec.structs.replace(way, offers=(*way.offers, made), wake_at=found.until), now)
    tx.ways.reserve(ticket.id, found.to, ticket.channel, found.until)
    detail = {"to": found.to, "from": found.owner, "as": found.asked.value, "until": found.until.isoformat(),
              "why": found.reason}  # fmt: skip
    entry = AuditEntry(now, "gateway", "handoff offered", ticket.id, detail, cause.trace_id)
    words, key = words_of(found, ticket), f"handoff:{ids.new()}"
    planned = [*told(ticket.id, links, site.connectors, words, key), *notices(made, ticket, links, words, site, key)]
    return Asked(tuple(planned), (entry,))


def notices(
    made: Offered, ticket: Ticket, links: Sequence[Link], words: str, site: LiveSite, key: str
) -> list[Planned]:
    """Tell whoever is asked directly, where a connection that takes notifications knows their account."""
    asked, _ = people_of({"person": made.to}, ticket, site.rules.sections)
    origin = next((link for link in links if link.role is Role.SOURCE), links[0] if links else None)
    named = f"{origin.connection} {origin.key or origin.remote_id}" if origin is not None else ticket.id[-12:]
    fields = {"title": f'{named} "{ticket.title}"', "body": words}
    about = {"ticket": ticket.id, "to": made.to, "at": made.at.isoformat()}
    found = []
    for place in places({}, asked, site.connectors):
        lane = lane_of(place)
        intent = Intent(Operation.NOTIFY, fields=fields, params={**place.params, "handoff": about})
        name = effect_key(lane.id, key, Operation.NOTIFY.value, made.to)
        found.append(Planned(lane, Operation.NOTIFY, name, intent, "notify: handoff", "handoff"))
    return found


def offers_of(way: Way, routing: Routing) -> tuple[Offer, ...]:
    """Return to whom it was offered; a refusal is as if the time to accept were over."""
    within = timedelta(seconds=routing.settings.handoff_accept_within)
    return tuple(Offer(each.to, each.at - within if each.declined else each.at) for each in way.offers)


def words_of(found: Handoff, ticket: Ticket) -> str:
    """Return the note for the agents."""
    return (
        f"{found.to}, please take this ticket over from {found.owner} by {found.until:%Y-%m-%d %H:%M} UTC: "
        f"{found.reason}. To accept, assign it to yourself, or: gateway handoffs accept {ticket.id[-12:]} "
        f"--for {found.to}. Until then {found.owner} keeps it."
    )
