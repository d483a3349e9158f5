"""What a report says of a site that only observes: the breaches that nobody saw, and what would have been done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.domain.report.counted import Period
from gateway.domain.report.course import Slice
from gateway.domain.report.result import Report
from gateway.domain.report.unseen import Why
from gateway.flow.sla.observed import withheld
from gateway.flow.sla.reporting import Asked, sla_report
from gateway.store import SqlStore
from gateway.web.report import page
from tests.flows.office import Office


@pytest.fixture
def office(store: SqlStore) -> Iterator[Office]:
    """Give a gateway between its desks, with time that a test moves."""
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack) as made:
        yield made


def report(office: Office) -> Report:
    """Report on the last month."""
    now = office.clock.now() + timedelta(seconds=1)
    period = Period(now - timedelta(days=30), now)
    wanted = Asked(period=period, by=Slice.SOURCE, zone=UTC, zone_name="UTC", known_at=now)
    return sla_report(office.store, wanted, now=now, mode=office.site.mode, site=office.site)


def test_of_a_breach_that_was_escalated_somebody_was_told(office: Office) -> None:
    """In mode live; of the one that no escalation watches nobody was."""
    office.ticket(priority="high")
    office.later(hours=9)
    found = report(office).unseen
    assert (found.broken, found.seen, found.why) == (2, 1, {Why.UNWATCHED.value: 1})
    assert [(each.metric, each.source, each.desk) for each in found.first] == [("first_response", "acme-zendesk", "")]
    assert report(office).would.total == 0


def test_what_an_observer_would_have_done_is_counted(office: Office) -> None:
    """Its escalation was noted and went nowhere: nobody saw the breach, and each thing withheld can be listed."""
    office.site = msgspec.structs.replace(office.site, mode="observe")
    office.ticket(priority="high")
    office.later(hours=9)
    found = report(office)
    assert found.unseen.why == {Why.WITHHELD.value: 1, Why.UNWATCHED.value: 1}
    assert found.unseen.seen == 0
    counted = {(each.at, each.what): each.count for each in found.would.lines}
    assert counted["acme-zendesk", "set priority"] == 1
    assert any(at == "ops-slack" and what.startswith("notify") for at, what in counted)
    assert found.would.total == sum(counted.values())
    with office.store.read() as tx:
        listed = list(withheld(tx, found.begin, found.end))
    assert len(listed) == found.would.total
    assert {each.ticket_id for each in listed} == {office.now().id}
    assert any("was never imported" in line for line in found.unknown)
    shown = page(found, office.clock.now())
    assert "Broken, and nobody was told: 2 of 2" in shown
    assert "What the gateway would have done" in shown


def test_what_was_broken_before_the_gateway_answered_is_said_to_be(office: Office) -> None:
    """Nobody could be told by it, whatever the escalations say."""
    later = office.clock.now() + timedelta(days=2)
    office.site = msgspec.structs.replace(office.site, live_since={"acme-zendesk": later})
    office.ticket(priority="high")
    office.later(hours=9)
    assert report(office).unseen.why == {Why.BEFORE.value: 2}
