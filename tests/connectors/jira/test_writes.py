"""What is written to Jira: which request, when it is refused, and how it is found again."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.jira.bench import JiraCloudBench
from connectors.jira.connector import JiraConnector
from connectors.jira.mapping import MARKER, SD_PUBLIC
from connectors.sdk import (
    Absent,
    Attachment,
    Blob,
    Category,
    Done,
    Found,
    Intent,
    Operation,
    Progress,
    Reason,
    Rejected,
    Status,
    Visibility,
    WriteContext,
)
from connectors.testing.conformance.stand import comment, context, creation
from connectors.testing.driver import Driver
from tests.connectors.jira.conftest import connect


def status(category: str, **more: str) -> Intent:
    """Return the intent to set a status."""
    return Intent(Operation.SET_FIELDS, {"status": {"category": category, **more}})


# ---------------------------------------------------------------- status


def test_a_status_is_changed_by_a_transition_with_its_resolution(bench: JiraCloudBench, driver: Driver) -> None:
    """Its screen asks for one."""
    ticket = bench.open_ticket("Printer", "On fire")
    driver.settle(status("cancelled"), context(ticket))
    (sent,) = [each for each in driver.requests if each.effect.value == "write"]
    assert sent.url.endswith(f"/issue/{ticket}/transitions")
    assert sent.json["fields"] == {"resolution": {"name": "Won't Do"}}
    assert bench.shown(ticket).status == "Canceled"
    assert bench.desk.records.issues[ticket]["resolution"] == "Won't Do"


def test_a_status_to_which_no_transition_leads_is_refused_with_those_that_there_are(
    bench: JiraCloudBench, driver: Driver
) -> None:
    """Nothing is written."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.desk.records.workflow["To Do"] = ("In Progress",)
    outcome = driver.attempt(status("pending_customer"), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert outcome.detail.startswith("no transition leads from 'To Do' to Waiting for customer")
    assert outcome.detail.endswith("there are: Move to In Progress (In Progress)")
    assert driver.writes == []


def test_what_means_the_same_is_left_alone(bench: JiraCloudBench, driver: Driver) -> None:
    """A category is what is asked for; a word is taken literally."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.set_status(ticket, Category.OPEN)
    assert isinstance(driver.attempt(status("open"), context(ticket)), Done)
    assert driver.writes == []
    outcome = driver.attempt(status("open", native="Waiting for support"), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "Waiting for support" in outcome.detail


def test_the_end_of_the_work_has_many_names(bench: JiraCloudBench, driver: Driver) -> None:
    """Where a workflow has no Closed, Resolved is near enough, and stays."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.desk.records.workflow |= {"To Do": ("Resolved",), "Resolved": ("To Do",)}
    receipt = driver.settle(status("closed"), context(ticket))
    assert receipt.observed is not None
    assert receipt.observed.status == Status(Category.RESOLVED, "Resolved")
    assert isinstance(driver.attempt(status("closed"), context(ticket)), Done)
    assert driver.writes == []


def test_an_ended_issue_is_opened_before_its_fields_are_set(bench: JiraCloudBench, driver: Driver) -> None:
    """Many workflows allow no edits of what is closed; each step is an attempt of its own."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.set_status(ticket, Category.CLOSED)
    intent = Intent(Operation.SET_FIELDS, {"title": "Again", "status": {"category": "open"}})
    first = driver.attempt(intent, context(ticket))
    assert isinstance(first, Progress)
    assert driver.writes[0].url.endswith("/transitions")
    second = driver.attempt(intent, context(ticket, steps=first.steps))
    assert isinstance(second, Done)
    assert driver.writes[0].method == "PUT"
    assert (bench.shown(ticket).title, bench.shown(ticket).status) == ("Again", "In Progress")


def test_what_landed_is_not_written_over_what_a_person_made_of_it(bench: JiraCloudBench, driver: Driver) -> None:
    """The second attempt looks into the history."""
    ticket = bench.open_ticket("Printer", "On fire")
    given = context(ticket)
    bench.desk.fault("reset_after", method="PUT")
    intent = Intent(Operation.SET_FIELDS, {"title": "Ours", "priority": {"level": "P1"}})
    driver.attempt(intent, given)
    bench.set_title(ticket, "Theirs")
    assert isinstance(driver.attempt(intent, given), Done)
    assert driver.writes == []
    assert bench.shown(ticket).title == "Theirs"


# ---------------------------------------------------------------- fields


def test_fields_in_jiras_words(bench: JiraCloudBench, driver: Driver) -> None:
    """Labels without white space, a title of one line, an assignee by e-mail."""
    ticket = bench.open_ticket("Printer", "On fire")
    fields = {"title": "Two\nlines", "tags": ["vip customer", "a"], "assignee": {"email": "Sam@desk.example"}}
    driver.settle(Intent(Operation.SET_FIELDS, fields), context(ticket))
    held = bench.desk.records.issues[ticket]
    assert (held["summary"], held["labels"]) == ("Two lines", ["a", "vip_customer"])
    assert held["assignee"] == bench.agents[1]
    driver.settle(Intent(Operation.SET_FIELDS, {"assignee": None}), context(ticket))
    assert held["assignee"] is None


def test_nobody_is_assigned_by_guess(bench: JiraCloudBench, driver: Driver) -> None:
    """An address that Jira does not have is nobody's."""
    ticket = bench.open_ticket("Printer", "On fire")
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, {"assignee": {"email": "sam@desk"}}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "sam@desk" in outcome.detail


def test_a_refusal_names_the_field(bench: JiraCloudBench, driver: Driver) -> None:
    """In Jira's own words."""
    ticket = bench.open_ticket("Printer", "On fire")
    outcome = driver.attempt(
        Intent(Operation.SET_FIELDS, {"priority": {"level": "P1", "native": "Urgent"}}), context(ticket)
    )
    assert outcome == Rejected("HTTP 400 priority: The priority selected is invalid.", fields=("priority",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assignee", {"email": "left@desk.example"}),
        ("assignee", {"external_id": "712020:left"}),
        ("priority", {"level": "P1", "native": "Gone"}),
        ("status", {"category": "open", "native": "Gone"}),
    ],
)
def test_what_can_go_without_the_refused_field_goes(
    bench: JiraCloudBench, driver: Driver, field: str, value: Any
) -> None:
    """The refusal says which of our fields it is about; without it the rest is taken."""
    ticket = bench.open_ticket("Printer", "On fire")
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, {"title": "Again", field: value}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.fields == (field,)
    driver.settle(Intent(Operation.SET_FIELDS, {"title": "Again"}), context(ticket))
    assert bench.shown(ticket).title == "Again"


def test_a_text_that_markdown_cannot_show_is_added_to(bench: JiraCloudBench, driver: Driver) -> None:
    """Nothing of it is lost, and twice adds once."""
    ticket = bench.open_ticket("Printer", "On fire")
    panel = {"type": "doc", "version": 1, "content": [
        {"type": "panel", "attrs": {"panelType": "warning"},
         "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Careful"}]}]},
        {"type": "paragraph", "content": [{"type": "text", "text": "x", "marks": [
            {"type": "textColor", "attrs": {"color": "#ff0000"}}]}]},
    ]}  # fmt: skip
    held = bench.desk.records.issues[ticket]
    held["description"] = panel if bench.cloud else "{color:red}x{color}\n\n{panel:title=Careful}{panel}"
    before = driver.run(driver.connector.read(ticket))
    assert before is not None
    if not before.lost:
        pytest.skip("everything of it can be shown")
    for _ in range(2):
        driver.settle(Intent(Operation.SET_FIELDS, {"body": "And more"}), context(ticket))
    shown = bench.shown(ticket).body
    assert "x" in shown
    assert shown.count("And more") == 1


