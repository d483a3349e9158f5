"""Change events and platform events in the wrappings of those who pass them on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.sdk import EventKind, Status, UnreadableError, Visibility
from tests.connectors.salesforce.conftest import CASE, USER, facts

OTHER = "5005j00000QpVbFAAV"
HEADER: dict[str, Any] = {
    "entityName": "Case", "recordIds": [CASE], "changeType": "UPDATE", "transactionKey": "t-1", "sequenceNumber": 1,
    "commitTimestamp": 1772357400000, "commitUser": USER, "nulledFields": [], "diffFields": [],
}  # fmt: skip


def event(payload: dict[str, Any], **header: Any) -> bytes:
    """Return a change event as a subscriber decodes it."""
    return msgspec.json.encode({"ChangeEventHeader": {**HEADER, **header}, **payload})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda payload: payload,
        lambda payload: {"replay_id": "AAAA", "payload": payload},
        lambda payload: {"channel": "/data/CaseChangeEvent", "data": {"payload": payload, "event": {"replayId": 6}}},
        lambda payload: {"detail-type": "CaseChangeEvent", "detail": {"schemaId": "x", "payload": payload}},
    ],
)
def test_wrappings_of_relays(wrap: Any) -> None:
    """Bare, of the Pub/Sub API, of CometD, of an event bus: one change."""
    payload = {"ChangeEventHeader": HEADER, "Status": "Closed"}
    (found,) = facts(msgspec.json.encode(wrap(payload)))
    assert (found.kind, found.remote_id) == (EventKind.CHANGED, CASE)
    assert found.key == f"change:t-1:1:{CASE}"
    assert found.actor is not None
    assert found.actor.external_id == USER
    (change,) = found.changes
    assert change.field == "status"
    assert isinstance(change.value, Status)
    assert change.value.native == "Closed"


@pytest.mark.parametrize(
    ("kind", "expected", "reads"),
    [
        ("CREATE", EventKind.CREATED, True),
        ("DELETE", EventKind.DELETED, False),
        ("UNDELETE", EventKind.OBSERVED, True),
        ("GAP_CREATE", EventKind.OBSERVED, True),
        ("GAP_UPDATE", EventKind.OBSERVED, True),
        ("GAP_DELETE", EventKind.DELETED, False),
        ("GAP_UNDELETE", EventKind.OBSERVED, True),
        ("SNAPSHOT", EventKind.OBSERVED, True),
    ],
)
def test_kinds_of_changes(kind: str, expected: EventKind, *, reads: bool) -> None:
    """For each record that the change touched; what is unknown is read."""
    found = facts(event({"Subject": "Printer"}, changeType=kind, recordIds=[CASE, OTHER]))
    assert [one.remote_id for one in found] == [CASE, OTHER]
    assert {one.kind for one in found} == {expected}
    assert {one.needs_read for one in found} == {reads}
    assert len({one.key for one in found}) == 2


def test_what_is_nobodys_business() -> None:
    """Other objects, and an overflow: the next poll brings what it swallowed."""
    assert facts(event({"Name": "Acme"}, entityName="Account", recordIds=["0015j00000AbCdEAAV"])) == ()
    assert facts(event({}, changeType="GAP_OVERFLOW", recordIds=["000000000000000AAA"])) == ()
    assert facts(event({"ParentId": "0065j00000AbCdE"}, entityName="EmailMessage", recordIds=["02s5j00000AbCdE"])) == ()


def test_a_large_text_that_came_as_a_difference_is_read() -> None:
    """Only what is whole is taken from the event."""
    found, look = facts(event({"Description": "--- v1 +++ v2", "Status": "Working"}, diffFields=["Description"]))
    assert [change.field for change in found.changes] == ["status"]
    assert (look.kind, look.needs_read) == (EventKind.OBSERVED, True)
    assert found.snapshot is not None
    assert found.snapshot.body is msgspec.UNSET


def test_who_owns_it_now() -> None:
    """A user is the assignee; a queue without a name is read, one that the site names is told."""
    (user,) = facts(event({"OwnerId": USER}))
    assert [(change.field, change.value.external_id) for change in user.changes] == [("assignee", USER)]
    queue = "00G5j000001QueUEA0"
    unnamed, look = facts(event({"OwnerId": queue}))
    assert (look.kind, look.needs_read) == (EventKind.OBSERVED, True)
    assert [(change.field, change.value) for change in unnamed.changes] == [("assignee", None)]
    (named,) = facts(event({"OwnerId": queue}), queues={"Support": queue})
    assert [(change.field, change.value) for change in named.changes] == [("assignee", None), ("queue", "Support")]


def test_a_case_that_is_not_known_yet_is_read_first() -> None:
    """A change event has only what changed, and a comment nothing of its case: neither begins a ticket alone."""
    (changed,) = facts(event({"Status": "Working"}))
    assert (changed.kind, changed.needs_read) == (EventKind.CHANGED, True)
    whole = {"ParentId": CASE, "CommentBody": "Hello", "IsPublished": True}
    (said,) = facts(event(whole, entityName="CaseComment", recordIds=["00a5j00000ComEn"], changeType="CREATE"))
    assert (said.kind, said.needs_read) == (EventKind.COMMENTED, True)


def test_events_that_a_relay_gathers_are_read_one_by_one() -> None:
    """As a list; each event once, and a list of something else is refused in one line."""
    one, other = event({"Status": "Working"}), event({"Priority": "High"}, sequenceNumber=2)
    found = facts(b"[" + one + b"," + other + b"," + one + b"]")
    assert [change.field for each in found for change in each.changes] == ["status", "priority"]
    for body in (b"[1]", b"[", b'["x", {}]'):
        with pytest.raises(UnreadableError) as caught:
            facts(body)
        assert "\n" not in str(caught.value)


def test_what_was_emptied() -> None:
    """A field that is null now is said so in the header, by name; bitmaps are no names."""
    (found,) = facts(event({"Priority": None}, nulledFields=["Priority", "0x01"]))
    assert [(change.field, change.value.native) for change in found.changes] == [("priority", "")]


def test_a_comment_with_its_words() -> None:
    """Where the event says all; else its case is read."""
    header = {"entityName": "CaseComment", "recordIds": ["00a5j00000CmNtXAAV"], "changeType": "CREATE"}
    whole = {"ParentId": CASE, "CommentBody": "Hello", "IsPublished": False}
    (found,) = facts(event(whole, **header))
    assert (found.kind, found.remote_id, found.key) == (EventKind.COMMENTED, CASE, "comment:00a5j00000CmNtXAAV")
    assert found.comment is not None
    assert (found.comment.body, found.comment.visibility) == ("Hello", Visibility.INTERNAL)
    assert found.actor is not None
    assert found.actor.external_id == USER
    for part in ({"ParentId": CASE, "CommentBody": "Hello"}, {"ParentId": CASE, "IsPublished": True}):
        (hint,) = facts(event(part, **header))
        assert (hint.kind, hint.remote_id, hint.comment, hint.needs_read) == (EventKind.OBSERVED, CASE, None, True)


def test_what_our_own_client_changed_is_ours() -> None:
    """Whoever it did it for: the client's name stands in the change."""
    origin = "com/salesforce/api/rest/62.0;client=desk-gateway"
    (found,) = facts(event({"Status": "Closed"}, changeOrigin=origin), account_id="0055j000003GaTeAAU")
    assert found.actor is not None
    assert found.actor.external_id == "0055j000003GaTeAAU"


@pytest.mark.parametrize(
    "body",
    [
        {"payload": {"Case_Id__c": CASE, "Reason__c": "restart"}, "event": {"replayId": 7}},
        {"CaseId__c": CASE[:15], "CreatedById": USER},
        {"attributes": {"type": "Case"}, "Id": CASE, "Subject": "Printer"},
        {"record": {"Id": CASE}},
    ],
)
def test_a_platform_event_is_a_hint(body: dict[str, Any]) -> None:
    """Its makers may have called the case's id whatever they liked."""
    (found,) = facts(msgspec.json.encode(body))
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, CASE, True)


def test_a_change_that_does_not_say_of_what_is_refused() -> None:
    """As of a relay that writes `{"string": "Case"}`, the JSON of Avro: it is not passed over in silence."""
    with pytest.raises(UnreadableError, match="entityName"):
        facts(event({"Status": {"string": "Closed"}}, entityName={"string": "Case"}))
