"""Trigger-driven webhooks: finding the ticket in whatever an admin wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sdk import EventKind
from connectors.zendesk.template import ticket_id
from gateway.errors import UnreadableError
from tests.connectors.zendesk.conftest import connect, stored

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "zendesk"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"ticket_id": "5"}', "5"),
        (b'{"ticketID": 12345, "type": "End User Comment"}', "12345"),
        (b'{"Ticket-Id": "#77"}', "77"),
        (b'\xef\xbb\xbf{"notification": {"body": "x", "ticket_id": "5"}}', "5"),
        (b'{"ticket": {"id": 9, "requester": {"id": 4}}}', "9"),
        (b'{"ticket.id": "9", "id": "4"}', "9"),
        (b'{"id": 8, "ticket_status": "open"}', "8"),
        (b'{"data": [{"ticket": {"id": "31"}}]}', "31"),
        (b'{"link": "https://acme.zendesk.com/agent/tickets/7?x=1"}', "7"),
        (b'{"ticket_url": "acme.zendesk.com/agent/tickets/123456789012"}', "123456789012"),
        (b'{"zendesk": {"ticket_number": 3}}', "3"),
        (b"ticket_id=55&status=open&comment=a%20b", "55"),
        (b"ticket%5Bid%5D=56&ticket%5Bstatus%5D=open", "56"),
        (b"ticket[id]=57", "57"),
        (b"<ticket><id>12</id><ticket_id>61</ticket_id></ticket>", "61"),
        (b'<?xml version="1.0"?><t><ticket-id type="integer">62</ticket-id></t>', "62"),
        (b'{"id": 8}', ""),
        (b'{"id": 8, "user": "x"}', ""),
        (b'{"ticket_id": "{{ticket.id}}"}', ""),
        (b'{"ticket_id": 0}', ""),
        (b'{"ticket_id": true}', ""),
        (b'{"ticket_id": "5/../6"}', ""),
        (b'{"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"ticket_id": 1}}}}}}}}}', ""),
        (b"hello", ""),
        (b"<" * 100_000, ""),
    ],
)
def test_where_the_id_is_found(body: bytes, expected: str) -> None:
    """By name, by place, by link; never a bare `id` of something else."""
    assert ticket_id(body) == expected


def test_a_template_is_a_hint_to_read() -> None:
    """Nothing else in it is trusted, so the ticket is read."""
    delivery = stored(b'{"ticket_id": "5", "status": "Gel\xc3\xb6st"}')
    (found,) = connect("https://acme.zendesk.com").parse(delivery)
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, "5", True)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aspnet_ZendeskPostMessage", "5"),
        ("webhook_trigger_ticket_update_template", "12345"),
        ("webhook_trigger_zulip_template", "7"),
    ],
)
def test_captured_templates(name: str, expected: str) -> None:
    """Bodies that others captured."""
    body = (FIXTURES / f"{name}.json").read_bytes()
    (found,) = connect("https://acme.zendesk.com").parse(stored(body))
    assert found.remote_id == expected


def test_a_template_without_a_ticket_is_unreadable() -> None:
    """The reason says what to add to the template."""
    with pytest.raises(UnreadableError, match="ticket_id"):
        connect("https://acme.zendesk.com").parse(stored(b"<note>hello</note>"))
