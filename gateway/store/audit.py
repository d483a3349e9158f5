"""The audit trail in SQL, sealed into a hash chain by the sweep.

The chain runs over digests, so that personal data can be redacted later without breaking it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from gateway.domain.ids import digest
from gateway.ports import AuditEntry, Ids
from gateway.store.columns import day_of, per_dialect, to_micros
from gateway.store.sealing import Sealer
from gateway.store.tables import audit, facts

INPUTS = "inputs"
_ADD = insert(audit)
_GENESIS = "0" * 64
#: fact: place and hash of the newest entry that retention took away
_BEGINS = "audit begins"
_SET_BEGINNING = per_dialect(
    lambda into: (
        into(facts)
        .values(name=_BEGINS, value=bindparam("the_value"))
        .on_conflict_do_update(index_elements=[facts.c.name], set_={"value": bindparam("the_value")})
    )
)
_SEAL = (
    update(audit)
    .where(audit.c.id == bindparam("the_id"))
    .values(place=bindparam("the_place"), chain=bindparam("the_chain"))
)


class SqlAudit:
    """Implements ports.Audit."""

    def __init__(self, connection: Connection, sealer: Sealer, ids: Ids) -> None:
        self._connection = connection
        self._sealer = sealer
        self._ids = ids

    def add(self, entries: Sequence[AuditEntry]) -> None:
        """Append."""
        if not entries:
            return
        self._connection.execute(
            _ADD,
            [
                {
                    "id": self._ids.new(),
                    "day": day_of(entry.at),
                    "at": entry.at,
                    "ticket_id": entry.ticket_id,
                    "actor": entry.actor,
                    "action": entry.action,
                    "detail": entry.detail,
                    "inputs_sealed": self._sealer.seal(INPUTS, entry.inputs) if entry.inputs else None,
                    "digest": digest(to_micros(entry.at), entry.ticket_id, entry.actor, entry.action, entry.detail),
                    "trace_id": entry.trace_id,
                }
                for entry in entries
            ],
        )

    def unsealed(self) -> bool:
        """Say whether entries wait to be chained."""
        return self._connection.execute(select(audit.c.id).where(audit.c.place.is_(None)).limit(1)).first() is not None

    def seal(self, limit: int) -> int:
        """Give unsealed entries their place and hash in the chain; return how many."""
        last = self._connection.execute(
            select(audit.c.place, audit.c.chain)
            .where(audit.c.place.is_not(None))
            .order_by(audit.c.place.desc())
            .limit(1)
        ).first()
        place, chain = (int(last.place), str(last.chain)) if last else self._beginning()
        rows = self._connection.execute(
            select(audit.c.id, audit.c.digest).where(audit.c.place.is_(None)).order_by(audit.c.id).limit(limit)
        ).all()
        sealed = []
        for row in rows:
            place += 1
            chain = hashlib.sha256(f"{chain}:{row.digest}".encode()).hexdigest()
            sealed.append({"the_id": row.id, "the_place": place, "the_chain": chain})
        if sealed:
            self._connection.execute(_SEAL, sealed)
        return len(rows)

    def forget(self, place: int) -> int:
        """Take away what stands up to a place, and note where the chain goes on; return how many entries went."""
        last = self._connection.execute(select(audit.c.chain).where(audit.c.place == place)).first()
        if last is None:
            return 0
        value = {"the_value": f"{place} {last.chain}"}
        self._connection.execute(_SET_BEGINNING[self._connection.dialect.name], value)
        return self._connection.execute(delete(audit).where(audit.c.place <= place)).rowcount

    def _beginning(self) -> tuple[int, str]:
        """Return place and hash of what stood before the oldest entry."""
        known = self._connection.execute(select(facts.c.value).where(facts.c.name == _BEGINS)).scalar_one_or_none()
        place, _, chain = (known or f"0 {_GENESIS}").partition(" ")
        return int(place), chain

    def verify(self) -> int | None:
        """Return the first place at which the chain does not hold, or None when it does."""
        begins, chain = self._beginning()
        rows = self._connection.execute(
            select(audit.c.place, audit.c.digest, audit.c.chain)
            .where(audit.c.place.is_not(None))
            .order_by(audit.c.place)
        )
        for expected, row in enumerate(rows, start=begins + 1):
            chain = hashlib.sha256(f"{chain}:{row.digest}".encode()).hexdigest()
            if row.place != expected or row.chain != chain:
                return expected
        return None
