"""A real django-helpdesk, connected by the YAML of docs/connectors/generic.md alone: no code of ours knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from connectors.generic.connection import Generic
from connectors.sdk import (
    Absent,
    Category,
    CommentIntent,
    Found,
    Intent,
    Level,
    Operation,
    Rejected,
    RemotePerson,
    Strategy,
    Visibility,
    WriteContext,
)
from connectors.testing.bench import Bench, Shown, ShownComment
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zendesk.bench import ZendeskBench
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from tests.connectors.generic.examples import connect
from tests.desks.helpdesk_server import HelpdeskServer, missing
from tests.desks.proxy import Proxy
from tests.desks.real_pair import RealPair
from tests.pairs.pair import SOURCE, TARGET, Journey

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

EXAMPLE = "django-helpdesk"
LEVELS = {Level.P1: 1, Level.P2: 2, Level.P3: 3, Level.P4: 4}
STATUSES = {Category.OPEN: 1, Category.RESOLVED: 3, Category.CLOSED: 4}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HelpdeskServer]:
    """Start a private django-helpdesk; skipped, with the reason, where it is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with HelpdeskServer(tmp_path_factory.mktemp("helpdesk")) as server:
        yield server


def connected(url: str, password: str) -> Generic:
    """Return the connector of the documented example."""
    made = connect(EXAMPLE, url, HELPDESK_PASSWORD=password)
    assert isinstance(made, Generic)
    return made


@pytest.fixture
def driver(desk: HelpdeskServer) -> Iterator[Driver]:
    """Run calls of the example's connection to it."""
    found = Driver(connected(desk.url, desk.made.password), deadline=30.0)
    yield found
    found.close()


def opened(desk: HelpdeskServer, title: str = "Printer", body: str = "On fire", who: str = "agent1") -> str:
    """Let somebody open a ticket for a customer."""
    given = {
        "queue": desk.made.queues["support"], "title": title, "description": body,
        "submitter_email": "kim@customer.example", "priority": 3,
    }  # fmt: skip
    return str(desk.call("POST", "/tickets/", given, who=who)["id"])


def creation(desk: HelpdeskServer, **values: Any) -> Intent:
    """Return the intent to make a ticket."""
    given = {"title": "Netz – 処理中 🔥", "body": "Since *this* morning.", **values}
    params = {"param": {"queue": desk.made.queues["support"]}}
    return Intent(Operation.CREATE, {"requester": {"email": "kim@customer.example"}, **given}, params=params)


def said(operation: Operation, text: str) -> Intent:
    """Return the intent to say something."""
    visibility = Visibility.PUBLIC if operation is Operation.PUBLIC_REPLY else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c1", text, visibility))


def context(key: str, ticket: str = "") -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, ticket, first_sent_at=datetime.now(UTC))


def test_the_check_finds_nothing_wrong(desk: HelpdeskServer, driver: Driver) -> None:
    """And says that each write stays single; wrong credentials are said."""
    opened(desk)
    lines = driver.run(driver.connector.check())
    assert [line for line in lines if not line.ok] == []
    claims = driver.connector.spec.operations
    assert {each.strategy for each in claims.values()} == {Strategy.PROBE, Strategy.NATURAL}
    wrong = Driver(connected(desk.url, "wrong"), deadline=30.0)
    told = [line.detail for line in wrong.run(wrong.connector.check()) if not line.ok]
    wrong.close()
    assert any("403" in detail for detail in told)


def test_a_ticket_is_made_once_and_found_on_any_page(desk: HelpdeskServer, driver: Driver) -> None:
    """By our mark, behind more tickets than a page holds."""
    for number in range(5):
        opened(desk, f"Another {number}")
    given = context("0123456789abcdef0123456789abcdef")
    agent = str(desk.made.people["agent1"])
    wanted = creation(desk, priority={"level": "P1"}, assignee={"external_id": agent})
    receipt = driver.settle(wanted, given)
    found = driver.run(driver.connector.probe(wanted, given))
    assert isinstance(found, Found)
    assert found.receipt.remote_id == receipt.remote_id
    assert isinstance(driver.run(driver.connector.probe(wanted, context("f" * 32))), Absent)
    read = driver.run(driver.connector.read(receipt.remote_id))
    assert read is not None
    assert (read.title, read.body, read.comments) == ("Netz – 処理中 🔥", "Since *this* morning.", ())
    assert read.marker == given.effect_key
    assert read.requester == RemotePerson("kim@customer.example", "kim@customer.example", role="customer")
    assert isinstance(read.assignee, RemotePerson)
    assert read.assignee.external_id == agent


