"""Named leases in SQL, judged by the clock of leasing.py and fenced by their epoch."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.store.leasing import LeaseClock
from gateway.store.tables import leases
from gateway.system import has_ended


class SqlLeases:
    """Implements ports.Leases."""

    def __init__(self, connection: Connection, clock: LeaseClock) -> None:
        self._connection = connection
        self._clock = clock

    def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep a lease; return its epoch, or None while another holds it.

        What a process of this machine held that has been killed is free at once.
        """
        insert = pg_insert if self._connection.dialect.name == "postgresql" else sqlite_insert
        self._connection.execute(
            insert(leases).values(name=name, epoch=0, holder="", lease_until=None).on_conflict_do_nothing()
        )
        now = self._clock.now(self._connection)
        free = or_(
            leases.c.lease_until.is_(None),
            leases.c.lease_until < now,
            leases.c.lease_boot != self._clock.boot,
            leases.c.holder == holder,
        )
        if not self._take(name, holder, now + seconds, free):
            former = str(self._connection.execute(select(leases.c.holder).where(leases.c.name == name)).scalar_one())
            if not has_ended(former) or not self._take(name, holder, now + seconds, leases.c.holder == former):
                return None
        return int(self._connection.execute(select(leases.c.epoch).where(leases.c.name == name)).scalar_one())

    def _take(self, name: str, holder: str, until: float, free: ColumnElement[bool]) -> bool:
        taken = self._connection.execute(
            update(leases)
            .where(leases.c.name == name, free)
            .values(epoch=leases.c.epoch + 1, holder=holder, lease_until=until, lease_boot=self._clock.boot)
        )
        return taken.rowcount == 1

    def renew(self, name: str, epoch: int, seconds: float) -> bool:
        """Prolong a lease; False when it was lost."""
        now = self._clock.now(self._connection)
        kept = self._connection.execute(
            update(leases).where(leases.c.name == name, leases.c.epoch == epoch).values(lease_until=now + seconds)
        )
        return kept.rowcount == 1

    def release(self, name: str, epoch: int) -> None:
        """Give a lease back."""
        self._connection.execute(
            update(leases).where(leases.c.name == name, leases.c.epoch == epoch).values(lease_until=None)
        )
