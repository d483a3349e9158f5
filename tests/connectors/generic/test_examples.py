"""Each example of docs/connectors/generic.md is checked as `gateway check` does, and run against what it describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import connectors.generic
from connectors.generic import SPEC
from connectors.generic.signing import full, sign
from connectors.sdk import (
    Category,
    CommentIntent,
    Done,
    Envelope,
    EventKind,
    FieldChange,
    Found,
    HttpRequest,
    IncomingRequest,
    Intent,
    Level,
    NotSent,
    Operation,
    Priority,
    RawDelivery,
    Rejected,
    RemotePerson,
    Status,
    Strategy,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from rules.site import check_site
from tests.connectors.generic.examples import blocks, connect
from tests.connectors.generic.servers import CatchHook, Chatwoot, OsTicket, Server, Znuny

NAMES = (
    "home-desk", "zapier", "znuny", "django-helpdesk", "kinto", "directus", "osticket", "chatwoot", "pagerduty",
    "jestor", "oracle-service", "freescout", "bugzilla", "glpi", "frappe-helpdesk",
)  # fmt: skip


@contextmanager
def driving(name: str, server: Server, path: str = "") -> Iterator[Driver]:
    """Run an example against a server."""
    with server:
        driver = Driver(connect(name, server.url + path), deadline=5.0)
        yield driver
        driver.close()


K1, K2, K3, K9, COFFEE = (each * 32 for each in "1239c")


def context(ticket: str = "", key: str = COFFEE) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, ticket, first_sent_at=datetime.now(UTC))


def create(**more: Any) -> Intent:
    """Return the intent to make a ticket."""
    given = {
        "title": "Printer – 処理中",
        "body": "It *burns*.",
        "requester": {"email": "kim@example.com", "name": "Kim"},
        "status": {"category": "open"},
        "priority": {"level": "P1"},
    }
    return Intent(Operation.CREATE, given, **more)


def said(operation: Operation, text: str) -> Intent:
    """Return the intent to write a comment."""
    visibility = Visibility.PUBLIC if operation is Operation.PUBLIC_REPLY else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c1", text, visibility))


def events(driver: Driver, body: Any, headers: dict[str, str]) -> list[Any]:
    """Verify, name and read a webhook as the gateway does."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    request = IncomingRequest("POST", "/hooks/x", {}, headers, content)
    driver.connector.verify(request, datetime.now(UTC))
    named = driver.connector.envelope(request)
    assert isinstance(named, Envelope)
    return list(driver.connector.parse(RawDelivery(named.source_event_id, datetime.now(UTC), named.headers, content)))


def sent_by(driver: Driver) -> Any:
    """Return the JSON of the last request."""
    body = driver.requests[-1].body
    assert isinstance(body, bytes)
    return msgspec.json.decode(body)


def test_the_page_has_these_examples() -> None:
    """In this order."""
    assert tuple(blocks()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_passes_the_check(name: str) -> None:
    """As gateway.yaml of a site: without an error or a warning."""
    checked = check_site({"gateway.yaml": blocks()[name]}, {"generic": SPEC})
    assert [
        str(problem) for problem in checked.problems if name in str(problem) or "gateway.yaml" in str(problem)
    ] == []


def test_the_desk_made_at_home_is_the_one_of_the_simulator() -> None:
    """So the conformance suite runs this very example."""
    written = yaml.safe_load(blocks()["home-desk"])["connections"]["home-desk"]
    home = yaml.safe_load(Path(connectors.generic.__file__).with_name("home.yaml").read_text(encoding="utf-8"))
    assert {name: written[name] for name in home} == home


def test_zapier_is_told_and_tells() -> None:
    """Signed by Standard Webhooks with the id that stays the same; what it posts needs the secret."""
    with driving("zapier", CatchHook(), "/hooks/catch/1/abc/") as driver:
        claims = driver.connector.spec.operations
        assert claims[Operation.CREATE].strategy is Strategy.NATURAL
        made = driver.settle(create(), context(key=K1))
        assert "/hooks/catch/1/abc" in driver.connector.secrets(), "the address is all that protects it"
        assert made.remote_id == K1
        server_side = driver.requests[-1]
        assert server_side.headers["webhook-id"] == K1
        driver.settle(Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}}), context(K1, K2))
        body = sent_by(driver)
        assert body == {"id": K2, "event": "changed", "ticket": K1, "status": "solved"}
        driver.settle(said(Operation.PUBLIC_REPLY, "Soon"), context(K1, K3))
        headers = {"x-zapier-secret": "zapier_secret"}
        told = {
            "event": "comment",
            "ticket": K1,
            "comment": "When?",
            "author": "kim@example.com",
            "visibility": "public",
        }
        (event,) = events(driver, told, headers)
        assert (event.kind, event.remote_id, event.needs_read) == (EventKind.COMMENTED, K1, False)
        assert (event.comment.body, event.comment.visibility) == ("When?", Visibility.PUBLIC)
        assert event.comment.author.email == "kim@example.com"
        (unsaid,) = events(driver, {"event": "comment", "ticket": K1, "comment": "Psst"}, headers)
        assert unsaid.comment.visibility is Visibility.INTERNAL
        (changed,) = events(driver, {"event": "changed", "ticket": K1, "status": "solved"}, headers)
        assert changed.snapshot.status == Status(Category.RESOLVED, "solved")
        assert changed.changes == (FieldChange("status", Status(Category.RESOLVED, "solved")),)
        assert events(driver, {"event": "paused", "ticket": K1}, headers) == []


