"""Webhooks: proof of origin, name, and the facts of every message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.dynamics365 import mapping
from connectors.dynamics365.bench import SECRET
from connectors.sdk import AuthenticationError, Envelope, EventKind, UnreadableError, Visibility
from tests.connectors.dynamics365.conftest import (
    AT,
    CASE,
    NOTE,
    OPERATION,
    ORGANIZATION,
    USER,
    body,
    choice,
    connect,
    facts,
    lookup,
    posted,
    said,
)

OTHER = "8d81597f-0f9f-e711-8122-000d3aa2331c"
ZERO = "00000000-0000-0000-0000-000000000000"


def test_the_key_stands_in_the_url_or_in_a_header() -> None:
    """As an admin may register it: WebhookKey, HttpQueryString, HttpHeader; nowhere else, and in full."""
    connector = connect(webhook_secret=["an-older-secret", SECRET])
    given = body("Update")
    for secret in (SECRET, "an-older-secret"):
        connector.verify(posted(given, code=secret), AT)
        connector.verify(posted(given, key=secret), AT)
        connector.verify(posted(given, {"x-gateway-secret": secret}), AT)
    for request in (
        posted(given),
        posted(given, code=""),
        posted(given, code=SECRET[:-1]),
        posted(given, secret=SECRET),
        posted(given, {"x-gateway-secret": "another"}),
    ):
        with pytest.raises(AuthenticationError):
            connector.verify(request, AT)
    with pytest.raises(AuthenticationError, match="no webhook_secret"):
        connect(webhook_secret="").verify(posted(given, code=""), AT)


def test_a_webhook_of_another_organization_is_refused() -> None:
    """Where the organization is named, in whatever case its id is written."""
    connect(organization_id=ORGANIZATION.upper()).verify(posted(body("Update"), code=SECRET), AT)
    other = connect(organization_id=OTHER)
    for wrong in (body("Update"), b"{}", b"nothing"):
        with pytest.raises(AuthenticationError):
            other.verify(posted(wrong, code=SECRET), AT)


def test_a_delivery_is_named_by_its_operation() -> None:
    """Sent again it has the same name; another record, message or operation has another."""
    connector = connect()
    contexts = [
        said("Update"),
        {**said("Update"), "Depth": 2},
        said("Update", number=OTHER),
        said("Delete"),
        {**said("Update"), "OperationId": OTHER},
    ]
    names = [connector.envelope(posted(msgspec.json.encode(each))) for each in contexts]
    assert names[0].source_event_id == names[1].source_event_id
    assert len({name.source_event_id for name in names}) == 4
    assert [name.ref for name in names] == [CASE, CASE, OTHER, CASE, CASE]
    # a synchronous step has no operation of its own
    synchronous = {"OperationId": ZERO, "CorrelationId": OPERATION}
    one, other = (
        connector.envelope(posted(msgspec.json.encode({**said("Update", title=title), **synchronous})))
        for title in ("One", "Two")
    )
    assert one.source_event_id.startswith("change:")
    assert one.source_event_id != other.source_event_id


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/Date(1506384247000)/", datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)),
        ("/Date(1506384247000-0700)/", datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)),
        ("/Date(-1000+0100)/", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+01:00", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("/Date(99999999999999999)/", None),
        ("/Date()/", None),
        ("2026-03-01", None),
        (None, None),
    ],
)
def test_forms_of_times(given: Any, expected: datetime | None) -> None:
    """Milliseconds are UTC whatever stands behind them."""
    assert mapping.moment(given) == expected


def test_messages_about_cases() -> None:
    """Create, update, delete, merge, close, and those that say too little."""
    (made,) = facts(body("Create", title="Printer", description="On fire", statuscode=choice(1)))
    assert (made.kind, made.remote_id, made.needs_read) == (EventKind.CREATED, CASE, True)
    assert made.snapshot is not None
    assert (made.snapshot.title, made.snapshot.body) == ("Printer", "On fire")
    assert made.actor is not None
    assert made.actor.external_id == USER
    (changed,) = facts(body("Update", statuscode=choice(2)))
    assert [(one.field, one.value.native) for one in changed.changes] == [("status", "On Hold")]
    assert changed.needs_read, "of a case that is not known yet it says too little"
    same, look = facts(body("Update", statuscode=choice(2), new_reason="x"))
    assert same.changes == changed.changes
    assert (look.kind, look.changes, look.needs_read) == (EventKind.OBSERVED, (), True), "another column, too"
    (deleted,) = facts(body("Delete"))
    assert (deleted.kind, deleted.remote_id) == (EventKind.DELETED, CASE)
    merge = said("Merge")
    merge["InputParameters"].append({"key": "SubordinateId", "value": OTHER.upper()})
    (merged,) = facts(msgspec.json.encode(merge))
    assert (merged.kind, merged.remote_id, merged.merged_into) == (EventKind.MERGED, OTHER, CASE)
    close = said("Close")
    close["InputParameters"] = [{"key": "Status", "value": choice(1000)}]
    (closed,) = facts(msgspec.json.encode(close))
    assert [(one.field, one.value.native) for one in closed.changes] == [("status", "Information Provided")]
    for message in ("Assign", "SetState", "Close", "Restore"):
        (hint,) = facts(body(message))
        assert (hint.kind, hint.remote_id, hint.needs_read) == (EventKind.OBSERVED, CASE, True)


def test_who_owns_a_case_now() -> None:
    """A user is the assignee; a team is a queue, by the site's name for it or as a read will say."""
    (user,) = facts(body("Update", ownerid=lookup("systemuser", USER)))
    assert [(one.field, one.value.external_id) for one in user.changes] == [("assignee", USER)]
    (team,) = facts(body("Update", ownerid=lookup("team", OTHER)), teams={"Support": OTHER})
    assert [(one.field, one.value) for one in team.changes] == [("assignee", None), ("queue", "Support")]


