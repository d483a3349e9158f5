"""What is read: threads of every sort, merged conversations, and every change in lists that show no time of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.helpscout import mapping
from connectors.helpscout.bench import HelpScoutBench
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Category,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from gateway.errors import ThrottledError
from tests.connectors.helpscout.conftest import connect


def whole(driver: Driver, ticket: str) -> RemoteTicket:
    """Read one conversation that must be there."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    return found


def polled(there: HelpScoutBench, driver: Driver, cursor: str) -> tuple[list[RemoteTicket], str, int]:
    """Poll one round; returns what it told of, the cursor and the number of pages."""
    told: list[RemoteTicket] = []
    for pages in range(1, 500):
        page = driver.run(driver.connector.changes(cursor, there.desk.now()))
        told += page.tickets
        cursor = page.cursor
        if page.end:
            return told, cursor, pages
    pytest.fail("the poll never ends")


@pytest.mark.parametrize(
    ("kind", "state", "visibility"),
    [
        ("customer", "published", Visibility.PUBLIC),
        ("message", "published", Visibility.PUBLIC),
        ("reply", "published", Visibility.PUBLIC),
        ("chat", "published", Visibility.PUBLIC),
        ("message", "hidden", Visibility.INTERNAL),
        ("note", "published", Visibility.INTERNAL),
        ("forwardparent", "published", Visibility.INTERNAL),
        ("phone", "published", Visibility.INTERNAL),
        ("a type of tomorrow", "published", Visibility.INTERNAL),
        ("message", "a state of tomorrow", Visibility.INTERNAL),
        ("message", "draft", None),
        ("note", "underreview", None),
        ("lineitem", "published", None),
    ],
)
def test_who_may_read_a_thread(
    there: HelpScoutBench, driver: Driver, kind: str, state: str, visibility: Visibility | None
) -> None:
    """What is not known is internal; what nobody sent, and what the desk notes of itself, is no comment."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.say(ticket, "We are at it")
    there.desk.records.threads[int(ticket)][-1] |= {"type": kind, "state": state}
    assert [one.visibility for one in whole(driver, ticket).comments] == ([visibility] if visibility else [])


def test_users_and_customers_are_told_apart(there: HelpScoutBench, driver: Driver) -> None:
    """Their ids are counted apart: one number may be both."""
    ticket = there.open_ticket("Printer", "It is on fire", email="kim@example.com")
    there.ask(ticket, "Any news?")
    there.say(ticket, "Soon")
    found = whole(driver, ticket)
    asked, answered = (one.author for one in found.comments)
    assert asked == found.requester == RemotePerson("customer:256", "kim@example.com", "", "kim", "customer")
    assert answered == RemotePerson("257", "agent@desk.example", "", "Alex Agent", "agent")
    driver.run(driver.connector.whoami())
    assert driver.connector.is_us(RemotePerson("256", role="agent")) is True
    assert driver.connector.is_us(asked) is False


def test_nobody_and_a_team_as_assignee() -> None:
    """The desk leaves an assignee out where there is none; 1 is "anyone" in older answers."""
    account = connect().account
    base: dict[str, Any] = {"id": 5, "mailboxId": 85, "status": "active"}
    for given, expected in (
        ({}, None),
        ({"assignee": {"id": 1}}, None),
        ({"assignee": {"id": 9, "type": "team", "first": "Night"}}, RemotePerson("9", name="Night", role="agent")),
    ):
        found = mapping.ticket({**base, **given}, account)
        assert found is not None
        assert found.assignee == expected


def test_a_word_that_is_not_known_is_kept() -> None:
    """Under unknown; spam is work that nobody does."""
    account = connect().account
    assert mapping.status("Snoozed", account) == Status(Category.UNKNOWN, "snoozed")
    assert mapping.status("spam", account) == Status(Category.CANCELLED, "spam")
    assert mapping.status("open", account) == Status(Category.OPEN, "open")


def test_a_merged_conversation_names_its_survivor(there: HelpScoutBench, driver: Driver) -> None:
    """301, and where it went; the survivor has the words of both."""
    first, second = there.open_ticket("Printer", "It is on fire"), there.open_ticket("Printer", "It burns")
    there.merge(second, first)
    found = whole(driver, second)
    assert (found.merged_into, found.deleted) == (first, False)
    assert [one.body for one in whole(driver, first).comments] == ["It burns"]


def test_a_survivor_stays_about_what_it_was_about(there: HelpScoutBench, driver: Driver) -> None:
    """Also where what was merged into it is older: that is said beside it."""
    older = there.open_ticket("Printer", "It is on fire")
    there.desk.clock.skew += timedelta(minutes=1)
    survivor = there.open_ticket("Printer", "It burns")
    there.merge(older, survivor)
    found = whole(driver, survivor)
    assert found.body == "It burns"
    assert [one.body for one in found.comments] == ["It is on fire"]


def test_a_change_without_a_time_has_another_name(there: HelpScoutBench, driver: Driver) -> None:
    """A workflow sets a tag: no user has touched the conversation, and no time in it says so."""
    ticket = there.open_ticket("Printer", "It is on fire")
    told, cursor, _ = polled(there, driver, "")
    there.desk.clock.skew += timedelta(minutes=1)
    there.desk.act("tag", conversation=ticket, tags=["VIP"])
    again, _, _ = polled(there, driver, cursor)
    assert told[0].version == again[0].version
    assert told[0].version_token != again[0].version_token
    assert again[0].tags == ("vip",)


def test_conversations_that_move_while_they_are_walked_are_not_missed(there: HelpScoutBench, driver: Driver) -> None:
    """What is modified goes to the front, and what is deleted pulls the others up: the page before is read again."""
    made = []
    for number in range(90):
        there.desk.clock.skew += timedelta(seconds=1)
        made.append(there.open_ticket(f"Printer {number}", "It is on fire"))
    page = driver.run(driver.connector.changes("", there.desk.now()))
    told = {one.remote_id for one in page.tickets}
    assert len(told) == 25
    for ticket in made[-10:]:
        there.delete(ticket)
    there.desk.act("patch", conversation=made[0], path="/subject", value="Changed")
    rest, cursor, _ = polled(there, driver, page.cursor)
    there.desk.clock.skew += timedelta(seconds=30)
    later, _, _ = polled(there, driver, cursor)
    seen = told | {one.remote_id for one in rest} | {one.remote_id for one in later}
    assert set(made) <= seen
    assert "Changed" in [one.title for one in later]


def test_closed_conversations_are_told_of(there: HelpScoutBench, driver: Driver) -> None:
    """The list shows active ones only, unless it is asked for all."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.set_status(ticket, Category.RESOLVED)
    told, cursor, _ = polled(there, driver, "")
    assert [one.remote_id for one in told] == [ticket]
    there.desk.clock.skew += timedelta(minutes=10)
    _, cursor, _ = polled(there, driver, cursor)
    assert polled(there, driver, cursor)[0] == []


