"""Since when a ticket is over, as each desk says it: what is met when it is over was so since then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.freshdesk import mapping as freshdesk
from connectors.freshdesk.bench import FreshdeskBench
from connectors.github.bench import GitHubBench
from connectors.gitlab.bench import GitLabBench
from connectors.helpscout.bench import HelpScoutBench
from connectors.hubspot import mapping as hubspot
from connectors.hubspot.bench import HubSpotBench
from connectors.jira import mapping as jira
from connectors.jira.bench import JiraCloudBench
from connectors.redmine.bench import RedmineBench
from connectors.request_tracker import mapping as request_tracker
from connectors.salesforce.bench import SalesforceBench
from connectors.sdk import Category, RemoteTicket
from connectors.servicenow import mapping as servicenow
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.testing.driver import Driver
from connectors.zammad import mapping as zammad
from connectors.zammad.bench import ZammadBench
from tests.rules.making import built_in

ENDED, NOW = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 5, 9, tzinfo=UTC)
STAMP = "2026-03-01T12:00:00Z"
#: desk -> its word for an end; what is resolved at Redmine is not closed, and has no such time
BENCHES: dict[type[Bench], Category] = {
    GitHubBench: Category.RESOLVED,
    GitLabBench: Category.RESOLVED,
    HelpScoutBench: Category.RESOLVED,
    RedmineBench: Category.CLOSED,
    SalesforceBench: Category.RESOLVED,
}


@pytest.mark.parametrize("kind", BENCHES, ids=lambda kind: kind.__name__)
def test_a_ticket_that_is_over_says_since_when(kind: type[Bench]) -> None:
    """And of one that is open again nothing, whatever its desk keeps."""
    with kind() as bench:
        driver = Driver(built_in().connect(bench.settings("the-desk")))
        driver.run(driver.connector.whoami())
        ticket = bench.open_ticket("Printer", "It burns")
        bench.set_status(ticket, BENCHES[kind])
        ended = bench.desk.now()
        bench.desk.clock.skew += timedelta(hours=5)
        found = driver.run(driver.connector.read(ticket))
        bench.desk.clock.skew += timedelta(hours=5)
        bench.set_status(ticket, Category.OPEN)
        again = driver.run(driver.connector.read(ticket))
        driver.close()
    assert found is not None
    assert again is not None
    assert found.resolved_at is not None
    assert abs(found.resolved_at - ended) <= timedelta(seconds=2)
    assert again.resolved_at is None


def _jira(status: str, ended: str) -> RemoteTicket | None:
    fields = {"status": {"name": status}, "resolutiondate": ended.replace("Z", ".000+0000")}
    return jira.ticket({"id": "1", "fields": fields}, connected(JiraCloudBench).options, at=NOW)


def _zammad(status: str, ended: str) -> RemoteTicket | None:
    return zammad.ticket({"id": 1, "state": status, "close_at": ended}, connected(ZammadBench).account, at=NOW)


def _servicenow(status: str, ended: str) -> RemoteTicket | None:
    record = {"sys_id": "0" * 32, "state": status, "resolved_at": "", "closed_at": ended[:-1].replace("T", " ")}
    return servicenow.ticket(record, connected(ServiceNowBench).account, at=NOW)


def _hubspot(status: str, ended: str) -> RemoteTicket | None:
    given = {"hs_pipeline_stage": status, "closed_date": ended}
    return hubspot.ticket({"id": "1", "properties": given}, connected(HubSpotBench).account)


def _freshdesk(status: str, ended: str) -> RemoteTicket | None:
    stats = {"resolved_at": None, "closed_at": ended}
    return freshdesk.ticket({"id": 1, "status": int(status), "stats": stats}, connected(FreshdeskBench).account)


def _request_tracker(status: str, ended: str) -> RemoteTicket | None:
    said = {"id": 1, "Status": status, "Resolved": ended}
    words = request_tracker.Vocabulary()
    return request_tracker.ticket(said, version=1, token="", base="", words=words, marker="")


#: reads a ticket with a status and the time of its end; the desk's words for one that is over and one that is open
READERS: tuple[tuple[Callable[[str, str], RemoteTicket | None], str, str], ...] = (
    (_jira, "Resolved", "Open"),
    (_zammad, "closed", "open"),
    (_servicenow, "7", "2"),
    (_hubspot, "4", "1"),
    (_freshdesk, "5", "2"),
    (_request_tracker, "resolved", "open"),
)


def connected(kind: type[Bench]) -> Any:
    """Return a connector to a desk that does not run."""
    return built_in().connect(kind().settings("the-desk"))


@pytest.mark.parametrize(("reader", "over", "still"), READERS, ids=lambda each: getattr(each, "__name__", each))
def test_the_time_of_an_end_is_read(reader: Callable[[str, str], RemoteTicket | None], over: str, still: str) -> None:
    """Of one that is over, and of no other: many a desk keeps the time of the end before."""
    found, other = reader(over, STAMP), reader(still, STAMP)
    assert found is not None
    assert other is not None
    assert (found.resolved_at, other.resolved_at) == (ENDED, None)
