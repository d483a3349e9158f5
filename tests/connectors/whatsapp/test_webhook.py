"""WhatsApp's deliveries: proof of origin, the challenge, and what each kind of message says."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.sdk import Envelope, EventKind, Handshake, IncomingRequest, RemotePerson, UnreadableError, Visibility
from connectors.whatsapp.bench import VERIFY
from gateway.errors import AuthenticationError
from tests.connectors.whatsapp.stand import CUSTOMER, KEY, NOW, connect, delivery, message, parse, signed

AT = datetime(2026, 2, 1, 9, tzinfo=UTC)


def by_hand(secret: bytes, body: bytes) -> str:
    """Return an HMAC-SHA256 as RFC 2104 defines it: no known answer of Meta's is public."""
    key = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in key) + body).digest()
    return hashlib.sha256(bytes(each ^ 0x5C for each in key) + inner).hexdigest()


def test_the_signature_is_the_apps_secret_over_the_raw_body() -> None:
    """Computed a second way; escaped letters are signed as they were sent."""
    body = rb'{"object":"whatsapp_business_account","entry":[],"x":"\u00e9"}'
    headers = {"x-hub-signature-256": "sha256=" + by_hand(b"app-secret-0123456789", body)}
    connect().verify(IncomingRequest("POST", "/", {}, headers, body), NOW)


@pytest.mark.parametrize("part", ["body", "signature", "secret", "missing"])
def test_tampering_is_noticed(part: str) -> None:
    """A changed byte, a cut signature, another secret, none at all."""
    request = signed(b"{}", "another" if part == "secret" else "app-secret-0123456789")
    headers = dict(request.headers)
    if part == "signature":
        headers["x-hub-signature-256"] = headers["x-hub-signature-256"][:-1]
    elif part == "missing":
        headers = {}
    body = b"{ }" if part == "body" else b"{}"
    with pytest.raises(AuthenticationError):
        connect().verify(IncomingRequest("POST", "/", {}, headers, body), NOW)


def test_a_new_and_an_old_secret_hold_while_they_are_changed() -> None:
    """And without any nothing is trusted."""
    connect(webhook_secret=["new", "app-secret-0123456789"]).verify(signed(b"{}"), NOW)
    with pytest.raises(AuthenticationError, match="no webhook_secret"):
        connect(webhook_secret=None).verify(signed(b"{}"), NOW)


def test_the_challenge_is_answered_to_who_knows_our_word() -> None:
    """Meta asks by GET when the webhook is set up."""
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
    request = IncomingRequest("GET", "/hooks/x", query, {}, b"")
    connect().verify(request, NOW)
    assert connect().envelope(request) == Handshake(200, b"1158201444")
    for wrong in ({"hub.verify_token": "guess"}, {"hub.mode": "unsubscribe"}):
        with pytest.raises(AuthenticationError):
            connect().verify(IncomingRequest("GET", "/hooks/x", {**query, **wrong}, {}, b""), NOW)
    with pytest.raises(AuthenticationError, match="no verify_token"):
        connect(verify_token=None).verify(request, NOW)


def test_a_delivery_is_named_by_its_digest_and_its_conversation() -> None:
    """Where it holds several, it has no order with others; nonsense has a name, too."""
    one = connect().envelope(signed(delivery({"messages": [message(type="text", text={"body": "a"})]})))
    assert isinstance(one, Envelope)
    assert one.ref == CUSTOMER
    assert one.source_event_id.startswith("sha256:")
    two = [message(), {**message(), "from": "15550002222"}]
    assert connect().envelope(signed(delivery({"messages": two}))) != one
    assert getattr(connect().envelope(signed(delivery({"messages": two}))), "ref", None) == ""
    assert getattr(connect().envelope(signed(b"[")), "ref", None) == ""


def test_a_customers_words_would_begin_a_ticket() -> None:
    """Who, when, what; the ticket is called after the conversation and the message."""
    (event,) = parse(delivery({"messages": [message(type="text", text={"body": "My *printer* <b> is\non fire"})]}))
    assert (event.kind, event.key, event.at) == (EventKind.COMMENTED, "message:wamid.A1=", AT)
    assert (event.thread, event.remote_id) == (CUSTOMER, f"{CUSTOMER}:wamid.A1=")
    assert event.comment is not None
    assert event.comment.body == "My **printer** \\<b> is\non fire"
    assert event.comment.visibility is Visibility.PUBLIC
    assert event.actor is not None
    assert (event.actor.external_id, event.actor.phone, event.actor.name, event.actor.role) == (
        CUSTOMER,
        f"+{CUSTOMER}",
        "Test Customer",
        "customer",
    )
    assert event.snapshot is not None
    assert event.snapshot.title == "My printer <b> is"
    assert event.snapshot.body == event.comment.body
    assert event.snapshot.version_token == AT.isoformat()
    assert event.snapshot.channel == "whatsapp"


