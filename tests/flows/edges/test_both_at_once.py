"""The same thing is done to a ticket in both desks before either has heard of the other."""

from __future__ import annotations

import pytest

from connectors.gitlab.bench import GitLabBench
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.sdk import Category
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zendesk.bench import ZendeskBench
from gateway.domain.link import LinkState
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BETWEEN = [(ZendeskBench, ServiceNowBench), (ServiceNowBench, RequestTrackerBench), (GitLabBench, ZendeskBench)]


def quiet(pair: Pair) -> None:
    """See that nothing bounces, nothing is doubled and nobody has to look at anything."""
    assert pair.letters() == []
    for bench in pair.benches.values():
        assert bench.desk.effects.doubled() == {}
    before = [len(bench.desk.effects.all(by_api=True)) for bench in pair.benches.values()]
    pair.poll()
    pair.poll()
    assert [len(bench.desk.effects.all(by_api=True)) for bench in pair.benches.values()] == before


@pytest.mark.parametrize("by", ["webhook", "poll"])
@pytest.mark.parametrize(("source", "target"), BETWEEN, ids=lambda each: each.connector)
def test_reopened_in_both(store: SqlStore, source: type[Bench], target: type[Bench], by: str) -> None:
    """It is open in both, what was said with it arrives once on the other side, and then it is quiet."""
    with Pair(store, source, target) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.benches[SOURCE].set_status(ticket, Category.RESOLVED)
        pair.settle_all()
        pair.poll()
        assert pair.category(TARGET, copy) is Category.RESOLVED
        pair.webhooks_lost = by == "poll"
        pair.benches[SOURCE].set_status(ticket, Category.OPEN)
        pair.benches[TARGET].set_status(copy, Category.OPEN)
        pair.benches[SOURCE].say(ticket, "It burns again", public=True)
        pair.benches[TARGET].say(copy, "We see smoke", public=True)
        for bench in pair.benches.values():
            bench.desk.webhooks.flush(5)
        pair.webhooks_lost = False
        pair.settle_all()
        pair.poll()
        assert pair.ticket(ticket).status.category in {Category.OPEN, Category.NEW}
        assert pair.category(SOURCE, ticket) in {Category.OPEN, Category.NEW}
        assert pair.category(TARGET, copy) in {Category.OPEN, Category.NEW}
        assert texts(pair.shown(TARGET, copy)).count("It burns again") == 1
        assert texts(pair.shown(SOURCE, ticket)).count("We see smoke") == 1
        quiet(pair)


@pytest.mark.parametrize("by", ["webhook", "poll"])
def test_merged_the_other_way_round_in_the_other_desk(store: SqlStore, by: str) -> None:
    """A into B in one desk, the copy of B into the copy of A in the other: a ring over two desks.

    Each desk keeps the one that its people kept, and what is said on either reaches the other, once.
    """
    with Pair(store, GitLabBench, RequestTrackerBench) as pair:
        one, its_copy = pair.opened("Printer", "It burns")
        two, other_copy = pair.opened("The printer", "It is on fire")
        pair.webhooks_lost = by == "poll"
        pair.benches[SOURCE].merge(one, two)
        pair.benches[TARGET].merge(other_copy, its_copy)
        for bench in pair.benches.values():
            bench.desk.webhooks.flush(5)
        pair.webhooks_lost = False
        pair.settle_all()
        pair.poll()
        pair.benches[SOURCE].say(two, "Somebody has to do it", public=True)
        pair.benches[TARGET].say(its_copy, "We do", public=True)
        pair.settle_all()
        pair.poll()
        with pair.store.read() as tx:
            here = tx.links.by_remote([(SOURCE, one), (SOURCE, two)])
            there = tx.links.by_remote([(TARGET, its_copy), (TARGET, other_copy)])
        assert [here[SOURCE, each].state for each in (one, two)] == [LinkState.MERGED, LinkState.LIVE]
        assert [there[TARGET, each].state for each in (its_copy, other_copy)] == [LinkState.LIVE, LinkState.MERGED]
        assert texts(pair.shown(TARGET, its_copy)).count("Somebody has to do it") == 1
        assert texts(pair.shown(SOURCE, two)).count("We do") == 1
        quiet(pair)