# ---------------------------------------------------------------- create


def test_a_lost_create_is_found_though_the_search_has_not_seen_it(bench: JiraCloudBench, driver: Driver) -> None:
    """By its key, in the records; keys of deleted issues are passed over."""
    bench.desk.index_lag = timedelta(minutes=2)
    for number in range(3):
        bench.delete(bench.open_ticket(f"Gone {number}", "x"))
    intent, given = creation(bench), context()
    assert driver.run(driver.connector.probe(intent, given)) == Absent()
    bench.desk.fault("reset_after", method="POST", path="/issue$")
    driver.attempt(intent, given)
    other = bench.open_ticket("Another", "x")
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    (made,) = bench.desk.effects.all(kind="create", by_api=True)
    assert found.receipt.remote_id == made.remote_id != other
    assert found.receipt.key.startswith("HELP-")


def test_a_lost_create_is_found_between_what_the_search_shows(bench: JiraCloudBench, driver: Driver) -> None:
    """An index may have seen a younger one first."""
    intent, given = creation(bench), context()
    bench.open_ticket("Older", "x")
    bench.desk.fault("reset_after", method="POST", path="/issue$")
    driver.attempt(intent, given)
    (made,) = bench.desk.effects.all(kind="create", by_api=True)
    bench.open_ticket("Younger", "x")
    hidden = bench.desk.records.issues[made.remote_id]
    hidden["created"] += timedelta(hours=1)
    bench.desk.index_lag = timedelta(seconds=0)
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    assert found.receipt.remote_id == made.remote_id


