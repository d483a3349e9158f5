"""What lists and pages read of people; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text, union

from gateway.domain.people import EMAIL, Key, TieState, Why
from gateway.domain.ticket import heading
from gateway.store.people_tables import DOUBTED, identities, ties
from gateway.store.tables import audit, tickets

#: a beginning or an end of an id has so many characters at least
SHORTEST = 6


class KnownAs(msgspec.Struct, frozen=True):
    """One identity in a list: its key (empty: forgotten), its name, whether several people use it, since when."""

    id: str
    key: str
    name: str
    shared: bool
    at: datetime


class PersonLine(msgspec.Struct, frozen=True):
    """One person in a list."""

    id: str
    name: str
    known_as: tuple[KnownAs, ...]
    tickets: int
    newest: datetime | None


class TieLine(msgspec.Struct, frozen=True):
    """What holds between two identities, and who said so when."""

    one: str
    other: str
    persons: tuple[str, str]
    state: TieState
    why: Why
    actor: str
    at: datetime


class TicketLine(msgspec.Struct, frozen=True):
    """A ticket of a person."""

    id: str
    title: str
    category: str
    source: str
    created_at: datetime


class SqlPeopleView:
    """Reads people for lists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self,
        *,
        words: str = "",
        connection: str = "",
        doubts: bool = False,
        merged: bool = False,
        limit: int = 50,
    ) -> Sequence[PersonLine]:
        """Return people, those whom we met last first; `doubts` and `merged` only those of whom that is said."""
        asked = select(identities.c.person_id, func.max(identities.c.created_at).label("met"))
        for narrowed in self._narrowed(words, connection, doubts=doubts, merged=merged):
            asked = asked.where(identities.c.person_id.in_(narrowed))
        asked = asked.group_by(identities.c.person_id).order_by(text("met DESC"), identities.c.person_id).limit(limit)
        return self.lines([row.person_id for row in self._connection.execute(asked)])

    def _narrowed(self, words: str, connection: str, *, doubts: bool, merged: bool) -> list[Select[Any]]:
        found: list[Select[Any]] = []
        mine = select(identities.c.person_id)
        if words:
            like = func.lower(identities.c.value).contains(words.lower(), autoescape=True)
            named = func.lower(identities.c.name).contains(words.lower(), autoescape=True)
            found.append(mine.where(or_(like, named, identities.c.person_id == words)))
        if connection:
            found.append(mine.where(identities.c.kind == f"external:{connection}"))
        if doubts:
            found.append(_in_doubt())
        if merged:
            said = select(ties.c.one).where(ties.c.state == TieState.JOINED.value, ties.c.why == Why.SAID.value)
            found.append(mine.where(identities.c.id.in_(said)))
        return found

    def lines(self, persons: Sequence[str]) -> Sequence[PersonLine]:
        """Return people by id, in this order."""
        known: dict[str, list[KnownAs]] = {each: [] for each in persons}
        asked = select(identities).where(identities.c.person_id.in_(persons)).order_by(identities.c.id)
        for row in self._connection.execute(asked):
            key = str(Key(row.kind, row.value)) if row.value else ""
            known[row.person_id].append(KnownAs(row.id, key, row.name, row.shared, row.created_at))
        counts = (
            select(identities.c.person_id, func.count().label("number"), func.max(tickets.c.created_at).label("newest"))
            .join(tickets, tickets.c.asked_as == identities.c.id)
            .where(identities.c.person_id.in_(persons))
            .group_by(identities.c.person_id)
        )
        told = {row.person_id: (row.number, row.newest) for row in self._connection.execute(counts)}
        return [
            PersonLine(
                id=person,
                name=next((each.name for each in reversed(own) if each.name), ""),
                known_as=tuple(own),
                tickets=told.get(person, (0, None))[0],
                newest=told.get(person, (0, None))[1],
            )
            for person, own in known.items()
            if own
        ]

    def find(self, word: str, key: Key | None) -> Sequence[str]:
        """Return the people whom a word can mean: an id or an end of one, a key, or what they were before a merge."""
        if key is not None:
            mine = and_(identities.c.kind == key.kind, identities.c.value == key.value)
            return self._persons(mine)
        for column in (identities.c.person_id, identities.c.home, identities.c.id):
            found = self._persons(column == word)
            if not found and len(word) >= SHORTEST:
                found = self._persons(
                    or_(column.startswith(word, autoescape=True), column.endswith(word, autoescape=True))
                )
            if found:
                return found
        return ()

    def _persons(self, which: ColumnElement[bool]) -> Sequence[str]:
        asked = select(identities.c.person_id).where(which).distinct().order_by(identities.c.person_id).limit(20)
        return list(self._connection.execute(asked).scalars())

    def tied(self, person: str) -> Sequence[TieLine]:
        """Return what was said of a person's identities, the oldest first; each tie between other people left out."""
        mine = select(identities.c.id).where(identities.c.person_id == person)
        asked = select(ties).where(or_(ties.c.one.in_(mine), ties.c.other.in_(mine))).order_by(ties.c.at)
        rows = self._connection.execute(asked).all()
        ends = {end for row in rows for end in (row.one, row.other)}
        whose: Mapping[str, tuple[str, str]] = {
            row.id: (row.person_id, str(Key(row.kind, row.value)) if row.value else "(forgotten)")
            for row in self._connection.execute(select(identities).where(identities.c.id.in_(ends)))
        }
        return [
            TieLine(
                one=whose[row.one][1],
                other=whose[row.other][1],
                persons=(whose[row.one][0], whose[row.other][0]),
                state=TieState(row.state),
                why=Why(row.why),
                actor=row.actor,
                at=row.at,
            )
            for row in rows
        ]

    def tickets(self, person: str, limit: int) -> Sequence[TicketLine]:
        """Return the tickets of a person, the newest first."""
        asked = (
            select(tickets.c.id, tickets.c.title, tickets.c.category, tickets.c.source)
            .add_columns(tickets.c.created_at, tickets.c.redacted_at)
            .join(identities, identities.c.id == tickets.c.asked_as)
            .where(identities.c.person_id == person)
            .order_by(tickets.c.created_at.desc(), tickets.c.id)
            .limit(limit)
        )
        return [
            TicketLine(row.id, heading(row.title, row.redacted_at), row.category, row.source, row.created_at)
            for row in self._connection.execute(asked)
        ]

    def trail(self, person: str, limit: int = 50) -> Sequence[dict[str, Any]]:
        """Return what the audit trail says of a person, the oldest first."""
        asked = select(audit).where(audit.c.ticket_id == person).order_by(audit.c.at, audit.c.id).limit(limit)
        return [
            {"at": row.at, "actor": row.actor, "action": row.action, "detail": row.detail}
            for row in self._connection.execute(asked)
        ]


def _in_doubt() -> Select[Any]:
    """Return who might be somebody else: a doubt about two who have become one is over."""
    one, other = identities.alias("one_"), identities.alias("other_")
    both = ties.join(one, one.c.id == ties.c.one).join(other, other.c.id == ties.c.other)
    doubted = (text(f"({DOUBTED})"), one.c.person_id != other.c.person_id)
    ends = [select(side.c.person_id).select_from(both).where(*doubted) for side in (one, other)]
    return select(union(*ends).subquery().c.person_id)


def emails(line: PersonLine) -> str:
    """Return the addresses of a person, for a list."""
    return ", ".join(each.key.removeprefix(f"{EMAIL}:") for each in line.known_as if each.key.startswith(f"{EMAIL}:"))
