"""Updates and attempts in SQL: append, coalesce, intend, record. The protocol is docs/delivery.md section 1."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from dead_letters.model import WITHOUT_EFFECT
from gateway import crashpoint
from gateway.domain.link import patched
from gateway.domain.update import GIVEN_UP, OPEN_STATES, Intent, Operation, UpdateState
from gateway.ports import AttemptEnd, AttemptStart, LaneClaim, NewUpdate, UpdateRow
from gateway.ports.filing import MARK
from gateway.store import merging, statements
from gateway.store.columns import day_of
from gateway.store.lanes import Lanes
from gateway.store.links import SqlLinks
from gateway.store.looks import SqlLooks
from gateway.store.rows import UpdateRows, causes, echo_row
from gateway.store.sealing import Sealer
from gateway.store.tables import attempts, comment_links, echoes, effect_keys, updates

_REQUEST = "request"
_ANSWER = "answer"


class SqlOutbox:
    """Implements ports.Outbox."""

    def __init__(self, connection: Connection, sealer: Sealer, lanes: Lanes) -> None:
        self._connection = connection
        self._sealer = sealer
        self._lanes = lanes
        self._rows = UpdateRows(sealer)
        self._looks = SqlLooks(connection, sealer)
        self._insert = pg_insert if connection.dialect.name == "postgresql" else sqlite_insert

    # ------------------------------------------------------------ append

    def add(self, new: NewUpdate) -> bool:
        """Append to the lane, coalescing adjacent set_fields rows that cannot have landed; False: effect key known."""
        key = {"effect_key": new.effect_key, "update_id": new.id, "link_id": new.link_id, "day": day_of(new.created_at)}
        if self._connection.execute(statements.ADD_KEY[self._connection.dialect.name], key).first() is None:
            return False
        seq = self._lanes.next_seq(new.link_id)
        survivor = self._coalesce(new)
        state = UpdateState.SUPERSEDED if survivor else new.state
        values = {
            "id": new.id,
            "day": day_of(new.created_at),
            "link_id": new.link_id,
            "seq": seq,
            "ticket_id": new.ticket_id,
            "connection": new.connection,
            "operation": new.operation.value,
            "effect_key": new.effect_key,
            "intent_sealed": self._rows.seal_intent(new.intent),
            "payload_version": 1,
            "state": state.value,
            "standing": state in OPEN_STATES and (new.blocks or state is not UpdateState.DEAD),
            "summary": new.summary,
            "attempts": 0,
            "probes": 0,
            "reason": new.reason.value if new.reason else None,
            "detail_sealed": self._rows.seal_detail(new.detail),
            **causes(state, new.reason, new.detail),
            "superseded_by": survivor,
            "rule": new.rule,
            "release": new.release,
            "delivery_id": new.delivery_id,
            "event_key": new.event_key[:300],
            "trace_id": new.trace_id,
            "created_at": new.created_at,
            "done_at": new.created_at if state is not UpdateState.READY else None,
        }
        self._connection.execute(statements.ADD, values)
        if survivor:
            self._lanes.look(new.link_id)
        else:
            self._lanes.schedule([new.link_id], new.created_at)
        return True

    def blocker(self, link_id: str) -> tuple[str, str] | None:
        """Return (id, reason) of the dead letter that holds what was appended to a lane in this transaction."""
        return self._lanes.blocked.get(link_id)

    def _coalesce(self, new: NewUpdate) -> str | None:
        """Merge into the last standing row of the lane if that is a set_fields that cannot have landed; return its id.

        A row in `ready` without steps has certainly had no effect; the payload version makes a worker that is
        rendering it at this moment render again.
        """
        if new.operation is not Operation.SET_FIELDS or new.state is not UpdateState.READY:
            return None
        last = self._connection.execute(statements.LAST, {"the_link": new.link_id}).mappings().first()
        if (
            last is None
            or last["operation"] != Operation.SET_FIELDS.value
            or last["state"] != UpdateState.READY.value
            or last["steps"] is not None
        ):
            return None
        old = self._rows.open_intent(last)
        kept = {field: value for field, value in old.ours.items() if field not in new.intent.fields}
        merged = msgspec.structs.replace(
            old, fields={**old.fields, **new.intent.fields}, ours={**kept, **new.intent.ours}
        )
        changed = self._want(last["id"], last["payload_version"], merged)
        crashpoint.reach("outbox.coalescing")
        return str(last["id"]) if changed else None

    def narrow(self, row: UpdateRow, intent: Intent) -> bool:
        """Let an update, ready or just done in part, want less; False: it has changed since it was read."""
        return self._want(row.id, row.payload_version, intent, row.state)

    def _want(
        self, update_id: str, payload_version: int, intent: Intent, state: UpdateState = UpdateState.READY
    ) -> bool:
        changed = self._connection.execute(
            update(updates)
            .where(
                updates.c.id == update_id,
                updates.c.state == state.value,
                updates.c.payload_version == payload_version,
            )
            .values(
                intent_sealed=self._rows.seal_intent(intent),
                payload_version=payload_version + 1,
                summary="set " + ", ".join(intent.fields),
            )
            .returning(updates.c.id)
        )
        return changed.first() is not None

    # ------------------------------------------------------------ look

    def heads_in_flight(self, link_ids: Collection[str]) -> Mapping[str, UpdateState]:
        """Return the lanes whose head is being written or whose outcome is unknown."""
        if not link_ids:
            return {}
        rows = self._connection.execute(statements.IN_FLIGHT, {"the_links": list(link_ids)})
        return {row.link_id: UpdateState(row.state) for row in rows}

    def landed_since(self, link_id: str, moment: datetime) -> bool:
        """Say whether an update of a lane was recorded as landed after `moment`."""
        given = {"the_link": link_id, "the_moment": moment}
        return self._connection.execute(statements.LANDED_SINCE, given).first() is not None

    def creates_in_flight(self, connection: str) -> bool:
        """Say whether a create is being written (or unknown) at a connection."""
        return (
            self._connection.execute(statements.CREATES_IN_FLIGHT, {"the_connection": connection}).first() is not None
        )

    def pending_fields(self, link_id: str) -> Mapping[str, Any]:
        """Return the fields that open updates of a lane will set, the last one winning."""
        rows = self._connection.execute(statements.PENDING, {"the_link": link_id}).mappings()
        fields: dict[str, Any] = {}
        for row in rows:
            fields |= self._rows.open_intent(row).fields
        return fields

    def get(self, update_id: str) -> UpdateRow | None:
        """Return one update, or None."""
        row = self._connection.execute(select(updates).where(updates.c.id == update_id)).mappings().first()
        return self._rows.update(row) if row else None

    def last_request(self, update_id: str, payload_version: int) -> bytes | None:
        """Return the rendered request of the latest attempt at this version of an update."""
        sealed = self._connection.execute(
            select(attempts.c.request_sealed)
            .where(
                attempts.c.update_id == update_id,
                attempts.c.payload_version == payload_version,
                attempts.c.request_sealed.is_not(None),
            )
            .order_by(attempts.c.number.desc(), attempts.c.started_at.desc())
            .limit(1)
        ).scalar_one_or_none()
        return None if sealed is None else self._sealer.open(_REQUEST, sealed)

    # ------------------------------------------------------------ lanes

    def claim(
        self,
        *,
        holder: str,
        limit: int,
        lease: float,
        now: datetime,
        budgets: Mapping[str, int],
        busy: Mapping[str, int] = MappingProxyType({}),
    ) -> Sequence[LaneClaim]:
        """Claim due lanes."""
        return self._lanes.claim(holder=holder, limit=limit, lease=lease, now=now, budgets=budgets, busy=busy)

    def heads(self, claims: Sequence[LaneClaim]) -> Mapping[str, UpdateRow]:
        """Return the head of each lane that we still hold."""
        held = self._lanes.held({claim.link_id: claim.epoch for claim in claims}, live=False)
        return {link_id: self._rows.update(row) for link_id, row in self._lanes.heads(held).items()}

    def release(self, claims: Sequence[LaneClaim], now: datetime) -> None:
        """Give lanes back."""
        self._lanes.release(claims)
        self._lanes.schedule({claim.link_id for claim in claims}, now)

    def keep(self, claims: Sequence[LaneClaim], lease: float) -> None:
        """Let the leases of lanes that are still ours run on."""
        held = self._lanes.held({claim.link_id: claim.epoch for claim in claims}, live=False)
        self._lanes.prolong(held, lease)

    def fence(self, link_id: str, now: datetime) -> None:
        """Take a lane from whoever holds it, for its remote ticket is another one now."""
        merging.fence(self._connection, link_id)
        self._lanes.schedule([link_id], now)

    def join(self, gone: str, survivor: str, now: datetime) -> tuple[int, int]:
        """Let what was still to be said in one lane be said in another; return how many moved and were dropped."""
        why = self._rows.seal_detail(merging.DROPPED)
        return merging.join(self._connection, self._lanes, gone, survivor, now, why)

    def has_due(self, now: datetime, connections: Collection[str]) -> bool:
        """Say whether any lane of these connections has a due head and no live lease."""
        return self._lanes.has_due(now, connections)

    def next_due(self) -> datetime | None:
        """Return the time at which the next lane falls due, or None."""
        return self._lanes.next_due()

    def schedule(self, link_ids: Collection[str], now: datetime) -> None:
        """Derive again when lanes fall due (after a person resolved a dead letter)."""
        self._lanes.schedule(link_ids, now)

    # ------------------------------------------------------------ write

    def intend(self, starts: Sequence[AttemptStart], *, lease: float, now: datetime) -> frozenset[str]:
        """Commit the intent to write; return the attempt ids that may be sent (lease held, payload unchanged)."""
        held = self._lanes.held({start.link_id: start.epoch for start in starts}, live=True)
        lawful: list[AttemptStart] = []
        for start in starts:
            if start.link_id not in held:
                continue
            values = {
                "the_id": start.update_id,
                "the_payload": start.payload_version,
                "the_states": [state.value for state in start.expect],
                "the_now": now,
            }
            if self._connection.execute(statements.INTEND, values).rowcount == 1:
                lawful.append(start)
        if not lawful:
            return frozenset()
        self._connection.execute(insert(attempts), [self._attempt(start) for start in lawful])
        expected = [echo_row(start, entry) for start in lawful for entry in start.echoes]
        if expected:
            self._connection.execute(insert(echoes), expected)
        self._lanes.prolong([start.link_id for start in lawful], lease)
        return frozenset(start.id for start in lawful)

    def _attempt(self, start: AttemptStart) -> dict[str, Any]:
        return {
            "id": start.id,
            "day": day_of(start.started_at),
            "update_id": start.update_id,
            "number": start.number,
            "epoch": start.epoch,
            "payload_version": start.payload_version,
            "started_at": start.started_at,
            "deadline": start.deadline,
            "request_sealed": self._sealer.seal(_REQUEST, start.request),
            "trace_id": start.trace_id,
        }

    def record(self, ends: Sequence[AttemptEnd], *, lease: float, now: datetime) -> frozenset[str]:
        """Record outcomes, fenced by the epoch; return the link ids whose epoch still was ours."""
        held = self._lanes.held({end.link_id: end.epoch for end in ends}, live=False)
        mine = [end for end in ends if end.link_id in held]
        self._note_lost([end for end in ends if end.link_id not in held], now)
        if not mine:
            return frozenset()
        self._connection.execute(statements.RECORD_UPDATE, [self._end(end) for end in mine])
        tried = [self._tried(end) for end in mine if end.attempt_id]
        if tried:
            self._connection.execute(statements.RECORD_ATTEMPT, tried)
        self._looks.expect({end.update_id: end.look_at for end in mine if end.look_at is not None})
        links = SqlLinks(self._connection, self._sealer)
        stored = links.many([end.link_id for end in mine if end.link is not None])
        for end in mine:
            if end.link is not None:
                links.save(patched(stored[end.link_id], end.link))
            said = [] if end.comment is None else [end.comment]
            for remote_id, ours in (*said, *((MARK + remote_id, file_id) for remote_id, file_id in end.files)):
                known = {"link_id": end.link_id, "remote_id": remote_id, "comment_id": ours}
                self._connection.execute(self._insert(comment_links).values(**known).on_conflict_do_nothing())
            if end.comment is not None:
                # the remote comment is known by its id now: nothing of it needs to be guessed any more
                self._connection.execute(
                    delete(echoes).where(
                        echoes.c.update_id == end.update_id, echoes.c.subject.in_(["comment", "marker"])
                    )
                )
        withdrawn = [end.update_id for end in mine if end.drop_echoes]
        if withdrawn:
            self._connection.execute(delete(echoes).where(echoes.c.update_id.in_(withdrawn)))
        for end in mine:
            if end.spared:
                never = and_(
                    echoes.c.update_id == end.update_id, echoes.c.side_effect, echoes.c.subject.in_(end.spared)
                )
                self._connection.execute(delete(echoes).where(never))
        landed = [
            {
                "the_update": end.update_id,
                "the_version": end.echo_version,
                "the_since": end.echo_since,
                "the_changes": list(end.echo_change_ids),
                "the_landing": end.landed_at,
            }
            for end in mine
            if end.landed_at is not None or end.echo_version or end.echo_change_ids
        ]
        if landed:
            self._connection.execute(statements.RECORD_ECHO, landed)
        holds = {end.link_id: end.hold_until for end in mine if end.hold_until is not None}
        self._lanes.schedule([end.link_id for end in mine], now, holds)
        self._lanes.prolong([end.link_id for end in mine], lease)
        return frozenset(end.link_id for end in mine)

    def _note_lost(self, ends: Sequence[AttemptEnd], now: datetime) -> None:
        """Keep what a sender says whose lane another holds by now: the lane is lost, but its write has left.

        No witness of a double is better: it is looked for at once.
        """
        tried = [self._tried(end) for end in ends if end.attempt_id]
        if tried:
            self._connection.execute(statements.NOTE_ATTEMPT, tried)
        left = [end for end in ends if end.attempt_id and end.outcome not in WITHOUT_EFFECT]
        self._looks.at_once({end.update_id: end.connection for end in left}, now)

    def _end(self, end: AttemptEnd) -> dict[str, Any]:
        given_up = end.state in GIVEN_UP
        why = causes(end.state, end.reason, end.detail, end.status, end.outcome)
        return {
            "the_id": end.update_id,
            "the_state": end.state.value,
            "the_standing": end.state in OPEN_STATES and (end.blocks or not given_up),
            "the_cost": 1 if end.counts else 0,
            "the_probes": 1 if end.probed else 0,
            "the_not_before": end.not_before,
            "the_settle": end.settle_until,
            "the_reason": end.reason.value if end.reason else None,
            "the_detail": self._rows.seal_detail(end.detail[:2000]),
            "the_class": why["error_class"],
            "the_cause": why["cause_key"],
            "the_steps": end.steps,
            "the_done_at": end.at if end.state not in OPEN_STATES or given_up else None,
        }

    def _tried(self, end: AttemptEnd) -> dict[str, Any]:
        return {
            "the_id": end.attempt_id,
            "the_end": end.at,
            "the_status": end.status,
            "the_outcome": end.outcome,
            "the_detail": self._rows.seal_detail(end.detail[:2000]),
            "the_answer": self._sealer.seal(_ANSWER, end.answer.encode()) if end.answer else None,
        }

    def sent_since(self, this: UpdateRow, since: datetime, most: int) -> Sequence[datetime]:
        """Return when others of its kind left for the same ticket there, or may have: the newest ones."""
        kind = (updates.c.ticket_id == this.ticket_id, updates.c.connection == this.connection)
        left = (updates.c.operation == this.operation.value, updates.c.first_sent_at > since, updates.c.state != "dead")
        asked = select(updates.c.first_sent_at).where(*kind, *left, updates.c.id != this.id)
        return self._connection.execute(asked.order_by(updates.c.first_sent_at.desc()).limit(most)).scalars().all()

    def confirm_by_marker(self, effect_key: str, now: datetime) -> str | None:
        """Note that a given-up update has landed, since its marker was seen; return its id, None when it is no such."""
        found = self._connection.execute(
            update(updates)
            .where(
                updates.c.id.in_(select(effect_keys.c.update_id).where(effect_keys.c.effect_key == effect_key)),
                updates.c.state.in_([UpdateState.DEAD.value, UpdateState.AMBIGUOUS.value]),
                updates.c.resolution.is_(None),
            )
            .values(state=UpdateState.OBSERVED.value, standing=False, resolution="confirmed", done_at=now)
            .returning(updates.c.id, updates.c.link_id)
        ).first()
        if found is None:
            return None
        self._looks.expect({found.id: now})
        self._lanes.schedule([found.link_id], now)
        return str(found.id)
