"""A real Kinto, a store of records, connected by the YAML of docs/connectors/generic.md alone: ids of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.generic.connection import Generic
from connectors.sdk import (
    Absent,
    Attachment,
    Category,
    Conflict,
    Found,
    Intent,
    Level,
    Operation,
    RemotePerson,
    Visibility,
    WriteContext,
)
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.testing.loopback import SimRequest, SimResponse
from connectors.zendesk.bench import ZendeskBench
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from tests.connectors.generic.examples import connect
from tests.desks.kinto_server import COLLECTIONS, PASSWORD, KintoServer, missing
from tests.desks.proxy import Proxy
from tests.desks.real_pair import RealPair
from tests.length import FULL
from tests.pairs.pair import SOURCE, TARGET, Journey

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

KEY = "0123456789abcdef0123456789abcdef"
LEVELS = {Level.P1: "urgent", Level.P2: "high", Level.P3: "normal", Level.P4: "low"}
STATUSES = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "waiting",
    Category.ON_HOLD: "parked",
    Category.RESOLVED: "done",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KintoServer]:
    """Start a private Kinto; skipped, with the reason, where it is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with KintoServer(tmp_path_factory.mktemp("kinto")) as server:
        yield server


def connected(url: str) -> Generic:
    """Return the connector of the documented example."""
    made = connect("kinto", url, KINTO_PASSWORD=PASSWORD)
    assert isinstance(made, Generic)
    return made


@pytest.fixture
def driver(desk: KintoServer) -> Iterator[Driver]:
    """Run calls of the example's connection to it."""
    found = Driver(connected(desk.url), deadline=30.0)
    yield found
    found.close()


def opened(desk: KintoServer, title: str = "Printer", text: str = "On fire", mail: str = "kim@customer.example") -> str:
    """Let somebody open a ticket for a customer."""
    given = {"title": title, "text": text, "status": "new", "urgency": "normal", "customer": mail}
    return str(desk.call("POST", "/tickets/records", given)["id"])


def context(key: str, ticket: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, ticket, first_sent_at=datetime.now(UTC), **more)


def test_the_example_works_as_it_stands(desk: KintoServer, driver: Driver) -> None:
    """Every request that only reads, and nothing that a person has to decide."""
    opened(desk)
    results = driver.run(driver.connector.check())
    assert all(each.ok for each in results), results
    assert driver.run(driver.connector.read("nosuchticket")) is None


def test_a_creation_takes_effect_once(driver: Driver) -> None:
    """Under the id that we give: sent again it is refused, and what people made of it meanwhile stays."""
    given = {
        "title": "Netz – 処理中", "body": "Since *this* morning.", "priority": {"level": "P1"},
        "tags": ["net", "urgent"], "requester": {"email": "kim@customer.example"}, "status": {"category": "open"},
    }  # fmt: skip
    intent = Intent(Operation.CREATE, given)
    receipt = driver.settle(intent, context(KEY))
    assert receipt.remote_id == KEY
    change = Intent(Operation.SET_FIELDS, {"title": "Theirs"})
    driver.settle(change, context("a" * 32, KEY))
    assert isinstance(driver.attempt(intent, context(KEY)), Conflict)
    assert isinstance(driver.run(driver.connector.probe(intent, context(KEY))), Found)
    assert isinstance(driver.run(driver.connector.probe(intent, context("f" * 32))), Absent)
    read = driver.run(driver.connector.read(KEY))
    assert read is not None
    assert (read.title, read.body, read.tags) == ("Theirs", "Since *this* morning.", ("net", "urgent"))
    assert read.requester == RemotePerson("kim@customer.example", "kim@customer.example", role="customer")


def test_files_are_put_there_and_named(desk: KintoServer, driver: Driver) -> None:
    """As a form with JSON beside the file, once under our id; hidden where it is to be hidden."""
    ticket = opened(desk)
    for key, visibility in (("1" * 32, Visibility.PUBLIC), ("2" * 32, Visibility.INTERNAL)):
        blob = driver.files.put(b"\x89PNG\x00" + key.encode())
        file = Attachment("Größe 100%.png", "image/png", blob.size, sha256=blob.sha256, visibility=visibility)
        for _ in range(2):
            receipt = driver.settle(Intent(Operation.ATTACH, attachments=(file,)), context(key, ticket))
            assert receipt.file_ids == (key,)
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    assert [(each.remote_id[0], each.size, each.visibility) for each in read.attachments] == [
        ("1", 37, Visibility.PUBLIC),
        ("2", 37, Visibility.INTERNAL),
    ]
    assert {each.name for each in read.attachments} == {"Größe 100%.png"}
    assert all(each.url.startswith(f"http://127.0.0.1:{desk.port}/attachments/") for each in read.attachments)


