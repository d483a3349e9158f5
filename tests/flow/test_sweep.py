"""The sweep clears away what has lived its time, between its rings."""

from __future__ import annotations

from typing import Any

from gateway.flow.desks import LiveSite
from gateway.flow.sweep import Sweeper
from gateway.ports import AuditEntry
from gateway.store import SqlStore
from rules.decide import RuleSet


class Deaf:
    """A doorbell without a house."""

    def ring(self, step: str) -> None:
        """Do nothing."""


def swept(store: SqlStore, **more: Any) -> Sweeper:
    """Return the sweep of a site without desks."""
    site = LiveSite(release="test", rules=RuleSet(), connectors={})
    return Sweeper(store=store, site=lambda: site, doorbell=Deaf(), clock=store.clock, holder="me", **more)


def test_one_sweep_seals_what_a_busy_second_has_written(store: SqlStore) -> None:
    """Sealing keeps up with more than a transaction of entries a second."""
    entries = [AuditEntry(store.clock.now(), "rules", "decided", str(number)) for number in range(450)]
    store.write(lambda tx: tx.audit.add(entries))
    swept(store).sweep()
    with store.read() as tx:
        assert not tx.audit.unsealed()
        assert tx.audit.verify() is None


def test_clearing_goes_on_at_the_next_sweep_while_there_is_more(store: SqlStore) -> None:
    """A pile is cleared by every sweep until it is gone; then there is a minute's rest."""
    visits: list[int] = []

    def prune() -> tuple[int, bool]:
        visits.append(1)
        return 200, len(visits) < 3

    sweeper = swept(store, prune=prune)
    for _ in range(5):
        sweeper.sweep()
    assert len(visits) == 3
