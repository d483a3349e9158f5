"""Further examples of docs/connectors/generic.md, each run against what it describes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.sdk import (
    Category,
    EventKind,
    Found,
    Intent,
    Operation,
    Rejected,
    RemoteTicket,
    Status,
    Strategy,
    Visibility,
)
from connectors.testing.driver import Driver
from gateway.domain.ids import digest
from tests.connectors.generic.more_servers import Bugzilla, FreeScout, Jestor, OracleService
from tests.connectors.generic.test_examples import K1, K2, K9, context, create, driving, events, said


def read(driver: Driver, number: str) -> RemoteTicket:
    """Read a ticket that is there."""
    found = driver.run(driver.connector.read(number))
    assert found is not None
    return found


def made_once(driver: Driver, wanted: Intent) -> str:
    """Make a ticket, and see that a lost answer would be found by its mark."""
    assert driver.connector.spec.operations[Operation.CREATE].strategy is Strategy.PROBE
    made = driver.settle(wanted, context(key=K1))
    found = driver.run(driver.connector.probe(wanted, context(key=K1)))
    assert isinstance(found, Found)
    assert found.receipt.remote_id == made.remote_id
    assert not isinstance(driver.run(driver.connector.probe(wanted, context(key=K2))), Found)
    return made.remote_id


def talks(driver: Driver, ticket: str) -> None:
    """Say something to the customer and something to colleagues; each is found again, and is for its readers."""
    for operation in (Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE):
        intent = said(operation, f"Said as *{operation}*")
        receipt = driver.settle(intent, context(ticket, digest(operation)))
        look = driver.run(driver.connector.probe(intent, context(ticket, digest(operation))))
        assert isinstance(look, Found)
        assert look.receipt.comment_id == receipt.comment_id
    comments = read(driver, ticket).comments
    assert [one.visibility for one in comments] == [Visibility.PUBLIC, Visibility.INTERNAL]
    assert [one.body for one in comments] == [
        f"Said as *{one}*" for one in (Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE)
    ]


def moved(driver: Driver, ticket: str, category: Category) -> Status:
    """Set a status; return it as it is read back."""
    driver.settle(Intent(Operation.SET_FIELDS, {"status": {"category": category.value}}), context(ticket, K9))
    status = read(driver, ticket).status
    assert isinstance(status, Status)
    return status


def test_jestor_lives_with_us() -> None:
    """Rows of two tables, pages beyond the first one in the body, changes by comparison."""
    server = Jestor()
    with driving("jestor", server) as driver:
        ticket = made_once(driver, create())
        talks(driver, ticket)
        assert moved(driver, ticket, Category.RESOLVED) == Status(Category.RESOLVED, "Done")
        assert server.tables["tickets"][0]["gateway_key"] == K1
        for number in range(130):
            server.tables["tickets"].append({"id_tickets": 100 + number, "name": f"Ticket {number}", "status": "New"})
        cursor = ""
        for _ in range(5):
            page = driver.run(driver.connector.changes(cursor, datetime.now(UTC)))
            cursor = page.cursor
            if page.end:
                break
        assert max(body.get("page", 0) for _, body in server.heard) == 2
        server.tables["tickets"][-1]["status"] = "Waiting"
        found = []
        for _ in range(5):
            page = driver.run(driver.connector.changes(cursor, datetime.now(UTC)))
            found += [each.remote_id for each in page.tickets]
            cursor = page.cursor
            if page.end:
                break
        assert found == ["229"]
        (event,) = events(driver, {"event": "changed", "id": 7}, {"x-gateway-secret": "jestor_secret"})
        assert (event.kind, event.remote_id, event.needs_read) == (EventKind.OBSERVED, "7", True)


def test_oracle_service_is_told_and_polled() -> None:
    """Made once, changed, refused in its own words; comments are not carried."""
    server = OracleService()
    with driving("oracle-service", server) as driver:
        assert Operation.PUBLIC_REPLY not in driver.connector.spec.operations
        ticket = made_once(driver, create())
        assert ticket == "SR066125"
        assert moved(driver, ticket, Category.RESOLVED) == Status(Category.RESOLVED, "ORA_SVC_RESOLVED")
        native = {"status": {"category": "open", "native": "nonsense"}}
        refused = driver.attempt(Intent(Operation.SET_FIELDS, native), context(ticket))
        assert isinstance(refused, Rejected)
        assert "isn't valid" in refused.detail
        page = driver.run(driver.connector.changes("", datetime.now(UTC)))
        assert [each.remote_id for each in page.tickets] == [ticket]
        assert page.end
        assert driver.run(driver.connector.read("SR999999")) is None


def test_freescout_lives_with_us() -> None:
    """Named by a header, a trash that is a state beside the status, a signature over the body alone."""
    server = FreeScout()
    with driving("freescout", server) as driver:
        assert driver.connector.spec.operations[Operation.CREATE].strategy is Strategy.NONE
        assert isinstance(driver.attempt(create(), context()), Rejected), "a mailbox is missing"
        ticket = driver.settle(create(params={"param": {"mailbox": 3}}), context(key=K1)).remote_id
        assert ticket == "1"
        assert read(driver, ticket).body == "It *burns*."
        talks(driver, ticket)
        assert moved(driver, ticket, Category.PENDING_CUSTOMER) == Status(Category.PENDING_CUSTOMER, "pending")
        page = driver.run(driver.connector.changes("", datetime.now(UTC)))
        assert [each.remote_id for each in page.tickets] == [ticket]
        server.conversations[ticket]["state"] = "deleted"
        assert read(driver, ticket).deleted
        body = msgspec.json.encode({"id": 1, "status": "active"})
        signed = base64.b64encode(hmac.new(b"freescout_secret", body, hashlib.sha1).digest()).decode()
        headers = {"x-freescout-signature": signed, "x-freescout-event": "convo.customer.reply.created"}
        (event,) = events(driver, body, headers)
        assert (event.remote_id, event.needs_read) == ("1", True)
        customer = {**headers, "x-freescout-event": "customer.updated"}
        assert events(driver, body, customer) == [], "a customer has a number that a conversation has, too"


@pytest.mark.parametrize(
    ("category", "word"),
    [
        (Category.RESOLVED, "RESOLVED/FIXED"),
        (Category.CANCELLED, "RESOLVED/WONTFIX"),
        (Category.OPEN, "IN_PROGRESS"),
        (Category.CLOSED, "VERIFIED/FIXED"),
    ],
)
def test_bugzilla_keeps_a_status_in_two_fields(category: Category, word: str) -> None:
    """One word to us, two values there; what was closed and is open again has no resolution."""
    server = Bugzilla()
    with driving("bugzilla", server) as driver:
        ticket = driver.settle(create(params={"param": {"product": "P", "component": "C"}}), context()).remote_id
        assert moved(driver, ticket, category) == Status(category, word)
        bug = server.bugs[int(ticket)]
        assert (bug["status"], bug["resolution"]) == (word.partition("/")[0], word.partition("/")[2])
        assert moved(driver, ticket, Category.OPEN) == Status(Category.OPEN, "IN_PROGRESS")
        assert server.bugs[int(ticket)]["resolution"] == ""


def test_bugzilla_lives_with_us() -> None:
    """A unique alias is our mark; comments stand below the number of their bug."""
    server = Bugzilla()
    with driving("bugzilla", server) as driver:
        wanted = create(params={"param": {"product": "P", "component": "C"}})
        ticket = made_once(driver, wanted)
        assert isinstance(driver.attempt(wanted, context(key=K1)), Rejected), "its alias is taken"
        assert len(server.bugs) == 1
        talks(driver, ticket)
        page = driver.run(driver.connector.changes("", datetime.now(UTC) + timedelta(minutes=1)))
        assert [each.remote_id for each in page.tickets] == [ticket]
        assert driver.run(driver.connector.read("99")) is None
