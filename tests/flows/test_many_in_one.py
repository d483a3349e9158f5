"""One delivery tells of several tickets: what is wrong with one of them is no matter of the others."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.link import Link, LinkState, Observed, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Intent
from gateway.errors import UnreadableError
from gateway.flow.apply import Applier
from gateway.flow.desks import LiveSite
from gateway.ports import Call, ConnectionSettings, NewDelivery, RawDelivery
from gateway.ports.hiding import Hidden
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.system import SystemIds
from rules.decide import RuleSet
from tests.clocks import MovedClock
from tests.flows.world import Silent

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DESK = "desk"


class Desk:
    """A desk that tells of tickets and shows them; `dark` are out of our sight, `away` cannot be read just now."""

    def __init__(self, at: datetime, *told: str) -> None:
        self.at, self.told = at, told
        self.dark: set[str] = set()
        self.away: set[str] = set()
        self.settings = ConnectionSettings(DESK, "fake", "http://desk.example", {})
        self.spec = SimpleNamespace(
            name="fake",
            reads=True,
            needs_address=False,
            effects_stay=False,
            moves_anew=False,
            due_kinds=frozenset(),
        )

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Say that something happened to each."""
        key = delivery.source_event_id
        return tuple(Event(EventKind.OBSERVED, each, f"{key}:{each}", self.at, needs_read=True) for each in self.told)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Show a ticket."""
        yield from ()
        if remote_id in self.away:
            raise UnreadableError("half an answer")
        if remote_id in self.dark:
            return None
        return RemoteTicket(remote_id, self.at, version=2, title=f"New {remote_id}", complete=True)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Read back nothing."""
        del intent
        return {}

    def whoami(self) -> Call[Any]:
        """Know us."""
        yield from ()
        return None


@pytest.mark.parametrize("order", [("1", "2", "3"), ("3", "2", "1")])
@pytest.mark.parametrize("is_known", [True, False])
def test_what_cannot_be_read_now_is_read_later(store: SqlStore, order: tuple[str, ...], *, is_known: bool) -> None:
    """Beside two that are out of sight: these are told once each, and the one that was away comes when it is back."""
    clock = MovedClock()
    now = clock.now()
    desk = Desk(now, *order)
    site = LiveSite("r", RuleSet(), cast("Any", {DESK: desk}))
    applier = Applier(
        store=store, site=site, transport=cast("Any", None), doorbell=Silent(), clock=clock, ids=SystemIds(clock)
    )

    def begin(tx: SqlTx) -> None:
        for each in order:
            tx.tickets.save(Ticket(f"t{each}", DESK, created_at=now, updated_at=now, title="Old"))
            seen = {"title": Observed("Old", now - timedelta(hours=1), 1)}
            link = Link(f"l{each}", f"t{each}", DESK, LinkState.LIVE, Role.SOURCE, each, version=1, observed=seen)
            tx.links.add(link, now)
        if is_known:
            tx.hidden.keep(Hidden(DESK, "1", "l1", now))
            tx.hidden.keep(Hidden(DESK, "2", "l2", now))
        tx.inbox.add([NewDelivery("d", DESK, "batch", "", now, {}, b"{}", "t" * 32)])

    store.write(begin)
    desk.dark, desk.away = {"1", "2"}, {"3"}
    for number in range(60):
        applier.drain(holder="t", seconds=5)
        clock.ahead += timedelta(seconds=70)
        if number == 2:
            desk.away = set()
    with store.read() as tx:
        titles = {each: ticket.title for each in order if (ticket := tx.tickets.get(f"t{each}")) is not None}
        hidden = tx.hidden.among({(DESK, each) for each in order})
        assert tx.inbox.pending() == 0
    assert titles == {"1": "Old", "2": "Old", "3": "New 3"}
    assert hidden == {(DESK, "1"), (DESK, "2")}
