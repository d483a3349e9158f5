"""Outbound messages: proof of origin, name, answer, and what hostile XML comes to."""

from __future__ import annotations

import time

import msgspec
import pytest

from connectors.salesforce.bench import SECRET
from connectors.sdk import AuthenticationError, EventKind, UnreadableError, Visibility
from tests.connectors.salesforce.conftest import AT, CASE, USER, connect, facts, posted

ORG = "00D5j000004h7XzEAI"
TOP = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
    f"<OrganizationId>{ORG}</OrganizationId><SessionId>00D!a-session-that-is-a-credential</SessionId>"
)
END = "</notifications></soapenv:Body></soapenv:Envelope>"


def notification(number: str, kind: str, **fields: str) -> str:
    """Return one notification."""
    inside = "".join(f"<sf:{name}>{value}</sf:{name}>" for name, value in fields.items())
    record = f'<sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{inside}</sObject>'
    return f"<Notification><Id>{number}</Id>{record}</Notification>"


def message(*notifications: str) -> bytes:
    """Return an outbound message."""
    return (TOP + "".join(notifications) + END).encode()


def test_the_secret_stands_in_the_url_or_in_a_header() -> None:
    """And nowhere else, and in full."""
    connector = connect(webhook_secret=["an-older-secret", SECRET])
    body = message(notification("04l1", "Case", Id=CASE))
    for secret in (SECRET, "an-older-secret"):
        connector.verify(posted(body, key=secret), AT)
        connector.verify(posted(b"{}", {"x-gateway-secret": secret}), AT)
    for request in (
        posted(body),
        posted(body, key=""),
        posted(body, key=SECRET[:-1]),
        posted(body, secret=SECRET),
        posted(body, {"x-gateway-secret": "another"}),
    ):
        with pytest.raises(AuthenticationError):
            connector.verify(request, AT)
    with pytest.raises(AuthenticationError, match="no webhook_secret"):
        connect(webhook_secret="").verify(posted(body, key=""), AT)


def test_a_message_of_another_org_is_refused() -> None:
    """Where the org is named, by its id of fifteen or of eighteen characters."""
    body = message(notification("04l1", "Case", Id=CASE))
    for org in (ORG, ORG[:15]):
        connect(organization_id=org).verify(posted(body, key=SECRET), AT)
    other = connect(organization_id="00D5j000004h7XyEAI")
    for wrong in (body, b"<nothing/>", b"<broken"):
        with pytest.raises(AuthenticationError):
            other.verify(posted(wrong, key=SECRET), AT)


def test_a_message_is_named_by_its_notifications() -> None:
    """In whatever order they come, and whatever stands around them."""
    connector = connect()
    one, two = notification("04l1", "Case", Id=CASE), notification("04l2", "CaseComment", Id="00a", ParentId=CASE)
    names = [
        connector.envelope(posted(body))
        for body in (message(one, two), message(two, one), message(one, two).replace(b"a-session", b"another"))
    ]
    assert len({name.source_event_id for name in names}) == 1
    assert names[0].ref == CASE
    assert connector.envelope(posted(message(one))).source_event_id != names[0].source_event_id
    assert connector.envelope(posted(message())).source_event_id.startswith("sha256:")


def test_a_change_is_named_by_its_transaction() -> None:
    """Not by what a relay writes around it."""
    header = {"entityName": "Case", "recordIds": [CASE], "transactionKey": "t-1", "sequenceNumber": 1}
    plain = msgspec.json.encode({"ChangeEventHeader": header})
    wrapped = msgspec.json.encode({"id": "5", "detail": {"payload": {"ChangeEventHeader": header}}})
    second = msgspec.json.encode({"ChangeEventHeader": {**header, "sequenceNumber": 2}})
    names = [connect().envelope(posted(body)) for body in (plain, wrapped, second)]
    assert names[0].source_event_id == names[1].source_event_id != names[2].source_event_id
    assert [name.ref for name in names] == [CASE, CASE, CASE]


