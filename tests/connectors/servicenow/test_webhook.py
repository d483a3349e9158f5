"""Where a webhook comes from: what the documented rule signs, and what comes with a bare secret."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.sdk import (
    AuthenticationError,
    Category,
    EventKind,
    HoldReason,
    IncomingRequest,
    Level,
    Priority,
    RawDelivery,
    RemoteTicket,
    Status,
    UnreadableError,
)
from connectors.servicenow.bench import ServiceNowBench
from connectors.servicenow.connector import ServiceNowConnector
from connectors.testing.bench import Sink
from gateway.ports import ConnectionSettings

AT = datetime.fromtimestamp(1_700_000_000, UTC)
BODY = b'{"a":1}'
#: made with `openssl dgst -sha256 -hmac a-rule-secret` over `1700000000.{"a":1}`
BASE64 = "4Onv33if5KiyQssSQhAQzqYbhmAgZ8hHz8FG9ROWPwI="
HEX = "e0e9efdf789fe4a8b242cb12421010cea61b86602067c847cfc146f513963f02"
RECORD = "0c5f3cece1b12010f877971dea0b1449"


def connect(**options: object) -> ServiceNowConnector:
    """Make a connector without a desk."""
    given = {"auth": {"username": "gateway", "password": "secret-0"}, "webhook_secret": "a-rule-secret", **options}
    return ServiceNowConnector(ConnectionSettings("now", "servicenow", "https://acme.service-now.com", given))


def request(headers: dict[str, str], body: bytes = BODY) -> IncomingRequest:
    """Return a webhook."""
    return IncomingRequest("POST", "/hooks/now", {}, headers, body)


@pytest.mark.parametrize("given", [BASE64, HEX, HEX.upper(), f"sha256={HEX}", f"sha256={BASE64}"])
def test_an_independent_signature_verifies(given: str) -> None:
    """In base64, as GlideCertificateEncryption gives it, or in hexadecimal digits."""
    connect().verify(request({"x-gateway-timestamp": "1700000000", "x-gateway-signature": given}), AT)


@pytest.mark.parametrize("stamp", ["", "1700000001", "x", "1700000000.0"])
def test_the_time_is_signed(stamp: str) -> None:
    """Another time, or none, is another signature."""
    with pytest.raises(AuthenticationError):
        connect().verify(request({"x-gateway-timestamp": stamp, "x-gateway-signature": BASE64}), AT)


def test_an_old_webhook_is_refused() -> None:
    """However right its signature is."""
    headers = {"x-gateway-timestamp": "1700000000", "x-gateway-signature": BASE64}
    connect().verify(request(headers), AT + timedelta(minutes=4))
    with pytest.raises(AuthenticationError, match="5 m is the most"):
        connect().verify(request(headers), AT + timedelta(minutes=6))


@pytest.mark.parametrize(
    "headers",
    [
        {"x-gateway-token": "a-rule-secret"},
        {"x-webhook-secret": "a-rule-secret"},
        {"authorization": "Bearer a-rule-secret"},
        {"authorization": "Basic " + base64.b64encode(b"now:a-rule-secret").decode()},
    ],
)
def test_a_bare_secret_is_taken_only_where_the_site_says_so(headers: dict[str, str]) -> None:
    """In a header of its own, as a bearer token, or as a password."""
    connect(webhook_auth="secret").verify(request(headers), AT)
    wrong = {name: value[:-3] + "xx=" for name, value in headers.items()}
    for connector, given in (
        (connect(), headers),
        (connect(webhook_auth="secret"), wrong),
        (connect(webhook_auth="secret"), {}),
        (connect(webhook_auth="secret", webhook_secret=""), headers),
    ):
        with pytest.raises(AuthenticationError):
            connector.verify(request(given), AT)


def test_a_rule_that_finds_no_entries_says_that_something_was_said(there: ServiceNowBench) -> None:
    """The record is then read."""
    there.desk.tells_entries = False
    sink = Sink()
    there.desk.webhooks.url = sink.url
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.webhooks.flush(5)
    sink.requests.clear()
    there.say(ticket, "For colleagues", public=False)
    there.desk.webhooks.flush(5)
    sink.close()
    connector = ServiceNowConnector(there.settings())
    (heard,) = sink.requests
    connector.verify(heard, datetime.now(UTC))
    named = connector.envelope(heard)
    (event,) = connector.parse(RawDelivery(named.source_event_id, datetime.now(UTC), {}, heard.body))
    assert named.ref == ticket
    assert (event.kind, event.remote_id, event.needs_read) == (EventKind.OBSERVED, ticket, True)
    assert event.comment is None


@pytest.mark.parametrize("element", ["comments", "work_notes", "comments_and_work_notes", "", None])
def test_only_what_stands_in_comments_is_public(element: object) -> None:
    """A journal that is not known is nobody's business, and never public."""
    entry = {"sys_id": "9d385017c611228701d22104cc95c371", "element": element, "value": "Psst"}
    body = {"operation": "update", "record": {"sys_id": RECORD}, "changed": ["work_notes"], "journal": [entry]}
    events = connect().parse(RawDelivery("x", AT, {}, msgspec.json.encode(body)))
    said = [event.comment for event in events if event.comment is not None]
    assert [one.visibility.value for one in said] == {"comments": ["public"], "work_notes": ["internal"]}.get(
        str(element), []
    )
    assert said or events[-1].needs_read


