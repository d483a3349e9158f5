"""A is a duplicate of B, and B of A, as some desks let people say: one of the tickets stays, and work goes on there."""

from __future__ import annotations

import pytest

from connectors.gitlab.bench import GitLabBench
from connectors.servicenow.bench import ServiceNowBench
from gateway.domain.link import LinkState
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("by", ["webhook", "poll"])
def test_duplicates_in_a_ring(store: SqlStore, number: int, by: str) -> None:
    """The last of them goes on, in both desks; what is said on it reaches its copy once, and nothing loops."""
    with Pair(store, GitLabBench, ServiceNowBench) as pair:
        here = pair.benches[SOURCE]
        issues = [pair.opened(f"Printer {each}", "It burns") for each in range(number)]
        pair.webhooks_lost = by == "poll"
        for each in range(number):
            here.merge(issues[each][0], issues[(each + 1) % number][0])
            pair.settle_all()
            pair.poll()
        pair.webhooks_lost = False
        last, copy = issues[-1]
        with pair.store.read() as tx:
            links = [tx.links.by_remote([(SOURCE, each)])[SOURCE, each] for each, _ in issues]
        assert [each.state for each in links] == [LinkState.MERGED] * (number - 1) + [LinkState.LIVE]
        here.say(last, "Somebody has to do it", public=True)
        pair.benches[TARGET].say(copy, "We do", public=True)
        pair.settle_all()
        pair.poll()
        assert texts(pair.shown(TARGET, copy)).count("Somebody has to do it") == 1
        assert texts(pair.shown(SOURCE, last)).count("We do") == 1
        assert pair.letters() == []
        for bench in pair.benches.values():
            assert bench.desk.effects.doubled() == {}
        before = [len(bench.desk.effects.all(by_api=True)) for bench in pair.benches.values()]
        pair.poll()
        assert [len(bench.desk.effects.all(by_api=True)) for bench in pair.benches.values()] == before