def test_a_message_is_acknowledged_in_its_own_form() -> None:
    """Also one that cannot be read: it is stored, and would only come again. JSON is answered as ever."""
    for body in (message(notification("04l1", "Case", Id=CASE)), b"<broken"):
        reply = connect().envelope(posted(body)).reply
        assert reply is not None
        assert reply.status == 200
        assert b"<Ack>true</Ack>" in reply.body
        assert b"http://soap.sforce.com/2005/09/outbound" in reply.body
        assert reply.content_type.startswith("text/xml")
    assert connect().envelope(posted(b"{}")).reply is None


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd"><a/>',
        b"<a>&unknown;</a>",
        b"<a" + b" x='1'" * 10 + b"/>",
        b"<a>" * 100_000,
        b"<a>" * 20 + b"</a>" * 20,
        b'<?xml version="1.0" encoding="no-such-encoding"?><a/>',
        b"<a><b></a></b>",
        b"<\x00a/>",
        b"<html><body>hello</body></html>",
    ],
)
def test_hostile_xml_is_refused_in_one_line(body: bytes) -> None:
    """Soon, and without growing or asking for anything."""
    began = time.monotonic()
    with pytest.raises(UnreadableError) as caught:
        facts(body)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert time.monotonic() - began < 2


def test_a_comment_that_does_not_say_who_reads_it_is_read_first() -> None:
    """Its words are not taken from a message that an admin has left incomplete."""
    given = {"Id": "00a5j00000CmNtXAAV", "ParentId": CASE, "CommentBody": "Secret?", "CreatedById": USER}
    (event,) = facts(message(notification("04l1", "CaseComment", **given)))
    assert (event.kind, event.remote_id, event.comment, event.needs_read) == (EventKind.OBSERVED, CASE, None, True)
    (event,) = facts(message(notification("04l1", "CaseComment", **given, IsPublished="perhaps")))
    assert event.comment is not None
    assert event.comment.visibility is Visibility.INTERNAL


def test_a_case_without_its_id_says_what_to_tick() -> None:
    """One line for the admin; an e-mail that belongs to no case is none of our business."""
    with pytest.raises(UnreadableError, match="tick Id"):
        facts(message(notification("04l1", "Case", Subject="Printer")))
    both = message(
        notification("04l1", "EmailMessage", Id="02s5j00000AbCdE", ParentId="0065j00000AbCdE"),
        notification("04l2", "EmailMessage", Id="02s5j00000AbCdF", ParentId=CASE[:15]),
    )
    (event,) = facts(both)
    assert (event.remote_id, event.needs_read) == (CASE, True)


def test_a_file_lets_its_case_be_read() -> None:
    """A new version that was put on a case, an older attachment, a link; those of other records are ignored."""
    for kind, field in (
        ("ContentVersion", "FirstPublishLocationId"),
        ("Attachment", "ParentId"),
        ("ContentDocumentLink", "LinkedEntityId"),
    ):
        (event,) = facts(message(notification("04l1", kind, Id="0685j00000AbCdE", **{field: CASE})))
        assert (event.kind, event.remote_id, event.needs_read) == (EventKind.OBSERVED, CASE, True)
        assert facts(message(notification("04l1", kind, Id="0685j00000AbCdE", **{field: "0015j00000AbCdE"}))) == ()


def test_a_new_a_deleted_and_a_merged_case() -> None:
    """By its times, by IsDeleted, by MasterRecordId."""
    other = "5005j00000QpVbFAAV"
    times = {"CreatedDate": "2026-03-01T08:00:00.000Z", "LastModifiedDate": "2026-03-01T08:00:00.000Z"}
    events = facts(
        message(
            notification("04l1", "Case", Id=CASE, Subject="New", CreatedById=USER, **times),
            notification("04l2", "Case", Id=CASE, IsDeleted="true"),
            notification("04l3", "Case", Id=CASE, IsDeleted="true", MasterRecordId=other),
        )
    )
    assert [event.kind for event in events] == [EventKind.CREATED, EventKind.DELETED, EventKind.MERGED]
    assert events[0].actor is not None
    assert events[0].actor.external_id == USER
    assert events[2].merged_into == other
    assert "a-session-that-is-a-credential" not in repr(events)
