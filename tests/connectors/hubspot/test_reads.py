"""Reads and polls of HubSpot: what was said and where, merges, files, and a search that ends and lags."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.hubspot.bench import HubSpotBench
from connectors.hubspot.connector import HubSpotConnector
from connectors.sdk import AgentState, RemoteTicket, Visibility
from connectors.testing.driver import Driver
from gateway.errors import GatewayError

ROSA = ("CRM_UI", "userId:1001")


def whole(driver: Driver, ticket: str) -> RemoteTicket:
    """Read a ticket that is there."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    return found


def test_what_was_said_is_told_apart(bench: HubSpotBench, driver: Driver) -> None:
    """Notes and comments are for colleagues, messages for the customer; the first one is the description."""
    ticket = bench.open_ticket("Printer", "It is on fire", email="kim@example.com")
    bench.ask(ticket, "Hello?")
    bench.say(ticket, "We look")
    bench.say(ticket, "Broken again", public=False)
    held = bench.desk.records.objects["tickets"][ticket]
    inside = {"type": "COMMENT", "text": "Ask Noor", "richText": "<p>Ask Noor</p>", "senders": [{"actorId": "A-1002"}]}
    bench.desk.spoken(held, inside, ROSA)
    bench.desk.spoken(held, {"type": "ASSIGNMENT", "text": "", "senders": []}, ROSA)
    found = whole(driver, ticket)
    assert found.requester is not None
    assert found.requester.email == "kim@example.com"  # type: ignore[union-attr]
    assert [(each.body, each.visibility) for each in found.comments] == [
        ("Hello?", Visibility.PUBLIC),
        ("We look", Visibility.PUBLIC),
        ("Broken again", Visibility.INTERNAL),
        ("Ask Noor", Visibility.INTERNAL),
    ]
    people = [each.author for each in found.comments]
    assert [(each.email, each.role) for each in people if each] == [
        ("kim@example.com", "customer"), ("rosa@desk.example", "agent"), ("rosa@desk.example", "agent"),
        ("noor@desk.example", "agent"),
    ]  # fmt: skip


def test_logged_emails_stand_in_where_there_is_no_conversation(bench: HubSpotBench, driver: Driver) -> None:
    """Where there is one, HubSpot logs its messages as e-mails as well, and they are not read twice."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.say(ticket, "We look")
    bench.desk.engaged(ticket, "emails", {"hs_email_html": "<p>We look</p>", "hs_email_direction": "EMAIL"}, ROSA)
    assert [each.body for each in whole(driver, ticket).comments] == ["We look"]
    record = bench.desk.records.make(
        "tickets", {"subject": "By phone", "hs_pipeline_stage": "1"}, bench.desk.now(), ROSA
    )
    bench.say(record["id"], "As we said")
    bench.ask(record["id"], "Thanks")
    bench.desk.engaged(record["id"], "emails", {"hs_email_html": "<p>A draft</p>", "hs_email_direction": ""}, ROSA)
    found = whole(driver, record["id"]).comments
    assert [(each.body, each.visibility) for each in found] == [
        ("As we said", Visibility.PUBLIC), ("Thanks", Visibility.PUBLIC), ("A draft", Visibility.INTERNAL)
    ]  # fmt: skip


def test_a_merged_ticket_says_where_it_went(bench: HubSpotBench, driver: Driver) -> None:
    """HubSpot answers its id with the one that is left."""
    one, other = bench.open_ticket("One", "a"), bench.open_ticket("Other", "b")
    bench.merge(one, other)
    found = whole(driver, one)
    assert (found.remote_id, found.merged_into) == (one, other)
    assert whole(driver, other).merged_into == ""


def test_a_deleted_ticket_is_not_there_until_it_is_restored(bench: HubSpotBench, driver: Driver) -> None:
    """Neither to a read nor to the poll."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.delete(ticket)
    assert driver.run(driver.connector.read(ticket)) is None
    bench.desk.act("restore", ticket=ticket)
    assert whole(driver, ticket).title == "Printer"


def test_files_have_their_names(bench: HubSpotBench, driver: Driver) -> None:
    """HubSpot keeps name, type and size apart from where a file is shown."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.attach(ticket, "fire.png", b"\x89PNG", public=False)
    bench.attach(ticket, "manual.pdf", b"%PDF-1.7", public=True)
    note, reply = whole(driver, ticket).comments
    (picture,), (manual,) = note.attachments, reply.attachments
    assert (picture.name, picture.mime, picture.size) == ("fire.png", "image/png", 4)
    assert (manual.name, manual.mime, manual.size) == ("manual.pdf", "application/pdf", 8)


def test_a_picture_in_a_message_is_its_file(bench: HubSpotBench, driver: Driver) -> None:
    """Named in the text by HubSpot's id of the file."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    number = bench.desk.act("file", name="fire.png", data=b"png")
    address = "https://1.fs1.hubspotusercontent-na1.net/hub/1/fire.png"
    held = bench.desk.records.objects["tickets"][ticket]
    shown = {**bench.desk.shown_file(number), "url": address}
    html = f'<p>See</p><img src="{address}" alt="fire.png">'
    said = {"type": "MESSAGE", "text": "See", "richText": html, "senders": [], "attachments": [shown]}
    bench.desk.spoken(held, said, ROSA)
    (comment,) = whole(driver, ticket).comments
    assert comment.body == f"See\n\n![fire.png](attachment:{number})"
    assert [(each.name, each.remote_id, each.inline) for each in comment.attachments] == [("fire.png", number, True)]


