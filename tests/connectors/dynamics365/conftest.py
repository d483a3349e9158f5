"""A simulated environment, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.dynamics365.bench import SECRET, TOKEN, Dynamics365Bench
from connectors.dynamics365.connector import Dynamics365Connector
from connectors.dynamics365.simulator import Dynamics365Simulator
from connectors.sdk import ConnectionSettings, Event, IncomingRequest, RawDelivery, WriteContext
from connectors.testing.driver import Driver

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE, NOTE = "6d81597f-0f9f-e711-8122-000d3aa2331c", "7d81597f-0f9f-e711-8122-000d3aa2331c"
USER, OPERATION = "75c2dd85-e89e-e711-8122-000d3aa2331c", "5af10637-4ea2-e711-8122-000d3aa2331c"
ORGANIZATION = "4ef5b371-e89e-e711-8122-000d3aa2331c"


def connect(url: str = "https://acme.crm4.dynamics.com", **options: Any) -> Dynamics365Connector:
    """Make a connector to an environment."""
    given = {"auth": {"token": TOKEN}, "webhook_secret": SECRET, **options}
    return Dynamics365Connector(ConnectionSettings("acme", "dynamics365", url, given))


def posted(body: bytes, headers: dict[str, str] | None = None, **query: str) -> IncomingRequest:
    """Return a request to our endpoint."""
    return IncomingRequest("POST", "/hooks/acme", query, headers or {}, body)


def facts(body: bytes, **options: Any) -> tuple[Event, ...]:
    """Return what is read from a delivery."""
    return connect(**options).parse(RawDelivery("delivery-1", AT, {}, body))


def choice(value: int) -> dict[str, Any]:
    """Return a choice as a webhook has it."""
    return {"__type": "OptionSetValue:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": value}


def lookup(table: str, number: str) -> dict[str, Any]:
    """Return a lookup as a webhook has it."""
    kind = "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts"
    return {"__type": kind, "Id": number, "LogicalName": table, "Name": None, "RowVersion": None}


def said(message: str, table: str = "incident", number: str = CASE, **attributes: Any) -> dict[str, Any]:
    """Return the execution context of a step."""
    listed = [{"key": name, "value": value} for name, value in attributes.items()]
    target = {"Attributes": listed, "Id": number, "LogicalName": table}
    return {
        "MessageName": message,
        "PrimaryEntityName": table,
        "PrimaryEntityId": number,
        "InputParameters": [{"key": "Target", "value": target}],
        "InitiatingUserId": USER,
        "OperationId": OPERATION,
        "OrganizationId": ORGANIZATION,
        "OperationCreatedOn": "/Date(1772357401000-0700)/",
        "PreEntityImages": [],
        "PostEntityImages": [],
    }


def body(message: str, table: str = "incident", number: str = CASE, **attributes: Any) -> bytes:
    """Return the body of a webhook."""
    return msgspec.json.encode(said(message, table, number, **attributes))


def first_attempt(key: str, case: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, case, first_sent_at=datetime.now(UTC), **more)


@pytest.fixture
def bench() -> Iterator[Dynamics365Bench]:
    """Run an environment."""
    with Dynamics365Bench() as found:
        yield found


@pytest.fixture
def desk(bench: Dynamics365Bench) -> Dynamics365Simulator:
    """Return the simulated environment."""
    return bench.desk


@pytest.fixture
def driver(bench: Dynamics365Bench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(Dynamics365Connector(bench.settings()), deadline=2.0)
    yield found
    found.close()
