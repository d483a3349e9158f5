"""What dead letters want, or what came, a page of them at a time: as many queries for a page as for one letter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from dead_letters.model import DeadLetter
from gateway.domain.update import Intent
from gateway.store.inbox import BODY
from gateway.store.rows import UpdateRows
from gateway.store.sealing import Sealer
from gateway.store.tables import attempts, deliveries, updates


class AttemptLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt at an update, its request redacted of credentials when it was stored."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    status: int
    outcome: str
    detail: str
    request: str
    answer: str


class Content(msgspec.Struct, frozen=True):
    """What is behind one line of the list: of an update what it wants, of a delivery what came."""

    version: int = 0
    intent: Intent | None = None
    #: what was asked for before a person edited it
    original: Intent | None = None
    body: bytes = b""


def contents(connection: Connection, sealer: Sealer, lines: Sequence[DeadLetter]) -> Mapping[str, Content]:
    """Return what is behind some lines, by their ids; what is not there any more is left out."""
    rows = UpdateRows(sealer)
    mine = {what: [each.id for each in lines if each.what == what] for what in ("update", "delivery")}
    found: dict[str, Content] = {}
    if mine["update"]:
        wanted = (updates.c.id, updates.c.operation, updates.c.payload_version, updates.c.intent_sealed)
        asked = select(*wanted, updates.c.original_sealed).where(updates.c.id.in_(mine["update"]))
        for row in connection.execute(asked).mappings():
            first = row["original_sealed"]
            original = None if first is None else rows.open_sealed(first)
            found[row["id"]] = Content(row["payload_version"], rows.open_intent(row), original)
    if mine["delivery"]:
        came = select(deliveries.c.id, deliveries.c.body_sealed).where(deliveries.c.id.in_(mine["delivery"]))
        for each in connection.execute(came):
            sealed = each.body_sealed
            found[each.id] = Content(body=b"" if sealed is None else sealer.open(BODY, sealed))
    return found


def tried(connection: Connection, sealer: Sealer, update_ids: Collection[str]) -> Mapping[str, Sequence[AttemptLine]]:
    """Return the attempts at some updates, of each the oldest first."""
    found: dict[str, list[AttemptLine]] = {each: [] for each in update_ids}
    if not found:
        return found
    rows = UpdateRows(sealer)
    asked = (
        select(attempts).where(attempts.c.update_id.in_(list(found))).order_by(attempts.c.started_at, attempts.c.number)
    )
    for row in connection.execute(asked).mappings():
        line = AttemptLine(
            number=row["number"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            status=row["status"] or 0,
            outcome=row["outcome"] or "",
            detail=rows.open_detail(row["detail_sealed"]),
            request=sealer.open_text("request", row["request_sealed"]),
            answer=sealer.open_text("answer", row["answer_sealed"]),
        )
        found[row["update_id"]].append(line)
    return found
