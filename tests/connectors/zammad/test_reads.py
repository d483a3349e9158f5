"""What is read from Zammad, and what it does not show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.sdk import AgentState, Attachment, Blob, RawDelivery, RemotePerson, RemoteTicket, Status, Visibility
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zammad import mapping
from connectors.zammad.account import Account
from connectors.zammad.bench import ZammadBench
from connectors.zammad.connector import ZammadConnector
from connectors.zammad.sim_state import stamp

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def whole(driver: Driver, ticket: str) -> RemoteTicket:
    """Read a ticket that must be there."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    return found


def test_the_customers_address_is_read_beside_the_ticket(there: ZammadBench, driver: Driver) -> None:
    """A ticket shows a login only, and that need not be the address."""
    ticket = there.open_ticket("Printer", "On fire", email="kim@example.com")
    customer = there.desk.records.tickets[int(ticket)]["customer_id"]
    there.desk.records.users[customer]["login"] = "kim"
    requester = whole(driver, ticket).requester
    assert isinstance(requester, RemotePerson)
    assert (requester.external_id, requester.email) == (str(customer), "kim@example.com")


def test_a_merged_ticket_names_the_survivor(there: ZammadBench, driver: Driver) -> None:
    """By its history; what was said in it stands in the other one."""
    one = there.open_ticket("Printer", "On fire")
    there.desk.clock.skew += timedelta(minutes=1)
    other = there.open_ticket("Printer again", "Still")
    there.say(one, "Said before")
    there.merge(one, other)
    found = whole(driver, one)
    assert found.merged_into == other
    assert isinstance(found.status, Status)
    assert found.status.native == "merged"
    survivor = whole(driver, other)
    assert not survivor.merged_into
    # its own description stays what it was opened with, though an older article stands before it now
    assert survivor.body == "Still"
    assert [each.body for each in survivor.comments] == ["On fire", "Said before"]


def test_a_deleted_ticket_is_none(there: ZammadBench, driver: Driver) -> None:
    """Zammad deletes for good."""
    ticket = there.open_ticket("Printer", "On fire")
    there.delete(ticket)
    assert driver.run(driver.connector.read(ticket)) is None


def test_a_ticket_out_of_sight_is_none(there: ZammadBench, driver: Driver) -> None:
    """A group that the account may not read answers 403."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path=f"/tickets/{ticket}$", status=403)
    assert driver.run(driver.connector.read(ticket)) is None


def test_an_image_in_a_text_names_its_file(there: ZammadBench, driver: Driver) -> None:
    """Zammad leaves it out of the list of files: its address in the text is all that there is."""
    ticket = there.open_ticket("Printer", "On fire")
    article = there.desk.act("image", ticket=ticket, name="flames.png", data=list(b"\x89PNG"))
    (said,) = whole(driver, ticket).comments
    (file,) = said.attachments
    assert file.remote_id.startswith(f"{ticket}-{article}-")
    assert file.inline
    assert f"](attachment:{file.remote_id})" in said.body
    assert "/api/v1" not in said.body


def test_an_image_by_its_content_id_names_its_file(there: ZammadBench, driver: Driver) -> None:
    """A webhook that gives a mail's text as it was stored reads as the ticket does; what no file bears is said."""
    there.desk.records.tells_cids = True
    ticket = there.open_ticket("Printer", "On fire")
    article = there.desk.act("image", ticket=ticket, name="flames.png", data=list(b"\x89PNG"))
    body = msgspec.json.encode(there.desk.records.webhook(int(ticket), article))
    assert b'"cid:' in body.replace(b"\\", b"")
    (event,) = driver.connector.parse(RawDelivery("d", NOW, {}, body))
    told, (read,) = event.comment, whole(driver, ticket).comments
    assert told is not None
    assert (told.body, told.lost) == (read.body, read.lost)
    assert "](attachment:" in told.body
    (file,) = told.attachments
    assert (file.remote_id, file.name, file.inline) == (read.attachments[0].remote_id, "flames.png", True)


