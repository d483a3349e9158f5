"""Tickets, the people around them, their comments, and the events that made them what they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Executable, bindparam, case, func, insert, select, tuple_, update

from gateway.domain.event import Event
from gateway.domain.ticket import OPEN_CATEGORIES, Ticket
from gateway.ports import Clock, CommentRow, Ids
from gateway.store.columns import day_of, per_dialect
from gateway.store.people_tables import identities
from gateway.store.rewording import COMMENT, SqlRewording
from gateway.store.sealing import Sealer
from gateway.store.tables import comment_links, comments, events, lanes, links, tickets

#: how often a ticket may join another while one waits for it
_MOVES = 5

_BODY = "ticket"
_EVENT = "event"

_GET = (
    select(tickets.c.doc, tickets.c.body_sealed, identities.c.person_id)
    .join(identities, identities.c.id == tickets.c.asked_as, isouter=True)
    .where(tickets.c.id == bindparam("the_ticket"))
)
_KNOWS_EVENT = select(events.c.id).where(
    events.c.connection == bindparam("the_connection"), events.c.event_key == bindparam("the_key")
)
_COMMENTS = (
    select(comments).where(comments.c.ticket_id == bindparam("the_ticket")).order_by(comments.c.at, comments.c.id)
)
_KNOWN = select(comment_links.c.remote_id).where(comment_links.c.link_id == bindparam("the_link"))
_KNOWN_AMONG = _KNOWN.where(comment_links.c.remote_id.in_(bindparam("the_ids", expanding=True)))
#: of more than these all that are known are read
_FEW = 200
_ADD_COMMENT = insert(comments)
_ADD_EVENT = per_dialect(lambda into: into(events).on_conflict_do_nothing().returning(events.c.id))
_BIND = per_dialect(lambda into: into(comment_links).on_conflict_do_nothing().returning(comment_links.c.remote_id))


def _saving(into: Any) -> Executable:
    statement = into(tickets)
    fixed = {"id", "version"}
    changed = {column.name: statement.excluded[column.name] for column in tickets.c if column.name in _SAVED - fixed}
    changed["version"] = tickets.c.version + 1
    # it goes on from when it began, until it is in none; that it entered another one says `SqlStages.add`
    given = statement.excluded.stage_since
    changed["stage_since"] = case((given.is_(None), None), else_=func.coalesce(tickets.c.stage_since, given))
    renewed: Executable = statement.on_conflict_do_update(index_elements=[tickets.c.id], set_=changed)
    return renewed


#: what `save` writes
_SAVED = frozenset(
    {
        "id", "source", "title", "category", "priority", "kind", "created_at", "updated_at", "doc", "body_sealed",
        "version", "asked_as", "redacted_at", "stage_since", "duplicate_of", "org_key",
    }
)  # fmt: skip
_SAVE = per_dialect(_saving)


def _stage_since(ticket: Ticket) -> datetime | None:
    """Return since when an open ticket may be in its stage: it entered that, or was opened again, whatever came last.

    None where nobody works on it in any stage.
    """
    if not ticket.stage or ticket.duplicate_of or ticket.status.category not in OPEN_CATEGORIES:
        return None
    stamps = (ticket.stamps.get(field) for field in ("stage", "status"))
    return max((stamp.at for stamp in stamps if stamp is not None), default=ticket.created_at)


class SqlTickets(SqlRewording):
    """Implements ports.Tickets."""

    def __init__(self, connection: Connection, sealer: Sealer, ids: Ids, clock: Clock) -> None:
        super().__init__(connection, sealer)
        self._ids = ids
        self._clock = clock
        self._dialect = connection.dialect.name

    def lock(self, pairs: Collection[tuple[str, str]]) -> frozenset[str]:
        """Lock the tickets of (connection, remote id) pairs, then their lanes, both in ascending order; return them.

        Where a link moves to another ticket while this waits (two became one), that one is locked as well. Only on
        PostgreSQL; SQLite has one writer anyway.
        """
        if not pairs or self._dialect != "postgresql":
            return frozenset()
        mine = select(links.c.ticket_id).where(tuple_(links.c.connection, links.c.remote_id).in_(pairs))
        held = self._lock(tickets.c.id.in_(mine), wait=True)
        for _ in range(_MOVES):
            moved = set(self._connection.execute(mine).scalars()) - held
            if not moved:
                break
            held |= self._lock(tickets.c.id.in_(moved), wait=not held)
        return frozenset(held)

    def hold(self, ticket_ids: Collection[str], *, wait: bool = True) -> bool:
        """Lock tickets by their ids, and their lanes, as `lock` does; say whether that was to be done.

        Without `wait` a ticket that is busy makes the whole transaction begin anew: the caller holds others already,
        and two that wait for each other would stand still.
        """
        if not ticket_ids or self._dialect != "postgresql":
            return False
        self._lock(tickets.c.id.in_(list(ticket_ids)), wait=wait)
        return True

    def _lock(self, these: ColumnElement[bool], *, wait: bool) -> set[str]:
        locked = select(tickets.c.id).where(these).order_by(tickets.c.id).with_for_update(nowait=not wait)
        ticket_ids = self._connection.execute(locked).scalars().all()
        self._connection.execute(
            select(lanes.c.link_id)
            .where(lanes.c.link_id.in_(select(links.c.id).where(links.c.ticket_id.in_(ticket_ids))))
            .order_by(lanes.c.link_id)
            .with_for_update(nowait=not wait)
        )
        return set(ticket_ids)

    def get(self, ticket_id: str) -> Ticket | None:
        """Read one ticket."""
        row = self._connection.execute(_GET, {"the_ticket": ticket_id}).first()
        if row is None:
            return None
        ticket = msgspec.convert(row.doc, Ticket)
        if row.person_id is not None and row.person_id != ticket.requester_id:
            # merged or parted since
            ticket = msgspec.structs.replace(ticket, requester_id=row.person_id)
        if row.body_sealed is None:
            return ticket
        return msgspec.structs.replace(ticket, body=self._sealer.open(_BODY, row.body_sealed).decode())

    def save(self, ticket: Ticket) -> None:
        """Insert or replace one ticket; the body is stored encrypted, apart from the document."""
        values = {
            "id": ticket.id,
            "source": ticket.source,
            "title": ticket.title,
            "category": ticket.status.category.value,
            "priority": ticket.priority.level.value,
            "kind": ticket.kind.value,
            "created_at": ticket.created_at,
            "updated_at": ticket.updated_at,
            "doc": msgspec.structs.replace(ticket, body=""),
            "body_sealed": self._sealer.seal(_BODY, ticket.body.encode()) if ticket.body else None,
            "version": 1,
            "asked_as": ticket.asked_as,
            "redacted_at": ticket.redacted_at,
            "stage_since": _stage_since(ticket),
            "duplicate_of": ticket.duplicate_of,
            "org_key": ticket.org_key,
        }
        self._connection.execute(_SAVE[self._dialect], values)

    def add_event(self, event: Event, *, delivery_id: str, connection: str, ticket_id: str, outcome: str) -> bool:
        """Record a fact; False when (connection, event key) is already there."""
        now = self._clock.now()
        content = msgspec.json.encode(msgspec.structs.replace(event, snapshot=None))
        values = {
            "id": self._ids.new(),
            "day": day_of(now),
            "connection": connection,
            "event_key": event.key[:300],
            "kind": event.kind.value,
            "ticket_id": ticket_id,
            "delivery_id": delivery_id,
            "at": event.at,
            "recorded_at": now,
            "outcome": outcome[:200],
            "content_sealed": self._sealer.seal(_EVENT, content),
        }
        return self._connection.execute(_ADD_EVENT[self._dialect], values).first() is not None

    def entered(self, connection: str, beginning: str) -> str | None:
        """Return the id of the ticket that the newest event belongs to whose key begins so (`<beginning>:`)."""
        # a range of the primary key: `;` comes after `:`, in the order of their bytes
        key = events.c.event_key
        by_bytes = key.collate("C") if self._connection.dialect.name == "postgresql" else key
        row = self._connection.execute(
            select(events.c.ticket_id)
            .where(events.c.connection == connection, by_bytes > f"{beginning}:", by_bytes < f"{beginning};")
            .order_by(events.c.recorded_at.desc())
            .limit(1)
        ).first()
        return str(row[0]) if row else None

    def knows_event(self, connection: str, key: str) -> bool:
        """Say whether a fact was recorded before."""
        given = {"the_connection": connection, "the_key": key[:300]}
        return self._connection.execute(_KNOWS_EVENT, given).first() is not None

    def comments(self, ticket_id: str) -> Sequence[CommentRow]:
        """Return the comments of a ticket, oldest first."""
        rows = self._connection.execute(_COMMENTS, {"the_ticket": ticket_id}).mappings()
        return [self._comment(row) for row in rows]

    def newest_comments(self, ticket_id: str, limit: int) -> tuple[Sequence[CommentRow], int]:
        """Return the newest comments of a ticket, oldest first, and how many came before them."""
        newest = select(comments).where(comments.c.ticket_id == ticket_id)
        newest = newest.order_by(comments.c.at.desc(), comments.c.id.desc()).limit(limit)
        found = [self._comment(row) for row in self._connection.execute(newest).mappings()]
        counted = select(func.count()).select_from(comments).where(comments.c.ticket_id == ticket_id)
        number = int(self._connection.execute(counted).scalar_one()) if len(found) == limit else len(found)
        return found[::-1], number - len(found)

    def add_comment(self, comment: CommentRow, *, link_id: str, remote_id: str) -> bool:
        """Add a comment seen at a link; False when that remote comment is known there."""
        if not self.bind_comment(link_id, remote_id, comment.id):
            return False
        values = {
            "id": comment.id,
            "ticket_id": comment.ticket_id,
            "connection": comment.connection,
            "at": comment.at,
            "visibility": comment.visibility.value,
            "author": comment.author,
            "automatic": comment.automatic,
            "edited_at": comment.edited_at,
            "body_sealed": self._sealer.seal(COMMENT, comment.body.encode()),
        }
        self._connection.execute(_ADD_COMMENT, values)
        return True

    def known_comments(self, link_id: str, among: Collection[str] | None = None) -> frozenset[str]:
        """Return the remote ids of the comments known at a link, of those named at least."""
        if among is None or len(among) > _FEW:
            return frozenset(self._connection.execute(_KNOWN, {"the_link": link_id}).scalars())
        if not among:
            return frozenset()
        given = {"the_link": link_id, "the_ids": list(among)}
        return frozenset(self._connection.execute(_KNOWN_AMONG, given).scalars())

    def said_at(self, link_id: str, remote_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Return (comment id, connection where it was said) of remote comments known at a link."""
        mine = (comment_links.c.link_id == link_id, comment_links.c.remote_id.in_(list(remote_ids)))
        asked = select(comment_links.c.remote_id, comments.c.id, comments.c.connection).where(
            *mine, comments.c.id == comment_links.c.comment_id
        )
        return {row[0]: (row[1], row[2]) for row in self._connection.execute(asked)}

    def bind_comment(self, link_id: str, remote_id: str, comment_id: str) -> bool:
        """Say that a remote comment is one of ours; False when it is known already."""
        values = {"link_id": link_id, "remote_id": remote_id, "comment_id": comment_id}
        return self._connection.execute(_BIND[self._dialect], values).first() is not None

    def count(self) -> int:
        """Return how many tickets there are."""
        return int(self._connection.execute(select(func.count()).select_from(tickets)).scalar_one())

    def redact_comment(self, comment_id: str) -> None:
        """Take the text of one comment away for good; the comment itself stays."""
        self._connection.execute(update(comments).where(comments.c.id == comment_id).values(body_sealed=None))
        self.drop_original(comment_id)
