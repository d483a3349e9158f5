"""A desk that tells no time of a change: a person who takes back what we wrote, between two polls, is heard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.generic.bench import SECRET, GenericBench
from connectors.generic.simulator import HomeDesk
from connectors.sdk import Category, Level
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair


class _Timeless(HomeDesk):
    """Shows a ticket as it is, and neither when it changed nor how often."""

    def _shown(self, ticket: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in super()._shown(ticket).items() if name not in {"rev", "changed"}}


class _TimelessBench(GenericBench):
    """Connects it by polls alone."""

    def __init__(self) -> None:
        self.desk = _Timeless(webhook_secret=SECRET)

    def options(self) -> dict[str, Any]:
        """Return what an admin writes for such a desk."""
        found = super().options()
        del found["incoming"], found["webhook_secret"], found["ticket"]["version"], found["calls"]["changes"]["query"]
        found["ticket"]["updated"] = "header:Date"
        found["times"] = {"format": ["iso", "%a, %d %b %Y %H:%M:%S GMT"]}
        found["calls"]["changes"] |= {"compare": True}
        return found


@pytest.fixture
def pair(store: SqlStore) -> Iterator[Pair]:
    """Let tickets of a Zendesk live there too."""
    made = Pair(store, ZendeskBench, _TimelessBench)
    made.reconciler().poll(TARGET, holder="test")
    yield made
    made.close()


def poll(pair: Pair) -> int:
    """Ask it once, half a minute later; return how many tickets it was said to be worth a read."""
    pair.pass_time(timedelta(seconds=30))
    found = pair.reconciler().poll(TARGET, holder="test")
    pair.settle_all()
    return found


def test_what_a_person_takes_back_between_two_polls_is_heard(pair: Pair) -> None:
    """It stands at the desk as the last poll showed it, and nowhere else."""
    source, target = (pair.benches[name] for name in (SOURCE, TARGET))
    ticket, copy = pair.opened("Printer", "On fire")
    source.set_priority(ticket, Level.P3)
    source.set_status(ticket, Category.OPEN)
    pair.settle_all()
    poll(pair)
    poll(pair)
    before = target.shown(copy)
    source.set_status(ticket, Category.ON_HOLD)
    pair.settle_all()
    assert target.shown(copy).status == "parked"
    pair.pass_time(timedelta(seconds=5))
    target.set_status(copy, Category.OPEN)
    assert target.shown(copy) == before
    poll(pair)
    assert target.shown(copy).status == "open"
    assert source.shown(ticket).status == "open"
    assert pair.ticket(ticket).status.category is Category.OPEN


def test_what_nobody_takes_back_is_read_once(pair: Pair) -> None:
    """The round after our write costs a read of the ticket; those that follow cost none."""
    ticket, _ = pair.opened("Printer", "On fire")
    poll(pair)
    poll(pair)
    pair.benches[SOURCE].set_status(ticket, Category.ON_HOLD)
    pair.settle_all()
    assert [poll(pair) for _ in range(3)] == [1, 0, 0]