def test_a_wait_is_told_in_the_desks_own_words(there: HelpScoutBench, driver: Driver) -> None:
    """`X-RateLimit-Retry-After`, where there is no Retry-After."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.desk.fault(FaultKind.THROTTLE, path="conversations", seconds=11)
    with pytest.raises(ThrottledError) as error:
        driver.run(driver.connector.read(ticket))
    assert error.value.seconds == 11


def test_an_access_token_of_the_site_is_used_as_it_is(there: HelpScoutBench) -> None:
    """And one that does not hold is told."""
    held = Driver(connect(there.desk.url, auth={"token": "an-access-token-0123456789"}))
    assert held.run(held.connector.whoami()).person.external_id == there.agents[1]
    wrong = Driver(connect(there.desk.url, auth={"token": "another"}))
    with pytest.raises(AuthenticationError):
        wrong.run(wrong.connector.whoami())
    held.close()
    wrong.close()


def test_a_check_says_which_inboxes_there_are(there: HelpScoutBench, driver: Driver) -> None:
    """And which of the settings is none of them."""
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert "Support (85)" in lines["inboxes"].detail
    other = Driver(connect(there.desk.url, mailboxes={"Night": 99}))
    lines = {line.name: line for line in other.run(other.connector.check())}
    assert "Night (99)" in lines["inboxes"].detail
    assert not lines["inboxes"].ok
    other.close()


def test_users_are_listed_and_teams_are_not(there: HelpScoutBench, driver: Driver) -> None:
    """Over more pages than one."""
    for number in range(60):
        there.desk.records.user(f"agent{number}@desk.example", "Agent", str(number))
    team = there.desk.records.user("", "Night", "", "team")
    found = {one.account_id: one for one in driver.run(driver.connector.agents(()))}  # type: ignore[attr-defined]
    assert len(found) == 62
    assert str(team) not in found
    assert found[there.agents[0]].name == "Alex Agent"


def test_a_file_is_taken_out_of_its_wrapping(there: HelpScoutBench, driver: Driver) -> None:
    """Byte for byte; one that is malicious is not shown, one that is gone or too large is none."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.attach(ticket, "log.bin", bytes(range(256)), public=False)
    (said,) = whole(driver, ticket).comments
    (file,) = said.attachments
    assert (file.name, file.size, said.visibility) == ("log.bin", 256, Visibility.INTERNAL)
    assert driver.run(driver.connector.fetch(file)) == bytes(range(256))  # type: ignore[attr-defined]
    for url, size in ((file.url.replace(file.remote_id, "1"), 5), (file.url, 10_000_000), ("", 5)):
        assert driver.run(driver.connector.fetch(Attachment("x", size=size, url=url))) is None  # type: ignore[attr-defined]
    there.desk.records.threads[int(ticket)][-1]["_embedded"]["attachments"][0]["state"] = "malicious"
    assert whole(driver, ticket).comments[0].attachments == ()
