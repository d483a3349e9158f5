"""Reads and polls of Intercom: conversations beside tickets, people who are gone, files, and a search without order."""

from __future__ import annotations

from datetime import timedelta

from connectors.intercom.bench import IntercomBench
from connectors.intercom.connector import IntercomConnector
from connectors.intercom.sim_state import NOOR, ROSA
from connectors.sdk import AgentState, Attachment, Category, Level, Priority, RemotePerson, RemoteTicket, Visibility
from connectors.testing.driver import Driver


def whole(driver: Driver, number: str) -> RemoteTicket:
    """Read what is there."""
    found = driver.run(driver.connector.read(number))
    assert found is not None
    return found


def walk(driver: Driver, bench: IntercomBench, cursor: str) -> tuple[list[RemoteTicket], str]:
    """Poll to the end of a round."""
    seen: list[RemoteTicket] = []
    while True:
        page = driver.run(driver.connector.changes(cursor, bench.desk.now()))
        seen += page.tickets
        cursor = page.cursor
        if page.end:
            return seen, cursor


def test_a_conversation_that_is_no_ticket(bench: IntercomBench, driver: Driver) -> None:
    """Its first message is the body, its first words the title until it has one; a mark is a priority."""
    number = bench.desk.act("conversation", text="My printer is on fire.\n\nWhat now?", email="kim@example.com")
    bench.desk.act("say", ticket=number, text="We look")
    bench.desk.act("say", ticket=number, text="Ask Noor", public=False)
    found = whole(driver, number)
    assert (found.title, found.body) == ("My printer is on fire.", "My printer is on fire.\n\nWhat now?")
    assert isinstance(found.requester, RemotePerson)
    assert found.requester.email == "kim@example.com"
    assert isinstance(found.assignee, RemotePerson)
    assert found.assignee == RemotePerson(ROSA, "rosa@desk.example", name="Rosa A", role="agent")
    assert [(each.body, each.visibility) for each in found.comments] == [
        ("We look", Visibility.PUBLIC), ("Ask Noor", Visibility.INTERNAL)
    ]  # fmt: skip
    assert found.priority == Priority()
    bench.desk.act("flag", conversation=number)
    assert whole(driver, number).priority == Priority(Level.P2, "priority")
    for act, category in (("snoozed", Category.ON_HOLD), ("close", Category.RESOLVED), ("open", Category.OPEN)):
        bench.desk.act("state", ticket=number, state=act)
        assert whole(driver, number).status.category is category  # type: ignore[union-attr]


def test_a_site_that_leaves_conversations_out_sees_none(bench: IntercomBench) -> None:
    """Neither by a read nor by a poll."""
    number = bench.desk.act("conversation", text="Hello")
    ticket = bench.open_ticket("Printer", "It is on fire")
    driver = Driver(IntercomConnector(bench.settings(objects=["tickets"])))
    assert driver.run(driver.connector.read(number)) is None
    page = driver.run(driver.connector.changes("", bench.desk.now()))
    driver.close()
    assert [each.remote_id for each in page.tickets] == [ticket]
    assert page.end


