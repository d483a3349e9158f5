"""What is written to Redmine, and what Redmine drops without a word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.redmine.bench import RedmineBench
from connectors.redmine.connector import RedmineConnector
from connectors.redmine.sim_state import STATUSES
from connectors.redmine.simulator import FIELDS, MARKER
from connectors.sdk import (
    Absent,
    Attachment,
    CommentIntent,
    Conflict,
    Done,
    Effect,
    Found,
    Intent,
    Operation,
    Progress,
    Reason,
    Rejected,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind

KEY = "0123456789abcdef0123456789abcdef"
NOTE = "fedcba9876543210fedcba9876543210"


def context(ticket: str = "", key: str = KEY, **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, ticket, first_sent_at=datetime.now(UTC), **more)


def said(operation: Operation, text: str = "We are at it", **more: Any) -> Intent:
    """Return the intent to reply or to note."""
    public = operation is Operation.PUBLIC_REPLY
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c", text, visibility), **more)


def fields(**values: Any) -> Intent:
    """Return the intent to set fields."""
    return Intent(Operation.SET_FIELDS, values)


def creation(**values: Any) -> Intent:
    """Return the intent to create an issue."""
    given = {"title": "Down", "body": "Since *today*", **values}
    return Intent(Operation.CREATE, given, params={"project": "support"})


# ---------------------------------------------------------------- create


def test_a_creation_with_names_of_all_kinds(there: RedmineBench, driver: Driver) -> None:
    """Project by its name, tracker, priority; the requester stands in the field that is kept for it."""
    intent = Intent(
        Operation.CREATE,
        {"title": "Down", "kind": "question", "priority": {"level": "P1"}, "requester": {"email": "kim@example.com"}},
        params={"project": "Internals", "private": True},
    )
    receipt = driver.settle(intent, context())
    issue = there.desk.records.issues[int(receipt.remote_id)]
    assert (issue["project_id"], issue["tracker_id"], issue["priority_id"]) == (2, 3, 4)
    assert issue["is_private"]
    assert issue["custom"][MARKER] == KEY
    found = driver.run(driver.connector.read(receipt.remote_id))
    assert found is not None
    assert found.marker == KEY
    assert found.requester is not None
    assert getattr(found.requester, "email", "") == "kim@example.com"


def test_a_status_that_a_new_issue_may_not_have_is_set_afterwards(there: RedmineBench, driver: Driver) -> None:
    """Redmine drops it without a word; the next attempt of the same update sets it."""
    intent = creation(status={"category": "open"})
    outcome = driver.attempt(intent, context())
    assert isinstance(outcome, Progress)
    assert there.shown(outcome.receipt.remote_id).status == "New"
    driver.settle(intent, context(outcome.receipt.remote_id, steps=outcome.steps))
    assert there.shown(outcome.receipt.remote_id).status == "In Progress"
    assert len(there.desk.records.issues) == 1


def test_an_issue_is_found_by_its_mark(there: RedmineBench, driver: Driver) -> None:
    """Whatever its status; where the filter is ignored, nothing is called absent."""
    there.open_ticket("Printer", "On fire")
    there.desk.fault(FaultKind.RESET_AFTER, method="POST")
    assert isinstance(driver.attempt(creation(), context()), Unknown)
    found = driver.run(driver.connector.probe(creation(), context()))
    assert isinstance(found, Found)
    there.desk.records.issues[int(found.receipt.remote_id)]["status_id"] = STATUSES["Closed"]
    assert isinstance(driver.run(driver.connector.probe(creation(), context())), Found)
    assert isinstance(driver.run(driver.connector.probe(creation(), context(key=NOTE))), Absent)
    there.desk.records.fields = {**FIELDS, MARKER: ("Gateway key", False)}
    assert isinstance(driver.run(driver.connector.probe(creation(), context(key=NOTE))), Unsure)


def test_a_creation_needs_a_project(driver: Driver) -> None:
    """Said by us; one that is not there is unmapped, with those that are."""
    outcome = driver.attempt(Intent(Operation.CREATE, {"title": "Down"}), context())
    assert isinstance(outcome, Rejected)
    assert driver.requests == []
    outcome = driver.attempt(Intent(Operation.CREATE, {"title": "x"}, params={"project": "nowhere"}), context())
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert "internals" in outcome.detail
    assert driver.writes == []


# ---------------------------------------------------------------- fields


def test_a_status_that_the_workflow_forbids_is_seen_behind_204(there: RedmineBench, driver: Driver) -> None:
    """Success does not mean applied."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.forbidden.add((STATUSES["New"], STATUSES["Resolved"]))
    outcome = driver.attempt(fields(status={"category": "resolved"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "204" in outcome.detail
    assert "status_id" in outcome.detail
    assert "'New'" in outcome.detail


def test_a_role_that_may_edit_nothing_is_seen_behind_204(there: RedmineBench, driver: Driver) -> None:
    """Every field is named."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.permissions.discard("edit_issues")
    outcome = driver.attempt(fields(title="New", priority={"level": "P1"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "priority_id, subject" in outcome.detail


def test_what_a_person_changes_right_after_us_is_no_refusal(there: RedmineBench, driver: Driver) -> None:
    """The journals say that ours landed; after a lost answer it is not written again."""
    ticket = there.open_ticket("Printer", "On fire")
    intent = fields(title="Ours", status={"category": "open"})
    there.desk.fault(FaultKind.RESET_AFTER, method="PUT")
    assert isinstance(driver.attempt(intent, context(ticket)), Unknown)
    there.set_title(ticket, "A person's")
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Found)
    assert isinstance(driver.run(driver.connector.probe(fields(title="Never"), context(ticket))), Absent)


def test_two_changes_in_one_moment_are_a_conflict(there: RedmineBench, driver: Driver) -> None:
    """Redmine gives the later one up with 422 and no errors: it is sent again, and is no dead letter."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.races = 1
    assert isinstance(driver.attempt(fields(title="Ours"), context(ticket)), Conflict)
    assert isinstance(driver.attempt(fields(title="Ours"), context(ticket)), Done)


def test_a_description_of_which_something_would_be_lost_is_kept(there: RedmineBench, driver: Driver) -> None:
    """Ours stands below it, once; any other is replaced."""
    ticket = there.open_ticket("Printer", "{{toc}}\n\nTheir words")
    for _ in range(2):
        driver.settle(fields(body="Our words"), context(ticket))
    assert there.desk.records.issues[int(ticket)]["description"] == "{{toc}}\n\nTheir words\n\nOur words"
    plain = there.open_ticket("Printer", "Their words")
    driver.settle(fields(body="Our words"), context(plain))
    assert there.desk.records.issues[int(plain)]["description"] == "Our words"


def test_nobody_can_have_it_and_a_move_is_a_project(there: RedmineBench, driver: Driver) -> None:
    """Written empty, and read back as none."""
    ticket = there.open_ticket("Printer", "On fire")
    there.assign(ticket, there.agents[0])
    driver.settle(fields(assignee=None, queue="Internals"), context(ticket))
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert (found.assignee, found.queue) == (None, "Internals")
    assert driver.connector.as_read(fields(assignee=None, queue="Internals")) == {
        "assignee": None,
        "queue": "Internals",
    }


def test_a_custom_field_is_written_by_its_name() -> None:
    """And a name that nobody gave a number is unmapped."""
    with RedmineBench() as there:
        there.desk.records.fields = {**FIELDS, 11: ("Due", False)}
        driver = Driver(RedmineConnector(there.settings(custom_fields={"sla_due": 11})), deadline=2.0)
        ticket = there.open_ticket("Printer", "On fire")
        intent = fields(**{"custom.sla_due": "2026-03-10T17:00:00Z"})
        driver.settle(intent, context(ticket))
        found = driver.run(driver.connector.read(ticket))
        unknown = driver.attempt(fields(**{"custom.other": "x"}), context(ticket))
        driver.close()
    assert found is not None
    assert found.custom == {"sla_due": "2026-03-10T17:00:00Z"}
    assert isinstance(unknown, Rejected)
    assert unknown.reason is Reason.UNMAPPED


# ---------------------------------------------------------------- notes


@pytest.mark.parametrize("missing", ["set_notes_private", "view_private_notes"])
def test_a_note_that_would_become_public_is_not_sent(there: RedmineBench, driver: Driver, missing: str) -> None:
    """Redmine drops `private_notes` of a role without the right, and would show the note to everybody."""
    there.desk.records.permissions.discard(missing)
    ticket = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(said(Operation.INTERNAL_NOTE), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "Set notes as private" in outcome.detail
    assert driver.writes == []
    assert there.shown(ticket).comments == ()


def test_the_rights_are_asked_for_before_each_note(there: RedmineBench, driver: Driver) -> None:
    """A role that was changed meanwhile keeps the second one back."""
    ticket = there.open_ticket("Printer", "On fire")
    driver.settle(said(Operation.INTERNAL_NOTE), context(ticket))
    assert [request.url for request in driver.requests if "roles" in request.url]
    there.desk.records.permissions.discard("set_notes_private")
    outcome = driver.attempt(said(Operation.INTERNAL_NOTE, "More"), context(ticket, NOTE))
    assert isinstance(outcome, Rejected)
    assert driver.writes == []


def test_a_note_that_is_dropped_behind_204_is_seen(there: RedmineBench, driver: Driver) -> None:
    """A role without `Add notes`."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.permissions.discard("add_issue_notes")
    outcome = driver.attempt(said(Operation.PUBLIC_REPLY), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "Add notes" in outcome.detail


@pytest.mark.parametrize("with_mark", [True, False])
def test_a_note_is_found_by_its_mark_or_by_its_words(with_mark: bool) -> None:
    """One note an effect key, though a person said the same."""
    with RedmineBench() as there:
        options: dict[str, Any] = {} if with_mark else {"comment_marker": None}
        driver = Driver(RedmineConnector(there.settings(**options)), deadline=2.0)
        ticket = there.open_ticket("Printer", "On fire")
        there.say(ticket, "We are at it")
        note = said(Operation.PUBLIC_REPLY)
        there.desk.fault(FaultKind.RESET_AFTER, method="PUT")
        assert isinstance(driver.attempt(note, context(ticket)), Unknown)
        found = driver.run(driver.connector.probe(note, context(ticket)))
        assert isinstance(found, Found)
        known = context(ticket, NOTE, known_comments=frozenset({found.receipt.comment_id}))
        assert isinstance(driver.run(driver.connector.probe(note, known)), Absent)
        read = driver.run(driver.connector.read(ticket))
        driver.close()
    assert read is not None
    assert [each.marker for each in read.comments] == ["", KEY if with_mark else ""]


def test_files_are_staged_and_go_with_the_note(there: RedmineBench, driver: Driver) -> None:
    """Uploaded first, where nobody sees them; the text shows one by its name."""
    ticket = there.open_ticket("Printer", "On fire")
    blob = driver.files.put(b"\x89PNG and more")
    file = Attachment("flames.png", "image/png", blob.size, sha256=blob.sha256)
    note = said(Operation.PUBLIC_REPLY, f"Look: ![it](attachment:{blob.sha256})", attachments=(file,))
    receipt = driver.settle(note, context(ticket))
    assert [request.effect for request in driver.requests if request.method != "GET"] == [Effect.STAGE, Effect.WRITE]
    (kept,) = there.shown(ticket).files
    assert (kept.name, kept.data) == ("flames.png", b"\x89PNG and more")
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    (said_there,) = found.comments
    (shown,) = said_there.attachments
    assert receipt.file_ids == (shown.remote_id,)
    assert said_there.body == f"Look: ![it](attachment:{shown.remote_id})"
    assert shown.inline


def test_no_file_goes_with_a_private_note(there: RedmineBench, driver: Driver) -> None:
    """Whoever sees the issue would see it."""
    ticket = there.open_ticket("Printer", "On fire")
    blob = driver.files.put(b"secret")
    file = Attachment("secret.txt", "text/plain", blob.size, sha256=blob.sha256)
    outcome = driver.attempt(said(Operation.INTERNAL_NOTE, attachments=(file,)), context(ticket))
    assert isinstance(outcome, Rejected)
    assert driver.requests == []


# ---------------------------------------------------------------- counting


def test_issues_and_notes_of_ours_are_counted(there: RedmineBench, driver: Driver) -> None:
    """By our mark and our user."""
    receipt = driver.settle(creation(), context())
    driver.attempt(creation(), context())
    copy = there.open_ticket("Copy", "x")
    there.desk.records.issues[int(copy)]["custom"][MARKER] = KEY
    seen = driver.run(driver.connector.effects(creation(), context()))
    assert len(seen.copies) == 2
    assert seen.copies[0].remote_id == receipt.remote_id
    note = said(Operation.INTERNAL_NOTE)
    driver.settle(note, context(receipt.remote_id, NOTE))
    there.say(receipt.remote_id, "We are at it", public=False)
    seen = driver.run(driver.connector.effects(note, context(receipt.remote_id, NOTE)))
    assert len(seen.copies) == 1


def test_the_journals_tell_who_set_a_field_last(there: RedmineBench, driver: Driver) -> None:
    """Ours until a person sets it again."""
    ticket = there.open_ticket("Printer", "On fire")
    intent = fields(title="Ours", priority={"level": "P2"})
    driver.settle(intent, context(ticket))
    there.set_title(ticket, "Theirs")
    seen = driver.run(driver.connector.effects(intent, context(ticket)))
    assert seen.ours == {"priority"}
    assert seen.ticket is not None
    assert seen.ticket.title == "Theirs"


def test_a_second_copy_of_an_issue_is_rejected_once(there: RedmineBench, driver: Driver) -> None:
    """Again, or when it is gone, it does no harm; a note is left to a person."""
    ticket = there.open_ticket("Printer", "On fire")
    undo = Intent(Operation.UNDO, params={"copy": ticket, "of": "create"})
    for _ in range(2):
        assert isinstance(driver.attempt(undo, context()), Done)
    assert there.shown(ticket).status == "Rejected"
    there.delete(ticket)
    assert isinstance(driver.attempt(undo, context()), Done)
    note = Intent(Operation.UNDO, params={"copy": "5", "of": "internal_note"})
    assert isinstance(driver.attempt(note, context()), Rejected)


def test_a_refusal_has_redmines_own_sentence(there: RedmineBench, driver: Driver) -> None:
    """422 with `errors`."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.uploads.clear()
    outcome = driver.attempt(fields(priority={"native": "42", "level": "P1"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "Priority cannot be blank" in outcome.detail