def test_a_request_of_a_service_project_gets_its_request_type_and_its_reporter(
    bench: JiraCloudBench, driver: Driver
) -> None:
    """The field of the type is found by its kind, the reporter by exactly their address."""
    bench.open_ticket("Before", "x", email="kim@example.com")
    intent = creation(bench)
    intent = Intent(Operation.CREATE, intent.fields, params={"project": "HELP", "request_type": 42})
    receipt = driver.settle(intent, context())
    (sent,) = driver.writes
    assert sent.json["fields"]["customfield_10010"] == "42"
    read = driver.run(driver.connector.read(receipt.remote_id))
    assert read is not None
    assert read.requester is not None
    assert getattr(read.requester, "email", "") == "kim@example.com"


def test_a_field_that_a_project_does_not_have_is_left_out(bench: JiraCloudBench, driver: Driver) -> None:
    """An issue without labels is better than none; the refusal made nothing."""
    bench.desk.records.off_screen = frozenset({"labels"})
    intent, given = creation(bench, tags=["vip"]), context()
    assert driver.attempt(intent, given) == Progress({"without": ["labels"]})
    assert bench.desk.effects.all() == []
    receipt = driver.settle(intent, given)
    assert bench.shown(receipt.remote_id).title == "The net is down"
    assert len(bench.desk.effects.all(kind="create")) == 1


def test_a_field_that_the_rule_asks_for_is_not_left_out(bench: JiraCloudBench, driver: Driver) -> None:
    """Without it the issue would be another one."""
    intent = creation(bench)
    intent = Intent(Operation.CREATE, intent.fields, params={"project": "HELP", "fields": {"components": []}})
    outcome = driver.attempt(intent, context())
    assert isinstance(outcome, Rejected)
    assert "components" in outcome.detail


def test_no_project_no_issue() -> None:
    """It is said before anything is asked."""
    connector = connect()
    call = connector.write(Intent(Operation.CREATE, {"title": "x"}), WriteContext("k"))
    with pytest.raises(StopIteration) as stop:
        next(call)
    assert isinstance(stop.value.value, Rejected)
    assert "project" in stop.value.value.detail


# ---------------------------------------------------------------- comments


def test_every_comment_says_who_may_read_it(bench: JiraCloudBench, driver: Driver) -> None:
    """Jira's own default is the customer."""
    ticket = bench.open_ticket("Printer", "On fire")
    for operation, internal in ((Operation.INTERNAL_NOTE, True), (Operation.PUBLIC_REPLY, False)):
        driver.settle(comment(operation, "Text"), context(ticket))
        properties = {each["key"]: each["value"] for each in driver.writes[0].json["properties"]}
        assert properties[SD_PUBLIC] == {"internal": internal}
        assert properties[MARKER]["key"]
    assert [each.public for each in bench.shown(ticket).comments] == [False, True]


