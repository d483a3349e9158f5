"""ServiceNow's traps in writes: priorities that it makes itself, columns that it leaves as they are, closing, files."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Absent,
    Attachment,
    CommentIntent,
    Done,
    Forbidden,
    Found,
    Intent,
    Operation,
    Reason,
    Rejected,
    Throttled,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.servicenow.bench import ServiceNowBench
from connectors.servicenow.connector import ServiceNowConnector
from connectors.testing.driver import Driver

KEY = "0123456789abcdef0123456789abcdef"


def fields(**values: Any) -> Intent:
    """Return an intent to set fields."""
    return Intent(Operation.SET_FIELDS, values)


def context(ticket: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(KEY, ticket, first_sent_at=datetime.now(UTC), **more)


def said(text: str, *, public: bool) -> Intent:
    """Return an intent to comment."""
    operation = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c", text, visibility))


@pytest.mark.parametrize(("level", "number"), [("P1", "1"), ("P2", "2"), ("P3", "3"), ("P4", "4")])
def test_a_priority_is_made_of_impact_and_urgency(
    there: ServiceNowBench, driver: Driver, level: str, number: str
) -> None:
    """And read back."""
    ticket = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(fields(priority={"level": level}), context(ticket))
    assert isinstance(outcome, Done)
    assert there.shown(ticket).priority == number
    assert outcome.receipt.observed is not None
    assert outcome.receipt.observed.priority.native == number  # type: ignore[union-attr]
    assert "priority" not in driver.writes[0].json


def test_an_instance_with_another_matrix_names_it(there: ServiceNowBench, driver: Driver) -> None:
    """`priorities:` says which columns make one."""
    there.settings()
    driver.connector = ServiceNowConnector(there.settings(priorities={"P2": {"impact": 2, "urgency": 1}}))
    ticket = there.open_ticket("Printer", "On fire")
    driver.settle(fields(priority={"level": "P2"}), context(ticket))
    held = there.desk.records.incidents[ticket]
    assert (held["impact"], held["urgency"], held["priority"]) == ("2", "1", "2")
    outcome = driver.attempt(fields(priority={"level": "P1", "native": "9"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED


def test_a_column_that_we_may_not_write_is_no_success(there: ServiceNowBench, driver: Driver) -> None:
    """ServiceNow answers 200 and leaves it as it was."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.locked = {"state"}
    outcome = driver.attempt(fields(status={"category": "open"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "state" in outcome.detail
    assert there.shown(ticket).status == "1"


def test_an_entry_that_was_dropped_is_no_success(there: ServiceNowBench, driver: Driver) -> None:
    """Its 200 proves nothing; the journal does."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.locked = {"work_notes"}
    intent = said("For colleagues", public=False)
    assert isinstance(driver.attempt(intent, context(ticket)), Unknown)
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Absent)


def test_entries_out_of_sight_prove_nothing(there: ServiceNowBench, driver: Driver) -> None:
    """What is counted and not shown may be ours: it is not written again."""
    ticket = there.open_ticket("Printer", "On fire")
    intent = said("We are at it", public=True)
    assert isinstance(driver.attempt(intent, context(ticket)), Done)
    there.desk.hidden = {one["sys_id"] for one in there.desk.records.journal}
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Unsure)
    there.desk.hidden = set()
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Found)


def test_what_is_resolved_has_a_code_and_a_note(there: ServiceNowBench, driver: Driver) -> None:
    """The site's own, where it names them; without any the data policy's words are the reason."""
    ticket = there.open_ticket("Printer", "On fire")
    driver.connector = ServiceNowConnector(there.settings(close={"close_code": "Workaround provided"}))
    driver.settle(fields(status={"category": "resolved"}), context(ticket))
    held = there.desk.records.incidents[ticket]
    assert (held["state"], held["close_code"]) == ("6", "Workaround provided")
    assert held["close_notes"]
    there.desk.act("set", sys_id=ticket, state="2", close_notes="It was the fuse.")
    driver.settle(fields(status={"category": "resolved"}), context(ticket))
    held = there.desk.records.incidents[ticket]
    assert (held["state"], held["close_notes"]) == ("6", "It was the fuse.")
    other = there.open_ticket("Other", "Else")
    driver.connector = ServiceNowConnector(there.settings(close={"close_code": "", "close_notes": ""}))
    outcome = driver.attempt(fields(status={"category": "resolved"}), context(other))
    assert isinstance(outcome, Rejected)
    assert "Data Policy" in outcome.detail


def test_a_403_about_the_account_is_no_refusal_of_the_record(there: ServiceNowBench, driver: Driver) -> None:
    """The flow asks who we are before it gives the update up."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.fault("error_without_effect", method="PATCH", status=403)
    assert isinstance(driver.attempt(fields(title="New"), context(ticket)), Forbidden)


def test_who_is_on_hold_says_why(there: ServiceNowBench, driver: Driver) -> None:
    """The reason is written with the state, and read back."""
    ticket = there.open_ticket("Printer", "On fire")
    for status, reason in (
        ({"category": "pending_customer"}, "1"),
        ({"category": "on_hold", "hold_reason": "third_party"}, "4"),
        ({"category": "on_hold", "hold_reason": "other"}, "3"),
    ):
        intent = fields(status=status)
        driver.settle(intent, context(ticket))
        held = there.desk.records.incidents[ticket]
        assert (held["state"], held["hold_reason"]) == ("3", reason)
        found = driver.run(driver.connector.read(ticket))
        expected = driver.connector.as_read(intent)["status"]
        assert msgspec.json.decode(msgspec.json.encode(found))["status"] == expected


def test_a_create_names_its_caller_and_its_group(there: ServiceNowBench, driver: Driver) -> None:
    """The caller is looked up by e-mail; nobody is made, and nobody is taken by name."""
    kim = there.desk.records.user("kim@example.com", "Kim")
    group = there.desk.records.group
    driver.connector = ServiceNowConnector(there.settings(groups={"Desk": group}, custom_fields={"sev": "u_severity"}))
    given = {"title": "Net", "body": "Down", "requester": {"email": "KIM@example.com"}, "custom": {"sev": "high"}}
    params = {"group": "Desk", "columns": {"category": "network"}}
    receipt = driver.settle(Intent(Operation.CREATE, given, params=params), context())
    held = there.desk.records.incidents[receipt.remote_id]
    assert (held["caller_id"], held["assignment_group"], held["category"]) == (kim, group, "network")
    assert held["u_severity"] == "high"
    assert held["correlation_id"] == f"gateway:{KEY}"
    found = driver.run(driver.connector.read(receipt.remote_id))
    assert found is not None
    assert (found.queue, found.custom, found.marker) == ("Desk", {"sev": "high"}, KEY)
    stranger = {**given, "requester": {"email": "stranger@example.com", "name": "Kim"}}
    other = driver.settle(Intent(Operation.CREATE, stranger), WriteContext("f" * 32))
    assert there.desk.records.incidents[other.remote_id]["caller_id"] == ""


def test_an_assignee_is_found_by_e_mail_or_not_at_all(there: ServiceNowBench, driver: Driver) -> None:
    """Of two with one address neither is taken."""
    ticket = there.open_ticket("Printer", "On fire")
    driver.settle(fields(assignee={"email": "agent@desk.example"}), context(ticket))
    assert there.shown(ticket).assignee == there.desk.records.agent
    outcome = driver.attempt(fields(assignee={"email": "nobody@desk.example"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    driver.settle(fields(assignee=None), context(ticket))
    assert there.shown(ticket).assignee == ""


def test_due_times_and_columns_read_back(there: ServiceNowBench, driver: Driver) -> None:
    """A due time is UTC without a zone there; a field that nobody named is unmapped."""
    ticket = there.open_ticket("Printer", "On fire")
    driver.connector = ServiceNowConnector(there.settings(custom_fields={"sev": "u_severity"}))
    intent = fields(**{"due": "2026-03-10T17:00:00Z", "custom.sev": "2"})
    driver.settle(intent, context(ticket))
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.due == datetime(2026, 3, 10, 17, tzinfo=UTC)
    assert driver.connector.as_read(intent) == {"due": "2026-03-10T17:00:00Z", "custom.sev": "2"}
    outcome = driver.attempt(fields(**{"custom.other": "x"}), context(ticket))
    assert isinstance(outcome, Rejected)


def test_a_mark_that_cannot_be_asked_for_proves_nothing(there: ServiceNowBench, driver: Driver) -> None:
    """Where the query is ignored, or its answer out of our sight, the create is not repeated."""
    intent = Intent(Operation.CREATE, {"title": "Net", "body": "Down"})
    receipt = driver.settle(intent, context())
    assert isinstance(driver.run(driver.connector.probe(intent, context())), Found)
    there.desk.hidden = {receipt.remote_id}
    assert isinstance(driver.run(driver.connector.probe(intent, context())), Unsure)
    there.desk.hidden = set()
    for held in there.desk.records.incidents.values():
        held.pop("correlation_id")
    assert isinstance(driver.run(driver.connector.probe(intent, context())), Unsure)


def test_effects_are_counted_by_mark_and_by_words(there: ServiceNowBench, driver: Driver) -> None:
    """What people made is not ours."""
    intent = Intent(Operation.CREATE, {"title": "Net", "body": "Down"})
    ticket = driver.settle(intent, context()).remote_id
    there.open_ticket("Net", "Down")
    assert [one.remote_id for one in driver.run(driver.connector.effects(intent, context())).copies] == [ticket]
    words = said("We are at it", public=True)
    there.say(ticket, "We are at it")
    for _ in range(2):
        driver.attempt(words, context(ticket))
    assert len(driver.run(driver.connector.effects(words, context(ticket))).copies) == 2


def test_a_second_copy_is_cancelled_once(there: ServiceNowBench, driver: Driver) -> None:
    """An entry stays for ever."""
    copy = driver.settle(Intent(Operation.CREATE, {"title": "Net"}), context()).remote_id
    undo = Intent(Operation.UNDO, params={"copy": copy, "of": "create"})
    for _ in range(2):
        assert isinstance(driver.attempt(undo, context()), Done)
    assert there.shown(copy).status == "8"
    assert len(there.shown(copy).comments) == 1
    entry = Intent(Operation.UNDO, params={"copy": copy, "of": "public_reply"})
    assert isinstance(driver.attempt(entry, context()), Rejected)


@pytest.mark.parametrize("fault", ["", "reset_before", "reset_after", "garbage", "error_with_effect", "half_body"])
def test_a_file_arrives_once(there: ServiceNowBench, driver: Driver, fault: str) -> None:
    """Byte for byte, whatever befalls its request; one of the same name that was there is not taken for it."""
    ticket = there.open_ticket("Printer", "On fire")
    data = bytes(range(256)) * 300
    there.attach(ticket, "smoke & fire.png", data)
    blob = driver.files.put(data)
    file = Attachment("smoke & fire.png", "image/png", blob.size, sha256=blob.sha256)
    intent = Intent(Operation.ATTACH, attachments=(file,))
    if fault:
        there.desk.fault(fault, method="POST", count=2)
    receipt = driver.settle(intent, context(ticket), there.desk.accept)
    made = there.desk.effects.all(kind="attach", by_api=True)
    assert len(made) == 1
    assert receipt.file_ids == (made[0].change_id,)
    assert made[0].detail["hash"] == hashlib.sha256(data).hexdigest()
    assert [one.data for one in there.shown(ticket).files] == [data, data]


def test_a_limit_says_when_it_ends(there: ServiceNowBench, driver: Driver) -> None:
    """By Retry-After."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.fault("throttle", method="PATCH", seconds=11)
    outcome = driver.attempt(fields(title="New"), context(ticket))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == 11


def test_what_a_stranger_writes_never_becomes_html(there: ServiceNowBench, driver: Driver) -> None:
    """A journal shows HTML between [code] and [/code]; the words arrive, the brackets do not work, and read as sent."""
    ticket = there.open_ticket("Printer", "On fire")
    words = "[code]<script>alert(1)</script>[/code]"
    driver.settle(said(words, public=True), context(ticket))
    shown = there.shown(ticket).comments[-1].text
    assert "[code]" not in shown
    assert "[/code]" not in shown
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.comments[-1].body == words


def test_a_long_text_is_cut_where_one_sees_it(there: ServiceNowBench, driver: Driver) -> None:
    """The platform would cut it without a word."""
    intent = Intent(Operation.CREATE, {"title": "Net", "body": "x" * 5000})
    ticket = driver.settle(intent, context()).remote_id
    assert there.shown(ticket).body.endswith("[…]")
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.body == driver.connector.as_read(intent)["body"]


def test_agents_that_are_not_active_are_not(there: ServiceNowBench, driver: Driver) -> None:
    """Those whom the site names; who is not there is left out."""
    records = there.desk.records
    records.users[records.agent]["active"] = "false"
    connector = driver.connector
    assert isinstance(connector, ServiceNowConnector)
    found = driver.run(connector.agents([records.agent, records.me, "f" * 32, "no-sys-id"]))
    assert {one.account_id: one.active for one in found} == {records.agent: False, records.me: True}


def test_a_description_with_html_is_added_to(there: ServiceNowBench, driver: Driver) -> None:
    """What Markdown cannot show stays as somebody wrote it; ours stands below, once."""
    given = "[code]<details><summary>Log</summary>x</details>[/code]"
    ticket = there.open_ticket("Printer", given)
    for _ in range(2):
        driver.settle(fields(body="It is out"), context(ticket))
        assert there.shown(ticket).body == f"{given}\n\nIt is out"
    other = there.open_ticket("Printer", "It burns")
    driver.settle(fields(body="It is out"), context(other))
    assert there.shown(other).body == "It is out"
