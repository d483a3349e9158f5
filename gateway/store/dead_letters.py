"""Dead letters in SQL: no table of their own, but a state of the rows of the outbox and the inbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, or_, select, text, update

from dead_letters.model import Letter, Reopening, Tried
from gateway.domain.update import Intent, Operation, UpdateState
from gateway.ports import UpdateRow
from gateway.store import statements
from gateway.store.lanes import Lanes
from gateway.store.letters import GIVEN_UP, waiting
from gateway.store.links import SqlLinks
from gateway.store.looks import SqlLooks
from gateway.store.merging import fence
from gateway.store.outbox import SqlOutbox
from gateway.store.rows import UpdateRows
from gateway.store.sealing import Sealer
from gateway.store.tables import LETTER, PARKED, attempts, deliveries, lanes, links, updates

#: A shorter beginning or end of an id would name too much.
_SHORTEST = 6


class SqlDeadLetters:
    """Implements dead_letters.Shelf."""

    def __init__(self, connection: Connection, sealer: Sealer, outbox: SqlOutbox, lines: Lanes) -> None:
        self._connection = connection
        self._outbox = outbox
        self._lines = lines
        self._links = SqlLinks(connection, sealer)
        self._looks = SqlLooks(connection, sealer)
        self._rows = UpdateRows(sealer)

    def find(self, word: str, named: Collection[str] | None = None) -> Sequence[tuple[str, str]]:
        """Return (update or delivery, id) of the open dead letters whose id is, begins or ends with `word`."""
        found: list[tuple[str, str]] = []
        open_ones: list[tuple[str, Table, ColumnElement[bool]]] = [
            ("update", updates, text(LETTER)),  # type: ignore[list-item]
            ("delivery", deliveries, text(PARKED)),  # type: ignore[list-item]
        ]
        if named is not None:
            open_ones.append(("update", updates, and_(*waiting(named))))
        for what, table, condition in open_ones:
            meant = table.c.id == word
            if len(word) >= _SHORTEST:
                meant = or_(
                    meant, table.c.id.startswith(word, autoescape=True), table.c.id.endswith(word, autoescape=True)
                )
            rows = self._connection.execute(select(table.c.id).where(meant, condition).limit(10)).scalars()
            found += [(what, str(each)) for each in rows]
        return found

    def letter(self, update_id: str, named: Collection[str] | None = None) -> Letter | None:
        """Return an update that was given up and not resolved, its lane locked; None when it is not (any more)."""
        lane = self._connection.execute(select(updates.c.link_id).where(updates.c.id == update_id)).scalar_one_or_none()
        if lane is None:
            return None
        locked = select(lanes.c.link_id).where(lanes.c.link_id == lane)
        if self._connection.dialect.name == "postgresql":
            locked = locked.with_for_update()
        self._connection.execute(locked)
        is_open: ColumnElement[bool] = and_(updates.c.state.in_(GIVEN_UP), updates.c.resolution.is_(None))
        if named is not None:
            is_open = or_(is_open, and_(*waiting(named)))
        row = self._connection.execute(
            select(updates.c.standing, updates.c.seq).where(updates.c.id == update_id, is_open)
        ).first()
        found = self._outbox.get(update_id) if row is not None else None
        if row is None or found is None:
            return None
        link = self._links.get(lane)
        if link is None:  # pragma: no cover - a lane without its link is a defect of the store
            return None
        return Letter(
            update=found,
            standing=bool(row.standing),
            tries=tuple(self._tries(update_id)),
            held=len(self.held_behind(update_id)) if row.standing else 0,
            later_fields=self._later_fields(found, row.seq),
            link=link,
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
                updates.c.operation.in_((Operation.SET_FIELDS.value, Operation.CREATE.value)),
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

    def reopen(self, update_id: str, how: Reopening, now: datetime) -> None:
        """Begin a new series of attempts."""
        row = self._connection.execute(
            select(updates.c.link_id, updates.c.payload_version, updates.c.day).where(updates.c.id == update_id)
        ).one()
        changes: dict[str, Any] = {}
        if how.tail:
            changes["seq"] = self._lines.next_seq(row.link_id)
        if how.intent is not None:
            changes["intent_sealed"] = self._rows.seal_intent(how.intent)
            changes["payload_version"] = row.payload_version + 1
        if how.effect_key:
            # the name that it had stays known: what asks for the same effect once more is still the same
            changes["effect_key"] = how.effect_key
            key = {"effect_key": how.effect_key, "update_id": update_id, "link_id": row.link_id, "day": row.day}
            self._connection.execute(statements.ADD_KEY[self._connection.dialect.name], key)
        if how.state is UpdateState.READY:
            # nothing of the earlier series counts: neither the age of its key nor a late effect
            changes |= {"first_sent_at": None, "settle_until": None}
        self._connection.execute(
            update(updates)
            .where(updates.c.id == update_id)
            .values(
                state=how.state.value,
                standing=True,
                attempts=0,
                probes=0,
                not_before=how.not_before,
                reason=None,
                detail_sealed=None,
                error_class=None,
                cause_key=None,
                done_at=None,
                **changes,
            )
        )
        self._lines.schedule([row.link_id], now)

    def edit(self, update_id: str, intent: Intent, summary: str) -> None:
        """Put another intent in the place of the one that was asked for, which is kept."""
        self._connection.execute(
            update(updates)
            .where(updates.c.id == update_id)
            .values(
                original_sealed=func.coalesce(updates.c.original_sealed, updates.c.intent_sealed),
                intent_sealed=self._rows.seal_intent(intent),
                payload_version=updates.c.payload_version + 1,
                summary=summary,
            )
        )

    def original(self, update_id: str) -> Intent | None:
        """Return what was asked for before a person edited it; None when nobody has."""
        sealed = self._connection.execute(
            select(updates.c.original_sealed).where(updates.c.id == update_id)
        ).scalar_one_or_none()
        return None if sealed is None else self._rows.open_sealed(sealed)

    def land(self, update_id: str, now: datetime) -> None:
        """Note that a given-up update has landed, and let its lane go on."""
        lane = self._lane(update_id)
        self._connection.execute(
            update(updates)
            .where(updates.c.id == update_id)
            .values(state=UpdateState.DONE.value, standing=False, resolution="confirmed", done_at=now)
        )
        # the look of a person says that it is there, and not how often
        self._looks.expect({update_id: now})
        self._lines.schedule([lane], now)

    def close(self, update_id: str, resolution: str, now: datetime) -> None:
        """Resolve an update for good, and let its lane go on."""
        row = self._connection.execute(
            select(updates.c.link_id, updates.c.state).where(updates.c.id == update_id)
        ).one()
        lane = str(row.link_id)
        if row.state not in GIVEN_UP:
            # a worker that is just at it, by an older release, neither sends it nor writes anything down
            fence(self._connection, lane)
        self._connection.execute(
            update(updates)
            .where(updates.c.id == update_id)
            .values(
                # what merely waited ends as given up, too
                state=case((updates.c.state.in_(GIVEN_UP), updates.c.state), else_=UpdateState.DEAD.value),
                standing=False,
                resolution=resolution,
                done_at=now,
            )
        )
        self._looks.expect({update_id: now})
        made_nothing = select(updates.c.link_id).where(updates.c.id == update_id, updates.c.operation == "create")
        self._connection.execute(
            # a create that was given up leaves no ticket to write to: nothing is planned for this link any more
            update(links).where(links.c.id.in_(made_nothing), links.c.state == "pending").values(state="gone")
        )
        self._lines.schedule([lane], now)

    def _lane(self, update_id: str) -> str:
        return str(self._connection.execute(select(updates.c.link_id).where(updates.c.id == update_id)).scalar_one())
