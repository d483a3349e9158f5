"""What tickets say about people goes when their time is over; the tickets stay, for what reports count by.

One transaction for a few tickets, each read again under its lock: what has come alive in between is left alone. A
ticket with an update under way, or with a dead letter that waits for a person, keeps all that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, bindparam, delete, exists, or_, select, text, update

from gateway.domain.people import EMAIL, PHONE
from gateway.domain.person import RemotePerson
from gateway.domain.redaction import only_account, without_people, without_prose
from gateway.domain.ticket import CLOSED_CATEGORIES, Ticket
from gateway.domain.update import GIVEN_UP
from gateway.ports.filing import FileState
from gateway.store.file_tables import files
from gateway.store.original_tables import originals
from gateway.store.people_tables import answers, identities
from gateway.store.tables import PERSONAL, audit, comments, events, tickets, updates
from gateway.store.unit import SqlStore, SqlTx

#: a ticket has many rows, and a transaction stays short
TOGETHER = 10
_CLOSED = tuple(sorted(each.value for each in CLOSED_CATEGORIES))
_OPEN = exists().where(
    updates.c.ticket_id == tickets.c.id,
    or_(updates.c.standing, and_(updates.c.state.in_(sorted(GIVEN_UP)), updates.c.resolution.is_(None))),
)
_SAY = update(comments).where(comments.c.id == bindparam("the_id")).values(author=bindparam("the_author"))


def redact(store: SqlStore, cut: datetime, batch: int) -> tuple[int, bool]:
    """Take away what closed tickets that nobody has touched since `cut` say of people; return how many, and if more."""
    number = min(batch, TOGETHER)
    asked = (
        select(tickets.c.id)
        .where(text(f"({PERSONAL})"), tickets.c.updated_at < cut, tickets.c.category.in_(_CLOSED), ~_OPEN)
        .order_by(tickets.c.updated_at)
        .limit(number)
    )
    with store.read() as tx:
        found = tx.connection.execute(asked).scalars().all()
    if not found:
        return 0, False
    return store.write(lambda tx: _redact(tx, found, cut, store.clock.now())), len(found) == number


def _redact(tx: SqlTx, ticket_ids: Sequence[str], cut: datetime, now: datetime) -> int:
    tx.tickets.hold(ticket_ids)
    still = select(tickets.c.id).where(tickets.c.id.in_(ticket_ids), tickets.c.updated_at < cut, ~_OPEN)
    gone: list[Ticket] = []
    for ticket_id in tx.connection.execute(still).scalars().all():
        ticket = tx.tickets.get(ticket_id)
        if ticket is not None and ticket.status.category in CLOSED_CATEGORIES:
            tx.tickets.save(without_people(ticket, now))
            for link in tx.links.of_ticket(ticket_id):
                tx.links.save(without_prose(link))
            gone.append(ticket)
    mine = [each.id for each in gone]
    _redact_rows(tx, mine)
    _redact_persons(tx, {each.requester_id for each in gone} - {""})
    return len(gone)


def _redact_rows(tx: SqlTx, ticket_ids: Sequence[str]) -> None:
    """Take the words out of what stands beside the tickets. The trail's chain runs over digests, and holds."""
    connection = tx.connection
    connection.execute(update(comments).where(comments.c.ticket_id.in_(ticket_ids)).values(body_sealed=None))
    connection.execute(delete(originals).where(originals.c.ticket_id.in_(ticket_ids)))
    connection.execute(update(events).where(events.c.ticket_id.in_(ticket_ids)).values(content_sealed=None))
    connection.execute(update(audit).where(audit.c.ticket_id.in_(ticket_ids)).values(inputs_sealed=None))
    # no file of theirs is brought again, and the bytes go as those that nobody waits for
    forgotten = {"content_sealed": None, "sha256": "", "state": FileState.GONE.value}
    connection.execute(update(files).where(files.c.ticket_id.in_(ticket_ids)).values(**forgotten))
    asked = select(comments.c.id, comments.c.author).where(comments.c.ticket_id.in_(ticket_ids))
    said = [
        {"the_id": row.id, "the_author": only_account(msgspec.convert(row.author, RemotePerson))}
        for row in connection.execute(asked)
        if row.author
    ]
    if said:
        connection.execute(_SAY, said)


def _redact_persons(tx: SqlTx, person_ids: set[str]) -> None:
    """Forget how to reach those of whom no other ticket tells any more; their accounts at desks stay theirs."""
    told = (
        select(identities.c.person_id)
        .join(tickets, tickets.c.asked_as == identities.c.id)
        .where(identities.c.person_id.in_(person_ids), text(f"({PERSONAL})"))
    )
    over = sorted(person_ids - set(tx.connection.execute(told).scalars()))
    forgotten = update(identities).where(identities.c.person_id.in_(over))
    tx.connection.execute(delete(answers).where(answers.c.person_id.in_(over)))
    # the row stays: it may hold two accounts together, and says nothing of anybody without its value
    tx.connection.execute(forgotten.values(name=""))
    tx.connection.execute(forgotten.where(identities.c.kind.in_((EMAIL, PHONE))).values(value=None))