def test_ten_thousand_changes_are_walked_through(bench: HubSpotBench, driver: Driver) -> None:
    """More than HubSpot's search shows in all; never more than a page of them at a time."""
    start = bench.desk.now() - timedelta(minutes=30)
    made = set()
    for number in range(10_450):
        properties = {"subject": f"T{number}", "hs_pipeline_stage": "1"}
        made.add(bench.desk.records.make("tickets", properties, start, ROSA)["id"])
    bench.desk.clock.skew += timedelta(minutes=1)
    seen: set[str] = set()
    cursor, pages, end = "", 0, False
    while not end:
        page = driver.run(driver.connector.changes(cursor, bench.desk.now()))
        assert len(page.tickets) <= 200
        assert page.end or page.cursor != cursor
        seen |= {ticket.remote_id for ticket in page.tickets}
        cursor, end = page.cursor, page.end
        pages += 1
        assert pages < 80
    assert made <= seen
    # no page is asked for by its number, which HubSpot refuses beyond 10,000
    searches = [each for each in bench.desk.journal if each.path.endswith("/search")]
    assert len(searches) == pages
    assert not [each for each in searches if b'"after"' in each.body]


def test_more_changes_of_one_millisecond_than_a_page_holds(bench: HubSpotBench, driver: Driver) -> None:
    """They are walked through by their ids."""
    made = []
    for number in range(450):
        properties = {"subject": f"T{number}", "hs_pipeline_stage": "1"}
        record = bench.desk.records.make("tickets", properties, bench.desk.now(), ROSA)
        made.append(record["id"])
        record["properties"]["hs_lastmodifieddate"] = "2026-01-01T00:00:00.500Z"
    last = bench.desk.records.make("tickets", {"subject": "Last", "hs_pipeline_stage": "1"}, bench.desk.now(), ROSA)
    bench.desk.clock.skew += timedelta(minutes=1)
    cursor, seen, end = '{"seen":1767225600000}', set(), False
    for _ in range(12):
        page = driver.run(driver.connector.changes(cursor, bench.desk.now()))
        seen |= {ticket.remote_id for ticket in page.tickets}
        cursor, end = page.cursor, page.end
        if end:
            break
    assert end
    assert {*made, last["id"]} <= seen


def test_a_change_that_the_search_shows_late_is_not_missed(bench: HubSpotBench, driver: Driver) -> None:
    """The next round looks back further than the index lags."""
    bench.desk.search_lag = timedelta(seconds=0)
    late = bench.open_ticket("Late", "in the index")
    bench.desk.clock.skew += timedelta(seconds=30)
    bench.open_ticket("Soon", "in the index")
    held = bench.desk.records.objects["tickets"].pop(late)
    page = driver.run(driver.connector.changes("", bench.desk.now()))
    assert late not in {ticket.remote_id for ticket in page.tickets}
    bench.desk.records.objects["tickets"][late] = held
    page = driver.run(driver.connector.changes(page.cursor, bench.desk.now()))
    assert late in {ticket.remote_id for ticket in page.tickets}


def test_a_public_app_gets_its_tokens(bench: HubSpotBench) -> None:
    """By its refresh token; a wrong one is told as lost credentials, and no secret is said."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    auth = {"client_id": "7", "client_secret": "a-secret-of-the-app", "refresh_token": bench.desk.refresh_token}
    connector = HubSpotConnector(bench.settings(auth=auth))
    driver = Driver(connector, deadline=2.0)
    assert whole(driver, ticket).title == "Printer"
    assert driver.requests[0].headers.get("Authorization") is None
    assert {"a-secret-of-the-app", bench.desk.refresh_token} <= set(connector.secrets())
    driver.close()
    other = Driver(HubSpotConnector(bench.settings(auth={**auth, "refresh_token": "wrong"})), deadline=2.0)
    with pytest.raises(GatewayError) as raised:
        other.run(other.connector.whoami())
    other.close()
    assert "a-secret-of-the-app" not in str(raised.value)


def test_owners_are_the_agents(hubspot: HubSpotConnector, driver: Driver) -> None:
    """Those who left cannot be assigned; who is there HubSpot does not say."""
    found = driver.run(hubspot.agents(()))
    assert [(each.account_id, each.email, each.active, each.state) for each in found] == [
        ("76299546", "rosa@desk.example", True, AgentState.UNKNOWN),
        ("76299547", "noor@desk.example", True, AgentState.UNKNOWN),
        ("76299548", "left@desk.example", False, AgentState.UNKNOWN),
    ]


def test_the_check_says_what_is_missing(bench: HubSpotBench, driver: Driver) -> None:
    """A key property that is not unique, a stage that is not there, a stage that nobody named."""
    bench.desk.records.unique = False
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert not lines["key_property"].ok
    assert lines["key_property"].facts == {"unique_key": False}
    assert "not unique" in lines["key_property"].detail
    for stages, ok, word in (({"1": "new", "99": "open"}, False, "99"), ({"1": "new"}, False, "Waiting on us")):
        other = Driver(HubSpotConnector(bench.settings(pipelines={"0": {"stages": stages}})))
        found = {line.name: line for line in other.run(other.connector.check())}["pipelines"]
        other.close()
        assert found.ok is ok
        assert word in found.detail
        assert found.warning is ("99" not in stages)
