"""Deleted or called spam by mistake, and taken back: the ticket goes on where it was, in both desks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from connectors.freshdesk.bench import FreshdeskBench
from connectors.helpscout.bench import HelpScoutBench
from connectors.sdk import Category
from connectors.servicenow.bench import ServiceNowBench
from gateway.domain.clock_instance import Status
from gateway.domain.link import LinkState
from gateway.store import SqlStore
from rules import load_site
from tests.flows.edges.bridges import ZENDESK, Edge
from tests.flows.test_clocks import GATEWAY, RULES, clocks
from tests.flows.world import Bridge
from tests.pairs.pair import SOURCE, TARGET, Pair, texts
from tests.rules.making import installed


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def state(bridge: Bridge, connection: str, remote: str) -> tuple[LinkState, list[str]]:
    """Return how the link of a ticket is, and what the trail says of its end and of its return."""
    with bridge.store.read() as tx:
        link = tx.links.by_remote([(connection, remote)])[connection, remote]
        trail = [str(each["action"]) for each in tx.view.audit(ticket_id=link.ticket_id)]
    return link.state, [each for each in reversed(trail) if each in {"deleted", "restored"}]


@pytest.mark.parametrize("how", ["soft_deleted", "marked_as_spam"])
@pytest.mark.parametrize("by", ["webhook", "poll"])
def test_a_ticket_is_restored(edge: Edge, how: str, by: str) -> None:
    """Nothing is written while it is away; then both sides go on, and what was said there meanwhile is brought."""
    number, copy = edge.begun()
    edge.webhooks_lost = by == "poll"
    edge.zendesk.act("delete", ticket_id=number, how=how)
    edge.settle()
    edge.pass_time(600)
    edge.poll(ZENDESK)
    assert state(edge, ZENDESK, str(number)) == (LinkState.GONE, ["deleted"])
    before = len(edge.zendesk.effects.all(by_api=True))
    edge.webhooks_lost = False
    edge.rt.act("reply", ticket=copy, body="Nobody hears this")
    edge.settle()
    assert len(edge.zendesk.effects.all(by_api=True)) == before
    edge.webhooks_lost = by == "poll"
    edge.pass_time(5)
    edge.zendesk.act("restore", ticket_id=number)
    edge.zendesk.act("comment", ticket_id=number, body="No spam at all", by="agent", public=True)
    edge.settle()
    edge.pass_time(600)
    edge.poll(ZENDESK)
    assert state(edge, ZENDESK, str(number)) == (LinkState.LIVE, ["deleted", "restored"])
    assert edge.at_rt(copy)[-1] == "No spam at all"
    edge.webhooks_lost = False
    edge.rt.act("reply", ticket=copy, body="Good that it is back")
    edge.settle()
    assert edge.at_zendesk(number)[-1] == "Good that it is back"
    assert edge.letters() == []
    assert len(edge.rt.effects.all(kind="create")) == 1, "it was made again"


def test_what_comes_late_takes_nothing_back(edge: Edge) -> None:
    """A webhook of before the deletion, heard after it: the desk does not show the ticket, so it stays deleted."""
    number, copy = edge.begun()
    edge.zendesk.webhooks.pause()
    edge.zendesk.act("comment", ticket_id=number, body="One more thing", by="agent", public=True)
    held = edge.zendesk.webhooks
    edge.zendesk.records.delete(number, edge.zendesk.now())
    edge.pass_time(600)
    edge.poll(ZENDESK)
    assert state(edge, ZENDESK, str(number))[0] is LinkState.GONE
    held.resume()
    edge.settle()
    assert state(edge, ZENDESK, str(number)) == (LinkState.GONE, ["deleted"])
    assert edge.letters() == []
    assert len(edge.at_rt(copy)) <= 1


def test_its_promises_go_on(edge: Edge) -> None:
    """They end with it, and count again from when it was taken back."""
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": RULES}, installed())
    assert site is not None, problems
    edge.site = msgspec.structs.replace(edge.site, rules=site.rules)
    number = int(edge.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")["id"])
    edge.settle()
    edge.zendesk.act("delete", ticket_id=number, how="marked_as_spam")
    edge.settle()
    assert clocks(edge)["resolution"].status is Status.CANCELED
    edge.pass_time(3600)
    edge.zendesk.act("restore", ticket_id=number)
    edge.settle()
    found = clocks(edge)["resolution"]
    assert found.status is Status.IN_PROGRESS
    assert found.breached_at is None
    edge.zendesk.act("set", ticket_id=number, status="solved")
    edge.settle()
    assert clocks(edge)["resolution"].status is Status.SUCCEEDED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_freshdesk_spam_is_found_by_its_list(store: SqlStore) -> None:
    """No automation runs for spam: the list of it says so, and a ticket that is in no such list any more is back."""
    with Pair(store, FreshdeskBench, ServiceNowBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.benches[SOURCE].desk.act("spam", ticket=ticket)
        pair.poll()
        assert state(pair, SOURCE, ticket) == (LinkState.GONE, ["deleted"])
        pair.pass_time(timedelta(minutes=10))
        pair.benches[SOURCE].desk.act("restore", ticket=ticket)
        pair.poll()
        assert state(pair, SOURCE, ticket) == (LinkState.LIVE, ["deleted", "restored"])
        pair.benches[SOURCE].say(ticket, "It was none", public=True)
        pair.settle_all()
        pair.poll()
        assert texts(pair.shown(TARGET, copy)).count("It was none") == 1
        assert pair.letters() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_help_scout_spam_is_a_status(store: SqlStore) -> None:
    """It is called off at the other desk, and opened there again with it."""
    with Pair(store, HelpScoutBench, ServiceNowBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        for word, category in (("spam", Category.CANCELLED), ("active", Category.OPEN)):
            pair.pass_time(timedelta(seconds=2))
            pair.benches[SOURCE].desk.act("patch", conversation=ticket, path="/status", value=word)
            pair.settle_all()
            assert pair.ticket(ticket).status.category is category
            read = pair.read(TARGET, copy).status
            assert not isinstance(read, msgspec.UnsetType)
            assert read.category in {category, Category.NEW}
        assert pair.letters() == []
