"""A ticket is split: one of its comments becomes a ticket of its own, and is gone where it was said or stays there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.freshdesk.bench import FreshdeskBench
from connectors.testing.bench import Bench
from connectors.zammad.bench import ZammadBench
from connectors.zendesk.bench import ZendeskBench
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

#: Freshdesk moves what was said, Zammad leaves it; there the part bears the mark of a ticket that was ours
KINDS = pytest.mark.parametrize("kind", [FreshdeskBench, ZammadBench], ids=lambda each: each.connector)


@KINDS
def test_what_is_split_off_has_a_copy_of_its_own(store: SqlStore, kind: type[Bench]) -> None:
    """The other desk keeps what it was told, once, and has both."""
    with Pair(store, kind, ZendeskBench) as pair:
        ticket, copy = pair.opened("Two things", "The printer burns")
        bench = pair.benches[SOURCE]
        bench.say(ticket, "And the door is shut", public=True)
        pair.settle_all()
        other = bench.split(ticket)
        bench.say(ticket, "One thing at a time", public=True)
        pair.settle_all()
        pair.poll()
        pair.settle_all()
        apart = pair.copy(other)
        assert apart != copy
        assert texts(pair.shown(TARGET, copy)) == ["And the door is shut", "One thing at a time"]
        assert (pair.shown(TARGET, apart).body, texts(pair.shown(TARGET, apart))) == ("And the door is shut", [])
        assert pair.letters() == []
        assert len(pair.benches[TARGET].desk.effects.all(kind="create")) == 2


@KINDS
def test_a_copy_of_ours_that_is_split_stays_the_copy(store: SqlStore, kind: type[Bench]) -> None:
    """Its part is a ticket of that desk alone: neither taken for the copy, nor counted as a second one."""
    with Pair(store, ZendeskBench, kind) as pair:
        ticket, copy = pair.opened("Two things", "The printer burns")
        bench = pair.benches[TARGET]
        bench.say(copy, "And the door is shut", public=True)
        pair.settle_all()
        part = bench.split(copy)
        pair.settle_all()
        pair.pass_time(timedelta(days=2))
        pair.poll()
        pair.settle_all()
        bench.say(part, "It is open now", public=True)
        pair.benches[SOURCE].say(ticket, "The fire is out", public=True)
        pair.settle_all()
        assert pair.copy(ticket) == copy
        assert texts(pair.shown(TARGET, copy)).count("The fire is out") == 1
        assert texts(pair.shown(TARGET, part)) == ["It is open now"]
        assert texts(pair.shown(SOURCE, ticket)) == ["And the door is shut", "The fire is out"]
        assert pair.letters() == []
        assert bench.desk.effects.doubled() == {}
