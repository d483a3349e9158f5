"""A real Directus, connected by the YAML of docs/connectors/generic.md alone, with the Flows that it describes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.generic.connection import Generic
from connectors.sdk import Category, Envelope, EventKind, Level
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile, Sink
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zendesk.bench import ZendeskBench
from gateway.ports import ConnectionSettings, RawDelivery
from gateway.store import SqlStore
from tests.connectors.generic.examples import connect
from tests.desks.directus_server import TOKENS, DirectusServer, missing
from tests.desks.proxy import Proxy
from tests.desks.real_pair import RealPair
from tests.pairs.pair import SOURCE, TARGET, Journey
from tests.processes import wait_until

pytestmark = [pytest.mark.desk, pytest.mark.long(only=True), pytest.mark.timeout(600)]

LEVELS = {Level.P1: 1, Level.P2: 2, Level.P3: 3, Level.P4: 4}
STATUSES = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "waiting",
    Category.ON_HOLD: "parked",
    Category.RESOLVED: "done",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectusServer]:
    """Start a private Directus; skipped, with the reason, where it is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with DirectusServer(tmp_path_factory.mktemp("directus")) as server:
        yield server


def connected(desk: DirectusServer) -> Generic:
    """Return the connector of the documented example."""
    made = connect("directus", desk.url, DIRECTUS_TOKEN=TOKENS["gateway"], DIRECTUS_SECRET=desk.secret)
    assert isinstance(made, Generic)
    return made


def opened(desk: DirectusServer, title: str, text: str, mail: str = "kim@customer.example") -> str:
    """Let somebody open a ticket for a customer."""
    given = {"title": title, "text": text, "status": "new", "urgency": 3, "customer": mail}
    return str(desk.call("POST", "/items/tickets", given)["id"])


def test_the_example_works_as_it_stands(desk: DirectusServer) -> None:
    """Every request that only reads, and nothing that a person has to decide."""
    opened(desk, "Printer", "On fire")
    driver = Driver(connected(desk), deadline=30.0)
    results = driver.run(driver.connector.check())
    driver.close()
    assert all(each.ok for each in results), results


def test_its_flows_tell_of_each_change_of_a_ticket(desk: DirectusServer) -> None:
    """A change and the same change again are two, although they say the same; a message tells of its ticket."""
    sink, connector = Sink(), connected(desk)
    desk.point_webhooks(sink.url)
    ticket = opened(desk, "Printer", "On fire")
    desk.call("PATCH", f"/items/tickets/{ticket}", {"urgency": 1})
    desk.call("PATCH", f"/items/tickets/{ticket}", {"urgency": 2})
    desk.call("POST", "/items/messages", {"ticket": int(ticket), "text": "More", "public": True})
    assert wait_until(lambda: len(sink.requests) == 4, 10.0)
    desk.point_webhooks("")
    told = []
    for request in sink.requests:
        connector.verify(request, datetime.now(UTC))
        named = connector.envelope(request)
        assert isinstance(named, Envelope)
        assert (named.hint, named.ref) == (True, ticket)
        raw = RawDelivery(named.source_event_id, datetime.now(UTC), named.headers, request.body)
        told += [(each.kind, each.remote_id, each.needs_read) for each in connector.parse(raw)]
    assert told == [(EventKind.OBSERVED, ticket, True)] * 4
    sink.close()


