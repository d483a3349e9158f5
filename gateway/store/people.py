"""People in SQL: identities, and the ties that hold them together or apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.domain.link import LinkState, Role
from gateway.domain.people import Identity, Key, Tie, TieState, Why
from gateway.domain.recent import MOST, Count
from gateway.domain.ticket import OPEN_CATEGORIES, Ticket
from gateway.store.columns import per_dialect
from gateway.store.people_tables import identities, ties
from gateway.store.tables import links, tickets

_FIND = select(identities).where(identities.c.kind == bindparam("the_kind"), identities.c.value == bindparam("value_"))
_MEMBERS = select(identities).where(identities.c.person_id == bindparam("the_person")).order_by(identities.c.id)
_OPEN = sorted(each.value for each in OPEN_CATEGORIES)
_ADD = insert(identities)
_TOUCHING = (
    select(ties)
    .where(
        or_(
            ties.c.one.in_(bindparam("these", expanding=True)),
            ties.c.other.in_(bindparam("these", expanding=True)),
        )
    )
    .order_by(ties.c.at, ties.c.one, ties.c.other)
)


def _binding(into: Any) -> Any:
    statement = into(ties)
    changed = {name: statement.excluded[name] for name in ("state", "why", "by", "at", "actor")}
    return statement.on_conflict_do_update(index_elements=[ties.c.one, ties.c.other], set_=changed)


_BIND = per_dialect(_binding)


def _counting(*whose: ColumnElement[bool]) -> Select[int, int]:
    """Return what counts tickets: the newest thousand at most, so that nobody's many tickets hold others up."""
    piece = case((tickets.c.duplicate_of == "", tickets.c.id), else_=tickets.c.duplicate_of)
    found = (
        select(piece.label("piece"), tickets.c.category)
        .where(*whose, tickets.c.created_at >= bindparam("since"), tickets.c.redacted_at.is_(None))
        .where(tickets.c.id != bindparam("this"), piece != bindparam("its_piece"))
        .order_by(tickets.c.created_at.desc())
        .limit(MOST)
        .subquery()
    )
    is_open = case((found.c.category.in_(_OPEN), found.c.piece))
    return select(func.count(found.c.piece.distinct()), func.count(is_open.distinct()))


_RECENT = _counting(tickets.c.asked_as.in_(select(identities.c.id).where(identities.c.person_id == bindparam("whose"))))
_RECENT_OF_ORG = _counting(tickets.c.org_key == bindparam("whose"))


class SqlPeople:
    """Implements ports.People."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, keys: Collection[Key]) -> Sequence[Identity]:
        """Return the identities that are known of some keys."""
        found = []
        for key in keys:
            row = self._connection.execute(_FIND, {"the_kind": key.kind, "value_": key.value}).mappings().first()
            if row is not None:
                found.append(identity(row))
        return found

    def hold(self, persons: Collection[str]) -> Sequence[Identity]:
        """Return the identities of people, locked until the transaction ends."""
        asked = select(identities).where(identities.c.person_id.in_(list(persons))).order_by(identities.c.id)
        return [identity(row) for row in self._connection.execute(asked.with_for_update()).mappings()]

    def members(self, person: str) -> Sequence[Identity]:
        """Return the identities of somebody, to look at."""
        return [identity(row) for row in self._connection.execute(_MEMBERS, {"the_person": person}).mappings()]

    def open_at(self, person: str, limit: int) -> Sequence[tuple[str, str]]:
        """Return where the open tickets of somebody came in: (connection, remote id), the newest first."""
        asked = (
            select(links.c.connection, links.c.remote_id)
            .join(tickets, tickets.c.id == links.c.ticket_id)
            .join(identities, identities.c.id == tickets.c.asked_as)
            .where(identities.c.person_id == person, tickets.c.category.in_(_OPEN))
            .where(links.c.role == Role.SOURCE.value, links.c.state == LinkState.LIVE.value)
            .where(links.c.remote_id.is_not(None))
            .order_by(tickets.c.created_at.desc())
            .limit(limit)
        )
        return [(row.connection, row.remote_id) for row in self._connection.execute(asked)]

    def recent(self, ticket: Ticket, since: datetime) -> Count:
        """Count the other tickets of its requester that were opened since, those that repeat one another once."""
        return self._counted(_RECENT, ticket.requester_id, ticket, since)

    def recent_of_org(self, ticket: Ticket, since: datetime) -> Count:
        """Count the other tickets of its organisation that were opened since, those that repeat one another once."""
        return self._counted(_RECENT_OF_ORG, ticket.org_key, ticket, since)

    def _counted(self, asked: Select[int, int], whose: str, ticket: Ticket, since: datetime) -> Count:
        given = {"whose": whose, "since": since, "this": ticket.id, "its_piece": ticket.duplicate_of or ticket.id}
        every, still = self._connection.execute(asked, given).one()
        return Count(every, still)

    def ties(self, ids: Collection[str]) -> Sequence[Tie]:
        """Return the ties that touch any of some identities, in the order in which they were said."""
        if not ids:
            return ()
        rows = self._connection.execute(_TOUCHING, {"these": list(ids)})
        return [Tie(row.one, row.other, TieState(row.state), Why(row.why), row.by) for row in rows]

    def add(self, identity: Identity, now: datetime) -> None:
        """Store a new identity; raises ClashError inside a savepoint when another process was quicker."""
        self._connection.execute(
            _ADD,
            {
                "id": identity.id,
                "kind": identity.kind,
                "value": identity.value,
                "name": identity.name,
                "home": identity.home,
                "person_id": identity.person,
                "shared": identity.shared,
                "created_at": now,
            },
        )

    def bind(self, tie: Tie, now: datetime, actor: str) -> None:
        """Store what holds between two identities, whatever held before."""
        given = {
            "one": tie.one,
            "other": tie.other,
            "state": tie.state.value,
            "why": tie.why.value,
            "by": tie.by,
            "at": now,
            "actor": actor,
        }
        self._connection.execute(_BIND[self._connection.dialect.name], given)

    def unbind(self, these: Collection[Tie]) -> None:
        """Forget ties."""
        for tie in these:
            self._connection.execute(delete(ties).where(and_(ties.c.one == tie.one, ties.c.other == tie.other)))

    def belong(self, ids: Collection[str], person: str) -> None:
        """Let identities be of a person."""
        self._connection.execute(update(identities).where(identities.c.id.in_(list(ids))).values(person_id=person))

    def rehome(self, ids: Collection[str], person: str) -> None:
        """Let identities be of a person for good: also what they go back to."""
        mine = update(identities).where(identities.c.id.in_(list(ids)))
        self._connection.execute(mine.values(person_id=person, home=person))

    def share(self, identity_id: str) -> None:
        """Note that several people use an identity."""
        self._connection.execute(update(identities).where(identities.c.id == identity_id).values(shared=True))

    def rename(self, ids: Collection[str], name: str) -> None:
        """Note by what name somebody is known."""
        mine = update(identities).where(identities.c.id.in_(list(ids)))
        self._connection.execute(mine.values(name=name))


def identity(row: Any) -> Identity:
    """Return an identity from its row."""
    return Identity(
        id=row["id"],
        kind=row["kind"],
        value=row["value"] or "",
        home=row["home"],
        person=row["person_id"],
        shared=row["shared"],
        name=row["name"],
    )
