"""Duplicates and stages in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, text, update

from gateway.domain.duplicate import Candidate, Key, Pair, PairState
from gateway.domain.stage import StageMove
from gateway.domain.ticket import OPEN_CATEGORIES, Kind, Setter
from gateway.ports import Ids
from gateway.store.people_tables import identities
from gateway.store.relation_tables import PROPOSED, duplicate_keys, duplicates, stage_moves
from gateway.store.tables import IS_DUPLICATE, tickets

#: no more are compared: a customer who asks oftener than this within a rule's time has a desk's full attention
MOST = 20

_OPEN = frozenset(each.value for each in OPEN_CATEGORIES)
_OTHERS = (
    select(tickets.c.id, tickets.c.created_at, tickets.c.category, tickets.c.doc, identities.c.person_id)
    .join(duplicate_keys, duplicate_keys.c.ticket_id == tickets.c.id)
    .join(identities, identities.c.id == tickets.c.asked_as, isouter=True)
    .where(
        duplicate_keys.c.key == bindparam("the_key"),
        duplicate_keys.c.created_at.between(bindparam("since"), bindparam("until")),
        duplicate_keys.c.ticket_id != bindparam("the_ticket"),
    )
    .order_by(duplicate_keys.c.created_at, duplicate_keys.c.ticket_id)
    .limit(MOST)
)
_KEYS = select(duplicate_keys.c.rule, duplicate_keys.c.key).where(duplicate_keys.c.ticket_id == bindparam("the_ticket"))
_CATEGORY = select(tickets.c.id, tickets.c.category).where(tickets.c.id.in_(bindparam("the_ids", expanding=True)))
_PAIR = select(duplicates).where(
    or_(
        and_(duplicates.c.ticket_id == bindparam("one"), duplicates.c.of_id == bindparam("other")),
        and_(duplicates.c.ticket_id == bindparam("other"), duplicates.c.of_id == bindparam("one")),
    )
)
_MOVES = (
    select(stage_moves)
    .where(stage_moves.c.ticket_id == bindparam("the_ticket"))
    .order_by(stage_moves.c.at, stage_moves.c.recorded_at, stage_moves.c.id)
)


class SqlDuplicates:
    """Implements ports.Duplicates, and lists them for people."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def others(self, ticket_id: str, key: str, since: datetime, until: datetime) -> tuple[Candidate, ...]:
        """Return the other tickets with a key that were opened between two instants, the oldest first."""
        given = {"the_ticket": ticket_id, "the_key": key, "since": since, "until": until}
        rows = self._connection.execute(_OTHERS, given).all()
        originals = {row.doc.get("duplicate_of", "") for row in rows} - {""}
        known = {}
        if originals:
            known = {row.id: row.category for row in self._connection.execute(_CATEGORY, {"the_ids": list(originals)})}
        found = []
        for row in rows:
            original = row.doc.get("duplicate_of", "")
            pair = self.get(ticket_id, original or row.id)
            found.append(
                Candidate(
                    id=row.id,
                    created_at=row.created_at,
                    requester_id=row.person_id or row.doc.get("requester_id", ""),
                    original=original,
                    open=(known.get(original) if original else row.category) in _OPEN,
                    judged=pair.state.value if pair is not None else "",
                )
            )
        return tuple(found)

    def keep(self, ticket_id: str, created_at: datetime, keys: Collection[Key]) -> None:
        """Let a ticket be found by these keys and no others."""
        had = {row.rule: row.key for row in self._connection.execute(_KEYS, {"the_ticket": ticket_id})}
        wanted = {key.rule: key for key in keys}
        gone = [rule for rule, key in had.items() if rule not in wanted or wanted[rule].key != key]
        if gone:
            mine = duplicate_keys.c.ticket_id == ticket_id
            self._connection.execute(delete(duplicate_keys).where(mine, duplicate_keys.c.rule.in_(gone)))
        fresh = [
            {"ticket_id": ticket_id, "rule": rule, "key": key.key, "created_at": created_at, "until": key.until}
            for rule, key in wanted.items()
            if had.get(rule) != key.key
        ]
        if fresh:
            self._connection.execute(insert(duplicate_keys), fresh)

    def add(self, pair: Pair) -> bool:
        """Note a pair; False when something was said of the two before."""
        if self.get(pair.ticket, pair.of) is not None:
            return False
        self._connection.execute(insert(duplicates).values(**_values(pair)))
        return True

    def save(self, pair: Pair) -> None:
        """Replace what is said of a pair."""
        this = and_(duplicates.c.ticket_id == pair.ticket, duplicates.c.of_id == pair.of)
        self._connection.execute(update(duplicates).where(this).values(**_values(pair)))

    def drop(self, pair: Pair) -> None:
        """Forget what was said of a pair."""
        this = and_(duplicates.c.ticket_id == pair.ticket, duplicates.c.of_id == pair.of)
        self._connection.execute(delete(duplicates).where(this))

    def get(self, one: str, other: str) -> Pair | None:
        """Return what was said of two tickets, whichever repeats the other."""
        row = self._connection.execute(_PAIR, {"one": one, "other": other}).mappings().first()
        return _pair(row) if row is not None else None

    def merged_into(self, original: str) -> Sequence[Pair]:
        """Return the pairs of the tickets that are duplicates of one."""
        mine = and_(duplicates.c.of_id == original, duplicates.c.state == PairState.MERGED.value)
        rows = self._connection.execute(select(duplicates).where(mine).order_by(duplicates.c.ticket_id)).mappings()
        return [_pair(row) for row in rows]

    def repeating(self, original: str) -> Sequence[str]:
        """Return the tickets that are duplicates of one, whoever said so: also those that a desk merged."""
        # in these very words, for the index of duplicates is asked by no others
        mine = and_(text(IS_DUPLICATE), tickets.c.duplicate_of == original)
        return self._connection.execute(select(tickets.c.id).where(mine).order_by(tickets.c.id)).scalars().all()

    def of_ticket(self, ticket_id: str) -> Sequence[Pair]:
        """Return everything that was said of one ticket and others, the newest first."""
        mine = or_(duplicates.c.ticket_id == ticket_id, duplicates.c.of_id == ticket_id)
        rows = self._connection.execute(select(duplicates).where(mine).order_by(duplicates.c.at.desc())).mappings()
        return [_pair(row) for row in rows]

    def list(self, *, state: str = PairState.PROPOSED.value, limit: int = 100) -> Sequence[Pair]:
        """Return pairs in a state, those found last first; an empty state means any."""
        statement = select(duplicates).order_by(duplicates.c.at.desc()).limit(limit)
        if state == PairState.PROPOSED:
            # in these very words, for the index of the proposals is asked by no others
            statement = statement.where(text(PROPOSED))
        elif state:
            statement = statement.where(duplicates.c.state == state)
        return [_pair(row) for row in self._connection.execute(statement).mappings()]


