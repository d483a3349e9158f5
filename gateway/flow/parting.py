"""A desk refuses some fields of an update: they are left to a person, and the others go without them.

A field that was taken away there, an agent who has left, a word that no list has any more: none of it is a reason to
keep a status or a priority back. The update goes on narrower, under its own effect key; what was refused becomes a
dead letter that holds nothing up (docs/edges.md).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway import crashpoint
from gateway.domain.ids import effect_key
from gateway.domain.update import Absent, Done, Found, Intent, Operation, Reason, Rejected, UpdateState
from gateway.flow.attempt import Ended
from gateway.ports import AttemptEnd, AuditEntry, Ids, NewUpdate, Parted, Tx


def refused_fields(ended: Ended, outcome: Rejected) -> tuple[str, ...]:
    """Return the fields without which the rest of an update can go; none where it cannot.

    Only fields of a ticket that is there: a create without a part of it would be another ticket than the rule wants.
    """
    update = ended.task.update
    if update.operation is not Operation.SET_FIELDS or isinstance(ended.looked_back, Found):
        return ()
    if outcome.reason not in {Reason.REJECTED, Reason.UNMAPPED}:
        return ()
    return _some(update.intent, outcome.fields)


def left_out(ended: Ended, outcome: Done) -> tuple[str, ...]:
    """Return the fields that a desk refused while it set the others; none where it set all that is ours to set."""
    update = ended.task.update
    return _some(update.intent, outcome.left_out) if update.operation is Operation.SET_FIELDS else ()


def _some(intent: Intent, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return those fields of an intent, in its order; none where all of them are named."""
    found = tuple(field for field in intent.fields if field in named)
    return found if len(found) < len(intent.fields) else ()


def is_without_effect(ended: Ended, now: datetime) -> bool:
    """Say whether nothing of a refused update has landed, nor will: of an earlier attempt a refusal says nothing.

    Strategies that look before they send have looked; where it was looked for afterwards, it must be too late to come.
    """
    if isinstance(ended.looked_back, Absent):
        settle = ended.task.update.settle_until
        return settle is None or settle <= now
    return ended.looked_back is None


def part(tx: Tx, end: AttemptEnd, parted: Parted, ids: Ids, now: datetime) -> None:
    """Narrow an update to what was not refused, and leave the rest to a person: one letter, in the transaction."""
    update = tx.outbox.get(end.update_id)
    if update is None or update.payload_version != parted.payload_version:
        return  # it wants something else by now, which is tried as it stands
    rest, refused = split(update.intent, frozenset(parted.fields))
    if not refused.fields or not rest.fields or not tx.outbox.narrow(update, rest):
        return
    names = ", ".join(refused.fields)
    doubt = "; an earlier attempt may have set it, which does no harm" if parted.doubtful else ""
    letter = NewUpdate(
        id=ids.new(),
        link_id=update.link_id,
        ticket_id=update.ticket_id,
        connection=update.connection,
        operation=update.operation,
        effect_key=effect_key(update.link_id, update.effect_key, update.operation.value, f"refused {ids.new()}"),
        intent=refused,
        summary=f"set {names}",
        delivery_id=update.delivery_id,
        event_key=update.event_key,
        rule=update.rule,
        release=update.release,
        trace_id=update.trace_id,
        created_at=now,
        state=UpdateState.DEAD,
        reason=parted.reason,
        detail=(
            f"{update.connection} refuses {names}, and {', '.join(rest.fields)} went on without: {end.detail}{doubt}. "
            f"Mend it there or in the map of the rule, then replay; or discard this"
        )[:2000],
        blocks=False,
    )
    tx.outbox.add(letter)
    crashpoint.reach("deliver.parting")
    detail = {"at": update.connection, "fields": list(refused.fields), "letter": letter.id}
    tx.audit.add([AuditEntry(now, "gateway", "fields refused", update.ticket_id, detail)])


def split(intent: Intent, names: frozenset[str]) -> tuple[Intent, Intent]:
    """Return an intent without some of its fields, and one with only them."""

    def only(*, refused: bool) -> Intent:
        fields = {name: value for name, value in intent.fields.items() if (name in names) is refused}
        ours = {name: value for name, value in intent.ours.items() if (name in names) is refused}
        return msgspec.structs.replace(intent, fields=fields, ours=ours)

    return only(refused=False), only(refused=True)