def test_what_is_said_is_there_once_for_the_right_eyes(desk: HelpdeskServer, driver: Driver) -> None:
    """Known by the mark at its end, which is cut out of what is read; a person's words stay a person's."""
    ticket = opened(desk)
    desk.call("POST", "/followups/", {"ticket": int(ticket), "comment": "From an agent", "public": False})
    for key, operation in (("a" * 32, Operation.PUBLIC_REPLY), ("b" * 32, Operation.INTERNAL_NOTE)):
        intent = said(operation, f"Said as {operation.value} – 処理中")
        receipt = driver.settle(intent, context(key, ticket))
        found = driver.run(driver.connector.probe(intent, context(key, ticket)))
        assert isinstance(found, Found)
        assert found.receipt.comment_id == receipt.comment_id
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    assert [(each.body, each.visibility) for each in read.comments] == [
        ("From an agent", Visibility.INTERNAL), ("Said as public_reply – 処理中", Visibility.PUBLIC),
        ("Said as internal_note – 処理中", Visibility.INTERNAL),
    ]  # fmt: skip
    assert [driver.connector.is_us(each.author) for each in read.comments] == [False, True, True]


def test_fields_are_set_and_refusals_are_the_desks_own_words(desk: HelpdeskServer, driver: Driver) -> None:
    """Numbers for statuses, priorities and people; nobody can have it."""
    ticket = opened(desk)
    agent = {"external_id": str(desk.made.people["agent2"])}
    wanted = Intent(
        Operation.SET_FIELDS,
        {"title": "Paper jam", "status": {"category": "resolved"}, "priority": {"level": "P2"}, "assignee": agent},
    )
    driver.settle(wanted, context("c" * 32, ticket))
    shown = desk.call("GET", f"/tickets/{ticket}/")
    assert (shown["title"], shown["status"], shown["priority"]) == ("Paper jam", 3, 2)
    assert shown["assigned_to"] == desk.made.people["agent2"]
    assert isinstance(driver.run(driver.connector.probe(wanted, context("c" * 32, ticket))), Found)
    driver.settle(Intent(Operation.SET_FIELDS, {"assignee": None}), context("d" * 32, ticket))
    assert desk.call("GET", f"/tickets/{ticket}/")["assigned_to"] is None
    nobody = Intent(Operation.SET_FIELDS, {"assignee": {"external_id": "999"}})
    outcome = driver.attempt(nobody, context("e" * 32, ticket))
    assert isinstance(outcome, Rejected)
    assert "object does not exist" in outcome.detail
    assert driver.run(driver.connector.read("99999")) is None


def test_a_poll_tells_what_differs(desk: HelpdeskServer, driver: Driver) -> None:
    """The desk tells no time: the first round remembers, the next tell what is new or not as it was."""

    def polled(cursor: str, now: datetime | None = None) -> tuple[set[str], str]:
        told: set[str] = set()
        for _ in range(20):
            page = driver.run(driver.connector.changes(cursor, now or datetime.now(UTC)))
            told |= {each.remote_id for each in page.tickets}
            cursor = page.cursor
            if page.end:
                return told, cursor
        msg = "the poll has no end"
        raise AssertionError(msg)

    before, quiet = opened(desk), opened(desk)
    told, cursor = polled("")
    assert told == set()
    fresh = opened(desk)
    desk.call("POST", "/followups/", {"ticket": int(before), "comment": "More of it", "public": True})
    told, cursor = polled(cursor)
    assert told == {before, fresh}
    desk.call("PATCH", f"/tickets/{quiet}/", {"status": 3})
    told, cursor = polled(cursor)
    assert told == {quiet}
    desk.call("PATCH", f"/tickets/{quiet}/", {"status": 1})
    told, cursor = polled(cursor)
    assert told == {quiet}
    assert polled(cursor)[0] == set()
    imported, _ = polled("", datetime.now(UTC) - timedelta(days=30))
    assert {before, quiet, fresh} <= imported