def test_what_zapier_gets_is_signed_as_receivers_check_it() -> None:
    """By a second computation with the secret of the example."""
    server = CatchHook()
    with driving("zapier", server, "/hooks/catch/1/abc/") as driver:
        driver.settle(create(), context(key=K1))
        request, _ = server.heard[0]
        stamp = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        sent = HttpRequest("POST", "", headers={"webhook-id": K1}, body=request.body)
        expected = sign(full({}), ["zapier_signing_secret"], sent, stamp)
        assert request.headers["webhook-signature"] == expected["webhook-signature"]


def test_osticket_makes_tickets_and_nothing_else() -> None:
    """A bare number with zeros before it; a lost answer is nobody's to repeat."""
    server = OsTicket()
    with driving("osticket", server) as driver:
        spec = driver.connector.spec
        assert spec.operations.keys() == {Operation.CREATE}
        assert spec.operations[Operation.CREATE].strategy is Strategy.NONE
        assert not spec.webhooks
        assert not spec.polling
        assert driver.settle(create(), context()).remote_id == "004217"
        _, body = server.heard[0]
        assert body["message"].startswith("data:text/html;charset=utf-8,<p>It <em>burns</em>.")
        assert body["email"] == "kim@example.com"
        assert isinstance(driver.attempt(said(Operation.INTERNAL_NOTE, "x"), context("1")), Rejected)


def test_znuny_lives_with_us() -> None:
    """Made once, found by its mark, talked about, changed, polled by bare ids; its errors come with 200."""
    server = Znuny()
    with driving("znuny", server) as driver:
        made = driver.settle(create(params={"param": {"queue": "Support"}}), context(key=K1))
        ticket = driver.run(driver.connector.read(made.remote_id))
        assert ticket is not None
        assert (ticket.title, ticket.body, ticket.marker) == ("Printer – 処理中", "It *burns*.", K1)
        assert ticket.priority == Priority(Level.P1, "5 very high")
        assert ticket.comments == ()
        assert abs(ticket.updated_at - datetime.now(UTC)) < timedelta(minutes=1)
        found = driver.run(driver.connector.probe(create(), context(key=K1)))
        assert isinstance(found, Found)
        assert found.receipt.remote_id == made.remote_id
        assert not isinstance(driver.run(driver.connector.probe(create(), context(key=K2))), Found)
        for operation in (Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE):
            receipt = driver.settle(said(operation, f"Said as {operation}"), context(made.remote_id))
            look = driver.run(driver.connector.probe(said(operation, f"Said as {operation}"), context(made.remote_id)))
            assert isinstance(look, Found)
            assert look.receipt.comment_id == receipt.comment_id
        whole = driver.run(driver.connector.read(made.remote_id))
        assert whole is not None
        assert [one.visibility for one in whole.comments] == [Visibility.PUBLIC, Visibility.INTERNAL]
        driver.settle(Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}}), context(made.remote_id))
        assert server.tickets[made.remote_id]["State"] == "closed successful"
        native = {"status": {"category": "open", "native": "nonsense"}}
        refused = driver.attempt(Intent(Operation.SET_FIELDS, native), context(made.remote_id))
        assert isinstance(refused, Rejected)
        assert "State is invalid" in refused.detail
        assert isinstance(driver.attempt(create(), context()), Rejected), "a queue is missing"
        page = driver.run(driver.connector.changes("", datetime.now(UTC)))
        assert [one.remote_id for one in page.tickets] == [made.remote_id]
        assert page.end
        assert driver.run(driver.connector.changes(page.cursor, datetime.now(UTC))).end


def test_znuny_tells_of_changes_as_hints() -> None:
    """The invoker's body is what a site makes it: the ticket is read."""
    with driving("znuny", Znuny()) as driver:
        body = {"Event": {"Event": "TicketStateUpdate"}, "Ticket": {"TicketID": "41", "State": "open"}}
        (event,) = events(driver, body, {"x-gateway-secret": "znuny_secret"})
        assert (event.kind, event.remote_id, event.needs_read) == (EventKind.OBSERVED, "41", True)


