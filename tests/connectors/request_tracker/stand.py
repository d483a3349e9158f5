"""A desk under test (a real RT or the simulated one), its people, and the place where its webhooks arrive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connectors.registry import load
from connectors.request_tracker.connection import RequestTracker
from connectors.testing.driver import Driver
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse
from gateway.domain.event import Event, RemoteTicket
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Done, Finding, Intent, Operation, Outcome, Receipt, Sighting
from gateway.ports import ConnectionSettings, IncomingRequest, RawDelivery, WriteContext

#: does something through REST as a person: method, path, payload, login
Person = Callable[..., Any]


class Sink:
    """Keeps every webhook that arrives, as the gateway's web process would see it."""

    def __init__(self) -> None:
        self.requests: list[IncomingRequest] = []
        self.server = LoopbackServer(self._take)
        self.server.listen()

    @property
    def url(self) -> str:
        """Where webhooks are to be sent."""
        return f"{self.server.url}/hooks/rt"

    def _take(self, request: SimRequest) -> SimResponse:
        self.requests.append(IncomingRequest("POST", request.path, request.query, request.headers, request.body))
        return SimResponse(200)


class Stand:
    """One desk with a connector of the gateway's user beside it."""

    def __init__(
        self, url: str, tokens: dict[str, str], secret: str, sink: Sink, person: Person, **options: Any
    ) -> None:
        self.url = url
        self.tokens = tokens
        self.secret = secret
        self.sink = sink
        self.person = person
        self.connector = self.connect(**options)
        self.driver = Driver(self.connector)

    def connect(self, *, token: str = "", **options: Any) -> RequestTracker:
        """Make a connector as the registry does; without `token` it is the gateway's."""
        given = {
            "auth": {"token": token or self.tokens["gateway"]},
            "webhook_secret": ["an-older-secret", self.secret],
            **options,
        }
        made = load(("request_tracker",), ()).connect(ConnectionSettings("rt", "request_tracker", self.url, given))
        assert isinstance(made, RequestTracker)
        return made

    # -- people and webhooks

    def ticket(self, subject: str = "Printer on fire", who: str = "agent1", **fields: Any) -> str:
        """Create a ticket as a person; returns its number."""
        given = {"Queue": "Support", "Subject": subject, "Content": "smoke", "ContentType": "text/plain", **fields}
        return str(self.person("POST", "/ticket", given, who=who)["id"])

    def shown(self, number: str) -> dict[str, Any]:
        """Return the ticket as RT shows it to a person."""
        shown = self.person("GET", f"/ticket/{number}?fields=Queue&fields[Queue]=Name")
        assert isinstance(shown, dict)
        return shown

    def events(self) -> list[Event]:
        """Verify and parse every webhook since the last time, in order of arrival."""
        found: list[Event] = []
        arrived, self.sink.requests[:] = list(self.sink.requests), []
        for request in arrived:
            self.connector.verify(request, datetime.now(UTC))
            named = self.connector.envelope(request)
            found += self.connector.parse(
                RawDelivery(named.source_event_id, datetime.now(UTC), named.headers, request.body)
            )
        return found

    # -- our side

    def create(self, key: str, **fields: Any) -> str:
        """Create a ticket as the gateway; returns its number."""
        intent = Intent(Operation.CREATE, fields={"title": "Made by us", **fields}, params={"queue": "Support"})
        return self.done(self.write(intent, WriteContext(effect_key=key))).remote_id

    def write(self, intent: Intent, context: WriteContext) -> Outcome:
        """Run one attempt."""
        return self.driver.run(self.connector.write(intent, context))

    def probe(self, intent: Intent, context: WriteContext) -> Finding:
        """Run one probe."""
        return self.driver.run(self.connector.probe(intent, context))

    def count(self, intent: Intent, context: WriteContext) -> Sighting:
        """Count the effects of an update."""
        return self.driver.run(self.connector.effects(intent, context))

    def read(self, number: str) -> RemoteTicket | None:
        """Read one ticket whole."""
        return self.driver.run(self.connector.read(number))

    def whole(self, number: str) -> RemoteTicket:
        """Read one ticket that must be there."""
        found = self.read(number)
        assert found is not None
        return found

    @staticmethod
    def done(outcome: Outcome) -> Receipt:
        """Return the receipt of a write that must have taken effect."""
        assert isinstance(outcome, Done), outcome
        return outcome.receipt


def reply(body: str) -> Intent:
    """Return a public reply."""
    return Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c1", body, Visibility.PUBLIC))


def note(body: str) -> Intent:
    """Return an internal note."""
    return Intent(Operation.INTERNAL_NOTE, comment=CommentIntent("c1", body, Visibility.INTERNAL))


def fields(**values: Any) -> Intent:
    """Return a change of fields."""
    return Intent(Operation.SET_FIELDS, fields=values)
