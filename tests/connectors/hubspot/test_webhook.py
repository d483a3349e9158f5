"""What HubSpot sends: signatures of three versions, batches, names."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.hubspot.connector import HubSpotConnector
from connectors.sdk import AuthenticationError, Category, Envelope, EventKind, IncomingRequest, RawDelivery, Status
from gateway.ports import ConnectionSettings

SECRET = "a-client-secret-0123456789"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = str(int(AT.timestamp() * 1000))
URL = "https://gateway.example/hooks/acme%3Atickets?from=hub"


def connect(**options: Any) -> HubSpotConnector:
    """Make a connector."""
    given = {"auth": {"token": "t"}, "app_id": 7, "webhook_secret": SECRET, **options}
    return HubSpotConnector(ConnectionSettings("acme", "hubspot", "https://api.hubapi.com", given))


def signed(url: str, body: bytes, stamp: str = STAMP, method: str = "POST") -> IncomingRequest:
    """Sign a request by version 3, as a second implementation of the vendor's words."""
    message = method.encode() + url.encode() + body + stamp.encode()
    found = b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()
    headers = {"x-hubspot-signature-v3": found, "x-hubspot-request-timestamp": stamp, "host": "gateway.example"}
    return IncomingRequest(method, "/hooks/acme:tickets", {"from": "hub"}, headers, body)


def refused(connector: HubSpotConnector, request: IncomingRequest, at: datetime = AT) -> bool:
    """Say whether a request is refused."""
    try:
        connector.verify(request, at)
    except AuthenticationError:
        return True
    return False


def test_version_3_covers_method_address_body_and_time() -> None:
    """With the address as HubSpot decodes it, from the settings or from the request itself."""
    request = signed("https://gateway.example/hooks/acme:tickets?from=hub", b"[]")
    for connector in (connect(), connect(webhook_url=URL)):
        connector.verify(request, AT)
        for other in (
            msgspec.structs.replace(request, method="PUT"),
            msgspec.structs.replace(request, body=b"[ ]"),
            msgspec.structs.replace(
                request, headers={**request.headers, "x-hubspot-request-timestamp": STAMP[:-1] + "9"}
            ),
        ):
            assert refused(connector, other)
    assert refused(connect(), msgspec.structs.replace(request, path="/hooks/other"))
    assert refused(connect(webhook_url="https://other.example/hooks/acme"), request)


def test_five_minutes_and_no_more() -> None:
    """What somebody kept is refused, and what is of the future."""
    request = signed("https://gateway.example/hooks/acme:tickets?from=hub", b"[]")
    for seconds in (0, 299, -299):
        connect().verify(request, AT + timedelta(seconds=seconds))
    for seconds in (301, -301, 86_400):
        assert refused(connect(), request, AT + timedelta(seconds=seconds))


def test_an_older_signature_does_not_stand_in_for_a_newer_one() -> None:
    """Version 1 covers no time: where a request has anything of version 3, all of that must hold."""
    body = b"[]"
    older = {"x-hubspot-signature": hashlib.sha256(SECRET.encode() + body).hexdigest()}
    request = IncomingRequest("POST", "/hooks/acme", {}, older, body)
    connect().verify(request, AT)
    assert refused(connect(signatures=["v3"]), request)
    stale = str(int((AT - timedelta(hours=1)).timestamp() * 1000))
    for more in ({"x-hubspot-request-timestamp": stale}, {"x-hubspot-signature-v3": "AAAA"}):
        assert refused(connect(), msgspec.structs.replace(request, headers={**older, **more}))


@pytest.mark.parametrize(("names", "holds"), [(["v2"], True), (["v1", "v3"], False)])
def test_version_2_covers_the_address(names: list[str], *, holds: bool) -> None:
    """And is taken only where it is named."""
    url, body = "https://gateway.example/hooks/acme", b"[]"
    found = hashlib.sha256(SECRET.encode() + b"POST" + url.encode() + body).hexdigest()
    headers = {"x-hubspot-signature": found, "x-hubspot-signature-version": "v2"}
    request = IncomingRequest("POST", "/hooks/acme", {}, headers, body)
    assert refused(connect(webhook_url=url, signatures=names), request) is not holds
    assert refused(connect(webhook_url=url + "/else", signatures=names), request)


