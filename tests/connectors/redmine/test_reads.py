"""What is read from Redmine, and what it does not show."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.redmine.bench import RedmineBench
from connectors.redmine.connector import RedmineConnector
from connectors.redmine.sim_state import stamp
from connectors.redmine.simulator import FIELDS, MARKER, REQUESTER
from connectors.sdk import Attachment, Blob, RemotePerson, RemoteTicket, Visibility
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind


def whole(driver: Driver, ticket: str) -> RemoteTicket:
    """Read an issue that must be there."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    return found


def test_an_author_whose_address_is_kept_from_us_is_known_by_id(there: RedmineBench, driver: Driver) -> None:
    """Redmine hides addresses of users who want that."""
    ticket = there.open_ticket("Printer", "On fire", email="kim@example.com")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path=r"/users/\d+\.json", status=403)
    requester = whole(driver, ticket).requester
    assert isinstance(requester, RemotePerson)
    assert requester.external_id
    assert (requester.email, requester.name) == ("", "kim")


def test_the_field_that_is_kept_for_it_names_the_requester(there: RedmineBench, driver: Driver) -> None:
    """An issue that a tool made has another author than the one who asks."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.issues[int(ticket)]["custom"][REQUESTER] = "kim@example.com"
    assert whole(driver, ticket).requester == RemotePerson(email="kim@example.com", role="customer")


def test_a_journal_without_notes_is_no_comment(there: RedmineBench, driver: Driver) -> None:
    """Nor is one whose visibility is not shown public: it is internal."""
    ticket = there.open_ticket("Printer", "On fire")
    there.set_title(ticket, "Other")
    there.say(ticket, "Said")
    journals = there.desk.records.journals[int(ticket)]
    assert len(journals) == 2
    (said,) = whole(driver, ticket).comments
    assert said.visibility is Visibility.PUBLIC
    journals[1]["private_notes"] = None
    (said,) = whole(driver, ticket).comments
    assert said.visibility is Visibility.INTERNAL


def test_a_file_stands_with_the_note_that_brought_it(there: RedmineBench, driver: Driver) -> None:
    """Others are the issue's; all are for everybody who sees the issue."""
    ticket = there.open_ticket("Printer", "On fire")
    records = there.desk.records
    first = records.keep(int(ticket), "first.txt", "text/plain", b"1", records.agent, there.desk.now())
    there.attach(ticket, "with note.bin", b"words", public=False)
    found = whole(driver, ticket)
    assert [(file.name, file.remote_id, file.mime) for file in found.attachments] == [
        ("first.txt", str(first), "text/plain")
    ]
    (file,) = found.comments[0].attachments
    assert (file.name, file.size, file.inline) == ("with note.bin", 5, False)
    assert found.comments[0].visibility is Visibility.INTERNAL
    assert file.visibility is Visibility.PUBLIC
    assert not driver.connector.spec.internal_files


def test_a_file_is_read_byte_for_byte(there: RedmineBench, driver: Driver) -> None:
    """And none where there is none."""
    connector = driver.connector
    assert isinstance(connector, RedmineConnector)
    ticket = there.open_ticket("Printer", "On fire")
    there.attach(ticket, "note.bin", bytes(range(256)))
    (file,) = whole(driver, ticket).comments[-1].attachments
    blob = driver.run(connector.fetch(file))
    assert isinstance(blob, Blob)
    assert b"".join(driver.files.open(blob.sha256)) == bytes(range(256))
    assert driver.run(connector.fetch(Attachment("x", remote_id="99999"))) is None
    assert driver.run(connector.fetch(Attachment("x", remote_id="../users/current.json"))) is None
    assert driver.requests == []


def test_an_image_in_a_text_names_its_file(there: RedmineBench, driver: Driver) -> None:
    """By its name among the files of the issue."""
    ticket = there.open_ticket("Printer", "On fire: ![flames](flames.png) ![no](nowhere.png)")
    records = there.desk.records
    made = records.keep(int(ticket), "flames.png", "image/png", b"1", records.agent, there.desk.now())
    found = whole(driver, ticket)
    assert f"![flames](attachment:{made})" in str(found.body)
    assert "[no]" in str(found.body)
    assert found.attachments[0].inline