def test_notes_may_be_for_a_role_alone(bench: JiraCloudBench) -> None:
    """Where a project has no customers, but readers."""
    ticket = bench.open_ticket("Printer", "On fire")
    role = {"type": "role", "value": "Developers"}
    driver = Driver(JiraConnector(bench.settings(note_visibility=role)), deadline=2.0)
    try:
        driver.settle(comment(Operation.INTERNAL_NOTE, "Text"), context(ticket))
        assert driver.writes[0].json["visibility"] == role
        driver.settle(comment(Operation.PUBLIC_REPLY, "Text"), context(ticket))
        assert "visibility" not in driver.writes[0].json
    finally:
        driver.close()


def test_a_comment_is_found_where_the_list_shows_no_properties(bench: JiraCloudBench, driver: Driver) -> None:
    """Each comment's property is asked for by itself."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.say(ticket, "Text", public=False)
    given, intent = context(ticket), comment(Operation.INTERNAL_NOTE, "Text")
    driver.settle(intent, given)
    bench.desk.records.lists_properties = False
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    assert found.receipt.comment_id == bench.desk.records.comments[ticket][-1]["id"]
    assert driver.run(driver.connector.probe(intent, context(ticket))) == Absent()


# ---------------------------------------------------------------- counting


def test_doubles_are_counted_by_their_mark(bench: JiraCloudBench, driver: Driver) -> None:
    """Issues and comments of ours; what a person made is not."""
    given, intent = context(), creation(bench)
    for _ in range(2):
        driver.attempt(intent, given)
    bench.open_ticket("The net is down", "Since this morning.")
    assert len(driver.run(driver.connector.effects(intent, given)).copies) == 2
    ticket = bench.open_ticket("Printer", "On fire")
    given, intent = context(ticket), comment(Operation.PUBLIC_REPLY, "Text")
    for _ in range(3):
        driver.attempt(intent, given)
    bench.say(ticket, "Text")
    assert len(driver.run(driver.connector.effects(intent, given)).copies) == 3


def test_the_history_tells_who_set_a_field_last(bench: JiraCloudBench, driver: Driver) -> None:
    """Ours, until a person changes it."""
    ticket = bench.open_ticket("Printer", "On fire")
    intent = Intent(Operation.SET_FIELDS, {"title": "Ours", "priority": {"level": "P1"}})
    driver.settle(intent, context(ticket))
    bench.set_title(ticket, "Theirs")
    seen = driver.run(driver.connector.effects(intent, context(ticket)))
    assert seen.ours == {"priority"}
    assert seen.ticket is not None
    assert seen.ticket.title == "Theirs"


# ---------------------------------------------------------------- files


def test_a_file_is_found_by_name_size_author_and_time(bench: JiraCloudBench, driver: Driver) -> None:
    """A person's of the same name is not ours, nor is one that is known to be another."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.attach(ticket, "log.txt", b"abc")
    file = Attachment("log.txt", "text/plain", 3, sha256="0" * 64, visibility=Visibility.INTERNAL)
    intent = Intent(Operation.ATTACH, attachments=(file,))
    given = context(ticket)
    assert driver.run(driver.connector.probe(intent, given)) == Absent()
    records = bench.desk.records
    with bench.desk.lock:
        ours = bench.desk.put_file(records.issues[ticket], records.me, "log.txt", b"abc", "text/plain")
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    assert found.receipt.file_ids == (ours["id"],)
    known = context(ticket, known_files=frozenset({ours["id"]}))
    assert driver.run(driver.connector.probe(intent, known)) == Absent()


