"""A simulated Zendesk, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.testing.driver import Driver
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.ports import ConnectionSettings, IncomingRequest, RawDelivery

SECRET = "a-signing-secret"
EMAIL, TOKEN = "gateway@desk.example", "api-token-0123456789"


class Inbox:
    """Keeps every webhook that arrives, as the gateway's web process would see it."""

    def __init__(self) -> None:
        self.requests: list[IncomingRequest] = []
        self.server = LoopbackServer(self._take)

    def _take(self, request: SimRequest) -> SimResponse:
        self.requests.append(IncomingRequest("POST", request.path, request.query, request.headers, request.body))
        return SimResponse(200)


def connect(url: str, **options: object) -> ZendeskConnector:
    """Make a connector to the desk at `url`."""
    given = {"auth": {"email": EMAIL, "api_token": TOKEN}, "webhook_secret": SECRET, **options}
    return ZendeskConnector(ConnectionSettings("acme-zendesk", "zendesk", url, given))


def stored(body: bytes, *, name: str = "delivery-1", **headers: str) -> RawDelivery:
    """Return a delivery as receive stores it."""
    return RawDelivery(name, datetime(2026, 3, 1, 12, tzinfo=UTC), headers, body)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Listen for webhooks."""
    found = Inbox()
    found.server.listen()
    yield found
    found.server.refuse()


@pytest.fixture
def desk(inbox: Inbox) -> Iterator[ZendeskSimulator]:
    """Run a simulated account that asks for the right credentials."""
    url = f"{inbox.server.url}/hooks/acme-zendesk"
    with ZendeskSimulator(email=EMAIL, api_token=TOKEN, webhook_url=url, webhook_secret=SECRET) as simulator:
        yield simulator


@pytest.fixture
def zendesk(desk: ZendeskSimulator) -> ZendeskConnector:
    """Connect to the simulated account."""
    return connect(desk.url)


@pytest.fixture
def driver(zendesk: ZendeskConnector) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(zendesk, deadline=2.0)
    yield found
    found.close()
