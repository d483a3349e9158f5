"""What follows when a visit of a lane has ended: what was given up is told, a follow-up takes its ticket's place."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from gateway.domain.update import Reason, UpdateState
from gateway.errors import ClashError, RefusedValueError
from gateway.flow.merge import leave
from gateway.flow.outcome import unkept
from gateway.flow.parting import part
from gateway.flow.sight import note_refused
from gateway.ports import AttemptEnd, AuditEntry, Ids, Tx

log = logging.getLogger(__name__)


def recorded_one_by_one(
    tx: Tx, ends: list[AttemptEnd], lease: float, now: datetime
) -> tuple[list[AttemptEnd], frozenset[str]]:
    """Record each end apart; one that the database refuses is recorded without what the desk said."""
    recorded: list[AttemptEnd] = []
    held: frozenset[str] = frozenset()
    for each in ends:
        end = each
        try:
            with tx.savepoint():
                mine = tx.outbox.record([end], lease=lease, now=now)
        except (RefusedValueError, ClashError) as error:
            log.warning("what a desk said cannot be kept", extra={"update": end.update_id, "why": str(error)})
            end = unkept(end, str(error))
            mine = tx.outbox.record([end], lease=lease, now=now)
        recorded.append(end)
        held |= mine
    return recorded, held


def note_end(tx: Tx, end: AttemptEnd, ids: Ids, now: datetime) -> None:
    """Say in the log and in the trail what became of an update beyond its own record."""
    if end.parted is not None:
        part(tx, end, end.parted, ids, now)
    elif end.left:
        _moved_on(tx, end, ids, now)
    elif end.state is UpdateState.SUPERSEDED:
        _not_set(tx, end, now)
    elif end.state in {UpdateState.DEAD, UpdateState.AMBIGUOUS}:
        given_up = {"update": end.update_id, "connection": end.connection, "reason": end.reason}
        log.warning("update given up", extra=given_up)
        if end.reason is Reason.HIDDEN:
            note_refused(tx, end, now)


def _moved_on(tx: Tx, end: AttemptEnd, ids: Ids, now: datetime) -> None:
    """Let the number of a ticket that is closed for good still lead to the one that follows it."""
    link = tx.links.get(end.link_id)
    if link is None or (end.connection, end.left) in tx.links.by_remote([(end.connection, end.left)]):
        return
    leave(tx, msgspec.structs.replace(link, remote_id=end.left), ids, now)
    detail = {"at": end.connection, "closed": end.left, "remote": link.remote_id}
    tx.audit.add([AuditEntry(now, "gateway", "follow-up", link.ticket_id, detail)])


def _not_set(tx: Tx, end: AttemptEnd, now: datetime) -> None:
    update = tx.outbox.get(end.update_id)
    if update is not None:
        detail = {"at": end.connection, "what": update.summary, "why": "the ticket is closed there for good"}
        tx.audit.add([AuditEntry(now, "gateway", "not written", update.ticket_id, detail)])
