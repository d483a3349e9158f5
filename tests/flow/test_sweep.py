"""The sweep clears away what has lived its time, between its rings."""

from __future__ import annotations

from gateway.flow.desks import LiveSite
from gateway.flow.sweep import Sweeper
from gateway.store import SqlStore
from rules.decide import RuleSet


class Deaf:
    """A doorbell without a house."""

    def ring(self, step: str) -> None:
        """Do nothing."""


def test_clearing_goes_on_at_the_next_sweep_while_there_is_more(store: SqlStore) -> None:
    """A pile is cleared by every sweep until it is gone; then there is a minute's rest."""
    visits: list[int] = []

    def prune() -> tuple[int, bool]:
        visits.append(1)
        return 200, len(visits) < 3

    site = LiveSite(release="test", rules=RuleSet(), connectors={})
    sweeper = Sweeper(store=store, site=lambda: site, doorbell=Deaf(), clock=store.clock, holder="me", prune=prune)
    for _ in range(5):
        sweeper.sweep()
    assert len(visits) == 3
