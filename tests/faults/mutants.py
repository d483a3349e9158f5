"""The gateway with one safeguard taken out: a suite that does not notice proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from gateway.domain.link import Link
from gateway.domain.update import Strategy, UpdateState
from gateway.flow.attempt import Task
from gateway.flow.deliver import Deliverer
from gateway.ports import DeskState, LaneClaim, UpdateRow
from gateway.store import SqlStore
from gateway.store.lanes import Lanes
from gateway.store.unit import SqlTx
from tests.faults.case import Kit

R = TypeVar("R")


class BlindDeliverer(Deliverer):
    """Sends again whatever has no recorded outcome, without asking what became of it."""

    def _task(self, tx: Any, claim: LaneClaim, update: UpdateRow, link: Link, desk: DeskState) -> Task:
        task = super()._task(tx, claim, update, link, desk)
        blind = msgspec.structs.replace(task.strategy, strategy=Strategy.NATURAL, probe=False)
        return msgspec.structs.replace(task, strategy=blind)


class HastyDeliverer(Deliverer):
    """Looks for the write of a dead worker as soon as its lease is over."""

    def _ready(
        self, tx: Any, claim: LaneClaim, head: UpdateRow | None, desk: DeskState, now: datetime
    ) -> UpdateRow | None:
        if head is not None and head.state is UpdateState.SENDING:
            return head
        return super()._ready(tx, claim, head, desk, now)


class _UnfencedLanes(Lanes):
    """Believes whoever says that a lane is his."""

    def held(self, epochs: Mapping[str, int], *, live: bool) -> frozenset[str]:
        return frozenset(epochs)


class _HoldlessLanes(Lanes):
    """Lets the next update go while an earlier one may still land."""

    def schedule(self, link_ids: Collection[str], now: datetime, holds: Mapping[str, datetime] | None = None) -> None:
        super().schedule(link_ids, now)


class _LaneTx(SqlTx):
    """A transaction with other lanes."""

    kind: type[Lanes] = Lanes

    @cached_property
    def _lanes(self) -> Lanes:
        return self.kind(self.connection, self._store.lease_clock)


class _UnfencedTx(_LaneTx):
    kind = _UnfencedLanes


class _HoldlessTx(_LaneTx):
    kind = _HoldlessLanes


class _LaneStore(SqlStore):
    """A store whose transactions have other lanes."""

    tx: type[_LaneTx] = _LaneTx

    @contextmanager
    def read(self) -> Iterator[SqlTx]:
        with super().read() as tx:
            yield self.tx(self, tx.connection, tx.sealer)

    def write(self, work: Callable[[SqlTx], R]) -> R:
        return super().write(lambda tx: work(self.tx(self, tx.connection, tx.sealer)))


class UnfencedStore(_LaneStore):
    """Records outcomes of lanes that others hold by now."""

    tx = _UnfencedTx


class HoldlessStore(_LaneStore):
    """Forgets the hold after an unknown attempt."""

    tx = _HoldlessTx


MUTANTS = {
    "blind resend": Kit(deliverer=BlindDeliverer),
    "no sweep": Kit(sweeps=False),
    "no fence": Kit(store=UnfencedStore),
    "no hold": Kit(store=HoldlessStore),
    "no look": Kit(looks=False),
    "no wait": Kit(deliverer=HastyDeliverer),
}
