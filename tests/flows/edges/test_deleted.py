"""A ticket is deleted at its desk, and the desk says so: nothing is written there any more, and none is made anew."""

from __future__ import annotations

import pytest

from connectors.github.bench import GitHubBench
from connectors.intercom.bench import IntercomBench
from connectors.jira.bench import JiraCloudBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from gateway.domain.link import LinkState
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("side", [SOURCE, TARGET])
@pytest.mark.parametrize("kind", [IntercomBench, GitHubBench, JiraCloudBench], ids=lambda each: each.connector)
def test_it_ends_there_and_goes_on_elsewhere(store: SqlStore, kind: type[Bench], side: str) -> None:
    """The trail says `deleted`; the other desk keeps its ticket, and what is said there waits for nothing."""
    with Pair(store, *((kind, ServiceNowBench) if side == SOURCE else (ServiceNowBench, kind))) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue, mirror, other = (ticket, copy, TARGET) if side == SOURCE else (copy, ticket, SOURCE)
        pair.benches[side].delete(issue)
        pair.settle_all()
        with pair.store.read() as tx:
            link = tx.links.by_remote([(side, issue)])[side, issue]
            trail = [str(each["action"]) for each in tx.view.audit(ticket_id=link.ticket_id)]
        assert link.state is LinkState.GONE
        assert "deleted" in trail
        before = len(pair.benches[side].desk.effects.all(by_api=True))
        pair.benches[other].say(mirror, "Nobody hears this there", public=True)
        pair.settle_all()
        pair.poll()
        assert len(pair.benches[side].desk.effects.all(by_api=True)) == before
        assert pair.shown(other, mirror).title == "Printer"
        assert pair.letters() == []
        assert not any(pair.counts().get(f"updates_{state}") for state in ("ready", "sending", "unknown"))
