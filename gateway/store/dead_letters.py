"""Dead letters in SQL: no table of their own, but a state of the rows of the outbox and the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, or_, select, text, update

from dead_letters.model import Letter, Tried
from gateway.domain.update import UpdateState
from gateway.ports import UpdateRow
from gateway.store.lanes import Lanes
from gateway.store.outbox import SqlOutbox
from gateway.store.tables import LETTER, PARKED, attempts, deliveries, lanes, links, updates

_GIVEN_UP = ("dead", "ambiguous")
#: A shorter beginning or end of an id would name too much.
_SHORTEST = 6


class SqlDeadLetters:
    """Implements dead_letters.Shelf."""

    def __init__(self, connection: Connection, outbox: SqlOutbox, lines: Lanes) -> None:
        self._connection = connection
        self._outbox = outbox
        self._lines = lines

    def find(self, word: str) -> Sequence[tuple[str, str]]:
        """Return (update or delivery, id) of the open dead letters whose id is, begins or ends with `word`."""
        found: list[tuple[str, str]] = []
        for what, table, condition in (
            ("update", updates, text(LETTER)),
            ("delivery", deliveries, text(PARKED)),
        ):
            named = table.c.id == word
            if len(word) >= _SHORTEST:
                named = or_(
                    named, table.c.id.startswith(word, autoescape=True), table.c.id.endswith(word, autoescape=True)
                )
            rows = self._connection.execute(select(table.c.id).where(named, condition).limit(10)).scalars()
            found += [(what, str(each)) for each in rows]
        return found

    def letter(self, update_id: str) -> Letter | None:
        """Return an update that was given up and not resolved, its lane locked; None when it is not (any more)."""
        lane = self._connection.execute(select(updates.c.link_id).where(updates.c.id == update_id)).scalar_one_or_none()
        if lane is None:
            return None
        locked = select(lanes.c.link_id).where(lanes.c.link_id == lane)
        if self._connection.dialect.name == "postgresql":
            locked = locked.with_for_update()
        self._connection.execute(locked)
        row = self._connection.execute(
            select(updates.c.standing, updates.c.seq).where(
                updates.c.id == update_id, updates.c.state.in_(_GIVEN_UP), updates.c.resolution.is_(None)
            )
        ).first()
        found = self._outbox.get(update_id) if row is not None else None
        if row is None or found is None:
            return None
        return Letter(
            update=found,
            standing=bool(row.standing),
            tries=tuple(self._tries(update_id)),
            held=len(self.held_behind(update_id)) if row.standing else 0,
            later_fields=self._later_fields(found, row.seq),
            made=bool(self._connection.execute(select(links.c.remote_id).where(links.c.id == lane)).scalar_one()),
        )

    def _tries(self, update_id: str) -> list[Tried]:
        rows = self._connection.execute(
            select(attempts.c.outcome, attempts.c.started_at)
            .where(attempts.c.update_id == update_id)
            .order_by(attempts.c.started_at)
        )
        return [Tried(row.outcome or "", row.started_at) for row in rows]

    def _later_fields(self, letter: UpdateRow, seq: int) -> frozenset[str]:
        rows = self._connection.execute(
            select(updates.c.id).where(
                # its ticket says nothing new of a lane, but lets the index of tickets answer
                updates.c.ticket_id == letter.ticket_id,
                updates.c.link_id == letter.link_id,
                updates.c.seq > seq,
                updates.c.state != "superseded",
            )
        ).scalars()
        fields: set[str] = set()
        for each in rows.all():
            later = self._outbox.get(each)
            fields |= set(later.intent.fields) if later is not None else set()
        return frozenset(fields)

    def held_behind(self, update_id: str) -> Sequence[str]:
        """Return the ids of the updates that wait behind one, in order."""
        this = updates.alias("this")
        rows = self._connection.execute(
            select(updates.c.id)
            .join(this, this.c.link_id == updates.c.link_id)
            .where(this.c.id == update_id, updates.c.seq > this.c.seq, updates.c.standing)
            .order_by(updates.c.seq)
        ).scalars()
        return [str(each) for each in rows]

    def reopen(
        self, update_id: str, state: UpdateState, now: datetime, *, not_before: datetime | None, tail: bool
    ) -> None:
        """Begin a new series of attempts under the same effect key; `tail` puts it at the end of its lane."""
        lane = self._lane(update_id)
        place = {"seq": self._lines.next_seq(lane)} if tail else {}
        self._connection.execute(
            update(updates)
            .where(updates.c.id == update_id)
            .values(
                state=state.value,
                standing=True,
                attempts=0,
                probes=0,
                not_before=not_before,
                reason=None,
                detail_sealed=None,
                done_at=None,
                **place,
            )
        )
        self._lines.schedule([lane], now)

    def close(self, update_id: str, resolution: str, now: datetime) -> None:
        """Resolve an update for good, and let its lane go on."""
        lane = self._lane(update_id)
        self._connection.execute(
            update(updates)
            .where(updates.c.id == update_id)
            .values(
                # what merely waited ends as given up, too
                state=case((updates.c.state.in_(_GIVEN_UP), updates.c.state), else_=UpdateState.DEAD.value),
                standing=False,
                resolution=resolution,
                done_at=now,
            )
        )
        made_nothing = select(updates.c.link_id).where(updates.c.id == update_id, updates.c.operation == "create")
        self._connection.execute(
            # a create that was given up leaves no ticket to write to: nothing is planned for this link any more
            update(links).where(links.c.id.in_(made_nothing), links.c.state == "pending").values(state="gone")
        )
        self._lines.schedule([lane], now)

    def _lane(self, update_id: str) -> str:
        return str(self._connection.execute(select(updates.c.link_id).where(updates.c.id == update_id)).scalar_one())
