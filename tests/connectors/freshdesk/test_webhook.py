"""Automations: proof of origin, what a template may look like, and that it is never more than a hint."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.content import damaged
from connectors.freshdesk.bench import SECRET, FreshdeskBench
from connectors.freshdesk.webhook import triggered
from connectors.sdk import (
    AuthenticationError,
    Category,
    Envelope,
    EventKind,
    IncomingRequest,
    RemotePerson,
    RemoteTicket,
    Status,
    UnreadableError,
)
from connectors.testing.bench import Sink
from tests.connectors.freshdesk.conftest import NOW, connect, stored


def sent(headers: dict[str, str], body: bytes = b"{}") -> IncomingRequest:
    """Return a request as an automation sends it."""
    return IncomingRequest("POST", "/hooks/acme", {}, headers, body)


def basic(password: str) -> str:
    """Return the header of basic authentication."""
    return "Basic " + base64.b64encode(f"gateway:{password}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [{"x-gateway-secret": SECRET}, {"authorization": basic(SECRET)}, {"x-gateway-secret": f" {SECRET} "}],
    ids=["header", "basic", "spaces"],
)
def test_the_secret_comes_as_a_header_or_as_a_password(headers: dict[str, str]) -> None:
    """The two ways that an automation has."""
    connect().verify(sent(headers), NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-gateway-secret": SECRET[:-1]},
        {"x-gateway-secret": SECRET.upper()},
        {"authorization": basic("another")},
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": "Basic %%%"},
        {"authorization": "Basic"},
    ],
)
def test_nothing_else_is_taken(headers: dict[str, str]) -> None:
    """Neither a part of it, nor another way to send it."""
    with pytest.raises(AuthenticationError):
        connect().verify(sent(headers), NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    """An empty secret would be anybody's."""
    with pytest.raises(AuthenticationError, match="webhook_secret"):
        connect(webhook_secret="").verify(sent({"x-gateway-secret": ""}), NOW)


def test_a_delivery_is_named_by_its_content() -> None:
    """Nothing that Freshdesk sends names one; a retry has the same bytes."""
    one, other = b'{"ticket_id": "1"}', b'{"ticket_id": "1", "ticket_modified_on": "later"}'
    named = connect().envelope(sent({}, one))
    assert isinstance(named, Envelope)
    assert (named.ref, named.headers) == ("1", {})
    assert named == connect().envelope(sent({"x-request-id": "another"}, one))
    assert named != connect().envelope(sent({}, other))


def test_a_damaged_template_of_the_desk_is_read(there: FreshdeskBench) -> None:
    """As the simulated desk sends it, with quotation marks that nobody escaped."""
    sink = Sink()
    there.desk.webhooks.url, there.desk.damaged = sink.url, True
    ticket = there.open_ticket('He said "no"', "It is on fire")
    there.say(ticket, 'A "quotation", and [one](https://example.com) more')
    there.set_title(ticket, "Another")
    there.desk.webhooks.flush(5)
    bodies = [request.body for request in sink.requests]
    sink.close()
    events = [event for body in bodies for event in connect(product=there.product).parse(stored(body))]
    assert len(set(bodies)) == 3
    assert {event.remote_id for event in events} == {ticket}
    assert all(event.needs_read for event in events)


#: bodies of which each is about ticket 42
BODIES = {
    "documented": b'{"freshdesk_webhook": {"ticket_id": "42", "triggered_event": "{status:{from:2,to:4}}"}}',
    "simple": b'{"freshdesk_webhook": {"ticket_id": 42, "ticket_subject": "Help"}}',
    "old": b'{"freshdesk_webhook": {"ticket_url": "https://acme.freshdesk.com/helpdesk/tickets/42"}}',
    "nested": b'{"ticket": {"id": "42", "subject": "Help"}, "requester": {"id": "7"}}',
    "flat": b'{"id": 42, "subject": "Help", "status": "Open"}',
    "as the API": b'{"ticket": {"display_id": 42, "id": 50000042, "subject": "Help"}}',
    "an app's event": b'{"event": "onTicketUpdate", "data": {"ticket": {"id": 42}}}',
    "freshservice": b'{"freshservice_webhook": {"ticket_id": "INC-42"}}',
    "a service request": b'{"ticket_id": "#SR-42", "ticket_id_numeric": ""}',
    "numeric": b'{"ticket_id_numeric": "42", "ticket_id": "SR-42"}',
    "dotted": b'{"ticket.id": "42"}',
    "a comma too many": b'{"freshdesk_webhook": {"ticket_id": "42", "tags": ["a", "b",],},}',
    "raw line breaks": b'{"ticket_id": "42", "ticket_description": "one\ntwo\tthree"}',
    "unescaped quotes": b'{"ticket_id": "42",\n "ticket_subject": "He said "no" to me"}',
    "missing commas": b'"freshdesk_webhook":{\n "ticket_id":42\n "ticket_contact_unique_external_id":"someone"\n}',
    "single quotes": b"{'ticket_id': '42'}",
    "xml": b"<?xml version='1.0'?><freshdesk_webhook><ticket_id>42</ticket_id></freshdesk_webhook>",
    "form": b"freshdesk_webhook%5Bticket_id%5D=42&freshdesk_webhook%5Bticket_subject%5D=Help",
    "bom": b'\xef\xbb\xbf{"ticket_id": 42}',
}