@pytest.mark.parametrize("as_merged", [True, False])
def test_a_duplicate_stays_an_issue_unless_the_site_says_otherwise(as_merged: bool) -> None:
    """A closed one that duplicates another may be read as merged into it."""
    with RedmineBench() as there:
        driver = Driver(RedmineConnector(there.settings(duplicates_are_merged=as_merged)), deadline=2.0)
        one, other = there.open_ticket("Printer", "On fire"), there.open_ticket("Printer again", "Still")
        there.desk.act("duplicate", issue=one, of=other)
        found, survivor = whole(driver, one), whole(driver, other)
        driver.close()
    assert found.merged_into == (other if as_merged else "")
    assert survivor.merged_into == ""


def test_an_issue_out_of_sight_is_none(there: RedmineBench, driver: Driver) -> None:
    """Private, moved into a project that we do not see, or deleted."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path=f"/issues/{ticket}.json", status=403)
    assert driver.run(driver.connector.read(ticket)) is None
    there.delete(ticket)
    assert driver.run(driver.connector.read(ticket)) is None


def test_a_moved_issue_keeps_its_number(there: RedmineBench, driver: Driver) -> None:
    """Its queue is the project."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.act("set", issue=ticket, project_id=2)
    assert whole(driver, ticket).queue == "Internals"


def test_more_changes_of_one_second_than_a_page_holds(there: RedmineBench, driver: Driver) -> None:
    """They are paged through; closed ones are told of, too."""
    made = {there.open_ticket(f"Printer {number}", "On fire") for number in range(230)}
    same = stamp(there.desk.now())
    for issue in there.desk.records.issues.values():
        issue |= {"updated_on": same, "status_id": 5}
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


def test_an_issue_that_changes_between_two_pages_hides_no_other(there: RedmineBench, driver: Driver) -> None:
    """It moves to the end of the list, and those behind it move up by one."""
    made = []
    for number in range(150):
        there.desk.clock.skew += timedelta(seconds=1)
        made.append(there.open_ticket(f"Printer {number}", "On fire"))
    first = driver.run(driver.connector.changes("", there.desk.now()))
    assert not first.end
    there.desk.clock.skew += timedelta(seconds=1)
    there.set_title(made[3], "Moved")
    second = driver.run(driver.connector.changes(first.cursor, there.desk.now()))
    assert {each.remote_id for page in (first, second) for each in page.tickets} == set(made)


def test_who_is_locked_cannot_be_assigned(there: RedmineBench, driver: Driver) -> None:
    """Who is not there, or not shown to us, is left out; only administrators are shown who is locked."""
    connector = driver.connector
    assert isinstance(connector, RedmineConnector)
    users = there.desk.records.users
    users[there.desk.records.other]["status"] = 3
    assert [each.account_id for each in driver.run(connector.agents(there.agents))] == [there.agents[0]]
    there.desk.records.admin = True
    found = {each.account_id: each for each in driver.run(connector.agents([*there.agents, "99999", "no-id"]))}
    assert set(found) == set(there.agents)
    assert found[there.agents[0]].active
    assert found[there.agents[0]].email == "agent@desk.example"
    assert not found[there.agents[1]].active


def test_a_mark_whose_field_is_no_filter_claims_nothing(there: RedmineBench, driver: Driver) -> None:
    """Redmine ignores the filter, and answers with every issue."""
    there.open_ticket("Printer", "On fire")
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert lines["marker"].facts == {"marker_ticket": True}
    there.desk.records.fields = {**FIELDS, MARKER: ("Gateway key", False)}
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert lines["marker"].facts == {"marker_ticket": False}
    assert "Used as a filter" in lines["marker"].detail


def test_the_check_says_where_notes_cannot_be_private() -> None:
    """By the permissions of our roles."""
    with RedmineBench() as there:
        there.desk.records.permissions.discard("set_notes_private")
        driver = Driver(RedmineConnector(there.settings()), deadline=2.0)
        lines = {line.name: line for line in driver.run(driver.connector.check())}
        driver.close()
    assert not lines["private_notes"].ok
    assert "Support" in lines["private_notes"].detail
