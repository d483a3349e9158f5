"""Tickets that repeat one another: what is looked up, what a rule's word comes to, and who hears of it at the desks.

A duplicate keeps its place at the desk where it was opened and its status there; it points to its original. Agents on
both sides are told by an internal note, the duplicate gets no copies in other desks, and what is said publicly on it
from then on is noted at the original, internally: the customer is answered once, by those who work on the original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.domain.duplicate import Candidate, Pair, PairState
from gateway.domain.ids import digest, effect_key
from gateway.domain.link import Link, LinkState
from gateway.domain.ticket import Category, Ticket, Visibility
from gateway.domain.update import CommentIntent, Intent, Operation
from gateway.errors import ClashError
from gateway.flow.merge import survivor_of
from gateway.flow.plan import Cause, Desk, Planned
from gateway.ports import AuditEntry, CommentRow, Connector, Tx
from rules.decide import Decision
from rules.duplicates import Duplicate, DuplicateAction, parted

#: so long after its window a ticket need not be found any more
STALE = timedelta(days=30)
#: of what the customer wrote in the duplicate, so much stands in the note at the original
MOST_QUOTED = 2000
#: a desk refuses to write to such a ticket
_SHUT = frozenset({Category.CLOSED, Category.CANCELLED})


class Lookup:
    """Looks up the other tickets with a key, and remembers what it found: a decision was made from it."""

    def __init__(self, tx: Tx, ticket_id: str) -> None:
        self._tx = tx
        self._ticket_id = ticket_id
        self.found: dict[str, tuple[Candidate, ...]] = {}

    def __call__(self, key: str, since: datetime, until: datetime) -> tuple[Candidate, ...]:
        """Return them."""
        self.found[key] = self._tx.duplicates.others(self._ticket_id, key, since, until)
        return self.found[key]


class Said(msgspec.Struct, frozen=True):
    """What came of a decision about duplicates."""

    planned: tuple[Planned, ...] = ()
    audit: tuple[AuditEntry, ...] = ()


def say(tx: Tx, decision: Decision, cause: Cause, connectors: Mapping[str, Connector]) -> Said:
    """Store by what the ticket is found, and what the rules say of it and another."""
    ticket, now = decision.ticket, cause.now
    if decision.keys is not None:
        tx.duplicates.keep(ticket.id, ticket.created_at, [key for key in decision.keys if key.until > now - STALE])
    planned: list[Planned] = []
    audit: list[AuditEntry] = []
    for each in decision.duplicates:
        merges = each.action is DuplicateAction.MERGE
        pair = Pair(
            ticket=each.ticket,
            of=each.of,
            state=PairState.MERGED if merges else PairState.PROPOSED,
            rule=each.rule,
            release=cause.release,
            at=now,
            by=f"rule:{each.rule}" if merges else "",
            decided_at=now if merges else None,
        )
        original = _original(tx, each) if merges else None
        if not tx.duplicates.add(pair):
            continue
        audit += told(pair, now, f"rule:{each.rule}", cause.trace_id)
        if original is not None:
            planned += merge_notes(tx, ticket, original, pair, connectors)
    return Said(tuple(planned), tuple(audit))


def _original(tx: Tx, duplicate: Duplicate) -> Ticket:
    """Return the original, locked; raises ClashError where a person has made it something else at this very moment."""
    tx.tickets.hold([duplicate.of], wait=False)
    original = tx.tickets.get(duplicate.of)
    if original is None or original.duplicate_of:
        msg = f"the original {duplicate.of} has just been merged itself"
        raise ClashError(msg)
    return original


def told(pair: Pair, now: datetime, actor: str, trace_id: str = "") -> list[AuditEntry]:
    """Return the lines of the audit trail about a pair, one for each ticket."""
    detail = {"ticket": pair.ticket, "of": pair.of, "rule": pair.rule, "why": pair.why}
    action = f"duplicate {pair.state}"
    return [AuditEntry(now, actor, action, ticket_id, detail, trace_id) for ticket_id in (pair.ticket, pair.of)]


def take_along(tx: Tx, ticket_id: str, into: str, now: datetime, actor: str) -> list[AuditEntry]:
    """Ask no more what was asked about a ticket that is a duplicate now.

    What may have repeated it may repeat its original: that is asked instead, where nothing was said of those two yet.
    """
    audit: list[AuditEntry] = []
    for pair in list(tx.duplicates.of_ticket(ticket_id)):
        if pair.state is not PairState.PROPOSED:
            continue
        tx.duplicates.drop(pair)
        detail = {"ticket": pair.ticket, "of": pair.of, "rule": pair.rule, "why": f"{ticket_id} repeats {into}"}
        audit += [AuditEntry(now, actor, "duplicate withdrawn", each, detail) for each in (pair.ticket, pair.of)]
        moved = msgspec.structs.replace(pair, of=into)
        if pair.of == ticket_id and _may_repeat(tx, pair.ticket, into) and tx.duplicates.add(moved):
            audit += told(moved, now, actor)
    return audit


def follow(tx: Tx, gone: str, stays: str, now: datetime, actor: str) -> list[AuditEntry]:
    """Let the duplicates of a ticket that becomes one with another be duplicates of that: they point to what is there.

    What was merely asked about it is asked about the other, where the two may repeat one another.
    """
    audit: list[AuditEntry] = []
    for ticket_id in tx.duplicates.repeating(gone):
        tx.tickets.hold([ticket_id], wait=False)
        ticket = tx.tickets.get(ticket_id)
        if ticket is None or ticket.duplicate_of != gone:
            continue
        tx.tickets.save(msgspec.structs.replace(ticket, duplicate_of=stays))
        pair, before = tx.duplicates.get(ticket_id, gone), tx.duplicates.get(ticket_id, stays)
        if pair is None:
            detail = {"ticket": ticket_id, "of": stays, "was": gone}
            audit += [AuditEntry(now, actor, "duplicate moved", each, detail) for each in (ticket_id, stays)]
            continue
        for each in (pair, before):
            if each is not None:
                tx.duplicates.drop(each)
        moved = msgspec.structs.replace(pair, of=stays)
        tx.duplicates.add(moved)
        audit += told(moved, now, actor)
    return audit + take_along(tx, gone, stays, now, actor)


def merged_at_desk(tx: Tx, ticket: Ticket, into: str, now: datetime, connection: str) -> list[AuditEntry]:
    """Let a ticket be a duplicate as its own desk says: only there can that be taken back."""
    tx.tickets.save(msgspec.structs.replace(parted(ticket), duplicate_of=into))
    return take_along(tx, ticket.id, into, now, f"desk:{connection}")


def _may_repeat(tx: Tx, ticket_id: str, of_id: str) -> bool:
    ticket, original = tx.tickets.get(ticket_id), tx.tickets.get(of_id)
    return (
        ticket is not None
        and original is not None
        and ticket.id != original.id
        and not ticket.duplicate_of
        and ticket.requester_id == original.requester_id != ""
    )


# ---------------------------------------------------------------- what the desks are told


def merge_notes(
    tx: Tx, ticket: Ticket, original: Ticket, pair: Pair, connectors: Mapping[str, Connector]
) -> list[Planned]:
    """Tell the agents on both sides that the one repeats the other."""
    here, there = live_links(tx, ticket.id), live_links(tx, original.id)
    of_duplicate = (
        f"This ticket is a duplicate of {places(there, original)}{_titled(original)}. "
        "Work goes on there; what is said publicly here is noted there."
    )
    of_original = (
        f"{places(here, ticket)} is a duplicate of this ticket: the same customer asked again{_titled(ticket)}. "
        "What is said publicly there is noted here."
    )
    if ticket.body.strip():
        of_original += f"\n\n{_quoted(ticket.body)}"
    return [
        *_notes(ticket, here, of_duplicate, pair, connectors),
        *_notes(original, there, of_original, pair, connectors),
    ]


def split_notes(
    tx: Tx, ticket: Ticket, original: Ticket, pair: Pair, connectors: Mapping[str, Connector]
) -> list[Planned]:
    """Tell the agents on both sides that it was taken back."""
    here, there = live_links(tx, ticket.id), live_links(tx, original.id)
    of_duplicate = f"This ticket is no longer taken for a duplicate of {places(there, original)}."
    of_original = f"{places(here, ticket)} is no longer taken for a duplicate of this ticket."
    return [
        *_notes(ticket, here, of_duplicate, pair, connectors),
        *_notes(original, there, of_original, pair, connectors),
    ]


def moved_notes(
    tx: Tx, ticket: Ticket, original: Ticket, pair: Pair, connectors: Mapping[str, Connector]
) -> list[Planned]:
    """Tell the agents of a duplicate that its original has become one of another ticket."""
    words = f"This ticket is now a duplicate of {places(live_links(tx, original.id), original)}{_titled(original)}."
    return _notes(ticket, live_links(tx, ticket.id), words, pair, connectors)


def forwarded(
    tx: Tx, ticket: Ticket, comments: Sequence[CommentRow], origin: Link, connectors: Mapping[str, Connector]
) -> list[Planned]:
    """Note what was said publicly on a duplicate at its original, internally: who works there must hear it."""
    public = [comment for comment in comments if comment.visibility is Visibility.PUBLIC]
    if not public or not is_ours(ticket):
        return []
    tx.tickets.hold([ticket.duplicate_of], wait=False)
    original = tx.tickets.get(ticket.duplicate_of)
    if original is None or original.status.category in _SHUT:
        return []
    planned = []
    for comment in public:
        author = comment.author.label if comment.author is not None else "someone"
        words = f"{author} on {places([origin], ticket)}, a duplicate of this ticket:\n\n{comment.body}"
        for link in live_links(tx, original.id):
            if not takes_notes(link, connectors):
                continue
            key = effect_key(link.id, f"comment:{comment.id}", Operation.INTERNAL_NOTE.value, comment.id)
            planned.append(note(link, key, comment.id, words, "public reply on a duplicate"))
    return planned


def is_ours(ticket: Ticket) -> bool:
    """Say whether a rule or a person made it a duplicate here; a desk's own merge (merge.py) takes care of itself."""
    return bool(ticket.duplicate_of) and "duplicate_of" in ticket.stamps


