"""Looks at what has landed, in SQL: which are due, and what becomes of an update that is at its desk more than once.

A row exists while an update may still turn out to be doubled: from the transaction that resolved it, where an attempt
at it may have left without a known outcome, to its last look. Of a double the row stays as long as the update, and
names the copies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, func, or_, select, text, update

from dead_letters.model import WITHOUT_EFFECT
from gateway.domain.update import GIVEN_UP, Copy, Operation, Reason, UpdateState
from gateway.ports import Look, Overwritten
from gateway.store.columns import per_dialect
from gateway.store.look_tables import looks
from gateway.store.rows import UpdateRows, causes
from gateway.store.sealing import Sealer
from gateway.store.tables import LETTER, attempts, comment_links, effect_keys, updates

_LANDED = (UpdateState.DONE.value, UpdateState.OBSERVED.value)
_LETTERS = sorted(state.value for state in GIVEN_UP)

_EXPECT = per_dialect(lambda into: into(looks).on_conflict_do_nothing())


def _brought_forward(into: Any) -> Any:
    made = into(looks)
    return made.on_conflict_do_update(
        index_elements=["update_id"],
        set_={"step": 0, "due": made.excluded.due},
        # a copy of a double is seen again whenever its ticket is read
        where=looks.c.copies.is_(None),
    )


def _made_due(into: Any) -> Any:
    made = into(looks)
    return made.on_conflict_do_update(index_elements=["update_id"], set_={"step": 0, "due": made.excluded.due})


_AT_ONCE = per_dialect(_made_due)
_WITNESSED = per_dialect(_brought_forward)
_THIS = update(looks).where(looks.c.update_id == bindparam("the_update"))

_MAY_HAVE_LEFT = or_(attempts.c.outcome.is_(None), attempts.c.outcome.not_in(sorted(WITHOUT_EFFECT)))
_UNSEEN = or_(attempts.c.outcome.is_(None), attempts.c.outcome == "unknown")
#: a comment or a ticket is there twice only where two may have left; an old value can come back by the one that did
_SENT_UNSEEN = (
    select(updates.c.id, updates.c.connection)
    .join(attempts, attempts.c.update_id == updates.c.id)
    .where(updates.c.id.in_(bindparam("the_ids", expanding=True)))
    .group_by(updates.c.id, updates.c.connection, updates.c.operation)
    .having(
        or_(
            func.sum(case((_MAY_HAVE_LEFT, 1), else_=0)) > 1,
            and_(
                updates.c.operation == Operation.SET_FIELDS.value,
                func.sum(case((_UNSEEN, 1), else_=0)) > 0,
            ),
        )
    )
)


class SqlLooks:
    """Implements ports.Looks."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._rows = UpdateRows(sealer)
        self._dialect = connection.dialect.name

    # ------------------------------------------------------------ when

    def expect(self, due: Mapping[str, datetime]) -> None:
        """Have updates that were just resolved looked at, those of which an attempt may have left unseen."""
        if not due:
            return
        found = self._connection.execute(_SENT_UNSEEN, {"the_ids": list(due)}).all()
        rows = [{"update_id": row.id, "connection": row.connection, "step": 0, "due": due[row.id]} for row in found]
        if rows:
            self._connection.execute(_EXPECT[self._dialect], rows)

    def at_once(self, connections: Mapping[str, str], now: datetime) -> None:
        """Have updates (id -> connection) looked at as soon as they are resolved: a copy may just have been made.

        Known doubles too: it may be one more.
        """
        rows = [{"update_id": key, "connection": name, "step": 0, "due": now} for key, name in connections.items()]
        if rows:
            self._connection.execute(_AT_ONCE[self._dialect], rows)

    def witness(self, effect_key: str, now: datetime) -> bool:
        """Let an update be looked at at once, for a copy of its effect was seen; False when it is not known."""
        named = (
            select(updates.c.id, updates.c.connection)
            .join(effect_keys, effect_keys.c.update_id == updates.c.id)
            .where(effect_keys.c.effect_key == effect_key)
        )
        row = self._connection.execute(named).first()
        if row is not None:
            given = {"update_id": row.id, "connection": row.connection, "step": 0, "due": now}
            self._connection.execute(_WITNESSED[self._dialect], [given])
        return row is not None

    def has_due(self, now: datetime, connections: Collection[str]) -> bool:
        """Say whether any look at these connections is due."""
        asked = select(looks.c.update_id).where(looks.c.due <= now, looks.c.connection.in_(list(connections))).limit(1)
        return self._connection.execute(asked).first() is not None

    def due(self, now: datetime, connections: Collection[str], limit: int) -> Sequence[Look]:
        """Return the looks that are due, the longest due first."""
        rows = self._connection.execute(
            select(looks.c.update_id, looks.c.connection, looks.c.step, looks.c.due)
            .where(looks.c.due <= now, looks.c.connection.in_(list(connections)))
            .order_by(looks.c.due)
            .limit(limit)
        )
        return [Look(*row) for row in rows]

    def next_due(self) -> datetime | None:
        """Return the time of the next look, or None."""
        found: datetime | None = self._connection.execute(
            select(looks.c.due).where(looks.c.due.is_not(None)).order_by(looks.c.due).limit(1)
        ).scalar_one_or_none()
        return found

    def intended_at(self, update_id: str) -> datetime | None:
        """Return when the latest attempt was intended of which nobody has said what became of it."""
        mine = (attempts.c.update_id == update_id, attempts.c.ended_at.is_(None))
        asked = select(attempts.c.started_at).where(*mine).order_by(attempts.c.started_at.desc()).limit(1)
        found: datetime | None = self._connection.execute(asked).scalar_one_or_none()
        return found

    def again(self, look: Look, due: datetime) -> None:
        """Take the same look later."""
        self._connection.execute(_THIS.values(due=due), {"the_update": look.update_id})

    def taken(self, look: Look, due: datetime | None) -> None:
        """Note that a look was taken and showed nothing; `due` is the next one, None when that was the last."""
        # a copy that was told of meanwhile has made another look due
        mine = and_(looks.c.update_id == look.update_id, looks.c.due == look.due, looks.c.step == look.step)
        if due is None:
            # what is known of a double stays
            self._connection.execute(delete(looks).where(mine, looks.c.copies.is_(None)))
        self._connection.execute(update(looks).where(mine).values(step=look.step + 1, due=due))

    def postpone(self, connection: str, now: datetime, until: datetime) -> None:
        """Leave a desk alone: every look at it that is due waits."""
        waiting = and_(looks.c.connection == connection, looks.c.due <= now)
        self._connection.execute(update(looks).where(waiting).values(due=until))

    # ------------------------------------------------------------ what was seen

    def double(self, look: Look, copies: Sequence[Copy], detail: str, now: datetime, *, known: bool = False) -> bool:
        """Make an update a dead letter, for it took effect more than once; False when it is not resolved (any more).

        `known`: it was one when the look was taken, which showed a copy more; False when another look has told of it.
        """
        settled = and_(updates.c.state.in_(_LETTERS), updates.c.resolution.is_not(None))
        resolved: ColumnElement[bool] = or_(updates.c.state.in_(_LANDED), settled)
        if known:
            resolved = updates.c.state == UpdateState.DOUBLED.value
            mine = and_(looks.c.update_id == look.update_id, looks.c.due == look.due)
            if self._connection.execute(update(looks).where(mine).values(due=None)).rowcount != 1:
                return False
        changed = self._connection.execute(
            update(updates)
            .where(updates.c.id == look.update_id, resolved)
            .values(
                state=UpdateState.DOUBLED.value,
                # what has landed never holds its lane
                standing=False,
                reason=Reason.DOUBLED.value,
                detail_sealed=self._rows.seal_detail(detail),
                resolution=None,
                done_at=now,
                **causes(UpdateState.DOUBLED, Reason.DOUBLED, detail),
            )
        )
        if changed.rowcount != 1:
            return False
        told = msgspec.to_builtins(list(copies))
        self._connection.execute(_THIS.values(due=None, copies=told), {"the_update": look.update_id})
        return True

    def copies(self, update_id: str) -> Sequence[Copy]:
        """Return the copies of a double, as they were seen."""
        asked = select(looks.c.copies).where(looks.c.update_id == update_id)
        found = self._connection.execute(asked).scalar_one_or_none()
        return msgspec.convert(found or [], list[Copy])

    def newer(self, update_id: str, fields: Collection[str]) -> Sequence[Overwritten]:
        """Return what later updates of its lane have written to these fields, the newest of each."""
        this = updates.alias("this")
        rows = self._connection.execute(
            select(updates)
            # its ticket says nothing new of a lane, but lets the index of tickets answer
            .join(this, and_(this.c.link_id == updates.c.link_id, this.c.ticket_id == updates.c.ticket_id))
            .where(
                this.c.id == update_id,
                updates.c.seq > this.c.seq,
                updates.c.operation == Operation.SET_FIELDS.value,
                updates.c.state.in_([*_LANDED, UpdateState.DOUBLED.value]),
            )
            .order_by(updates.c.seq)
        ).mappings()
        found: dict[str, Overwritten] = {}
        for row in rows.all():
            intent = self._rows.open_intent(row)
            for name in set(fields) & set(intent.fields):
                found[name] = Overwritten(name, intent.fields[name], intent.ours.get(name))
        return list(found.values())

    def comment_of(self, link_id: str, comment_id: str) -> str:
        """Return the desk's id of a comment of ours; empty when it is not known."""
        mine = and_(comment_links.c.link_id == link_id, comment_links.c.comment_id == comment_id)
        found = self._connection.execute(select(comment_links.c.remote_id).where(mine).limit(1)).scalar_one_or_none()
        return str(found or "")

    def doubles(self) -> int:
        """Return how many doubles wait for a person."""
        asked = (
            select(func.count()).select_from(updates).where(text(LETTER), updates.c.state == UpdateState.DOUBLED.value)
        )
        return int(self._connection.execute(asked).scalar_one())
