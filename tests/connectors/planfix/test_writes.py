"""What is written to Planfix, and what its 200 and 202 leave open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.planfix.bench import PlanfixBench
from connectors.planfix.connector import PlanfixConnector
from connectors.planfix.simulator import REQUESTER
from connectors.planfix.writes import refusal
from connectors.sdk import (
    Absent,
    Attachment,
    CommentIntent,
    Effect,
    Found,
    HttpResponse,
    Intent,
    Operation,
    Progress,
    Reason,
    Rejected,
    Status,
    Throttled,
    Unauthorized,
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
    """Return the intent to create a task."""
    return Intent(
        Operation.CREATE, {"title": "Down", "body": "Since *today*", **values}, params={"project": "Internals"}
    )


def test_a_creation_bears_our_mark_as_a_uuid(there: PlanfixBench, driver: Driver) -> None:
    """And the requester in the field that is kept for it."""
    receipt = driver.settle(creation(requester={"email": "kim@example.com"}), context())
    task = there.desk.tasks[int(receipt.remote_id)]
    assert task["source"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert task["custom"] == {REQUESTER: "kim@example.com"}
    assert task["project"] == 2
    found = driver.run(driver.connector.read(receipt.remote_id))
    assert found is not None
    assert found.marker == KEY


def test_a_status_is_set_once_the_process_is_known(there: PlanfixBench, driver: Driver) -> None:
    """A new task's process is told by the task: the second attempt of the same update sets the status."""
    intent = creation(status={"category": "open"})
    outcome = driver.attempt(intent, context())
    assert isinstance(outcome, Progress)
    driver.settle(intent, context(outcome.receipt.remote_id, steps=outcome.steps))
    assert there.shown(outcome.receipt.remote_id).status == "In progress"
    assert len(there.desk.tasks) == 1


def test_a_task_is_found_among_those_of_the_last_days(there: PlanfixBench, driver: Driver) -> None:
    """No filter knows the mark; an account that shows no marks is never said to lack the task."""
    for number in range(120):
        there.open_ticket(f"Printer {number}", "On fire")
    there.desk.fault(FaultKind.RESET_AFTER, method="POST")
    assert isinstance(driver.attempt(creation(), context()), Unknown)
    assert isinstance(driver.run(driver.connector.probe(creation(), context())), Found)
    assert isinstance(driver.run(driver.connector.probe(creation(), context(key=NOTE))), Absent)
    for task in there.desk.tasks.values():
        task["source"] = ""
    assert isinstance(driver.run(driver.connector.probe(creation(), context())), Unsure)
    assert isinstance(driver.run(driver.connector.probe(creation(title="Up"), context())), Absent)
    there.desk.shows_source = False
    assert isinstance(driver.run(driver.connector.probe(creation(title="Up"), context())), Unsure)


def test_failures_behind_200_are_seen(there: PlanfixBench, driver: Driver) -> None:
    """Success does not mean applied: the field and Planfix's own word for it."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.failing = {"name"}
    outcome = driver.attempt(fields(title="New", priority={"level": "P1"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "name: Field change failed" in outcome.detail
    assert there.shown(ticket).priority == "Urgent"


def test_a_failure_by_itself_is_seen_too(there: PlanfixBench, driver: Driver) -> None:
    """As the documentation's example has it: an object in place of a list."""
    ticket = there.open_ticket("Printer", "On fire")
    call = driver.connector.write(fields(title="New"), context(ticket))
    next(call)
    with pytest.raises(StopIteration) as stop:
        call.send(HttpResponse(200, {}, b'{"failures": {"field": "counterparty", "error": "Field change failed"}}'))
    assert isinstance(stop.value.value, Rejected)
    assert "counterparty" in stop.value.value.detail


