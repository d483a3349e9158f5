"""Reading, polling and checking over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.sdk import Category, ChangePage, RemoteTicket, Status, Visibility
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.errors import AuthenticationError, ThrottledError, TransportError
from gateway.system import SystemClock
from tests.connectors.zendesk.conftest import connect


def poll(driver: Driver, connector: ZendeskConnector, cursor: str) -> tuple[dict[str, RemoteTicket], str]:
    """Run one round of polling; returns the tickets by id and the cursor."""
    found: dict[str, RemoteTicket] = {}
    for _ in range(200):
        page: ChangePage = driver.run(connector.changes(cursor, SystemClock().now()))
        found |= {ticket.remote_id: ticket for ticket in page.tickets}
        cursor = page.cursor
        if page.end:
            return found, cursor
    pytest.fail("the round does not end")


def test_a_ticket_is_read_whole(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """People are side-loaded, the first comment is the body and no comment, visibility is kept."""
    ticket = desk.act(
        "create", subject="Help", body="It  broke\n", email="kim@example.com", name="Kim", priority="high"
    )
    desk.act("comment", ticket_id=ticket["id"], body="public words")
    desk.act("comment", ticket_id=ticket["id"], body="secret words", public=False)
    found = driver.run(zendesk.read(str(ticket["id"])))
    assert found is not None
    assert found.complete
    assert found.body == "It  broke"
    assert found.requester is not None
    assert found.requester is not msgspec.UNSET
    assert (found.requester.email, found.requester.name, found.requester.role) == ("kim@example.com", "Kim", "customer")
    said = [(comment.body, comment.visibility) for comment in found.comments]
    assert said == [("public words", Visibility.PUBLIC), ("secret words", Visibility.INTERNAL)]
    assert found.comments[0].author is not None
    assert found.comments[0].author.email == "agent@desk.example"
    assert found.version % 1_000_000 == 0


def test_comments_are_read_to_the_end(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """More than two pages, each comment once and in order."""
    number = desk.act("create", subject="Long", body="first")["id"]
    for turn in range(230):
        desk.act("comment", ticket_id=number, body=f"word {turn}")
    found = driver.run(zendesk.read(str(number)))
    assert found is not None
    assert [comment.body for comment in found.comments] == [f"word {turn}" for turn in range(230)]


def test_what_is_not_there_is_none(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """A missing and a deleted ticket; an id cannot leave its place in the path."""
    number = desk.act("create", subject="Gone", body="b")["id"]
    desk.act("delete", ticket_id=number)
    assert driver.run(zendesk.read(str(number))) is None
    assert driver.run(zendesk.read("999")) is None
    assert driver.run(zendesk.read("../users/me")) is None
    assert driver.requests == []


def test_who_we_are(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """The agent behind the credentials; wrong ones and the anonymous user are refused."""
    us = driver.run(zendesk.whoami())
    assert us.person.external_id == str(desk.records.me)
    wrong = Driver(connect(desk.url, auth={"email": "x@y.example", "api_token": "wrong"}))
    with pytest.raises(AuthenticationError):
        wrong.run(wrong.connector.whoami())
    with pytest.raises(AuthenticationError):
        wrong.run(wrong.connector.read("1"))
    desk.records.users[desk.records.me] = {"id": None, "name": "Anonymous user"}
    with pytest.raises(AuthenticationError, match="does not know who we are"):
        driver.run(zendesk.whoami())
    wrong.close()


def test_a_check_tells_what_holds(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """Every line holds on a good account; an account that may not export gets a warning; nothing is written."""
    results = driver.run(zendesk.check())
    assert all(result.ok for result in results), results
    assert results[0].facts == {"account_id": str(desk.records.me)}
    desk.exports = False
    desk.records.users[desk.records.me]["role"] = "end-user"
    again = {result.name: result for result in driver.run(zendesk.check())}
    assert not again["role"].ok
    assert not again["export"].ok
    assert again["export"].warning
    assert desk.effects.all() == []
    wrong = Driver(connect(desk.url, auth={"email": "x@y.example", "api_token": "wrong"}))
    assert [result.ok for result in wrong.run(wrong.connector.check())] == [False]
    wrong.close()


def test_polling_shows_what_changed_at_once(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """A change made a moment ago is in the next round, although the export leaves out the last minute."""
    first = desk.act("create", subject="One", body="b")["id"]
    found, cursor = poll(driver, zendesk, "")
    assert set(found) == {str(first)}
    second = desk.act("create", subject="Two", body="b", email="new@example.com")["id"]
    desk.act("set", ticket_id=first, status="solved")
    found, cursor = poll(driver, zendesk, cursor)
    assert set(found) == {str(first), str(second)}
    assert found[str(first)].status == Status(Category.RESOLVED, "solved")
    requester = found[str(second)].requester
    assert requester is not None
    assert requester is not msgspec.UNSET
    assert requester.email == "new@example.com"
    again, _ = poll(driver, zendesk, cursor)
    assert {ticket.version for ticket in again.values()} == {ticket.version for ticket in found.values()}


def test_a_comment_alone_changes_the_version_token(
    desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver
) -> None:
    """Two comments in one second share `updated_at`; the number of comments tells them apart."""
    desk.clock.frozen = datetime.now(UTC)
    number = desk.act("create", subject="Busy", body="b")["id"]
    desk.act("comment", ticket_id=number, body="one")
    before, cursor = poll(driver, zendesk, "")
    desk.act("comment", ticket_id=number, body="two")
    after, _ = poll(driver, zendesk, cursor)
    assert before[str(number)].version == after[str(number)].version
    assert before[str(number)].version_token != after[str(number)].version_token


@pytest.mark.parametrize("exports", [True, False])
def test_nothing_is_missed_over_many_pages(
    desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver, exports: bool
) -> None:
    """1,500 changes while nobody polled: the list is cut short and the export brings the rest, or the list all."""
    desk.exports = exports
    desk.export_lag = timedelta(0)
    _, cursor = poll(driver, zendesk, "")
    _, cursor = poll(driver, zendesk, cursor)
    for turn in range(1500):
        desk.act("create", subject=f"Ticket {turn}", body="b")
    found, cursor = poll(driver, zendesk, cursor)
    if len(found) < 1500:
        more, cursor = poll(driver, zendesk, cursor)
        found |= more
    assert len(found) == 1500


def test_changes_between_two_pages_are_not_missed(
    desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver
) -> None:
    """A ticket that moves to the top while the list is walked is in the next round."""
    numbers = [desk.act("create", subject=f"Ticket {turn}", body="b")["id"] for turn in range(250)]
    page: ChangePage = driver.run(zendesk.changes("", SystemClock().now()))
    assert not page.end
    desk.clock.skew = timedelta(seconds=2)
    desk.act("set", ticket_id=numbers[0], status="open")
    found = {ticket.remote_id for ticket in page.tickets}
    rest, cursor = poll(driver, zendesk, page.cursor)
    last, _ = poll(driver, zendesk, cursor)
    assert found | set(rest) | set(last) == {str(number) for number in numbers}
    assert last[str(numbers[0])].status == Status(Category.OPEN, "open")


def test_a_failing_poll_says_so(desk: ZendeskSimulator, zendesk: ZendeskConnector, driver: Driver) -> None:
    """Throttled, broken and unauthorised polls raise; the cursor is the caller's and stays."""
    desk.fault(FaultKind.THROTTLE, seconds=7)
    with pytest.raises(ThrottledError) as caught:
        driver.run(zendesk.changes("", SystemClock().now()))
    assert caught.value.seconds == 7
    desk.fault(FaultKind.GARBAGE)
    with pytest.raises(TransportError):
        driver.run(zendesk.changes("", SystemClock().now()))
    desk.fault(FaultKind.ERROR_WITHOUT_EFFECT)
    with pytest.raises(TransportError):
        driver.run(zendesk.changes("not a cursor", SystemClock().now()))
