"""A Jira issue is moved to another project: its key changes, its number does not, and both keys lead to it."""

from __future__ import annotations

import pytest

from connectors.jira.bench import JiraCloudBench
from connectors.jira.simulator import JiraSimulator
from connectors.sdk import Category
from connectors.servicenow.bench import ServiceNowBench
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def found(pair: Pair, word: str) -> str | None:
    """Return the ticket that a person means who names it so."""
    with pair.store.read() as tx:
        return tx.view.find_ticket(word)


@pytest.mark.parametrize("by", ["webhook", "poll"])
@pytest.mark.parametrize("side", [SOURCE, TARGET])
def test_it_goes_on_under_its_new_key(store: SqlStore, by: str, side: str) -> None:
    """Whichever desk it was opened at: comments and status go both ways to the one issue, and none is made anew."""
    source, target = (JiraCloudBench, ServiceNowBench) if side == SOURCE else (ServiceNowBench, JiraCloudBench)
    with Pair(store, source, target) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        issue = ticket if side == SOURCE else copy
        jira, other = pair.benches[side], pair.benches[TARGET if side == SOURCE else SOURCE]
        old = pair.read(side, issue).key
        assert isinstance(jira.desk, JiraSimulator)
        project = next(each for each in jira.desk.records.projects if each != old.partition("-")[0])
        pair.webhooks_lost = by == "poll"
        new = str(jira.desk.act("move", issue=issue, project=project))
        pair.settle_all()
        pair.poll()
        pair.webhooks_lost = False
        assert new.startswith(f"{project}-")
        ours = pair.ticket(ticket)
        assert found(pair, new) == ours.id
        assert found(pair, issue) == ours.id
        assert found(pair, old) == ours.id, "the key that people have in their mails"
        jira.say(issue, "Moved it to those who know", public=True)
        other.say(copy if side == SOURCE else ticket, "Thank you", public=True)
        pair.settle_all()
        pair.poll()
        there = TARGET if side == SOURCE else SOURCE
        assert texts(pair.shown(there, copy if side == SOURCE else ticket)).count("Moved it to those who know") == 1
        assert texts(pair.shown(side, issue)).count("Thank you") == 1
        jira.set_status(issue, Category.RESOLVED)
        pair.settle_all()
        assert pair.ticket(ticket).status.category is Category.RESOLVED
        assert pair.letters() == []
        assert jira.desk.effects.doubled() == {}
        with pair.store.read() as tx:
            link = tx.links.by_remote([(side, issue)])[side, issue]
        assert link.key == new