@pytest.mark.parametrize("name", BODIES)
def test_whatever_an_admin_wrote_is_a_hint(name: str) -> None:
    """As long as a ticket's id can be made out in it."""
    events = connect().parse(stored(BODIES[name]))
    assert [(event.kind, event.remote_id, event.needs_read) for event in events] == [(EventKind.OBSERVED, "42", True)]
    assert events[0].at == NOW


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{}", "names no ticket"),
        (b'{"id": 42}', "names no ticket"),
        (b'{"requester_id": 42, "subject": "Help"}', "names no ticket"),
        (b'{"subject": "broken', "not JSON"),
        (b"hello", "neither JSON"),
        (b'{"ticket_id": "none"}', "names no ticket"),
        (b'{"ticket_id": {"from": 42}}', "names no ticket"),
    ],
)
def test_what_names_no_ticket_says_what_to_do(body: bytes, words: str) -> None:
    """In one line."""
    with pytest.raises(UnreadableError, match=words) as error:
        connect().parse(stored(body))
    assert "\n" not in str(error.value)


def test_damage_is_put_right_where_it_can_mean_one_thing() -> None:
    """What has to be guessed is believed no further than the id."""
    assert damaged.mended('{"a": "x,}", "b": [1,2,],}') == '{"a": "x,}", "b": [1,2]}'
    assert json.loads(damaged.mended('{"a": "one\ntwo \\" , }",}')) == {"a": 'one\ntwo " , }'}
    (event,) = connect().parse(stored(BODIES["unescaped quotes"]))
    assert event.snapshot is not None
    assert event.snapshot.title is msgspec.UNSET
    (event,) = connect().parse(stored(BODIES["raw line breaks"]))
    assert event.snapshot is not None
    assert event.snapshot.body in {"one\ntwo three", "one two three"}


def test_what_happened_is_read_from_the_triggered_event() -> None:
    """It looks like JSON and is none."""
    assert triggered("{status:{from:4,to:6}}") == ({"status": ("4", "6")}, {})
    assert triggered("{ticket_action:created}") == ({}, {"ticket_action": "created"})
    several = "{priority:{from:1,to:4},responder_id:{from:,to:5000},note_type:private}"
    assert triggered(several) == ({"priority": ("1", "4"), "responder_id": ("", "5000")}, {"note_type": "private"})


def shot(**facts: Any) -> RemoteTicket:
    """Return what a template says of ticket 42."""
    body = msgspec.json.encode({"freshdesk_webhook": {"ticket_id": "42", **facts}})
    own = {"In review": {"id": 8, "category": "on_hold"}}
    found = connect(statuses=own, groups={"Support": 5}).parse(stored(body))[-1].snapshot
    assert found is not None
    return found


def test_numbers_go_before_the_words_of_the_accounts_language() -> None:
    """`ticket_status` is in the language of the account, the triggered event is not."""
    said = shot(triggered_event="{status:{from:2,to:4}}", ticket_status="Gelöst", ticket_priority="Dringend")
    assert said.status == Status(Category.RESOLVED, "Resolved")
    assert said.priority is msgspec.UNSET, "a read has its number"
    assert shot(ticket_status="in review").status == Status(Category.ON_HOLD, "In review")
    assert shot(ticket_status="Gelöst").status is msgspec.UNSET
    assert shot(ticket_status="42").status == Status(Category.UNKNOWN, "42")
    assert shot(ticket_group_name="Support", ticket_tags="b, a").tags == ("a", "b")
    assert shot(ticket_group_name="Support").queue == "Support"
    assert shot(ticket_group_name="Unheard of").queue is msgspec.UNSET


def test_a_ticket_that_is_gone_is_told_without_a_read() -> None:
    """There may be nothing left to read."""
    for action in ("deleted", "marked_spam"):
        body = msgspec.json.encode({"ticket_id": "42", "triggered_event": f"{{ticket_action:{action}}}"})
        (event,) = connect().parse(stored(body))
        assert (event.kind, event.needs_read) == (EventKind.DELETED, False)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f'{{"ticket_id": "{text}'.encode()))
def test_parse_of_anything_raises_nothing_else(body: bytes) -> None:
    """Whatever comes."""
    connect().envelope(sent({}, body))
    try:
        connect().parse(stored(body))
    except UnreadableError as error:
        assert "\n" not in str(error)  # noqa: PT017 - what is raised is one of two good ends


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b'{"ticketId": "12", "event": "x"}', "12"),
        (b'{"ticket": {"ticketId": 12}}', "12"),
        (b'{"text": "<https://acme.freshdesk.com/helpdesk/tickets/12|#12> was updated"}', "12"),
        (b'{"text": "see https://a.example/a/tickets/12 and https://a.example/a/tickets/13"}', ""),
        (b'{"contact_id": 12, "description": "as in https://a.example/a/tickets/13"}', ""),
    ],
)
def test_other_ways_to_name_a_ticket(body: bytes, number: str) -> None:
    """Names without underscores, and the one link of a chat's message; of several links none is taken."""
    if not number:
        with pytest.raises(UnreadableError, match="ticket_id"):
            connect().parse(stored(body))
        return
    (found,) = connect().parse(stored(body))
    assert (found.remote_id, found.needs_read) == (number, True)


def test_who_has_the_ticket_is_told_by_their_address() -> None:
    """A name alone is nobody."""
    body = b'{"ticket_id": 12, "ticket_agent_name": "Ann", "ticket_agent_email": "ann@acme.example"}'
    (found,) = connect().parse(stored(body))
    assert found.snapshot is not None
    assert found.snapshot.assignee == RemotePerson(email="ann@acme.example", name="Ann", role="agent")
    (found,) = connect().parse(stored(body.replace(b"ann@acme.example", b"")))
    assert found.snapshot is not None
    assert found.snapshot.assignee is msgspec.UNSET
