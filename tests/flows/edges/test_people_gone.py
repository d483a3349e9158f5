"""A person is deleted while their tickets live in two desks: the tickets go on, and nobody else is taken for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.intercom.bench import IntercomBench
from connectors.jira.bench import JiraCloudBench
from connectors.sdk import Category
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zendesk.bench import ZendeskBench
from dead_letters.resolve import Person, discard_update
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _no_user(bench: Bench, ticket: str) -> None:
    """Let Zendesk's admin delete who asked: the ticket still names the number, and no user has it."""
    assert isinstance(bench, ZendeskBench)
    bench.desk.records.users.pop(int(bench.desk.records.tickets[int(ticket)]["requester_id"]))


def _deactivated(bench: Bench, ticket: str) -> None:
    """Let Jira's admin deactivate who asked: Jira shows the account, and no address any more."""
    assert isinstance(bench, JiraCloudBench)
    records = bench.desk.records
    records.users[records.issues[ticket]["reporter"]] |= {"active": False, "emailAddress": ""}


def _forgotten(bench: Bench, ticket: str) -> None:
    """Let a teammate delete the contact."""
    bench.desk.act("forget", ticket=ticket)


#: how the one who asked is deleted there
REQUESTERS: dict[type[Bench], Callable[[Bench, str], None]] = {
    ZendeskBench: _no_user,
    JiraCloudBench: _deactivated,
    IntercomBench: _forgotten,
}


def goes_on(pair: Pair, ticket: str, copy: str) -> None:
    """Let both sides speak, and the source resolve."""
    pair.benches[SOURCE].say(ticket, "We still do it", public=True)
    pair.benches[TARGET].say(copy, "So do we", public=False)
    pair.settle_all()
    pair.poll()
    assert texts(pair.shown(TARGET, copy)).count("We still do it") == 1
    assert texts(pair.shown(SOURCE, ticket)).count("So do we") == 1
    pair.benches[SOURCE].set_status(ticket, Category.RESOLVED)
    pair.settle_all()
    assert pair.category(TARGET, copy) is Category.RESOLVED
    assert pair.letters() == []
    for bench in pair.benches.values():
        assert bench.desk.effects.doubled() == {}


@pytest.mark.parametrize("kind", list(REQUESTERS), ids=lambda each: each.connector)
def test_who_asked_is_deleted(store: SqlStore, kind: type[Bench]) -> None:
    """What is known of them stays with the ticket; both desks go on."""
    with Pair(store, kind, ServiceNowBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        before = pair.ticket(ticket).requester
        REQUESTERS[kind](pair.benches[SOURCE], ticket)
        goes_on(pair, ticket, copy)
        after = pair.ticket(ticket).requester
        assert before is not None
        assert after is not None
        assert after.email in {before.email, ""}


def test_an_agent_leaves_a_zendesk(store: SqlStore) -> None:
    """An update that names them is told of; who discards the letter lets go on what was said and done since."""
    with Pair(store, ServiceNowBench, ZendeskBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.benches[SOURCE].assign(ticket, pair.benches[SOURCE].agents[0])
        pair.settle_all()
        agent = pair.benches[TARGET].agents[0]
        assert pair.shown(TARGET, copy).assignee == agent
        pair.benches[TARGET].desk.act("set", ticket_id=copy, assignee_id=None)
        pair.settle_all()
        there = pair.benches[TARGET]
        assert isinstance(there, ZendeskBench)
        there.desk.records.taken_away.append(("assignee_id", int(agent)))
        pair.benches[SOURCE].assign(ticket, "")
        pair.settle_all()
        pair.benches[SOURCE].assign(ticket, pair.benches[SOURCE].agents[0])
        pair.settle_all()
        (letter,) = pair.letters()
        assert ": rejected " in letter
        assert "assignee" in letter
        pair.benches[SOURCE].say(ticket, "Somebody else does it", public=True)
        pair.benches[SOURCE].set_status(ticket, Category.RESOLVED)
        pair.settle_all()
        assert len(pair.letters()) == 1, "what waits behind it is no news"
        with pair.store.read() as tx:
            (listed,) = tx.view.dead_letters(limit=5)
        person = Person("eva", "they have left", "cli")
        pair.store.write(lambda tx: discard_update(tx, listed.id, pair.time.now(), person))
        pair.settle_all()
        assert texts(pair.shown(TARGET, copy)).count("Somebody else does it") == 1
        assert pair.category(TARGET, copy) is Category.RESOLVED
        assert pair.letters() == []


def test_an_agent_of_a_jira_is_deactivated(store: SqlStore) -> None:
    """What they said still has their name, and the issue that is theirs goes on."""
    with Pair(store, JiraCloudBench, ServiceNowBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.benches[SOURCE].assign(ticket, pair.benches[SOURCE].agents[0])
        pair.settle_all()
        assert pair.shown(TARGET, copy).assignee == pair.benches[TARGET].agents[0]
        here = pair.benches[SOURCE]
        assert isinstance(here, JiraCloudBench)
        here.desk.records.users[here.agents[0]]["active"] = False
        goes_on(pair, ticket, copy)
        assert pair.shown(TARGET, copy).assignee == pair.benches[TARGET].agents[0]