def test_chatwoot_lives_with_us() -> None:
    """Messages beyond a page, notes that are notes, one request for each field."""
    server = Chatwoot()
    for number in range(45):
        server.say(f"Message {number}", {"id": 4, "name": "Ann", "type": "user"}, 1)
    server.say("Ann assigned herself", None, 2)
    with driving("chatwoot", server) as driver:
        identity = driver.run(driver.connector.whoami())
        assert identity.person.external_id == "3"
        ticket = driver.run(driver.connector.read("11"))
        assert ticket is not None
        assert ticket.body == "It burns"
        assert [one.body for one in ticket.comments] == [f"Message {number}" for number in range(45)]
        assert isinstance(ticket.requester, RemotePerson)
        assert (ticket.requester.email, ticket.requester.role) == ("kim@example.com", "customer")
        intent = said(Operation.INTERNAL_NOTE, "For us")
        first = driver.settle(intent, context("11", K1))
        look = driver.run(driver.connector.probe(intent, context("11", K1)))
        assert isinstance(look, Found)
        assert look.receipt.comment_id == first.comment_id
        assert server.messages[-1]["private"] is True
        whole = driver.run(driver.connector.read("11"))
        assert whole is not None
        assert whole.comments[-1].visibility is Visibility.INTERNAL
        assert driver.connector.is_us(whole.comments[-1].author) is True
        wanted = {
            "status": {"category": "on_hold"}, "priority": {"level": "P1"}, "assignee": {"external_id": "4"},
            "tags": ["vip"],
        }  # fmt: skip
        driver.settle(Intent(Operation.SET_FIELDS, wanted), context("11", K2))
        assert len([1 for request, _ in server.heard if "messages" not in request.path]) == 4
        after = driver.run(driver.connector.read("11"))
        assert after is not None
        assert after.status == Status(Category.ON_HOLD, "snoozed")
        assert after.priority == Priority(Level.P1, "urgent")
        assert after.assignee == RemotePerson("4")
        assert after.tags == ("vip",)
        page = driver.run(driver.connector.changes("", datetime.fromtimestamp(1_783_918_930, UTC)))
        assert [one.remote_id for one in page.tickets] == ["11"]


def test_pagerduty_takes_a_mark_as_its_key() -> None:
    """A create is looked for by it; notes are internal, and there are no public replies."""
    with nobody("pagerduty") as driver:
        spec = driver.connector.spec
        assert spec.operations[Operation.CREATE].strategy is Strategy.PROBE
        assert Operation.PUBLIC_REPLY not in spec.operations
        outcome = driver.attempt(create(params={"param": {"service": "PX"}}), context())
        assert isinstance(outcome, NotSent)
        sent = sent_by(driver)["incident"]
        assert sent["incident_key"] == COFFEE
        assert sent["service"]["id"] == "PX"
        headers = driver.connector.authorize(driver.requests[-1])
        assert headers["Authorization"] == "Token token=pagerduty_key"


@contextmanager
def nobody(name: str) -> Iterator[Driver]:
    """Connect an example to an address where nobody listens."""
    driver = Driver(connect(name, "http://127.0.0.1:9"), deadline=2.0)
    yield driver
    driver.close()


def test_an_outcome_is_told_apart() -> None:
    """What is done is done."""
    with driving("osticket", OsTicket()) as driver:
        assert isinstance(driver.attempt(create(), context()), Done)


def test_a_note_at_chatwoot_is_told_and_not_the_message_before_it() -> None:
    """Beside each message stands the last public one of its conversation (`messages.chat.last`)."""
    said = {"id": 12, "content": "For us", "message_type": "outgoing", "private": True,
            "created_at": "2026-03-01T12:00:00Z", "sender": {"id": 5, "name": "Bo", "type": "user"}}  # fmt: skip
    before = {"id": 11, "content": "For all", "message_type": 1, "private": False, "created_at": 1772362000}
    whole = {"id": 7, "status": "open", "updated_at": 1772366400, "messages": [before]}
    body = msgspec.json.encode({**said, "event": "message_created", "conversation": whole})
    connector = connect("chatwoot", "https://desk.example")
    (event,) = connector.parse(RawDelivery("d", datetime(2026, 3, 1, 12, tzinfo=UTC), {}, body))
    assert (event.kind, event.remote_id, event.key) == (EventKind.COMMENTED, "7", "comment:12")
    assert event.comment is not None
    assert (event.comment.body, event.comment.visibility) == ("For us", Visibility.INTERNAL)
    assert event.comment.author == RemotePerson("5", name="Bo", role="agent")
