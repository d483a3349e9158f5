"""Every desk keeps the tie to a ticket elsewhere in its own way: an import finds it, from either side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from connectors.email.bench import EmailBench
from connectors.freshdesk.bench import FreshdeskBench
from connectors.generic.bench import GenericBench
from connectors.hubspot.bench import HubSpotBench
from connectors.intercom.bench import IntercomBench
from connectors.intercom.simulator import IntercomSimulator
from connectors.jira.bench import JiraCloudBench
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.salesforce.bench import SalesforceBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench, benches
from connectors.whatsapp.bench import WhatsAppBench
from connectors.zendesk.bench import ZendeskBench
from gateway.domain.adoption import Verdict
from gateway.errors import ConfigError
from gateway.store import SqlStore
from tests.flows.team import Team, tied

DESK, ANCHOR = "the-desk", "the-anchor"
#: the tickets of a team are older than what searches lag behind, and than what a first poll looks back
AGO = timedelta(days=40)
#: WhatsApp lists nothing, and what a mailbox holds is no ticket yet: tests/connectors/email has that
LISTED = [each for each in benches() if each not in {WhatsAppBench, EmailBench}]
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
every_desk = pytest.mark.parametrize("kind", LISTED, ids=lambda bench: bench.connector)


class Days(Team):
    """A desk of a kind and one of another."""

    def __init__(self, store: SqlStore, kind: type[Bench], **more: Any) -> None:
        other = JiraCloudBench() if kind is ZendeskBench else ZendeskBench()
        super().__init__(store, {DESK: kind(), ANCHOR: other}, [tied(ANCHOR, DESK)], **more)

    @contextmanager
    def before(self, name: str) -> Iterator[Bench]:
        """Let people do something some weeks ago."""
        clock = self.benches[name].desk.clock
        clock.skew = -AGO
        yield self.benches[name]
        clock.skew = timedelta()

    def opened(self, name: str, number: int = 1) -> str:
        """Let somebody open a ticket."""
        with self.before(name) as bench:
            return bench.open_ticket(f"Printer {number}", "It burns")

    def refer(self, name: str, ticket: str, address: str) -> None:
        """Let an agent keep the address of a ticket elsewhere."""
        with self.before(name) as bench:
            bench.refer(ticket, address)

    def begin(self) -> int:
        """Import both, the desk first; return how many were linked."""
        for name in (DESK, ANCHOR):
            self.bring(name)
        return self.adopt()

    def untouched(self) -> bool:
        """Say whether nothing was written to any desk."""
        return all(bench.desk.effects.all(by_api=True) == [] for bench in self.benches.values())


@every_desk
def test_what_a_desk_keeps_is_adopted(store: SqlStore, kind: type[Bench]) -> None:
    """The address of the other ticket, where this desk has a place for it; nothing is written."""
    with Days(store, kind) as team:
        mine, other = team.opened(DESK), team.opened(ANCHOR)
        team.refer(DESK, mine, team.address(ANCHOR, other))
        assert team.begin() == 1
        assert frozenset({(DESK, mine), (ANCHOR, other)}) in team.tickets()
        assert team.untouched()


@pytest.mark.parametrize("kind", [each for each in LISTED if each is not GenericBench], ids=lambda kind: kind.connector)
def test_its_tickets_are_named_elsewhere(store: SqlStore, kind: type[Bench]) -> None:
    """By the address at which its people open them."""
    with Days(store, kind) as team:
        mine, other = team.opened(DESK), team.opened(ANCHOR)
        team.refer(ANCHOR, other, team.address(DESK, mine))
        assert team.begin() == 1
        assert frozenset({(DESK, mine), (ANCHOR, other)}) in team.tickets()


@every_desk
def test_two_that_name_one_are_not_guessed(store: SqlStore, kind: type[Bench]) -> None:
    """Both are listed for a person, with the reason; nothing is linked, and nothing is written."""
    with Days(store, kind) as team:
        one = team.opened(ANCHOR)
        both = {team.opened(DESK, number) for number in range(2)}
        for each in both:
            team.refer(DESK, each, team.address(ANCHOR, one))
        assert team.begin() == 0
        left = team.left()
        assert {each.goes for each in left} == {(DESK, each) for each in both}
        assert {(each.stay, each.verdict) for each in left} == {((ANCHOR, one), Verdict.ASK)}
        assert {each.why for each in left} == {f"{ANCHOR} #{one} and 2 tickets of {DESK} name one another"}
        assert team.untouched()


def test_a_desk_that_lists_nothing_says_so(store: SqlStore) -> None:
    """In one line, before anything is begun."""
    with Team(store, {DESK: WhatsAppBench()}) as team, pytest.raises(ConfigError, match="they come by webhooks only"):
        team.bring(DESK)


class Sales(SalesforceBench):
    """An org that has named a field of cases."""

    def options(self) -> dict[str, Any]:
        """Return the usual, and our name of the field."""
        return {**super().options(), "custom_fields": {"elsewhere": "Ticket_Elsewhere__c"}}


class Attributed(IntercomBench):
    """A workspace whose tickets have an attribute more."""

    def __init__(self) -> None:
        super().__init__()
        assert isinstance(self.desk, IntercomSimulator)
        self.desk.records.attributes.append("Elsewhere")


#: a desk, our name of a field there, and how an agent fills it in
FIELDS: list[tuple[type[Bench], str, Callable[[str, str], dict[str, Any]]]] = [
    (FreshdeskBench, "plan", lambda ticket, value: {"ticket": ticket, "custom_fields": {"cf_plan": value}}),
    (HubSpotBench, "elsewhere", lambda ticket, value: {"ticket": ticket, "elsewhere": value}),
    (Attributed, "Elsewhere", lambda ticket, value: {"ticket": ticket, "Elsewhere": value}),
    (Sales, "elsewhere", lambda ticket, value: {"case_id": ticket, "Ticket_Elsewhere__c": value}),
]


@pytest.mark.parametrize(("kind", "field", "filled"), FIELDS, ids=["freshdesk", "hubspot", "intercom", "salesforce"])
@pytest.mark.parametrize("told", [True, False])
def test_a_bare_number_counts_where_the_settings_say_whose_it_is(
    store: SqlStore, kind: type[Bench], field: str, filled: Callable[[str, str], dict[str, Any]], *, told: bool
) -> None:
    """And nowhere else: without a word of the admin it is any number."""
    cross_links = {DESK: {field: (ANCHOR,)}} if told else {}
    with Days(store, kind, cross_links=cross_links) as team:
        mine, other = team.opened(DESK), team.opened(ANCHOR)
        with team.before(DESK) as bench:
            bench.desk.act("set", **filled(mine, other))
        assert team.begin() == int(told)
        assert (frozenset({(DESK, mine), (ANCHOR, other)}) in team.tickets()) is told


def test_rt_keeps_it_among_its_links(store: SqlStore) -> None:
    """What a ticket refers to outside of RT is the same work; what it depends on is not."""
    with Days(store, RequestTrackerBench) as team:
        mine, other = team.opened(DESK), team.opened(ANCHOR)
        waits, needed = team.opened(DESK, 2), team.opened(ANCHOR, 2)
        rt = team.benches[DESK].desk
        rt.act("set", ticket=mine, RefersTo=team.address(ANCHOR, other))
        rt.act("set", ticket=waits, DependsOn=team.address(ANCHOR, needed))
        assert team.begin() == 1
        assert frozenset({(DESK, mine), (ANCHOR, other)}) in team.tickets()
        assert len(team.tickets()) == 3


def test_servicenow_shows_the_number_beside_the_id(store: SqlStore) -> None:
    """Integrations keep the other's id as `correlation_id`, and its number or name as `correlation_display`."""
    with Team(store, {DESK: ServiceNowBench(), "jira": JiraCloudBench()}, [tied("jira", DESK)]) as team:
        mine = team.benches[DESK].open_ticket("Printer", "It burns")
        other = team.benches["jira"].open_ticket("Printer", "It burns")
        desk = team.benches[DESK].desk
        name = team.address("jira", other).rpartition("/")[2]
        desk.act("set", sys_id=mine, correlation_id="10001", correlation_display=name)
        for each in (DESK, "jira"):
            team.bring(each)
        assert team.adopt() == 1