def test_one_body_of_ones_own_is_one_delivery() -> None:
    """Named by its content, as nothing else names it; the rule's own id wins."""
    one, other = connect().envelope(request({})), connect().envelope(request({}, b'{"a":2}'))
    assert one.source_event_id != other.source_event_id
    assert connect().envelope(request({}, b'{"delivery":"d-1"}')).source_event_id == "rule:d-1"


SYS_ID = "9d385017c611228701d22104cc95c371"


def looks(body: bytes) -> RemoteTicket:
    """Return how the one record of a body looks: it is always to be read."""
    (found,) = connect().parse(RawDelivery("d", datetime(2026, 3, 1, tzinfo=UTC), {}, body))
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, SYS_ID, True)
    assert found.snapshot is not None
    return found.snapshot


def test_a_body_of_labels_and_names_of_its_own() -> None:
    """As scripts send it that ask for display values; a person by name alone is nobody."""
    shot = looks(
        msgspec.json.encode(
            {"sysId": SYS_ID, "number": "INC7", "shortDescription": "S", "state": "On Hold", "priority": "1 - Critical",
             "assigned_to": "Kim Agent"}
        )
    )  # fmt: skip
    assert (shot.key, shot.title) == ("INC7", "S")
    assert shot.status == Status(Category.ON_HOLD, "3", HoldReason.OTHER)
    assert shot.priority == Priority(Level.P1, "1")
    assert shot.assignee is msgspec.UNSET


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ('{"sys_id": "ID",\n"short_description": "one\ntwo",}', "one\ntwo"),
        ("sys_id=ID&short_description=a%20b", "a b"),
        ("<incident><sys_id>ID</sys_id><short_description>a &amp; b</short_description></incident>", "a & b"),
        ('[{"sys_id": "ID", "short_description": "x"}]', "x"),
        ('{"sys_id": "ID", "short_description": "a "quoted" word", "state": "7"}', msgspec.UNSET),
    ],
)
def test_what_a_script_glued_together(body: str, title: object) -> None:
    """Damage that can only be meant one way is mended; of what must be guessed only the record's id is taken."""
    shot = looks(body.replace("ID", SYS_ID).encode())
    assert shot.title == title
    assert shot.status is msgspec.UNSET


def test_a_time_is_the_one_in_utc_and_not_the_one_that_is_shown() -> None:
    """`sysparm_display_value=all` shows both: the shown one is of the zone of whoever asked."""
    shown = {"value": "2026-01-05 00:28:40", "display_value": "2026-01-04 17:28:40"}
    record = {"sys_id": {"value": SYS_ID, "display_value": SYS_ID}, "sys_updated_on": shown, "opened_at": shown}
    shot = looks(msgspec.json.encode({"result": record}))
    assert shot.updated_at == datetime(2026, 1, 5, 0, 28, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        {"event": {"type": "incident.changed", "data": {"record": {"sys_id": SYS_ID}}}},
        {"text": "INC7 was changed", "link": f"https://acme.example/nav_to.do?uri=incident.do%3Fsys_id%3D{SYS_ID}"},
        {"blocks": [{"url": f"https://acme.example/incident.do?sys_id={SYS_ID}&sysparm_view=ess"}]},
    ],
)
def test_a_record_deep_inside_or_in_a_link_is_found(body: dict[str, object]) -> None:
    """As bodies have it that were written for a chat, or for an event bus."""
    assert looks(msgspec.json.encode(body)).remote_id == SYS_ID


def test_links_to_several_records_or_to_one_of_another_table_name_none() -> None:
    """Which of them it is about, nobody knows."""
    other = SYS_ID[:-1] + ("0" if SYS_ID[-1] != "0" else "1")
    two = {"text": f"/incident.do?sys_id={SYS_ID} /incident.do?sys_id={other}"}
    with pytest.raises(UnreadableError, match="sys_id"):
        looks(msgspec.json.encode(two))
    change = msgspec.json.encode({"text": f"https://acme.example/change_request.do?sys_id={SYS_ID}"})
    assert connect().parse(RawDelivery("d", datetime(2026, 3, 1, tzinfo=UTC), {}, change)) == ()
