"""GLPI 11 and Frappe Helpdesk, by the examples of docs/connectors/generic.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.generic.connection import Generic
from connectors.generic.sense import first
from connectors.sdk import (
    Absent,
    Attachment,
    AuthenticationError,
    Category,
    Conflict,
    Envelope,
    Found,
    IncomingRequest,
    Intent,
    Kind,
    Level,
    Operation,
    RawDelivery,
    Rejected,
    Visibility,
)
from connectors.testing.driver import Driver
from gateway.ports import Grant
from tests.connectors.generic.examples import connect
from tests.connectors.generic.itsm_servers import Frappe, Glpi
from tests.connectors.generic.test_examples import COFFEE, context, create, driving, said


def at_home(name: str, server: Glpi) -> Driver:
    """Run an example whose token is got at the server's own address."""
    made = connect(name, f"{server.url}/api.php/v2")
    assert isinstance(made, Generic)
    made.options.auth["oauth"]["token_url"] = f"{server.url}/api.php/token"
    return Driver(made, deadline=5.0)


def test_glpi_lives_with_us() -> None:
    """A token is got with a password; numbers are numbers; marks are the external id, and the end of a followup."""
    with Glpi() as server:
        driver = at_home("glpi", server)
        made = driver.settle(create(params={"param": {"entity": 3}}), context(key=COFFEE))
        assert made.remote_id == "1"
        (granted,) = server.granted
        assert granted["username"] == ["gateway"]
        assert (server.tickets[1]["external_id"], server.tickets[1]["priority"]) == (COFFEE, 5)
        assert isinstance(driver.run(driver.connector.probe(create(), context(key=COFFEE))), Found)
        assert isinstance(driver.run(driver.connector.probe(create(), context(key="b" * 32))), Absent)
        for operation, key in ((Operation.PUBLIC_REPLY, "a" * 32), (Operation.INTERNAL_NOTE, "b" * 32)):
            receipt = driver.settle(said(operation, f"*Said* as {operation.value}"), context("1", key))
            assert receipt.comment_id == str(server.followups[-1]["id"])
        read = driver.run(driver.connector.read("1"))
        assert read is not None
        assert [(each.body, each.visibility, each.marker) for each in read.comments] == [
            ("*Said* as public_reply", Visibility.PUBLIC, "a" * 32),
            ("*Said* as internal_note", Visibility.INTERNAL, "b" * 32),
        ]
        assert getattr(read.requester, "name", "") == "Kim"
        assert (read.title, read.body, read.kind) == ("Printer – 処理中", "It *burns*.", Kind.INCIDENT)
        change = Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}, "priority": {"level": "P2"}})
        driver.settle(change, context("1", "d" * 32))
        read = driver.run(driver.connector.read("1"))
        assert read is not None
        assert not isinstance(read.status, msgspec.UnsetType)
        assert not isinstance(read.priority, msgspec.UnsetType)
        assert (read.status.category, read.priority.level) == (Category.RESOLVED, Level.P2)
        assert driver.run(driver.connector.read("99")) is None
        driver.close()


def test_glpi_is_polled_page_by_page() -> None:
    """A list that goes on says 206."""
    with Glpi() as server:
        driver = at_home("glpi", server)
        for number in range(105):
            driver.attempt(create(), context(key=f"{number:032x}"))
        told, cursor = 0, ""
        for _ in range(5):
            page = driver.run(driver.connector.changes(cursor, datetime.now(UTC)))
            told, cursor = told + len(page.tickets), page.cursor
            if page.end:
                break
        assert told == 105
        assert all(each.ok for each in driver.run(driver.connector.check()))
        driver.close()


def test_a_webhook_of_glpi_is_proved_however_old() -> None:
    """The digest is over the body and the time behind it; a followup is about its ticket."""
    connector = connect("glpi", "http://127.0.0.1:1")
    body = b'{"item":{"id":701,"itemtype":"Ticket","items_id":12},"event":"new","parent_item":{"id":12}}'
    stamp = str(int((datetime.now(UTC) - timedelta(days=1)).timestamp()))
    signature = hmac.new(b"glpi_secret", body + stamp.encode(), hashlib.sha256).hexdigest()
    headers = {"x-glpi-signature": signature, "x-glpi-timestamp": stamp, "content-type": "application/json"}
    request = IncomingRequest("POST", "/hooks/glpi", {}, headers, body)
    connector.verify(request, datetime.now(UTC))
    named = connector.envelope(request)
    assert isinstance(named, Envelope)
    assert named.ref == "12"
    (event,) = connector.parse(RawDelivery(named.source_event_id, datetime.now(UTC), named.headers, body))
    assert (event.remote_id, event.needs_read) == ("12", True)
    with pytest.raises(AuthenticationError):
        connector.verify(msgspec.structs.replace(request, body=body + b" "), datetime.now(UTC))