def _values(pair: Pair) -> dict[str, Any]:
    return {
        "ticket_id": pair.ticket,
        "of_id": pair.of,
        "state": pair.state.value,
        "rule": pair.rule,
        "release": pair.release,
        "at": pair.at,
        "actor": pair.by,
        "decided_at": pair.decided_at,
        "why": pair.why,
        "round": pair.round,
    }


def _pair(row: Any) -> Pair:
    return Pair(
        ticket=row["ticket_id"],
        of=row["of_id"],
        state=PairState(row["state"]),
        rule=row["rule"],
        release=row["release"],
        at=row["at"],
        by=row["actor"],
        decided_at=row["decided_at"],
        why=row["why"],
        round=row["round"],
    )


class SqlStages:
    """Implements ports.Stages."""

    def __init__(self, connection: Connection, ids: Ids) -> None:
        self._connection = connection
        self._ids = ids

    def add(self, move: StageMove) -> None:
        """Note that a ticket entered a stage."""
        self._connection.execute(
            insert(stage_moves).values(
                id=self._ids.new(),
                ticket_id=move.ticket,
                stage=move.stage,
                kind=move.kind.value,
                at=move.at,
                recorded_at=move.recorded_at,
                setter=move.by.value,
                name=move.name,
            )
        )
        mine = and_(tickets.c.id == move.ticket, tickets.c.stage_since.is_not(None))
        self._connection.execute(update(tickets).where(mine).values(stage_since=move.at))

    def of_ticket(self, ticket_id: str) -> Sequence[StageMove]:
        """Return the moves of a ticket, in order."""
        rows = self._connection.execute(_MOVES, {"the_ticket": ticket_id})
        return [
            StageMove(row.ticket_id, row.stage, Kind(row.kind), row.at, row.recorded_at, Setter(row.setter), row.name)
            for row in rows
        ]
