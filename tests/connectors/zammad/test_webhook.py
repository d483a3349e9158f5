"""Zammad's webhooks: signature, names, retries, and what an admin's own payload says."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.sdk import AuthenticationError, EventKind, IncomingRequest, RawDelivery
from connectors.zammad.bench import SECRET, ZammadBench
from connectors.zammad.connector import ZammadConnector

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connector(**options: Any) -> ZammadConnector:
    """Return a connector that talks to nobody."""
    return ZammadConnector(ZammadBench().settings(**options))


def by_hand(key: bytes, message: bytes) -> str:
    """Compute HMAC-SHA1 as RFC 2104 writes it down, by a way of its own."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha1(bytes(each ^ 0x36 for each in block) + message).digest()
    return hashlib.sha1(bytes(each ^ 0x5C for each in block) + inner).hexdigest()


def request(body: bytes, **headers: str) -> IncomingRequest:
    """Return a signed request."""
    given = {"x-hub-signature": f"sha1={by_hand(SECRET.encode(), body)}", **headers}
    return IncomingRequest("POST", "/hooks/desk", {}, given, body)


def payload(updated: str = "2026-02-03T09:00:00.000Z", article: int | None = None, **more: Any) -> bytes:
    """Return a default payload."""
    said = {"id": article, "ticket_id": 7, "body": "Hello", "internal": False, "created_at": updated} if article else {}
    ticket = {"id": 7, "group_id": 1, "article_ids": [1, 2], "updated_at": updated, "state": "open", **more}
    return msgspec.json.encode({"ticket": ticket, "article": said})


def test_the_signature_by_a_second_computation() -> None:
    """`sha1=` and the digest of the raw body."""
    body = payload()
    connector().verify(request(body), NOW)
    assert by_hand(b"key", b"The quick brown fox jumps over the lazy dog") == "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"
    with pytest.raises(AuthenticationError):
        connector().verify(request(body + b" ", **{"x-hub-signature": f"sha1={by_hand(SECRET.encode(), body)}"}), NOW)


def test_a_connection_without_a_secret_trusts_nothing() -> None:
    """Zammad then signs nothing, and anybody could have sent it."""
    with pytest.raises(AuthenticationError, match="webhook_secret"):
        connector(webhook_secret=[]).verify(request(payload()), NOW)


def test_a_retry_that_shows_a_later_state_has_another_name_and_the_same_article() -> None:
    """What is sent again is rendered anew: one delivery id, two bodies; the article is told of once."""
    there = connector()
    first = request(payload(article=2), **{"x-zammad-delivery": "d-1"})
    again = request(payload("2026-02-03T09:00:20.000Z", article=2), **{"x-zammad-delivery": "d-1"})
    names = [there.envelope(each).source_event_id for each in (first, again)]
    assert len(set(names)) == 2
    keys = [event.key for each in (first, again) for event in there.parse(RawDelivery("n", NOW, {}, each.body))]
    assert keys == ["article:2", "article:2"]


def test_a_first_article_is_the_description_however_late_it_is_sent() -> None:
    """By its id, and not by the count, which a retry shows as it is then."""
    (event,) = connector().parse(RawDelivery("n", NOW, {}, payload(article=1, article_count=2)))
    assert event.kind is EventKind.CREATED
    assert event.key == "created:7"
    assert event.snapshot is not None
    assert event.snapshot.body == "Hello"


def test_two_templates_alike_are_two_deliveries() -> None:
    """Their bodies are the same byte for byte: the delivery's id parts them."""
    there = connector()
    body = b'{"ticket_id": 7}'
    names = {there.envelope(request(body, **{"x-zammad-delivery": each})).source_event_id for each in ("a", "b", "a")}
    assert len(names) == 2
    keys = {there.parse(RawDelivery(name, NOW, {}, body))[0].key for name in names}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"ticket": {"id": 7}},
        {"ticket": {"ticket_id": "7"}},
        {"ticketId": 7},
        {"id": "7", "text": "late"},
        {"article": {"id": 99, "ticket_id": 7}},
        {"text": "see https://help.example.com/desktop/tickets/7"},
        {"blocks": [{"url": "https://help.example.com/%23ticket/zoom/7"}]},
    ],
)
def test_where_a_template_names_its_ticket(body: dict[str, Any]) -> None:
    """Wherever admins put it, or in the address that chats are given."""
    given = msgspec.json.encode(body)
    (event,) = connector().parse(RawDelivery("n", NOW, {}, given))
    assert (event.kind, event.remote_id, event.needs_read) == (EventKind.OBSERVED, "7", True)
    assert connector().envelope(request(given)).ref == "7"


def test_the_only_article_is_the_description() -> None:
    """Of a version that does not list the articles: told as a comment, it would be said twice."""
    content = msgspec.json.decode(payload(article=1, article_count=1))
    del content["ticket"]["article_ids"]
    (event,) = connector().parse(RawDelivery("n", NOW, {}, msgspec.json.encode(content)))
    assert (event.kind, event.key) == (EventKind.CREATED, "created:7")
    content["ticket"]["article_count"] = 2
    (event,) = connector().parse(RawDelivery("n", NOW, {}, msgspec.json.encode(content)))
    assert event.kind is EventKind.COMMENTED


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ('{"ticket_id": 7, "ticket_title": "Printer", "state": "closed", }', "Printer"),
        ('{"id": "7", "title": "a "quoted" word", "state": "closed"}', msgspec.UNSET),
    ],
)
def test_a_template_says_what_it_plainly_says(body: str, title: object) -> None:
    """For people: the ticket is read. Of a body that must be guessed only the id is taken."""
    (event,) = connector().parse(RawDelivery("n", NOW, {}, body.encode()))
    assert (event.remote_id, event.needs_read) == ("7", True)
    assert event.snapshot is not None
    assert event.snapshot.title == title
    assert (event.snapshot.status is msgspec.UNSET) == (title is msgspec.UNSET)
