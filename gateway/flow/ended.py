"""What follows when a visit of a lane has ended: what was given up is told, a follow-up takes its ticket's place."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from gateway.domain.update import Reason, UpdateState
from gateway.flow.merge import leave
from gateway.flow.parting import part
from gateway.flow.sight import note_refused
from gateway.ports import AttemptEnd, AuditEntry, Ids, Tx

log = logging.getLogger(__name__)


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