class RealDirectus(Bench):
    """The Directus of the module behind a proxy; a subclass names it."""

    connector = "generic"
    agents = ("agent1", "agent2")
    server: DirectusServer

    def __init__(self) -> None:
        self.desk = self.proxy = Proxy(self.server.port, seed=1)

    def options(self) -> dict[str, Any]:
        """Return the documented example."""
        return dict(connected(self.server).settings.options)

    def settings(self, name: str = "", *, every: timedelta | None = None, **changes: Any) -> ConnectionSettings:
        """Return the settings of a connection through the proxy."""
        given = super().settings(name, every=every, **changes)
        return msgspec.structs.replace(given, url=self.proxy.url, deadline=6.0)

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let an agent open a ticket for a customer."""
        return opened(self.server, title, body, email)

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent say something."""
        self.server.call("POST", "/items/messages", {"ticket": int(ticket), "text": text, "public": public})

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self._set(ticket, status=STATUSES[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the urgency."""
        self._set(ticket, urgency=LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the title."""
        self._set(ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give it to somebody."""
        self._set(ticket, agent=account)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file there."""
        self.server.attach(ticket, name, data, public=public)

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as agents see it."""
        fields = "*,messages.*,messages.files.directus_files_id.*"
        found = self.server.call("GET", f"/items/tickets/{ticket}?fields={fields}&deep[messages][_sort]=id")
        files = [
            ShownFile(each["filename_download"], self.server.file(each["id"]), message["public"])
            for message in found["messages"]
            for each in (row["directus_files_id"] for row in message["files"])
        ]
        return Shown(
            title=found["title"],
            body=found["text"] or "",
            status=found["status"],
            priority=str(found["urgency"] or ""),
            assignee=found["agent"] or "",
            comments=tuple(ShownComment(each["text"], each["public"]) for each in found["messages"] if each["text"]),
            files=tuple(files),
        )

    def _set(self, ticket: str, **values: Any) -> None:
        self.server.call("PATCH", f"/items/tickets/{ticket}", values)


class Told(RealPair):
    """Both desks, where the real one is polled as well as heard: whatever both say is done once."""

    def settle_all(self, seconds: float = 90.0) -> None:
        """Give its webhooks the moment that they take."""
        time.sleep(0.3)
        super().settle_all(seconds)


@pytest.fixture
def bench(desk: DirectusServer) -> Iterator[type[RealDirectus]]:
    """Give the bench of the module's desk, empty: a poll would bring what an earlier test left."""
    for table in ("messages_files", "messages", "tickets"):
        desk.call("DELETE", f"/items/{table}", {"query": {"limit": -1}})

    class Here(RealDirectus):
        server = desk

    yield Here
    desk.point_webhooks("")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("polled", [True, False], ids=["polled-and-told", "told"])
@pytest.mark.parametrize("there", [True, False], ids=["to-directus", "from-directus"])
def test_a_ticket_lives_in_both(store: SqlStore, bench: type[RealDirectus], there: bool, polled: bool) -> None:
    """Created, talked about from both sides, changed from both sides, and at rest."""
    ends: tuple[type[Bench], type[Bench]] = (ZendeskBench, bench) if there else (bench, ZendeskBench)
    real = TARGET if there else SOURCE
    with Told(store, *ends) as pair:
        pair.polled = (real,) if polled else ()
        bench.server.point_webhooks(pair.hook(real))
        Journey(pair).run()
        assert pair.letters() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lost_answers_double_nothing(store: SqlStore, bench: type[RealDirectus]) -> None:
    """A creation and messages whose answers are lost are there once; what no webhook told comes with the poll."""
    with RealPair(store, ZendeskBench, bench) as pair:
        pair.polled = (TARGET,)
        real = pair.benches[TARGET]
        assert isinstance(real, RealDirectus)
        before = len(real.server.call("GET", "/items/tickets?limit=-1"))
        real.proxy.fault(kind=FaultKind.RESET_AFTER, method="POST", path="/items/tickets")
        ticket, copy = pair.opened("Fire", "It burns")
        for number, kind in enumerate((FaultKind.RESET_AFTER, FaultKind.ERROR_WITH_EFFECT, FaultKind.HALF_BODY)):
            real.proxy.fault(kind=kind, method="POST", path="/items/messages", status=502)
            pair.benches[SOURCE].say(ticket, f"Word {number}", public=number % 2 == 0)
            pair.settle_all()
        assert len(real.server.call("GET", "/items/tickets?limit=-1")) == before + 1
        words = [each.text.splitlines()[-1] for each in real.shown(copy).comments]
        assert words == [f"Word {number}" for number in range(3)], pair.letters()
        real.set_priority(copy, Level.P1)
        pair.settle_all()
        assert pair.ticket(ticket).priority.level is Level.P1
        assert pair.letters() == []
