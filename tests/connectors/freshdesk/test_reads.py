"""What is read: people by name, merges by their note, and every change however many pages there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.freshdesk.bench import FreshdeskBench, FreshserviceBench
from connectors.sdk import AgentState, Attachment, Category, RemotePerson, RemoteTicket, Status, Visibility
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from gateway.errors import ThrottledError
from tests.connectors.freshdesk.conftest import connect


@pytest.fixture
def freshdesk() -> Iterator[FreshdeskBench]:
    """Run a Freshdesk."""
    with FreshdeskBench() as bench:
        yield bench


def polled(there: FreshdeskBench, driver: Driver, cursor: str) -> tuple[list[RemoteTicket], str, int]:
    """Poll one round; returns what it told of, the cursor and the number of pages."""
    told: list[RemoteTicket] = []
    for pages in range(1, 500):
        page = driver.run(driver.connector.changes(cursor, there.desk.now()))
        told += page.tickets
        cursor = page.cursor
        assert len(page.tickets) <= 100
        if page.end:
            return told, cursor, pages
    pytest.fail("the poll never ends")


def whole(driver: Driver, ticket: str) -> RemoteTicket:
    """Read one ticket that must be there."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    return found


def test_who_wrote_has_a_name(there: FreshdeskBench, driver: Driver) -> None:
    """A conversation says only ids; each is asked for once."""
    ticket = there.open_ticket("Printer", "It is on fire", email="kim@example.com")
    there.say(ticket, "We are at it")
    there.ask(ticket, "Thanks")
    there.assign(ticket, there.agents[0])
    found = whole(driver, ticket)
    agent = RemotePerson(there.agents[0], "agent@desk.example", "", "Alex Agent", "agent")
    assert found.assignee == agent
    assert found.comments[0].author == agent
    asker = found.comments[1].author
    assert asker is not None
    assert (asker.email, asker.role) == ("kim@example.com", "customer")
    first = len(driver.requests)
    whole(driver, ticket)
    assert len(driver.requests) == first - 1


def test_a_person_who_is_not_shown_to_us_is_known_by_the_id(there: FreshdeskBench, driver: Driver) -> None:
    """A lesser role sees no agents; the ticket is read all the same."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.say(ticket, "We are at it")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path="/agents/", status=403)
    (one,) = whole(driver, ticket).comments
    assert one.author == RemotePerson(there.agents[0], role="agent")


def test_visibility_that_is_not_said_is_internal(freshdesk: FreshdeskBench) -> None:
    """Only `private: false` is public."""
    driver = Driver(connect(freshdesk.desk.url))
    ticket = freshdesk.open_ticket("Printer", "It is on fire")
    freshdesk.say(ticket, "We are at it")
    for given, expected in ((False, Visibility.PUBLIC), (None, Visibility.INTERNAL), ("false", Visibility.INTERNAL)):
        freshdesk.desk.records.conversations[int(ticket)][0]["private"] = given
        assert whole(driver, ticket).comments[0].visibility is expected
    driver.close()


def test_a_merged_ticket_names_its_survivor(there: FreshdeskBench, driver: Driver) -> None:
    """By the note of the merge; an agent's word of a merge to come is none."""
    first, second = there.open_ticket("Printer", "It is on fire"), there.open_ticket("Printer", "It burns")
    there.say(second, f"This should be merged into ticket {first}", public=False)
    there.set_status(second, Category.CLOSED)
    assert whole(driver, second).merged_into == ""
    there.merge(second, first)
    found = whole(driver, second)
    assert found.merged_into == first
    assert found.status == Status(Category.CLOSED, "Closed")
    assert whole(driver, first).merged_into == ""


def test_a_merge_in_another_language(freshdesk: FreshdeskBench) -> None:
    """The note's words are those of the account."""
    note = "Dieses Ticket wurde geschlossen und mit Ticket {id} zusammengeführt"
    driver = Driver(connect(freshdesk.desk.url, merge_note=note))
    ticket = freshdesk.open_ticket("Drucker", "Er brennt")
    freshdesk.say(ticket, note.replace("{id}", "#7"), public=False)
    freshdesk.set_status(ticket, Category.CLOSED)
    assert whole(driver, ticket).merged_into == "7"
    driver.close()


def test_what_is_gone_is_told_by_the_poll(there: FreshdeskBench, driver: Driver) -> None:
    """Deleted tickets and spam are in no list but their own."""
    deleted, spam = there.open_ticket("Printer", "It is on fire"), there.open_ticket("Buy", "Cheap")
    _, cursor, _ = polled(there, driver, "")
    there.delete(deleted)
    there.desk.act("spam", ticket=spam)
    assert whole(driver, deleted).deleted
    assert whole(driver, spam).deleted
    there.desk.clock.skew += timedelta(minutes=6)
    told, cursor, _ = polled(there, driver, cursor)
    assert {one.remote_id for one in told if one.deleted} == {deleted, spam}
    there.desk.clock.skew += timedelta(minutes=11)
    told, _, _ = polled(there, driver, cursor)
    assert told == []