def test_a_poll_tells_of_both_and_of_each_once(bench: IntercomBench, driver: Driver) -> None:
    """A ticket is a conversation as well, and is told of as a ticket."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    talk = bench.desk.act("conversation", text="Hello")
    seen, _ = walk(driver, bench, "")
    assert [(each.remote_id, each.title) for each in seen] == [(ticket, "Printer"), (talk, "Hello")]


def test_what_changes_while_a_poll_walks_is_seen_by_the_next(bench: IntercomBench, driver: Driver) -> None:
    """The search has no order: a page that was passed is not gone back to, so the next walk begins where this did."""
    made = [bench.open_ticket(f"T{number}", "x") for number in range(200)]
    page = driver.run(driver.connector.changes("", bench.desk.now()))
    assert not page.end
    # an hour passes on the way, and what was told of already changes in its first minutes
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.set_title(made[0], "Another")
    bench.desk.clock.skew += timedelta(minutes=55)
    bench.set_title(made[-1], "The newest")
    seen, cursor = walk(driver, bench, page.cursor)
    assert "The newest" in {each.title for each in seen}
    assert "Another" not in {each.title for each in seen}
    seen, _ = walk(driver, bench, cursor)
    assert "Another" in {each.title for each in seen}


def test_ten_thousand_changes_are_walked_through(bench: IntercomBench, driver: Driver) -> None:
    """A page at a time, through any number of them."""
    now = bench.desk.now()
    person = bench.desk.records.contact("kim@example.com")
    made = {
        bench.desk.records.ticket({"_default_title_": f"T{number}"}, [person], now)["id"] for number in range(10_001)
    }
    driver.connector = IntercomConnector(bench.settings(objects=["tickets"]))
    cursor, seen, pages, end = "", set(), 0, False
    while not end:
        page = driver.run(driver.connector.changes(cursor, now))
        assert len(page.tickets) <= 150
        seen |= {each.remote_id for each in page.tickets}
        cursor, end = page.cursor, page.end
        pages += 1
    assert seen == made
    assert pages == 67


def test_a_customer_who_was_deleted_leaves_the_ticket(bench: IntercomBench, driver: Driver) -> None:
    """Or was merged into another: the ticket is read, with no more of them than their id."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    before = whole(driver, ticket).requester
    bench.desk.act("forget", ticket=ticket)
    after = whole(driver, ticket).requester
    assert isinstance(before, RemotePerson)
    assert after == RemotePerson(before.external_id, role="customer")


def test_what_was_taken_back_is_gone(bench: IntercomBench, driver: Driver) -> None:
    """And so is the whole ticket, once it is deleted."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    part = bench.desk.act("say", ticket=ticket, text="My password is 1234")
    bench.desk.act("redact", ticket=ticket, part=part)
    assert whole(driver, ticket).comments == ()
    bench.delete(ticket)
    assert driver.run(driver.connector.read(ticket)) is None


def test_a_file_is_fetched_by_a_fresh_address(bench: IntercomBench, driver: Driver) -> None:
    """The one that was told of holds for a while only."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.attach(ticket, "fire.png", b"\x89PNG")
    (comment,) = whole(driver, ticket).comments
    (file,) = comment.attachments
    old = Attachment(file.name, file.mime, file.size, file.remote_id, f"{bench.desk.url}/_files/00/1?expires=0")
    kept = driver.run(driver.connector.fetch(old))  # type: ignore[attr-defined]
    assert b"".join(driver.files.open(kept.sha256)) == b"\x89PNG"


def test_teammates_and_whether_they_are_away(intercom: IntercomConnector, driver: Driver) -> None:
    """One without a seat in the inbox cannot have tickets."""
    found = {each.account_id: each for each in driver.run(intercom.agents(()))}
    assert (found[ROSA].state, found[ROSA].email) == (AgentState.AVAILABLE, "rosa@desk.example")
    assert found[NOOR].state is AgentState.AWAY
    assert [each.account_id for each in found.values() if not each.active] == ["991267890"]


def test_the_check_says_what_is_missing(bench: IntercomBench, driver: Driver) -> None:
    """The attribute for our key, a state of the settings, a teammate who is none."""
    bench.desk.records.attributes.remove("Gateway key")
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert not lines["ticket_type"].ok
    assert lines["ticket_type"].facts == {"key_attribute": False}
    assert "Gateway key" in lines["ticket_type"].detail
    other = Driver(IntercomConnector(bench.settings(states={"On ice": "on_hold"}, admin_id=5)))
    lines = {line.name: line for line in other.run(other.connector.check())}
    other.close()
    assert "On ice" in lines["states"].detail
    assert not lines["states"].ok
    assert not lines["admin"].ok