@pytest.mark.parametrize(
    ("inside", "words", "begins"),
    [
        ({"type": "image", "image": {"id": "77", "mime_type": "image/jpeg", "caption": "see"}},
         "![image.jpeg](attachment:77)\n\nsee", True),
        ({"type": "document", "document": {"id": "78", "mime_type": "application/pdf", "filename": "a b.pdf"}},
         "\\[a b.pdf]", True),
        ({"type": "audio", "audio": {"id": "79", "mime_type": "audio/ogg; codecs=opus", "voice": True}},
         "\\[audio.ogg]", True),
        ({"type": "location", "location": {"latitude": 1.5, "longitude": -2, "name": "HQ"}},
         "HQ\nhttps://www.openstreetmap.org/?mlat=1.5&mlon=-2", True),
        ({"type": "contacts", "contacts": [{"name": {"formatted_name": "Jo Doe"}, "phones": [{"phone": "+1 555"}]}]},
         "- Jo Doe, +1 555", True),
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}},
         "Yes", True),
        ({"type": "interactive",
          "interactive": {"type": "list_reply", "list_reply": {"title": "A", "description": "b"}}},
         "A\nb", True),
        ({"type": "button", "button": {"text": "No thanks", "payload": "no"}}, "No thanks", True),
        ({"type": "order", "order": {"text": "two", "product_items": [
            {"product_retailer_id": "SKU-1", "quantity": 2, "item_price": 3, "currency": "USD"}]}},
         "two\n2 x SKU-1 at 3 USD", True),
        ({"type": "edit", "edit": {"original_message_id": "x", "message": {"type": "text", "text": {"body": "new"}}}},
         "An earlier message now says:\n\nnew", True),
        ({"type": "reaction", "reaction": {"message_id": "x", "emoji": "👍"}}, "Reacted with 👍", False),
        ({"type": "reaction", "reaction": {"message_id": "x", "emoji": ""}}, "Took a reaction back", False),
        ({"type": "revoke", "revoke": {"original_message_id": "x"}}, "Deleted an earlier message", False),
        ({"type": "unsupported", "errors": [{"code": 131051, "title": "Message type unknown"}]},
         "Sent something that WhatsApp does not pass on (this kind of message is not supported (131051))", True),
        ({"type": "hologram"}, "Sent something that WhatsApp does not pass on (hologram)", True),
    ],
)  # fmt: skip
def test_every_kind_of_message_says_something(inside: dict[str, Any], words: str, begins: bool) -> None:
    """What is about something else that was said begins no ticket."""
    (event,) = parse(delivery({"messages": [message(**inside)]}))
    assert event.comment is not None
    assert event.comment.body == words
    assert (event.snapshot is not None) is begins


def test_a_file_is_told_with_its_name_and_where_it_is() -> None:
    """Its bytes are fetched later."""
    inside: dict[str, Any] = {"type": "image", "image": {"id": "77", "mime_type": "image/jpeg"}}
    (event,) = parse(delivery({"messages": [message(**inside)]}))
    assert event.comment is not None
    (file,) = event.comment.attachments
    assert (file.name, file.mime, file.remote_id, file.inline) == ("image.jpeg", "image/jpeg", "77", True)
    assert event.snapshot is not None
    assert event.snapshot.attachments == (file,)


def test_what_whatsapp_says_of_itself_is_for_colleagues() -> None:
    """It begins no ticket."""
    inside: dict[str, Any] = {"type": "system", "system": {"body": "User A changed", "type": "user_changed_number"}}
    (event,) = parse(delivery({"messages": [message(**inside)]}))
    assert event.comment is not None
    assert event.comment.visibility is Visibility.INTERNAL
    assert event.snapshot is None


def test_a_colleagues_answer_in_the_app_belongs_to_the_customers_conversation() -> None:
    """It is public, and no customer's."""
    echo = {"from": "15550783881", "to": CUSTOMER, "id": "wamid.E1=", "timestamp": "1769936400", "type": "text",
            "text": {"body": "On it"}}  # fmt: skip
    (event,) = parse(delivery({"message_echoes": [echo]}, field="smb_message_echoes"))
    assert event.thread == CUSTOMER
    assert event.comment is not None
    assert (event.comment.body, event.comment.visibility) == ("On it", Visibility.PUBLIC)
    assert event.actor is not None
    assert event.actor.role == "agent"
    assert event.snapshot is None


def test_who_shows_no_number_is_known_by_their_scoped_id() -> None:
    """Since 2026 `from` may be absent; there is then no phone."""
    contact = {"profile": {"name": "Anon"}, "user_id": "US.1234567890"}
    words = {"id": "wamid.A2=", "timestamp": "1769936400", "type": "text", "text": {"body": "hi"}}
    (event,) = parse(delivery({"contacts": [contact], "messages": [words]}))
    assert event.thread == "US.1234567890"
    assert event.actor is not None
    assert (event.actor.phone, event.actor.name) == ("", "Anon")