class RealHelpdesk(Bench):
    """The django-helpdesk of the module behind a proxy; a subclass names it."""

    connector = "generic"
    categories = frozenset({Category.OPEN, Category.RESOLVED, Category.CLOSED})
    server: ClassVar[HelpdeskServer]

    def __init__(self) -> None:
        self.desk = self.proxy = Proxy(self.server.port, seed=1)
        self.agents = (str(self.server.made.people["agent1"]), str(self.server.made.people["agent2"]))

    def options(self) -> dict[str, Any]:
        """Return the documented example."""
        return dict(connected(self.server.url, self.server.made.password).settings.options)

    def settings(self, name: str = "", *, every: timedelta | None = None, **changes: Any) -> ConnectionSettings:
        """Return the settings of a connection through the proxy."""
        given = super().settings(name, every=every, **changes)
        return msgspec.structs.replace(given, url=f"{self.proxy.url}/api", deadline=6.0)

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let an agent open a ticket for a customer."""
        given = {"queue": self.server.made.queues["support"], "title": title, "description": body,
                 "submitter_email": email, "priority": 3}  # fmt: skip
        return str(self.server.call("POST", "/tickets/", given)["id"])

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent say something."""
        self.server.call("POST", "/followups/", {"ticket": int(ticket), "comment": text, "public": public})

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self._set(ticket, status=STATUSES[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self._set(ticket, priority=LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the title."""
        self._set(ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give it to somebody."""
        self._set(ticket, assigned_to=int(account))

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as agents see it; its first follow-up is its description."""
        found: Mapping[str, Any] = self.server.call("GET", f"/tickets/{ticket}/")
        said_there = [each for each in found["followup_set"][1:] if each["comment"]]
        return Shown(
            title=found["title"],
            body=found["description"],
            status=str(found["status"]),
            priority=str(found["priority"]),
            assignee=str(found["assigned_to"] or ""),
            comments=tuple(
                ShownComment(each["comment"].partition("\n\n[gateway:")[0].strip(), each["public"])
                for each in said_there
            ),
        )

    def _set(self, ticket: str, **values: Any) -> None:
        """Change fields, and leave the wordless follow-up that the desk's own pages leave of each change."""
        self.server.call("PATCH", f"/tickets/{ticket}/", values)
        self.server.call("POST", "/followups/", {"ticket": int(ticket), "comment": "", "public": False})


@pytest.fixture
def bench(desk: HelpdeskServer) -> Iterator[type[RealHelpdesk]]:
    """Give the bench of the module's desk."""

    class Here(RealHelpdesk):
        server = desk
        create_params: ClassVar[Mapping[str, Any]] = {"param": {"queue": desk.made.queues["support"]}}

    yield Here
    if not desk.serves():
        desk.serve()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("there", [True, False], ids=["to-helpdesk", "from-helpdesk"])
def test_a_ticket_lives_in_both(store: SqlStore, bench: type[RealHelpdesk], there: bool) -> None:
    """Created, talked about from both sides, changed from both sides, and at rest."""
    ends: tuple[type[Bench], type[Bench]] = (ZendeskBench, bench) if there else (bench, ZendeskBench)
    with RealPair(store, *ends) as pair:
        # the first round of a poll only remembers
        pair.reconciler().poll_due(holder="first", seconds=20)
        Journey(pair).run()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lost_answers_and_a_kill_double_nothing(store: SqlStore, bench: type[RealHelpdesk]) -> None:
    """A creation and notes whose answers are lost, and a desk that dies over one: each is there once."""
    with RealPair(store, ZendeskBench, bench) as pair:
        pair.reconciler().poll_due(holder="first", seconds=20)
        real = pair.benches[TARGET]
        assert isinstance(real, RealHelpdesk)
        before = real.server.call("GET", "/tickets/")["count"]
        real.proxy.fault(kind=FaultKind.RESET_AFTER, method="POST", path=".*/tickets/")
        ticket, copy = pair.opened("Fire", "It burns")
        for number, kind in enumerate((FaultKind.RESET_AFTER, FaultKind.ERROR_WITH_EFFECT, FaultKind.HALF_BODY)):
            real.proxy.fault(kind=kind, method="POST", status=502)
            pair.benches[SOURCE].say(ticket, f"Word {number}", public=number % 2 == 0)
            pair.settle_all()
        killed = real.proxy.lie_in_wait(real.server.kill)
        pair.benches[SOURCE].say(ticket, "Word 3", public=False)
        pair.settle(seconds=3)
        assert killed.is_set()
        real.server.serve()
        pair.settle_all(90)
        assert real.server.call("GET", "/tickets/")["count"] == before + 1
        words = [each.text.splitlines()[-1] for each in real.shown(copy).comments]
        assert words == [f"Word {number}" for number in range(4)], pair.letters()
        assert pair.letters() == []
