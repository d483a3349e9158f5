"""What stands at the head of a lane leaves with its files: it waits for those that come, and for no others."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.update import Operation, UpdateState
from gateway.flow.files.carrying import LOOK, are_coming, filled, is_void, wanted_by
from gateway.ports import AttemptEnd, LaneClaim, Tx, UpdateRow
from gateway.ports.filing import MARK


def with_its_files(tx: Tx, claim: LaneClaim, update: UpdateRow, lease: float, now: datetime) -> UpdateRow | None:
    """Return an update that can leave; None: it waits for a file, or has nothing left to do, and that is recorded."""
    wanted = wanted_by(update.intent)
    if not wanted:
        return update
    rows = tx.files.many(wanted)
    if update.state is UpdateState.READY and are_coming(tx, rows, update, now):
        waits = AttemptEnd(
            update.id, claim.link_id, claim.connection, claim.epoch, update.state, now, not_before=now + LOOK
        )
        tx.outbox.record([waits], lease=lease, now=now)
        return None
    intent = filled(update.intent, rows)
    if is_void(intent):
        over = AttemptEnd(update.id, claim.link_id, claim.connection, claim.epoch, UpdateState.SUPERSEDED, now)
        tx.outbox.record([msgspec.structs.replace(over, detail="its file did not come")], lease=lease, now=now)
        return None
    return msgspec.structs.replace(update, intent=intent)


def known_files(tx: Tx, update: UpdateRow) -> frozenset[str]:
    """Return the remote ids of the files that are known at an update's desk, where it puts one there."""
    if update.operation is not Operation.ATTACH:
        return frozenset()
    known = tx.tickets.known_comments(update.link_id)
    return frozenset(each.removeprefix(MARK) for each in known if each.startswith(MARK))