def live_links(tx: Tx, ticket_id: str) -> list[Link]:
    """Return where a ticket can be written to: its links, and those that go on for the ones that a desk merged."""
    found = {}
    for link in tx.links.of_ticket(ticket_id):
        last = survivor_of(tx, link)
        if last is not None and last.state in {LinkState.LIVE, LinkState.PENDING}:
            found[last.id] = last
    return list(found.values())


def places(links: Sequence[Link], ticket: Ticket) -> str:
    """Name a ticket as the people at the desks know it."""
    named = []
    for link in links:
        number = link.key or link.remote_id
        if number:
            word = f"#{number}" if number.isdigit() else number
            named.append(f"{link.connection} {word}" + (f" ({link.url})" if link.url else ""))
    return " and ".join(named) or f"ticket {ticket.id}"


def _titled(ticket: Ticket) -> str:
    return f' "{ticket.title}"' if ticket.title else ""


def _quoted(body: str) -> str:
    text = body.strip()
    text = f"{text[:MOST_QUOTED]}…" if len(text) > MOST_QUOTED else text
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def takes_notes(link: Link, connectors: Mapping[str, Desk]) -> bool:
    """Say whether a desk has internal notes."""
    # a connector that is missing (for now) tells nothing: what is wanted waits in its lane until it is back
    connector = connectors.get(link.connection)
    return connector is None or Operation.INTERNAL_NOTE in connector.spec.operations


def _notes(
    ticket: Ticket, links: Sequence[Link], words: str, pair: Pair, connectors: Mapping[str, Connector]
) -> list[Planned]:
    if ticket.status.category in _SHUT:
        return []
    planned = []
    for link in links:
        if takes_notes(link, connectors):
            name = f"duplicate:{pair.ticket}:{pair.of}:{pair.round}"
            key = effect_key(link.id, name, Operation.INTERNAL_NOTE.value, pair.state.value)
            planned.append(note(link, key, digest("note", key), words, f"note: duplicate {pair.state}"))
    return planned


def note(link: Link, key: str, comment_id: str, words: str, summary: str) -> Planned:
    """Return the update that writes an internal note of ours."""
    comment = CommentIntent(comment_id, words, Visibility.INTERNAL)
    return Planned(
        link, Operation.INTERNAL_NOTE, key, Intent(Operation.INTERNAL_NOTE, comment=comment), summary, link.rule
    )
