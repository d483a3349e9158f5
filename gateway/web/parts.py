"""What the web process needs of a gateway, and its limits. `gateway.bootstrap.Gateway` is one; tests make their own."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from gateway.flow.desks import LiveSite
from gateway.ports import Clock, Doorbell, Ids
from gateway.store import SqlStore
from rules import RuleSet

MIB = 1024 * 1024


class RealBell(Protocol):
    """A doorbell that can say whether it works."""

    def depth(self, step: str) -> int | None:
        """Count the waiting rings; None while Redis is away."""
        ...


class Parts(Protocol):
    """The parts that the web process is made of."""

    @property
    def clock(self) -> Clock:
        """Time."""
        ...

    @property
    def ids(self) -> Ids:
        """Identifiers."""
        ...

    @property
    def store(self) -> SqlStore:
        """The database, opened in this process."""
        ...

    @property
    def doorbell(self) -> Doorbell:
        """What wakes the workers."""
        ...

    def rqbell(self) -> RealBell | None:
        """Return the doorbell where there is a real one."""
        ...

    def site(self) -> LiveSite:
        """Return the active release."""
        ...

    def rules_of(self, release: str) -> RuleSet:
        """Return the rules of a release; raises GatewayError when they cannot be asked any more."""
        ...


class WebLimits(msgspec.Struct, frozen=True):
    """Who may see the page, and when deliveries are refused, so that nothing is taken that cannot be kept."""

    #: opens the page and the read API; empty: nobody can
    token: str = ""
    #: where a demo may be broken on purpose: its page links there; empty: nowhere
    break_page: str = ""
    #: bytes of one delivery
    max_body: int = 5 * MIB
    #: deliveries that wait to be applied
    max_pending: int = 100_000
    #: bytes left where the database is
    min_free: int = 200 * MIB
    #: whose file system is watched; None: not watched (a database elsewhere)
    data: Path | None = None