def test_notes_and_emails_of_cases() -> None:
    """A note that says all is a comment; the portal's prefix makes it public; the rest lets its case be read."""
    about = lookup("incident", CASE)
    (internal,) = facts(body("Create", "annotation", NOTE, notetext="Hello", objectid=about))
    assert internal.comment is not None
    assert (internal.kind, internal.remote_id, internal.needs_read) == (EventKind.COMMENTED, CASE, True)
    assert (internal.comment.body, internal.comment.visibility) == ("Hello", Visibility.INTERNAL)
    (public,) = facts(body("Create", "annotation", NOTE, notetext="<div>*WEB* Hello</div>", objectid=about))
    assert public.comment is not None
    assert (public.comment.body.strip(), public.comment.visibility) == ("Hello", Visibility.PUBLIC)
    read = [
        body("Create", "annotation", NOTE, notetext="See", isdocument=True, objectid=about),
        body("Update", "annotation", NOTE, notetext="Other words", objectid=about),
        body("Create", "email", NOTE, description="<p>Hi</p>", regardingobjectid=about),
        body("Create", "incidentresolution", NOTE, subject="Done", incidentid=about),
    ]
    for given in read:
        (hint,) = facts(given)
        assert (hint.kind, hint.remote_id, hint.comment, hint.needs_read) == (EventKind.OBSERVED, CASE, None, True)
    others = [
        body("Create", "annotation", NOTE, notetext="Hello", objectid=lookup("account", OTHER)),
        body("Create", "email", NOTE, regardingobjectid=lookup("opportunity", OTHER)),
        body("Update", "contact", OTHER, firstname="Kim"),
    ]
    for given in others:
        assert facts(given) == ()


def test_what_was_too_large_is_read() -> None:
    """Above 256 KB only the record's id is left: of a case that is enough, of a note the poll has to tell."""
    bare = {**said("Update"), "InputParameters": None, "PreEntityImages": None, "PostEntityImages": None}
    (hint,) = facts(msgspec.json.encode(bare))
    assert (hint.kind, hint.remote_id, hint.needs_read) == (EventKind.OBSERVED, CASE, True)
    bare |= {"PrimaryEntityName": "annotation", "PrimaryEntityId": NOTE}
    assert facts(msgspec.json.encode(bare)) == ()


def test_a_row_that_a_flow_passes_on_is_a_hint() -> None:
    """In the shape of the Web API, by itself or as the body of the trigger; what it says of the case is kept."""
    row = {"incidentid": CASE, "title": "Printer", "statuscode": 2, "prioritycode": 1, "_ownerid_value": USER}
    for given in (row, {"headers": {}, "body": row}):
        content = msgspec.json.encode(given)
        (hint,) = facts(content)
        assert (hint.kind, hint.remote_id, hint.needs_read) == (EventKind.OBSERVED, CASE, True)
        assert hint.snapshot is not None
        assert hint.snapshot.title == "Printer"
        named = connect().envelope(posted(content))
        assert isinstance(named, Envelope)
        assert named.ref == CASE


def test_a_case_without_an_id_is_refused() -> None:
    """In one line, as is what is no context at all."""
    nameless = {**said("Update", number=ZERO), "PrimaryEntityId": ZERO}
    with pytest.raises(UnreadableError, match="PrimaryEntityId is missing"):
        facts(msgspec.json.encode(nameless))
    with pytest.raises(UnreadableError, match="no RemoteExecutionContext"):
        facts(b'{"value": []}')


def test_pairs_in_capitals_are_pairs() -> None:
    """As a plug-in writes them that serialises the context by itself."""
    context = said("Update", title="Printer", statuscode=choice(5))
    (target,) = context["InputParameters"]
    listed = [{"Key": each["key"], "Value": each["value"]} for each in target["value"]["Attributes"]]
    context["InputParameters"] = [{"Key": "Target", "Value": {**target["value"], "Attributes": listed}}]
    (event,) = facts(msgspec.json.encode(context))
    assert {change.field for change in event.changes} == {"title", "status"}
