"""Between stored updates and values: the intent, and what was said of it, are encrypted; everything else is plain."""

from __future__ import annotations

from typing import Any

import msgspec

from dead_letters.cause import cause_key, cause_of, error_class
from gateway.domain.echo import EchoEntry
from gateway.domain.update import GIVEN_UP, Intent, Operation, Reason, UpdateState
from gateway.ports import AttemptStart, UpdateRow
from gateway.store.sealing import Sealer

_INTENT = "intent"
DETAIL = "detail"
_decode_intent = msgspec.json.Decoder(Intent)


class UpdateRows:
    """Reads and writes the encrypted parts of update rows."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_intent(self, intent: Intent) -> bytes:
        """Encrypt what an update wants."""
        return self._sealer.seal(_INTENT, msgspec.json.encode(intent))

    def open_intent(self, row: Any) -> Intent:
        """Decrypt what an update wants; only the operation where the body is pruned."""
        sealed = row["intent_sealed"]
        return Intent(operation=Operation(row["operation"])) if sealed is None else self.open_sealed(sealed)

    def open_sealed(self, sealed: bytes) -> Intent:
        """Decrypt an intent."""
        return _decode_intent.decode(self._sealer.open(_INTENT, sealed))

    def seal_detail(self, words: str) -> bytes | None:
        """Encrypt what was said of an update or an attempt."""
        return self._sealer.seal_text(DETAIL, words)

    def open_detail(self, sealed: bytes | None) -> str:
        """Decrypt what was said of an update, an attempt or a delivery."""
        return self._sealer.open_text(DETAIL, sealed)

    def update(self, row: Any) -> UpdateRow:
        """Return a stored update as a value."""
        return UpdateRow(
            id=row["id"],
            link_id=row["link_id"],
            seq=row["seq"],
            ticket_id=row["ticket_id"],
            connection=row["connection"],
            operation=Operation(row["operation"]),
            effect_key=row["effect_key"],
            intent=self.open_intent(row),
            payload_version=row["payload_version"],
            state=UpdateState(row["state"]),
            summary=row["summary"],
            attempts=row["attempts"],
            probes=row["probes"],
            created_at=row["created_at"],
            trace_id=row["trace_id"],
            rule=row["rule"],
            release=row["release"],
            delivery_id=row["delivery_id"],
            event_key=row["event_key"],
            not_before=row["not_before"],
            settle_until=row["settle_until"],
            first_sent_at=row["first_sent_at"],
            reason=Reason(row["reason"]) if row["reason"] else None,
            detail=self.open_detail(row["detail_sealed"]),
            resolution=row["resolution"] or "",
            steps=row["steps"] or {},
            done_at=row["done_at"],
            edited=row["original_sealed"] is not None,
        )


def causes(
    state: UpdateState, reason: Reason | None, detail: str, status: int = 0, outcome: str = ""
) -> dict[str, str | None]:
    """Return what a given-up update is grouped by: the words themselves are encrypted, so the cause is a digest."""
    if state not in GIVEN_UP:
        return {"error_class": None, "cause_key": None}
    why = reason.value if reason else state.value
    kind = error_class(reason=why, detail=detail, status=status, outcome=outcome)
    return {"error_class": kind, "cause_key": cause_key(cause_of(detail, why))}


def echo_row(start: AttemptStart, entry: EchoEntry) -> dict[str, Any]:
    """Return what is stored of one thing that a desk will tell us of our own attempt."""
    return {
        "id": entry.id,
        "link_id": start.link_id,
        "update_id": start.update_id,
        "subject": entry.subject,
        "value_hash": entry.value_hash,
        "sent_at": entry.sent_at,
        "change_ids": list(entry.change_ids),
        "version": entry.version,
        "landed_at": entry.landed_at,
        "side_effect": entry.side_effect,
        "since": entry.since,
    }
