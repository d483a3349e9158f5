"""What the vendor's documentation shows of records, passed on as a webhook: every one is read into the right facts.

The files are answers of the Table API, the only payloads of ServiceNow that are public: it has no webhooks of its own.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk import (
    Category,
    Event,
    EventKind,
    HttpRequest,
    Kind,
    Level,
    Org,
    Priority,
    RawDelivery,
    RemotePerson,
    Status,
)
from connectors.servicenow.connector import ServiceNowConnector
from gateway.ports import ConnectionSettings

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures" / "servicenow"
#: file -> why nothing is made of it by a connection to incidents
IGNORED = {"docs_table_api_example_1_problem.json": "a problem; a connection to the table `problem` reads it"}

pytestmark = pytest.mark.skipif(not FIXTURES.exists(), reason="the captured payloads are not here")


def parsed(name: str, **options: Any) -> tuple[Event, ...]:
    """Read one file."""
    given = {"auth": {"token": "t-0123456789"}, **options}
    connector = ServiceNowConnector(ConnectionSettings("now", "servicenow", "https://x.service-now.com", given))
    assert connector.authorize(HttpRequest("GET", "/")) == {"Authorization": "Bearer t-0123456789"}
    body = (FIXTURES / name).read_bytes()
    return connector.parse(RawDelivery("d", datetime(2026, 3, 1, tzinfo=UTC), {}, body))


def test_every_file_is_known_here() -> None:
    """None is passed over in silence."""
    there = {path.name for path in FIXTURES.iterdir()}
    assert there == {*IGNORED, *(f"docs_table_api_example_{number}_incident.json" for number in (2, 3, 5))}


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_ignored(name: str) -> None:
    """For the reason that stands in the table."""
    assert parsed(name) == ()


def test_the_problem() -> None:
    """By a connection to problems."""
    (event,) = parsed("docs_table_api_example_1_problem.json", table="problem")
    shot = event.snapshot
    assert shot is not None
    assert (event.kind, event.remote_id, event.needs_read) == (
        EventKind.OBSERVED,
        "04ce72c9c0a8016600b5b7f75ac67b5b",
        True,
    )
    assert event.automatic, "glide.maint is no person"
    assert shot.key == "PRB0000050"
    assert shot.title == shot.body == "Switch occasionally drops connections"
    assert shot.status == Status(Category.CLOSED, "4")
    assert shot.priority == Priority(Level.P4, "4")
    assert shot.kind is Kind.PROBLEM
    assert shot.created_at == datetime(2016, 1, 19, 4, 51, 19, tzinfo=UTC)
    assert shot.updated_at == event.at == datetime(2016, 1, 19, 4, 52, 4, tzinfo=UTC)
    assert shot.version == 2
    assert shot.assignee is None
    assert shot.queue == ""
    assert shot.channel == "phone"


def test_the_first_incident() -> None:
    """New, of nobody, in a group."""
    (event,) = parsed("docs_table_api_example_2_incident.json")
    shot = event.snapshot
    assert shot is not None
    assert (event.kind, event.remote_id) == (EventKind.OBSERVED, "a9e30c7dc61122760116894de7bcc7bd")
    assert (shot.key, shot.title, shot.body) == ("INC0000046", "Can't access SFA software", "")
    assert shot.status == Status(Category.NEW, "1")
    assert shot.priority == Priority(Level.P3, "3")
    assert shot.kind is Kind.INCIDENT
    assert shot.queue == "8a4dde73c6112278017a6a4baf547aa7"
    assert shot.assignee is None
    assert shot.requester == RemotePerson("46c6f9efa9fe198101ddf5eed9adf6e7", role="customer")
    assert shot.created_at == datetime(2015, 11, 1, 22, 5, 30, tzinfo=UTC)
    assert shot.updated_at == datetime(2015, 11, 1, 22, 37, 27, tzinfo=UTC)
    assert shot.version == 5
    assert shot.org == Org("")
    assert shot.comments == ()
    assert shot.url == "https://x.service-now.com/incident.do?sys_id=a9e30c7dc61122760116894de7bcc7bd"


@pytest.mark.parametrize("number", [3, 5])
def test_the_other_incident(number: int) -> None:
    """In progress, critical, assigned; the documentation shows it twice."""
    (event,) = parsed(
        f"docs_table_api_example_{number}_incident.json", groups={"Hardware": "8a5055c9c61122780043563ef53438e3"}
    )
    shot = event.snapshot
    assert shot is not None
    assert (event.kind, event.remote_id) == (EventKind.OBSERVED, "ef43c6d40a0a0b5700c77f9bf387afe3")
    assert event.actor == RemotePerson("admin", name="admin")
    assert not event.automatic
    assert (shot.key, shot.title) == ("INC0000050", "Can't access Exchange server - is it down?")
    assert shot.status == Status(Category.OPEN, "2")
    assert shot.priority == Priority(Level.P1, "1")
    assert shot.queue == "Hardware"
    assert shot.assignee == RemotePerson("681b365ec0a80164000fb0b05854a0cd")
    assert shot.requester == RemotePerson("5b7c200d0a640069006b3845b5d0fa7c", role="customer")
    assert shot.org == Org("31bea3d53790200044e0bfc8bcbe5dec")
    assert shot.updated_at == datetime(2016, 1, 22, 14, 12, 37, tzinfo=UTC)
    assert shot.version == 8
    assert shot.marker == ""