def test_a_change_that_waits_is_unknown_until_it_is_there(there: PlanfixBench, driver: Driver) -> None:
    """202: the task is being changed by somebody, and ours comes after."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.busy = True
    intent = fields(title="Later")
    assert isinstance(driver.attempt(intent, context(ticket)), Unknown)
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Absent)
    there.desk._stopping.wait(0.6)
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Found)


def test_a_field_that_is_dropped_without_a_word_is_seen(there: PlanfixBench, driver: Driver) -> None:
    """A custom field that the task's template does not have."""
    ticket = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(fields(**{"custom.87": "x"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "customFieldData" in outcome.detail


def test_a_status_that_the_process_does_not_have_is_unmapped(there: PlanfixBench, driver: Driver) -> None:
    """With those that it has."""
    ticket = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(fields(status={"category": "open", "native": "Nowhere"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert "in progress" in outcome.detail
    assert driver.writes == []


def test_words_of_two_languages_are_tried(there: PlanfixBench, driver: Driver) -> None:
    """A process in Russian has the same statuses under other names."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.statuses = {1: "Новая", 2: "В работе", 3: "Завершенная"}
    driver.settle(fields(status={"category": "open"}), context(ticket))
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert isinstance(found.status, Status)
    assert (found.status.category.value, found.status.native) == ("open", "В работе")


def test_nobody_can_have_it_and_a_queue_is_a_project(there: PlanfixBench, driver: Driver) -> None:
    """By the names of the settings, or by number."""
    ticket = there.open_ticket("Printer", "On fire")
    there.assign(ticket, there.agents[0])
    driver.settle(fields(assignee=None, queue="Internals"), context(ticket))
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert (found.assignee, found.queue) == (None, "Internals")
    outcome = driver.attempt(fields(queue="Nowhere"), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED


def test_a_description_of_which_something_would_be_lost_is_kept(there: PlanfixBench, driver: Driver) -> None:
    """Ours stands below it, once."""
    ticket = str(there.desk.act("create", name="Printer", description="<p>Their <u>words</u></p>"))
    for _ in range(2):
        driver.settle(fields(body="Our words"), context(ticket))
    kept = there.desk.tasks[int(ticket)]["description"]
    assert kept.startswith("<p>Their <u>words</u></p>")
    assert kept.count("Our words") == 1


@pytest.mark.parametrize("shown", [True, False])
def test_a_comment_is_found_by_its_mark_or_by_its_words(there: PlanfixBench, driver: Driver, shown: bool) -> None:
    """One comment an effect key, though a person said the same."""
    there.desk.shows_source = shown
    ticket = there.open_ticket("Printer", "On fire")
    there.say(ticket, "We are at it", public=False)
    note = said(Operation.INTERNAL_NOTE)
    there.desk.fault(FaultKind.RESET_AFTER, method="POST")
    assert isinstance(driver.attempt(note, context(ticket)), Unknown)
    found = driver.run(driver.connector.probe(note, context(ticket)))
    assert isinstance(found, Found)
    known = context(ticket, NOTE, known_comments=frozenset({found.receipt.comment_id}))
    assert isinstance(driver.run(driver.connector.probe(note, known)), Absent)
    assert len(driver.run(driver.connector.effects(note, context(ticket))).copies) == 1


def test_a_reply_notifies_the_contact_where_the_site_says_so(there: PlanfixBench) -> None:
    """Otherwise the desk that the ticket came from has written to them."""
    ticket = there.open_ticket("Printer", "On fire")
    for notify in (True, False):
        connector = PlanfixConnector(there.settings(notify_customer=notify))
        driver = Driver(connector, deadline=2.0)
        driver.settle(said(Operation.PUBLIC_REPLY), context(ticket))
        (sent,) = driver.writes
        driver.close()
        assert ("recipients" in sent.json) is notify
    note = Driver(PlanfixConnector(there.settings(notify_customer=True)), deadline=2.0)
    note.settle(said(Operation.INTERNAL_NOTE), context(ticket, NOTE))
    assert "recipients" not in note.writes[0].json
    note.close()


def test_files_are_staged_and_go_with_the_comment(there: PlanfixBench, driver: Driver) -> None:
    """Uploaded first, where nobody sees them; read back byte for byte from where Planfix leads to."""
    ticket = there.open_ticket("Printer", "On fire")
    blob = driver.files.put(b"\x89PNG and more")
    file = Attachment("flames.png", "image/png", blob.size, sha256=blob.sha256)
    note = said(Operation.INTERNAL_NOTE, f"Look: ![it](attachment:{blob.sha256})", attachments=(file,))
    receipt = driver.settle(note, context(ticket))
    assert [request.effect for request in driver.requests] == [Effect.STAGE, Effect.WRITE]
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    (shown,) = found.comments[0].attachments
    assert receipt.file_ids == (shown.remote_id,)
    assert shown.visibility is Visibility.INTERNAL
    assert found.comments[0].body == "Look: [it]"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 1, Unauthorized),
        (403, 20, Unauthorized),
        (400, 22, Throttled),
        (405, 5, Rejected),
        (400, 6, Rejected),
        (200, 1002, Rejected),
    ],
)
def test_an_error_is_what_its_code_says(status: int, code: int, kind: type) -> None:
    """Under many statuses, 200 among them."""
    body = f'{{"result": "fail", "code": {code}, "error": "Some words"}}'.encode()
    outcome = refusal(HttpResponse(status, {}, body))
    assert isinstance(outcome, Rejected | Throttled | Unauthorized)
    assert isinstance(outcome, kind)
    assert "Some words" in outcome.detail