def test_a_note_that_does_not_touch_its_ticket_is_polled(desk: KintoServer, driver: Driver) -> None:
    """By the second list; an id of digits only is an id, and a round of many pages ends."""

    def polled(cursor: str) -> tuple[set[str], str]:
        told: set[str] = set()
        for _ in range(20):
            page = driver.run(driver.connector.changes(cursor, datetime.now(UTC)))
            told |= {each.remote_id for each in page.tickets}
            cursor = page.cursor
            if page.end:
                return told, cursor
        msg = "the poll has no end"
        raise AssertionError(msg)

    digits = "7" * 20
    desk.call("PUT", f"/tickets/records/{digits}", {"title": "Old", "text": "", "status": "new"})
    for number in range(105):
        desk.call(
            "POST", "/notes/records", {"ticket": digits, "text": f"Word {number}", "public": True, "by": "agent1"}
        )
    _, cursor = polled("")
    later = datetime.now(UTC) + timedelta(minutes=5)
    page = msgspec.json.decode(cursor) | {"base": later.isoformat()}
    desk.call("POST", "/notes/records", {"ticket": digits, "text": "More", "public": False, "by": "agent1"})
    told, _ = polled(cursor)
    assert digits in told
    assert polled(msgspec.json.encode(page).decode())[0] == set()
    read = driver.run(driver.connector.read(digits))
    assert read is not None
    assert len(read.comments) == 106
    assert read.comments[-1].visibility is Visibility.INTERNAL


class WithFiles(Proxy):
    """The web server in front of a Kinto, which gives the files that Kinto names."""

    def __init__(self, server: KintoServer) -> None:
        super().__init__(server.port, seed=1)
        self._server = server

    def _answer(self, request: SimRequest) -> SimResponse:
        if request.path.startswith("/attachments/"):
            return SimResponse(200, {"Content-Type": "application/octet-stream"}, self._server.file(request.path))
        return super()._answer(request)


class RealKinto(Bench):
    """The Kinto of the module behind a proxy; a subclass names it."""

    connector = "generic"
    agents = ("agent1", "agent2")
    server: KintoServer

    def __init__(self) -> None:
        self.desk = self.proxy = WithFiles(self.server)

    def options(self) -> dict[str, Any]:
        """Return the documented example."""
        return dict(connected(self.server.url).settings.options)

    def settings(self, name: str = "", *, every: timedelta | None = None, **changes: Any) -> ConnectionSettings:
        """Return the settings of a connection through the proxy."""
        given = super().settings(name, every=every, **changes)
        return msgspec.structs.replace(given, url=f"{self.proxy.url}{COLLECTIONS}", deadline=6.0)

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let an agent open a ticket for a customer."""
        return opened(self.server, title, body, email)

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent say something."""
        given = {"ticket": ticket, "text": text, "public": public, "by": "agent1"}
        self.server.call("POST", "/notes/records", given)

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
        found: Mapping[str, Any] = self.server.call("GET", f"/tickets/records/{ticket}")
        notes = self.server.call("GET", f"/notes/records?ticket=%22{ticket}%22&_sort=last_modified")
        files = self.server.call("GET", f"/files/records?ticket=%22{ticket}%22&_sort=last_modified")
        return Shown(
            title=found["title"],
            body=found.get("text") or "",
            status=found["status"],
            priority=found.get("urgency") or "",
            assignee=found.get("agent") or "",
            comments=tuple(ShownComment(each["text"], each["public"]) for each in notes),
            files=tuple(
                ShownFile(
                    each["attachment"]["filename"], self.server.file(each["attachment"]["location"]), each["public"]
                )
                for each in files
            ),
        )

    def _set(self, ticket: str, **values: Any) -> None:
        self.server.call("PATCH", f"/tickets/records/{ticket}", values)


@pytest.fixture
def bench(desk: KintoServer) -> type[RealKinto]:
    """Give the bench of the module's desk."""

    class Here(RealKinto):
        server = desk

    return Here


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("there", [True, False] if FULL else [False], ids=["to-kinto", "from-kinto"][not FULL :])
def test_a_ticket_lives_in_both(store: SqlStore, bench: type[RealKinto], there: bool) -> None:
    """Created, talked about from both sides, changed from both sides, and at rest."""
    ends: tuple[type[Bench], type[Bench]] = (ZendeskBench, bench) if there else (bench, ZendeskBench)
    with RealPair(store, *ends) as pair:
        Journey(pair).run()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lost_answers_double_nothing(store: SqlStore, bench: type[RealKinto]) -> None:
    """A creation and notes whose answers are lost are there once."""
    with RealPair(store, ZendeskBench, bench) as pair:
        real = pair.benches[TARGET]
        assert isinstance(real, RealKinto)
        before = len(real.server.call("GET", "/tickets/records"))
        real.proxy.fault(kind=FaultKind.RESET_AFTER, method="PUT", path=".*/tickets/")
        ticket, copy = pair.opened("Fire", "It burns")
        for number, kind in enumerate((FaultKind.RESET_AFTER, FaultKind.ERROR_WITH_EFFECT, FaultKind.HALF_BODY)):
            real.proxy.fault(kind=kind, method="PUT", status=502)
            pair.benches[SOURCE].say(ticket, f"Word {number}", public=number % 2 == 0)
            pair.settle_all()
        assert len(real.server.call("GET", "/tickets/records")) == before + 1
        words = [each.text.splitlines()[-1] for each in real.shown(copy).comments]
        assert words == [f"Word {number}" for number in range(3)], pair.letters()
        assert pair.letters() == []