def test_files_of_an_issue_are_listed(bench: JiraCloudBench, driver: Driver) -> None:
    """With name, size and where they are; who may see them is not said."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.desk.act("attach", issue=ticket, name="a.png", data=base64.b64encode(b"png").decode(), mime="image/png")
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    (file,) = read.attachments
    assert (file.name, file.mime, file.size, file.visibility) == ("a.png", "image/png", 3, Visibility.INTERNAL)
    assert file.url.startswith(bench.desk.url)


def test_a_file_of_ours_arrives_and_is_read_back(bench: JiraCloudBench, driver: Driver) -> None:
    """By a request of its own, with the header without which Jira takes it for a forged form."""
    ticket = bench.open_ticket("Printer", "On fire")
    blob = driver.files.put(b"\x00\xff a log" * 1000)
    file = Attachment("läuft.log", "text/plain", blob.size, sha256=blob.sha256)
    receipt = driver.settle(Intent(Operation.ATTACH, attachments=(file,)), context(ticket))
    (shown,) = bench.shown(ticket).files
    assert (shown.name, shown.data) == ("läuft.log", b"\x00\xff a log" * 1000)
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    (held,) = read.attachments
    assert receipt.file_ids == (held.remote_id,)
    assert (held.name, held.size) == ("läuft.log", blob.size)
    assert isinstance(driver.connector, JiraConnector)
    fetched = driver.run(driver.connector.fetch(held))
    assert isinstance(fetched, Blob)
    assert fetched.sha256 == blob.sha256
    bare = Attachment("x", remote_id=held.remote_id)
    assert driver.run(driver.connector.fetch(bare)) == fetched
    assert driver.run(driver.connector.fetch(Attachment("x", remote_id="4711"))) is None


@pytest.mark.parametrize(
    "fault", ["reset_before", "reset_after", "garbage", "error_with_effect", "half_body", "throttle"]
)
def test_a_file_of_ours_arrives_once(bench: JiraCloudBench, driver: Driver, fault: str) -> None:
    """Under every fault."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.attach(ticket, "log.txt", b"abc")
    known = frozenset(each["id"] for each in bench.desk.records.issues[ticket]["attachment"])
    blob = driver.files.put(b"abc")
    file = Attachment("log.txt", "text/plain", blob.size, sha256=blob.sha256)
    bench.desk.fault(fault, method="POST", count=2, seconds=1 if fault == "throttle" else 0)
    driver.settle(Intent(Operation.ATTACH, attachments=(file,)), context(ticket, known_files=known))
    assert len(bench.desk.effects.all(kind="attach", by_api=True)) == 1


def test_a_file_belongs_to_the_comment_that_shows_it(bench: JiraCloudBench, driver: Driver) -> None:
    """To Jira all files are the issue's; who may read the comment may see its files."""
    ticket = bench.open_ticket("Printer", "On fire")
    number = bench.desk.act("attach", issue=ticket, name="a.png", data=base64.b64encode(b"png").decode())
    records = bench.desk.records
    body: object = "Look: !a.png|thumbnail!"
    if bench.cloud:
        media = {"type": "media", "attrs": {"type": "file", "id": "6e7c-uuid", "collection": "", "alt": "a.png"}}
        body = {"type": "doc", "version": 1, "content": [{"type": "mediaSingle", "content": [media]}]}
    with bench.desk.lock:
        said = [{"key": SD_PUBLIC, "value": {"internal": False}}]
        records.say(records.issues[ticket], bench.agents[0], bench.desk.now(), body, said)
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    (spoken,) = read.comments
    assert f"![a.png](attachment:{number})" in spoken.body
    (file,) = spoken.attachments
    assert (file.remote_id, file.inline, file.visibility) == (number, True, Visibility.PUBLIC)
    assert read.attachments == ()


def test_a_picture_of_ours_is_shown_where_jira_can(bench: JiraCloudBench, driver: Driver) -> None:
    """Wiki markup names a file; a document would need an id that no API tells."""
    ticket = bench.open_ticket("Printer", "On fire")
    driver.settle(comment(Operation.PUBLIC_REPLY, "Look: ![a.png](attachment:0123abcd)"), context(ticket))
    sent = driver.writes[0].json["body"]
    assert "[a.png]" in msgspec.json.encode(sent).decode() if bench.cloud else sent == "Look: !a.png!"
