"""The statements of the outbox, each made once: building them for each use took more than half of a transaction."""

from __future__ import annotations

from sqlalchemy import bindparam, func, insert, select, text, update

from gateway.domain.update import Operation, UpdateState
from gateway.store.columns import Instant, per_dialect
from gateway.store.tables import FLYING, SETTING, attempts, echoes, effect_keys, updates

RECORD_UPDATE = (
    update(updates)
    .where(updates.c.id == bindparam("the_id"))
    .values(
        state=bindparam("the_state"),
        standing=bindparam("the_standing"),
        attempts=updates.c.attempts + bindparam("the_cost"),
        probes=updates.c.probes + bindparam("the_probes"),
        not_before=bindparam("the_not_before"),
        settle_until=func.coalesce(bindparam("the_settle", type_=updates.c.settle_until.type), updates.c.settle_until),
        reason=bindparam("the_reason"),
        detail_sealed=bindparam("the_detail"),
        error_class=bindparam("the_class"),
        cause_key=bindparam("the_cause"),
        steps=func.coalesce(bindparam("the_steps", type_=updates.c.steps.type), updates.c.steps),
        done_at=bindparam("the_done_at"),
    )
)
RECORD_ATTEMPT = (
    update(attempts)
    .where(attempts.c.id == bindparam("the_id"))
    .values(
        ended_at=bindparam("the_end"),
        status=bindparam("the_status"),
        outcome=bindparam("the_outcome"),
        detail_sealed=bindparam("the_detail"),
        answer_sealed=bindparam("the_answer"),
    )
)
#: by a sender whose lane is another's by now: the attempt is still its own
NOTE_ATTEMPT = RECORD_ATTEMPT.where(attempts.c.ended_at.is_(None))
RECORD_ECHO = (
    update(echoes)
    .where(echoes.c.update_id == bindparam("the_update"))
    .values(
        version=bindparam("the_version"),
        since=bindparam("the_since"),
        change_ids=bindparam("the_changes"),
        landed_at=bindparam("the_landing"),
    )
)

ADD_KEY = per_dialect(lambda into: into(effect_keys).on_conflict_do_nothing().returning(effect_keys.c.update_id))
ADD = insert(updates)
LAST = (
    select(updates)
    .where(updates.c.link_id == bindparam("the_link"), updates.c.standing)
    .order_by(updates.c.seq.desc())
    .limit(1)
)
IN_FLIGHT = select(updates.c.link_id, updates.c.state).where(
    updates.c.standing,
    updates.c.link_id.in_(bindparam("the_links", expanding=True)),
    text(FLYING),
)
LANDED_SINCE = (
    select(updates.c.id)
    .where(
        updates.c.link_id == bindparam("the_link"),
        updates.c.state.in_([UpdateState.DONE.value, UpdateState.OBSERVED.value, UpdateState.DOUBLED.value]),
        updates.c.done_at > bindparam("the_moment", type_=updates.c.done_at.type),
    )
    .order_by(updates.c.done_at.desc())
    .limit(1)
)
CREATES_IN_FLIGHT = (
    select(updates.c.id)
    .where(
        updates.c.standing,
        updates.c.operation == Operation.CREATE.value,
        updates.c.connection == bindparam("the_connection"),
        updates.c.state.in_([UpdateState.SENDING.value, UpdateState.UNKNOWN.value]),
    )
    .limit(1)
)
PENDING = (
    select(updates.c.intent_sealed)
    .where(
        updates.c.link_id == bindparam("the_link"),
        updates.c.standing,
        text(SETTING),
    )
    .order_by(updates.c.seq)
)
INTEND = (
    update(updates)
    .where(
        updates.c.id == bindparam("the_id"),
        updates.c.payload_version == bindparam("the_payload"),
        updates.c.state.in_(bindparam("the_states", expanding=True)),
    )
    .values(
        state=UpdateState.SENDING.value,
        first_sent_at=func.coalesce(updates.c.first_sent_at, bindparam("the_now", type_=Instant())),
    )
)