@pytest.mark.parametrize(
    ("source", "bears", "is_shown"),
    [
        ('"cid:a%40b"', {"Content-ID": "<a@b>"}, True),
        ("'CID:a@b'", {"content_id": "a@b"}, True),
        ('"cid:other"', {"Content-ID": "a@b"}, False),
        ('"cid:"', {"Content-ID": ""}, False),
    ],
)
def test_content_ids_are_compared_as_mails_write_them(source: str, bears: dict[str, str], *, is_shown: bool) -> None:
    """With brackets or without, escaped or not; an image without a file is its name in words."""
    file = {"id": 5, "filename": "a.png", "size": "4", "preferences": {"Mime-Type": "image/png", **bears}}
    article = {
        "id": 2, "ticket_id": 7, "internal": False, "content_type": "text/html", "attachments": [file],
        "body": f"<p>See:</p><img alt='a.png' src={source}>", "created_at": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    said = mapping.article(article, Account("https://desk.example"), at=NOW)
    assert said is not None
    assert [each.inline for each in said.attachments] == [is_shown]
    if is_shown:
        assert "![a.png](attachment:7-2-5)" in said.body
    else:
        assert "[a.png]" in said.body
        assert "cid" not in said.body.lower()
        assert said.lost


def test_a_file_is_listed_with_its_visibility(there: ZammadBench, driver: Driver) -> None:
    """It is as visible as its article."""
    ticket = there.open_ticket("Printer", "On fire")
    for public in (True, False):
        there.attach(ticket, "note.txt", b"words", public=public)
        (file,) = whole(driver, ticket).comments[-1].attachments
        assert (file.name, file.mime, file.size) == ("note.txt", "text/plain", 5)
        assert file.visibility is (Visibility.PUBLIC if public else Visibility.INTERNAL)
        assert not file.inline


def test_a_file_is_read_byte_for_byte(there: ZammadBench, driver: Driver) -> None:
    """And none where there is none, or where it is another article's."""
    connector = driver.connector
    assert isinstance(connector, ZammadConnector)
    ticket = there.open_ticket("Printer", "On fire")
    there.attach(ticket, "note.bin", bytes(range(256)))
    (file,) = whole(driver, ticket).comments[-1].attachments
    blob = driver.run(connector.fetch(file))
    assert isinstance(blob, Blob)
    assert b"".join(driver.files.open(blob.sha256)) == bytes(range(256))
    elsewhere = Attachment("x", remote_id=f"{ticket}-1-1")
    assert driver.run(connector.fetch(elsewhere)) is None
    assert driver.run(connector.fetch(Attachment("x", remote_id="../users/me"))) is None
    assert driver.requests == []


def test_what_changed_is_asked_of_the_database_and_not_of_the_index(there: ZammadBench, driver: Driver) -> None:
    """The index lags by an hour here, and the poll shows a change at once."""
    there.desk.index_lag = timedelta(hours=1)
    ticket = there.open_ticket("Printer", "On fire")
    page = driver.run(driver.connector.changes("", there.desk.now()))
    assert [each.remote_id for each in page.tickets] == [ticket]
    assert "query" not in driver.requests[0].params


def test_more_changes_of_one_instant_than_a_page_holds(there: ZammadBench, driver: Driver) -> None:
    """They are paged through; everything else begins where the last page ended."""
    made = {there.open_ticket(f"Printer {number}", "On fire") for number in range(230)}
    same = stamp(there.desk.now())
    for ticket in there.desk.records.tickets.values():
        ticket["updated_at"] = same
    seen: set[str] = set()
    cursor, end = "", False
    for _ in range(10):
        page = driver.run(driver.connector.changes(cursor, there.desk.now()))
        seen |= {each.remote_id for each in page.tickets}
        cursor, end = page.cursor, page.end
        if end:
            break
    assert end
    assert seen == made


def test_a_ticket_that_changes_between_two_pages_hides_no_other(there: ZammadBench, driver: Driver) -> None:
    """It moves to the end of the list, and those behind it move up by one."""
    made = []
    for number in range(150):
        there.desk.clock.skew += timedelta(milliseconds=20)
        made.append(there.open_ticket(f"Printer {number}", "On fire"))
    first = driver.run(driver.connector.changes("", there.desk.now()))
    assert not first.end
    there.desk.clock.skew += timedelta(seconds=1)
    there.set_title(made[3], "Moved")
    second = driver.run(driver.connector.changes(first.cursor, there.desk.now()))
    seen = {each.remote_id for page in (first, second) for each in page.tickets}
    assert seen == set(made)


def test_who_is_out_of_office_is_away(there: ZammadBench, driver: Driver) -> None:
    """Within its days; who is deactivated or a customer cannot be assigned, who is not there is left out."""
    connector = driver.connector
    assert isinstance(connector, ZammadConnector)
    users = there.desk.records.users
    one, other = there.desk.records.agent, there.desk.records.other
    customer = there.desk.records.user("kim@example.com")
    today = there.desk.now().date()
    users[one] |= {
        "out_of_office": True,
        "out_of_office_start_at": str(today - timedelta(days=1)),
        "out_of_office_end_at": str(today + timedelta(days=1)),
    }
    users[other]["active"] = False
    names = [str(each) for each in (one, other, customer, 99_999)]
    found = {each.account_id: each for each in driver.run(connector.agents([*names, "no-id"]))}
    assert set(found) == set(names[:3])
    assert (found[str(one)].active, found[str(one)].state) == (True, AgentState.AWAY)
    assert found[str(one)].email == "agent@desk.example"
    assert not found[str(other)].active
    assert not found[str(customer)].active
    users[one]["out_of_office_end_at"] = str(today - timedelta(days=1))
    (back,) = driver.run(connector.agents([str(one)]))
    assert back.state is AgentState.UNKNOWN


@pytest.mark.parametrize("there_is", [True, False])
def test_the_check_says_whether_tickets_have_the_marks_attribute(there_is: bool) -> None:
    """Without it a creation claims nothing."""
    with ZammadBench() as there:
        there.open_ticket("Printer", "On fire")
        if not there_is:
            there.desk.records.attributes = ()
            for ticket in there.desk.records.tickets.values():
                del ticket["gateway_key"]
        driver = Driver(ZammadConnector(there.settings()), deadline=2.0)
        lines = {line.name: line for line in driver.run(driver.connector.check())}
        driver.close()
    assert lines["marker"].ok is there_is
    assert lines["marker"].facts == {"marker_ticket": there_is}
    assert lines["marker"].warning