def said(**what: Any) -> dict[str, Any]:
    """Return one event."""
    return {
        "eventId": 1,
        "portalId": 62515,
        "occurredAt": 1767225600000,
        "subscriptionType": "ticket.propertyChange",
        "attemptNumber": 0,
        "objectId": 501,
        "changeSource": "CRM_UI",
        **what,
    }


def parse(events: list[dict[str, Any]], **options: Any) -> list[Any]:
    """Read a batch."""
    return list(connect(**options).parse(RawDelivery("d", AT, {}, msgspec.json.encode(events))))


def test_an_event_id_that_is_not_unique_hides_nothing() -> None:
    """Many events with one id are as many facts; one event twice is one."""
    events = [
        said(propertyName="subject", propertyValue="A"),
        said(propertyName="content", propertyValue="A"),
        said(propertyName="subject", propertyValue="B", occurredAt=1767225600001),
        said(propertyName="subject", propertyValue="A", objectId=502),
        said(propertyName="subject", propertyValue="A", attemptNumber=3),
    ]
    found = parse(events)
    assert len(found) == 4
    assert len({event.key for event in found}) == 4
    assert [(event.remote_id, event.changes[0].field, event.changes[0].value) for event in found] == [
        ("501", "title", "A"), ("501", "body", "A"), ("502", "title", "A"), ("501", "title", "B")
    ]  # fmt: skip


def test_a_batch_that_is_tried_again_keeps_its_name() -> None:
    """Only the number of the try differs; a batch about one ticket is named with it."""

    def named(events: list[dict[str, Any]]) -> Envelope:
        request = IncomingRequest("POST", "/hooks/acme", {}, {}, msgspec.json.encode(events))
        return connect().envelope(request)

    first, again = named([said(propertyName="subject")]), named([said(propertyName="subject", attemptNumber=2)])
    assert first == again
    assert first.ref == "501"
    assert named([said(), said(objectId=502)]).ref == ""
    assert named([said(occurredAt=1)]).source_event_id != named([said(occurredAt=2)]).source_event_id


def test_a_hundred_events_are_a_hundred_facts() -> None:
    """One delivery, many tickets."""
    found = parse([said(objectId=500 + number, subscriptionType="ticket.creation") for number in range(100)])
    assert [event.kind for event in found] == [EventKind.CREATED] * 100
    assert len({event.remote_id for event in found}) == 100


def test_a_ticket_that_a_workflow_sends_is_a_hint() -> None:
    """Its webhooks bring the object itself, signed by version 2: it says how the ticket looks, and is read."""
    given = {"subject": {"value": "A"}, "content": "B", "hs_pipeline_stage": {"value": "4"}}
    body = {"objectId": 501, "objectType": "TICKET", "portalId": 62515, "properties": given}
    (event,) = connect().parse(RawDelivery("d", AT, {}, msgspec.json.encode(body)))
    assert (event.kind, event.remote_id, event.needs_read, event.at) == (EventKind.OBSERVED, "501", True, AT)
    assert event.snapshot is not None
    assert (event.snapshot.title, event.snapshot.body) == ("A", "B")
    assert event.snapshot.status == Status(Category.RESOLVED, "4")
    assert connect(portal_id=1).parse(RawDelivery("d", AT, {}, msgspec.json.encode(body))) == ()


def test_our_own_change_is_by_our_app() -> None:
    """And nobody else's is: neither another app's nor a person's whose number is the same."""
    connector = connect()
    change = {"propertyName": "subject", "propertyValue": "A"}
    for source, who, ours in (
        ("INTEGRATION", "7", True), ("API", "7", True), ("INTEGRATION", "8", False), ("CRM_UI", "userId:7", False),
        ("CRM_UI", "7", None), ("", "", None),
    ):  # fmt: skip
        (event,) = parse([said(**change, changeSource=source, sourceId=who)])
        assert connector.is_us(event.actor) is ours, (source, who)