def test_a_backlog_longer_than_the_vendors_last_page(there: FreshdeskBench, driver: Driver) -> None:
    """The window begins anew at each page's end, so no page past the last one is asked for; nothing is missed."""
    _, cursor, _ = polled(there, driver, "")
    there.desk.last_page = 300 if isinstance(there, FreshserviceBench) else 2
    made = set()
    for number in range(900):
        if number % 60 == 0:
            there.desk.clock.skew += timedelta(seconds=1)
        made.add(there.open_ticket(f"Printer {number}", "It is on fire"))
    there.desk.clock.skew += timedelta(minutes=1)
    told, cursor, pages = polled(there, driver, cursor)
    assert made <= {one.remote_id for one in told}
    assert pages >= 9
    # what is told of again overlaps the last round, and no more
    there.desk.clock.skew += timedelta(minutes=20)
    _, cursor, _ = polled(there, driver, cursor)
    assert polled(there, driver, cursor)[0] == []


def test_more_changes_of_one_second_than_a_page_holds(freshdesk: FreshdeskBench) -> None:
    """A mass update: then the pages of that second are walked."""
    driver = Driver(connect(freshdesk.desk.url))
    made = {freshdesk.open_ticket(f"Printer {number}", "It is on fire") for number in range(330)}
    for held in freshdesk.desk.records.tickets.values():
        held["updated_at"] = "2099-01-01T00:00:00Z"
    told, _, _ = polled(freshdesk, driver, "")
    assert made == {one.remote_id for one in told}
    driver.close()


def test_tickets_that_move_while_they_are_walked_are_not_missed(freshdesk: FreshdeskBench) -> None:
    """One of the first page changes and goes to the end: what stood behind it moves up, and is seen all the same."""
    driver = Driver(connect(freshdesk.desk.url))
    connector = driver.connector
    made = []
    for number in range(250):
        freshdesk.desk.clock.skew += timedelta(seconds=number % 5 == 0)
        made.append(freshdesk.open_ticket(f"Printer {number}", "It is on fire"))
    page = driver.run(connector.changes("", freshdesk.desk.now()))
    told = {one.remote_id for one in page.tickets}
    for ticket in made[:40]:
        freshdesk.set_title(ticket, "Changed")
    rest, _, _ = polled(freshdesk, driver, page.cursor)
    assert set(made) <= told | {one.remote_id for one in rest}
    driver.close()


def test_a_wait_is_told(there: FreshdeskBench, driver: Driver) -> None:
    """429 holds the connection back for as long as the desk says."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.desk.fault(FaultKind.THROTTLE, seconds=17)
    with pytest.raises(ThrottledError) as error:
        driver.run(driver.connector.read(ticket))
    assert error.value.seconds == 17


def test_agents_are_listed(there: FreshdeskBench, driver: Driver) -> None:
    """All of them; how they are counts where the settings say so."""
    records = there.desk.records
    for number in range(120):
        records.agent(f"agent{number}@desk.example", f"Agent {number}")
    gone = records.agent("gone@desk.example", "Gone Agent", active=False)
    found = {one.account_id: one for one in driver.run(driver.connector.agents(()))}  # type: ignore[attr-defined]
    assert len(found) == 123
    assert not found[str(gone)].active
    assert found[there.agents[0]].name == "Alex Agent"
    assert {one.state for one in found.values()} == {AgentState.UNKNOWN}


def test_presence_counts_where_the_settings_say_so(freshdesk: FreshdeskBench) -> None:
    """An account without assignment by turns shows everybody as not available."""
    here = freshdesk.desk.records.agent("here@desk.example", "Here", available=True)
    driver = Driver(connect(freshdesk.desk.url, presence=True))
    found = {one.account_id: one.state for one in driver.run(driver.connector.agents(()))}  # type: ignore[attr-defined]
    assert found == {str(here): AgentState.AVAILABLE, **dict.fromkeys(freshdesk.agents, AgentState.AWAY)}
    driver.close()


def test_a_check_says_what_is_missing(there: FreshdeskBench, driver: Driver) -> None:
    """The field of our mark, and statuses that nobody explained."""
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert lines["marker_ticket"].facts == {"marker_ticket": True}
    there.desk.records.custom -= {"gateway_key", "cf_gateway_key"}
    there.desk.records.statuses.add(9)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert lines["marker_ticket"].facts == {"marker_ticket": False}
    assert "'gateway_key'" in lines["marker_ticket"].detail
    assert "9" in lines["statuses"].detail
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path=r"/tickets$", status=403)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert not lines["tickets"].ok


def test_where_the_form_is_not_shown_a_ticket_tells_of_the_field(there: FreshdeskBench, driver: Driver) -> None:
    """Every ticket shows all its custom fields."""
    there.open_ticket("Printer", "It is on fire")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path="fields$", status=403)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert lines["marker_ticket"].ok


def test_a_file_without_an_address_is_not_there() -> None:
    """What cannot be asked for is not asked for."""
    driver = Driver(connect())
    assert driver.run(driver.connector.fetch(Attachment("x"))) is None  # type: ignore[attr-defined]
    driver.close()


def test_a_workspace_is_asked_for() -> None:
    """Without one Freshservice lists its primary workspace only."""
    with FreshserviceBench() as bench:
        driver = Driver(connect(bench.desk.url, product="freshservice", workspace_id=0))
        driver.run(driver.connector.changes("", bench.desk.now()))
        assert driver.requests[0].params["workspace_id"] == "0"
        driver.close()
