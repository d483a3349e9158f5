"""An update takes several steps, and the desk makes us wait between two of them: what is still to come is no edit."""

from __future__ import annotations

import pytest

from connectors.jira.bench import JiraCloudBench
from connectors.sdk import Category, Level, Priority, Status
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.faults import FaultKind
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def at_once(pair: Pair) -> None:
    """Do what is due, and let no time pass."""
    for _ in range(3):
        while pair._step() or not all(desk.at_rest() for desk in pair.desks):
            pass


def standing(pair: Pair, name: str, remote: str) -> tuple[Category, Level]:
    """Return the status and the priority of a ticket at one desk."""
    shown = pair.read(name, remote)
    assert isinstance(shown.status, Status)
    assert isinstance(shown.priority, Priority)
    return shown.status.category, shown.priority.level


def test_what_is_not_written_yet_is_nobodys_edit(store: SqlStore) -> None:
    """Jira has the priority and still shows its old status: that stays as it was set, and is written when it may be."""
    with Pair(store, ServiceNowBench, JiraCloudBench) as pair:
        ticket, issue = pair.opened("Printer", "It burns")
        jira, now = pair.benches[TARGET], pair.benches[SOURCE]
        before = pair.ticket(ticket).status.category
        now.set_priority(ticket, Level.P1)
        now.set_status(ticket, Category.RESOLVED)
        jira.desk.fault(FaultKind.THROTTLE, method="POST", path="transitions", seconds=20)
        at_once(pair)
        assert standing(pair, TARGET, issue) == (before, Level.P1)
        assert pair.ticket(ticket).status.category is Category.RESOLVED
        pair.settle_all()
        pair.poll()
        for name, remote in ((SOURCE, ticket), (TARGET, issue)):
            assert standing(pair, name, remote) == (Category.RESOLVED, Level.P1)
        assert pair.letters() == []
        assert jira.desk.effects.doubled() == {}
