"""Bulk actions in SQL: the frozen set, and what became of each letter in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from dead_letters.bulk import Bulk, Dealt, Taken
from dead_letters.filters import Filter
from dead_letters.model import DeadLetter
from gateway.store.bulk_tables import bulk_letters, bulks
from gateway.store.rows import DETAIL
from gateway.store.sealing import Sealer

_DEAL = (
    update(bulk_letters)
    .where(bulk_letters.c.bulk_id == bindparam("the_bulk"), bulk_letters.c.place == bindparam("the_place"))
    .values(state=bindparam("the_state"), detail_sealed=bindparam("the_detail"))
)


class SqlBulks:
    """Implements dead_letters.bulk.Bulks."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def begin(self, bulk: Bulk) -> None:
        """Store one that has no letters yet."""
        row = {name: getattr(bulk, name) for name in ("id", "action", "actor", "why", "options", "created_at")}
        self._connection.execute(insert(bulks).values(**row, chosen=msgspec.to_builtins(bulk.chosen)))

    def freeze(self, bulk_id: str, first: int, letters: Sequence[DeadLetter]) -> None:
        """Put letters into it, from place `first` on."""
        rows = [
            {"bulk_id": bulk_id, "place": place, "what": each.what, "letter_id": each.id, "state": "pending"}
            for place, each in enumerate(letters, first)
        ]
        self._connection.execute(insert(bulk_letters), rows)

    def froze(self, bulk_id: str, now: datetime) -> None:
        """Note that its set is whole."""
        self._connection.execute(update(bulks).where(bulks.c.id == bulk_id).values(frozen_at=now))

    def take(self, bulk_id: str, limit: int) -> Sequence[Taken]:
        """Return the next ones; two that work on one bulk never take the same."""
        statement = (
            select(bulk_letters.c.place, bulk_letters.c.what, bulk_letters.c.letter_id)
            .where(bulk_letters.c.bulk_id == bulk_id, bulk_letters.c.state == "pending")
            .order_by(bulk_letters.c.place)
            .limit(limit)
        )
        if self._connection.dialect.name == "postgresql":
            statement = statement.with_for_update(skip_locked=True)
        return [Taken(*row) for row in self._connection.execute(statement)]

    def deal(self, bulk_id: str, dealt: Sequence[Dealt]) -> None:
        """Note what became of some."""
        rows = [
            {
                "the_bulk": bulk_id,
                "the_place": each.place,
                "the_state": each.state,
                "the_detail": self._sealer.seal_text(DETAIL, each.detail),
            }
            for each in dealt
        ]
        if rows:
            self._connection.execute(_DEAL, rows)

    def counts(self, bulk_id: str) -> Mapping[str, int]:
        """Return how many are pending, done and skipped."""
        rows = self._connection.execute(
            select(bulk_letters.c.state, func.count())
            .where(bulk_letters.c.bulk_id == bulk_id)
            .group_by(bulk_letters.c.state)
        )
        found = {"pending": 0, "done": 0, "skipped": 0}
        found |= {str(state): int(number) for state, number in rows}
        return found

    def end(self, bulk_id: str, now: datetime) -> bool:
        """Note that nothing is left to do; False when somebody has noted it already."""
        open_one = (bulks.c.id == bulk_id, bulks.c.ended_at.is_(None))
        return self._connection.execute(update(bulks).where(*open_one).values(ended_at=now)).rowcount == 1

    def skipped(self, bulk_id: str, limit: int) -> Sequence[tuple[str, str, str]]:
        """Return (update or delivery, id, why) of those that were left as they are."""
        rows = self._connection.execute(
            select(bulk_letters.c.what, bulk_letters.c.letter_id, bulk_letters.c.detail_sealed)
            .where(bulk_letters.c.bulk_id == bulk_id, bulk_letters.c.state == "skipped")
            .order_by(bulk_letters.c.place)
            .limit(limit)
        )
        return [(row.what, row.letter_id, self._sealer.open_text(DETAIL, row.detail_sealed)) for row in rows]

    def find(self, word: str) -> Sequence[Bulk]:
        """Return the bulk actions whose id is, begins or ends with `word`."""
        named = bulks.c.id.startswith(word, autoescape=True) | bulks.c.id.endswith(word, autoescape=True)
        rows = self._connection.execute(select(bulks).where(named).limit(5)).mappings()
        return [_bulk(row) for row in rows]

    def unfinished(self) -> Sequence[Bulk]:
        """Return those in which something is left to do, the oldest first."""
        statement = select(bulks).where(bulks.c.ended_at.is_(None)).order_by(bulks.c.created_at).limit(20)
        return [_bulk(row) for row in self._connection.execute(statement).mappings()]


def _bulk(row: Any) -> Bulk:
    return Bulk(**{**row, "chosen": msgspec.convert(row["chosen"], Filter)})
