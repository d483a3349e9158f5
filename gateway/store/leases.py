"""Named leases in SQL, judged by the clock of leasing.py and fenced by their epoch."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, or_, select, update

from gateway.store.columns import per_dialect
from gateway.store.leasing import LeaseClock
from gateway.store.tables import leases
from gateway.system import has_ended

_THIS = leases.c.name == bindparam("the_name")
_BEGIN = per_dialect(
    lambda into: (
        into(leases).values(name=bindparam("the_name"), epoch=0, holder="", lease_until=None).on_conflict_do_nothing()
    )
)
_TAKE = (
    update(leases)
    .where(_THIS)
    .values(
        epoch=leases.c.epoch + 1,
        holder=bindparam("the_holder"),
        lease_until=bindparam("the_end"),
        lease_boot=bindparam("the_boot"),
    )
)
_TAKE_FREE = _TAKE.where(
    or_(
        leases.c.lease_until.is_(None),
        leases.c.lease_until < bindparam("the_now"),
        leases.c.lease_boot != bindparam("the_boot"),
        leases.c.holder == bindparam("the_holder"),
    )
)
_TAKE_OVER = _TAKE.where(leases.c.holder == bindparam("the_former"))
_HOLDER = select(leases.c.holder).where(_THIS)
_EPOCH = select(leases.c.epoch).where(_THIS)
_SET_END = (
    update(leases).where(_THIS, leases.c.epoch == bindparam("the_epoch")).values(lease_until=bindparam("the_end"))
)


class SqlLeases:
    """Implements ports.Leases."""

    def __init__(self, connection: Connection, clock: LeaseClock) -> None:
        self._connection = connection
        self._clock = clock

    def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep a lease; return its epoch, or None while another holds it.

        What a process of this machine held that has been killed is free at once.
        """
        its = {"the_name": name}
        self._connection.execute(_BEGIN[self._connection.dialect.name], its)
        now = self._clock.now(self._connection)
        ours = {**its, "the_holder": holder, "the_end": now + seconds, "the_boot": self._clock.boot}
        if self._connection.execute(_TAKE_FREE, {**ours, "the_now": now}).rowcount != 1:
            former = str(self._connection.execute(_HOLDER, its).scalar_one())
            if not has_ended(former):
                return None
            if self._connection.execute(_TAKE_OVER, {**ours, "the_former": former}).rowcount != 1:
                return None
        return int(self._connection.execute(_EPOCH, its).scalar_one())

    def renew(self, name: str, epoch: int, seconds: float) -> bool:
        """Prolong a lease; False when it was lost."""
        now = self._clock.now(self._connection)
        given = {"the_name": name, "the_epoch": epoch, "the_end": now + seconds}
        return self._connection.execute(_SET_END, given).rowcount == 1

    def release(self, name: str, epoch: int) -> None:
        """Give a lease back."""
        self._connection.execute(_SET_END, {"the_name": name, "the_epoch": epoch, "the_end": None})
