"""A ticket is split: one of its comments becomes a ticket of its own, and is gone where it was said or stays there."""

from __future__ import annotations

import pytest

from connectors.freshdesk.bench import FreshdeskBench
from connectors.zammad.bench import ZammadBench
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts


@pytest.mark.parametrize("moved", [True, False])
def test_what_is_split_off_has_a_copy_of_its_own(store: SqlStore, *, moved: bool) -> None:
    """Freshdesk moves what was said, Zammad leaves it: the other desk keeps what it was told, once, and has both."""
    with Pair(store, FreshdeskBench if moved else ZammadBench, ZendeskBench) as pair:
        ticket, copy = pair.opened("Two things", "The printer burns")
        bench = pair.benches[SOURCE]
        bench.say(ticket, "And the door is shut", public=True)
        pair.settle_all()
        if isinstance(bench, FreshdeskBench):
            bench.desk.records.conversations[int(ticket)].clear()
        other = bench.open_ticket("The door", "And the door is shut")
        bench.say(ticket, "One thing at a time", public=True)
        pair.settle_all()
        pair.poll()
        pair.settle_all()
        apart = pair.copy(other)
        assert apart != copy
        assert texts(pair.shown(TARGET, copy)) == ["And the door is shut", "One thing at a time"]
        assert (pair.shown(TARGET, apart).title, texts(pair.shown(TARGET, apart))) == ("The door", [])
        assert pair.letters() == []
        assert len(pair.benches[TARGET].desk.effects.all(kind="create")) == 2
