"""Day one of a team that has tied the tickets of its desks already: they become one, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.gitlab.bench import GitLabBench
from connectors.jira.bench import JiraCloudBench
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zendesk.bench import ZendeskBench
from gateway.domain.adoption import Verdict
from gateway.domain.link import Role
from gateway.domain.ticket import Category
from gateway.store import SqlStore
from tests.flows.team import Team, tied

ZENDESK, RT = "acme-zendesk", "engineering-rt"
ORDERS = [(ZENDESK, RT), (RT, ZENDESK)]


def desks() -> dict[str, ZendeskBench | RequestTrackerBench]:
    """Return the two."""
    return {ZENDESK: ZendeskBench(), RT: RequestTrackerBench()}


@pytest.mark.parametrize("order", ORDERS)
def test_tickets_that_a_team_has_tied_become_one(store: SqlStore, order: tuple[str, str]) -> None:
    """Whichever is imported first: the source is where the sync rule begins, and no desk hears anything."""
    with Team(store, desks(), [tied(ZENDESK, RT)]) as team:
        zendesk, rt = team.benches[ZENDESK], team.benches[RT]
        asked = zendesk.open_ticket("The printer", "It burns", email="kim@customer.example")
        made = rt.open_ticket("Printer of kim", "See Zendesk", email="kim@customer.example")
        rt.refer(made, f"{zendesk.desk.url}/agent/tickets/{asked}")
        rt.say(made, "We look at it", public=False)
        zendesk.say(asked, "We are on it")
        zendesk.open_ticket("Another", "Nothing of the sort")
        for name in order:
            team.bring(name)
        assert team.adopt() == 1
        assert len(team.tickets()) == 2
        assert {(ZENDESK, asked), (RT, made)} in team.tickets()
        source, target = team.link((ZENDESK, asked)), team.link((RT, made))
        assert (source.role, target.role, target.rule) == (Role.SOURCE, Role.TARGET, "acme-zendesk-engineering-rt")
        ticket = team.ticket((RT, made))
        assert (ticket.source, ticket.title) == (ZENDESK, "The printer")
        with store.read() as tx:
            assert {each.body for each in tx.tickets.comments(ticket.id)} == {"We look at it", "We are on it"}
            assert [each["action"] for each in tx.view.audit(ticket_id=ticket.id)].count("linked") == 1
        assert zendesk.desk.effects.all(by_api=True) == []
        assert rt.desk.effects.all(by_api=True) == []
        assert team.left() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_live_traffic_afterwards_makes_no_double(store: SqlStore) -> None:
    """After go-live the two go on as one: a change goes over, and nothing is created, nor said again."""
    with Team(store, desks(), [tied(ZENDESK, RT)]) as team:
        zendesk, rt = team.benches[ZENDESK], team.benches[RT]
        asked = zendesk.open_ticket("The printer", "It burns")
        made = rt.open_ticket("Printer", "burns")
        zendesk.refer(asked, f"RT #{made}")
        zendesk.say(asked, "Said before")
        for name in (ZENDESK, RT):
            team.bring(name)
        assert team.adopt() == 1
        team.set_mode("live")
        team.webhooks_lost = False
        zendesk.set_status(asked, Category.RESOLVED)
        team.settle_all()
        rt.set_status(made, Category.OPEN)
        team.settle_all()
        assert {each.kind for each in rt.desk.effects.all(by_api=True)} == {"fields"}
        assert rt.shown(made).comments == ()
        assert len(team.tickets()) == 1
        assert zendesk.shown(asked).status == "open"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_that_name_one_are_left_to_a_person(store: SqlStore, order: tuple[str, str]) -> None:
    """Whichever comes first: nothing is linked, nothing is created, and both are listed with the reason."""
    with Team(store, desks(), [tied(ZENDESK, RT)], mode="live") as team:
        zendesk, rt = team.benches[ZENDESK], team.benches[RT]
        made = rt.open_ticket("Printer", "burns")
        both = {zendesk.open_ticket(f"Printer {number}", "burns") for number in range(2)}
        for each in both:
            zendesk.refer(each, f"{rt.desk.url}/Ticket/Display.html?id={made}")
        for name in order:
            team.bring(name)
        assert team.adopt() == 0
        left = team.left()
        assert {each.stay for each in left} == {(ZENDESK, each) for each in both}
        assert {each.verdict for each in left} == {Verdict.ASK}
        assert all("name one another" in each.why for each in left)
        team.settle_all()
        assert rt.desk.effects.all(by_api=True) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_import_can_be_tried(store: SqlStore) -> None:
    """What would come and what it names is said, and nothing is stored."""
    with Team(store, desks(), [tied(ZENDESK, RT)]) as team:
        made = team.benches[RT].open_ticket("Printer", "burns")
        team.bring(RT)
        for number in (made, "99"):
            team.benches[ZENDESK].refer(team.benches[ZENDESK].open_ticket("Printer", "burns"), f"RT #{number}")
        found = team.importer().trial(ZENDESK, timedelta(days=90), timedelta(days=700))
        assert (found.taken, found.left, found.known) == (2, 0, 1)
        assert found.named == {f"{RT}: kept": 2}
        assert len(team.tickets()) == 1


PAIRS = [
    (ZendeskBench, JiraCloudBench),
    (JiraCloudBench, ZendeskBench),
    (ServiceNowBench, JiraCloudBench),
    (JiraCloudBench, ServiceNowBench),
    (RequestTrackerBench, GitLabBench),
    (GitLabBench, RequestTrackerBench),
]


@pytest.mark.parametrize("first", ["source", "target"])
@pytest.mark.parametrize("says", ["source", "target"])
@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda bench: bench.connector)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_desk_keeps_it_in_its_own_way(
    store: SqlStore, source: type[Bench], target: type[Bench], says: str, first: str
) -> None:
    """A remote link, a correlation id, a custom field, an address in a note: from either side, in either order."""
    with Team(store, {"source": source(), "target": target()}, [tied("source", "target")]) as team:
        ends = {name: bench.open_ticket(f"Printer {name}", "It burns") for name, bench in team.benches.items()}
        for name in ends:
            team.benches[name].open_ticket("Another", "Of nobody")
        (other,) = set(ends) - {says}
        team.benches[says].refer(ends[says], team.address(other, ends[other]))
        for name in (first, *(set(ends) - {first})):
            team.bring(name)
        team.bring(first)
        assert team.adopt() == 1
        assert frozenset(ends.items()) in team.tickets()
        assert len(team.tickets()) == 3
        assert team.ticket(("target", ends["target"])).source == "source"
        assert all(bench.desk.effects.all(by_api=True) == [] for bench in team.benches.values())