def test_one_delivery_may_hold_many_messages_and_statuses() -> None:
    """Each is an event of its own, in order; those of another number are none of ours."""
    words = [message(f"wamid.{number}=", type="text", text={"body": str(number)}) for number in range(3)]
    told = {"id": "wamid.S=", "status": "sent", "timestamp": "1769936400", "recipient_id": CUSTOMER,
            "biz_opaque_callback_data": KEY}  # fmt: skip
    assert [event.key for event in parse(delivery({"messages": words, "statuses": [told]}))] == [
        "message:wamid.0=",
        "message:wamid.1=",
        "message:wamid.2=",
        "status:wamid.S=:sent",
    ]
    assert parse(delivery({"messages": words}, number="999")) == ()
    assert parse(delivery({"messages": words}, field="message_template_status_update")) == ()


def test_a_group_is_a_conversation_of_its_own() -> None:
    """With whoever wrote each message; a colleague's answer in it belongs to it as well."""
    inside = {"type": "text", "text": {"body": "Hello team"}, "group_id": "Y2FwaV9ncm91cDox:2"}
    body = delivery(
        {"messages": [message("wamid.G1=", **inside), message("wamid.A2=", type="text", text={"body": "x"})]}
    )
    first, alone = parse(body)
    assert (first.thread, alone.thread) == ("group-Y2FwaV9ncm91cDox2", CUSTOMER)
    assert first.remote_id == "group-Y2FwaV9ncm91cDox2:wamid.G1="
    assert first.snapshot is not None
    assert first.snapshot.key == "group-Y2FwaV9ncm91cDox2"
    assert first.comment is not None
    for person in (first.actor, first.comment.author, first.snapshot.requester):
        assert isinstance(person, RemotePerson)
        assert (person.external_id, person.phone, person.name) == (CUSTOMER, f"+{CUSTOMER}", "Test Customer")
    echo = {"from": "15550783881", "to": CUSTOMER, "id": "wamid.E=", "timestamp": "1769936400", **inside}
    (told,) = parse(delivery({"message_echoes": [echo]}, field="smb_message_echoes"))
    assert told.thread == first.thread


def test_a_status_is_about_a_message_of_ours_by_its_key() -> None:
    """What carries no key of ours is another program's."""
    told = {"id": "wamid.S=", "status": "failed", "timestamp": "1769936400", "recipient_id": CUSTOMER,
            "biz_opaque_callback_data": KEY,
            "errors": [{"code": 131026, "title": "Message undeliverable"}]}  # fmt: skip
    (event,) = parse(delivery({"statuses": [told]}))
    assert event.kind is EventKind.COMMENTED
    assert event.snapshot is not None
    assert event.snapshot.marker == KEY
    assert event.comment is not None
    assert event.comment.visibility is Visibility.INTERNAL
    assert "did not deliver the reply" in event.comment.body
    assert "131026" in event.comment.body
    assert parse(delivery({"statuses": [{**told, "biz_opaque_callback_data": "campaign 7"}]})) == ()
    assert parse(delivery({"statuses": [{**told, "status": "warning"}]})) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[]", b"{}", b'{"object": "page", "entry": []}', b"[" * 9999,
     delivery({"messages": [{"type": "text"}]})],
)  # fmt: skip
def test_what_is_none_of_it_is_unreadable(body: bytes) -> None:
    """In one clear line, and never another error."""
    with pytest.raises(UnreadableError):
        parse(body)


def test_what_a_message_was_written_from_is_not_passed_over() -> None:
    """The product that it asks about stands below the words; an advertisement, and more of a contact, is named as lost.

    Cloud API, "Text messages": `context.referred_product`, `referral`.
    """
    asked = {"text": {"body": "In stock?"}, "context": {"referred_product": {"product_retailer_id": "SKU-1"}}}
    came = {"text": {"body": "Hi"}, "referral": {"source_url": "https://ad.example/1", "headline": "Half price"}}
    card = {"name": {"formatted_name": "Jo"}, "phones": [{"phone": "+1 555"}], "org": {"company": "Acme"}, "urls": []}
    where = {"latitude": 1, "longitude": 2, "url": "https://acme.example/hq"}
    found = []
    for inside in (
        {"type": "text", **asked},
        {"type": "text", **came},
        {"type": "contacts", "contacts": [card]},
        {"type": "location", "location": where},
    ):
        (event,) = parse(delivery({"messages": [message(**inside)]}))
        assert event.comment is not None
        assert event.snapshot is not None
        assert event.snapshot.lost == event.comment.lost
        found.append((event.comment.body, event.comment.lost))
    assert found == [
        ("In stock?\n\n(about the product SKU-1)", ()),
        ("Hi", ("the advertisement from which it was written (Half price, https://ad.example/1)",)),
        ("- Jo, +1 555", ("more of a shared contact: org",)),
        ("https://acme.example/hq\nhttps://www.openstreetmap.org/?mlat=1&mlon=2", ()),
    ]
