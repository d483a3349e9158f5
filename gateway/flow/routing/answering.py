"""The buttons below an offer: whoever presses one says yes or no, as `gateway handoffs accept` and `decline` do.

Who presses is known by their account alone, and answers for nobody else. A second word, or one that comes too late,
changes nothing and says how the ticket stands.
"""

from __future__ import annotations

from datetime import datetime

from gateway.domain.event import Event
from gateway.errors import ConflictError, NotFoundError
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause, Planned
from gateway.flow.routing.accepting import Answer
from gateway.flow.sla.acknowledging import answer, not_kept, place_of
from gateway.flow.telling import moment, stranger
from gateway.ports import Ids, Tx
from gateway.ports.ways import Way
from rules.notices import person_at


def press(
    tx: Tx, event: Event, connection: str, *, site: LiveSite, ids: Ids, cause: Cause
) -> tuple[str, tuple[Planned, ...]]:
    """Take the press of a button below an offer: return the outcome and what is answered. Told again it is no news."""
    if tx.tickets.knows_event(connection, event.key):
        return "known already", ()
    ticket_id = str(event.about.get("ticket", ""))
    if tx.tickets.get(ticket_id) is None:
        return not_kept(event, connection, site, "handoff")
    tx.tickets.hold([ticket_id], wait=False)
    account = event.actor.external_id if event.actor is not None else ""
    person = person_at(connection, account, site.rules.sections)
    place = place_of(tx, ticket_id)
    stands_now = ""
    if person is None:
        outcome = "pressed by somebody unknown"
        said = f"Nothing is done for {place}: {stranger(connection, account)}."
    else:
        outcome, said = _answered(tx, event, person.name, place, site=site, ids=ids, now=cause.now)
        # whoever was not asked leaves the buttons to who was
        stands_now = "" if outcome.startswith("nothing is done") else said
    tx.tickets.add_event(
        event, delivery_id=cause.delivery_id, connection=connection, ticket_id=ticket_id, outcome=outcome[:200]
    )
    return outcome, answer(event, connection, said, site, "handoff", stands_now)


def _answered(
    tx: Tx, event: Event, name: str, place: str, *, site: LiveSite, ids: Ids, now: datetime
) -> tuple[str, str]:
    """Take the word of somebody known; return the outcome, and the line that tells of it."""
    ticket_id, accepts = str(event.about["ticket"]), event.about.get("accept") is True
    # nobody gives it out between this look and the word
    tx.ways.lock()
    at = datetime.fromisoformat(str(event.about["at"]))
    why = stands(tx.ways.get(ticket_id), name, to=str(event.about["to"]), at=at)
    if why:
        return why[:1].lower() + why[1:], f"{why}: {place}."
    word = Answer(tx, site, ids=ids, now=now, actor=f"person:{name}")
    try:
        done = word.accept(ticket_id, name) if accepts else word.decline(ticket_id, name)
    except (ConflictError, NotFoundError) as error:
        return "nothing to answer", f"Nothing to do for {place}: {error}."
    if accepts:
        return f"accepted by {name}", f"Accepted by {name}, {moment(now)}: {place}, from {done.owner}."
    stays = f"{done.owner} keeps {place} until somebody accepts it, and the next who fits is asked"
    return f"declined by {name}", f"Declined by {name}, {moment(now)}: {stays}."


def stands(way: Way | None, name: str, *, to: str, at: datetime) -> str:
    """Return why there is nothing to answer any more in an offer to `to` of the instant `at`; empty where there is."""
    if way is None or way.closed:
        return "The ticket is done with: there is nothing to take over"
    taken = next((hop for hop in way.hops if hop.accepted and hop.at >= at), None)
    if taken is not None:
        return f"Accepted already by {taken.taker}, {moment(taken.at)}"
    mine = [each for each in way.offers if each.to == name and (name != to or each.at == at)]
    if any(not each.declined for each in mine):
        return ""
    if mine:
        return f"Declined already by {name}; {way.person} keeps it until somebody accepts"
    asked = ", ".join(dict.fromkeys(each.to for each in way.offers if not each.declined))
    if asked:
        return f"Nothing is done: it is offered to {asked}, not to {name}"
    if not way.holds:
        return "The offer is over: nobody has the ticket now"
    return f"The offer is over: {way.person} has the ticket"


__all__ = ["press", "stands"]