def test_frappe_lives_with_us() -> None:
    """Two lists of comments, one body; a reply is found by its words, for nothing names it."""
    server = Frappe()
    with driving("frappe-helpdesk", server, "/api") as driver:
        made = driver.settle(create(), context(key=COFFEE))
        assert made.remote_id == "1"
        assert isinstance(driver.attempt(create(), context(key=COFFEE)), Conflict)
        assert isinstance(driver.run(driver.connector.probe(create(), context(key=COFFEE))), Found)
        reply = driver.settle(said(Operation.PUBLIC_REPLY, "We *come*."), context("1", "a" * 32))
        assert reply.comment_id == "co2"
        note = driver.settle(said(Operation.INTERNAL_NOTE, "He shouts."), context("1", "b" * 32))
        assert note.comment_id == "hd1"
        server.make("Communication", reference_doctype="HD Ticket", reference_name="1", content="<p>Still?</p>",
                    sender="kim@example.com", sent_or_received="Received")  # fmt: skip
        server.documents["HD Ticket"][0]["_assign"] = '["ann@acme.example"]'
        read = driver.run(driver.connector.read("1"))
        assert read is not None
        assert (read.title, read.body) == ("Printer – 処理中", "It *burns*.")
        assert [(each.body, each.visibility, driver.connector.is_us(each.author)) for each in read.comments] == [
            ("We *come*.", Visibility.PUBLIC, True),
            ("He shouts.", Visibility.INTERNAL, True),
            ("Still?", Visibility.PUBLIC, False),
        ]
        assert getattr(read.assignee, "external_id", "") == "ann@acme.example"
        assert abs(read.updated_at - datetime.now(UTC)) < timedelta(minutes=1)
        page = driver.run(driver.connector.changes("", datetime.now(UTC)))
        assert [each.remote_id for each in page.tickets] == ["1"]
        refused = driver.attempt(Intent(Operation.SET_FIELDS, {"title": "x"}), context("9", "c" * 32))
        assert isinstance(refused, Rejected)
        assert "not found" in refused.detail


def test_files_of_frappe_go_both_ways() -> None:
    """Private as they are internal; their address is below the host, and not below the API."""
    server = Frappe()
    with driving("frappe-helpdesk", server, "/api") as driver:
        driver.settle(create(), context(key=COFFEE))
        blob = driver.files.put(b"\x89PNG\x00\xff\r\n!")
        file = Attachment("a.png", "image/png", blob.size, sha256=blob.sha256, visibility=Visibility.INTERNAL)
        receipt = driver.settle(Intent(Operation.ATTACH, attachments=(file,)), context("1", "d" * 32))
        assert receipt.file_ids == ("fi1",)
        assert b'name="is_private"\r\n\r\n1\r\n' in server.uploads[0]
        read = driver.run(driver.connector.read("1"))
        assert read is not None
        (found,) = read.attachments
        assert (found.name, found.visibility, found.url) == (
            "a.png", Visibility.INTERNAL, f"{server.url}/private/files/a.png",
        )  # fmt: skip
        connector = driver.connector
        assert isinstance(connector, Generic)
        kept = driver.run(connector.fetch(found))
        assert kept is not None
        assert not isinstance(kept, bytes)
        assert b"".join(driver.files.open(kept.sha256)) == b"\x89PNG\x00\xff\r\n!"


def test_a_webhook_of_frappe_is_proved() -> None:
    """In base64, without a kind of content; the ticket is read."""
    connector = connect("frappe-helpdesk", "http://127.0.0.1:1/api")
    body = b'{"name": 17}'
    signature = base64.b64encode(hmac.new(b"frappe_webhook_secret", body, hashlib.sha256).digest()).decode()
    request = IncomingRequest("POST", "/hooks/x", {}, {"x-frappe-webhook-signature": signature}, body)
    connector.verify(request, datetime.now(UTC))
    named = connector.envelope(request)
    assert isinstance(named, Envelope)
    (event,) = connector.parse(RawDelivery(named.source_event_id, datetime.now(UTC), named.headers, body))
    assert (event.remote_id, event.needs_read) == ("17", True)


@pytest.mark.parametrize(
    ("given", "grant_type"),
    [
        ({"client_secret": "s"}, "client_credentials"),
        ({"client_secret": "s", "password": "p", "username": "u"}, "password"),
        ({"refresh_token": "r"}, "refresh_token"),
        ({"client_secret": "s", "grant_type": "urn:own"}, "urn:own"),
    ],
)
def test_how_a_token_is_got_follows_from_what_is_given(given: dict[str, str], grant_type: str) -> None:
    """And its secrets are secrets."""
    connector = connect("glpi", "http://127.0.0.1:1")
    assert isinstance(connector, Generic)
    connector.options.auth["oauth"] = {"token_url": "https://desk.example/token", "client_id": "c", **given}
    assert connector.grant() == Grant(
        "https://desk.example/token", {"grant_type": grant_type, "client_id": "c", **given}
    )
    assert connector.authorize(None) == {}  # type: ignore[arg-type]
    secret = {value for name, value in given.items() if name in {"client_secret", "password", "refresh_token"}}
    assert secret <= set(connector.secrets())


def test_oauth_that_gives_nothing_is_refused() -> None:
    """Or that would stand where another thing stands."""
    calls = {"create": {"path": "/t", "json": {"a": "{title}"}, "id": "id"}}
    oauth = {"token_url": "https://desk.example/token", "client_id": "c"}
    assert "no token would be given" in first({"calls": calls, "auth": {"oauth": oauth}})
    both = {"token": "t", "oauth": {**oauth, "client_secret": "s"}}
    assert "Authorization" in first({"calls": calls, "auth": both})
