"""Payloads that others captured, where they lie beside the checkout: each is read for what it says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.sdk import Event, EventKind, RawDelivery, Visibility
from tests.connectors.whatsapp.stand import NOW, connect

ROOT = Path(__file__).parents[3]
FOLDERS = [Path(os.environ.get("GATEWAY_SHARED", ROOT.parent / "shared")), ROOT.parent.parent / "shared"]
FIXTURES = next((each / "fixtures/whatsapp" for each in FOLDERS if (each / "fixtures/whatsapp").is_dir()), None)

pytestmark = pytest.mark.skipif(FIXTURES is None, reason="the captured payloads are not beside this checkout")

CUSTOMER = "972987654321"


def parsed(name: str) -> tuple[Event, ...]:
    """Parse a captured delivery, for the number that it is about."""
    assert FIXTURES is not None
    body = (FIXTURES / name).read_bytes()
    given: Any = msgspec.json.decode(body)
    number = given["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"]
    return connect(phone_number_id=number).parse(RawDelivery("d", NOW, {}, body))


@pytest.mark.parametrize(
    ("name", "thread", "body", "begins", "files"),
    [
        ("message_text.json", CUSTOMER, "Body Text", True, 0),
        ("message_reply.json", CUSTOMER, "replied text", True, 0),
        ("message_image.json", CUSTOMER, "![image.jpeg](attachment:65463453)", True, 1),
        ("message_voice.json", CUSTOMER, "\\[audio.ogg]", True, 1),
        ("message_reaction.json", CUSTOMER, "Reacted with 😮", False, 0),
        ("message_unreaction_empty.json", CUSTOMER, "Took a reaction back", False, 0),
        ("message_edited_image.json", "16505551234",
         "An earlier message now says:\n\n![image.jpeg](attachment:1234567890)\n\nUpdated image caption", True, 1),
        ("message_unsupported.json", CUSTOMER,
         "Sent something that WhatsApp does not pass on (this kind of message is not supported (131051))", True, 0),
        ("message_contacts.json", CUSTOMER,
         "- Chandler Bing, +1 555-555-5555\n- Monica, +1 666-666-6666\n- Rachel Green, +1 777-777-7777", True, 0),
    ],
)  # fmt: skip
def test_a_customers_message(name: str, thread: str, body: str, begins: bool, files: int) -> None:
    """Public, by the customer, in their conversation."""
    (event,) = parsed(name)
    assert event.kind is EventKind.COMMENTED
    assert event.thread == thread
    assert event.comment is not None
    assert (event.comment.body, event.comment.visibility) == (body, Visibility.PUBLIC)
    assert len(event.comment.attachments) == files
    assert (event.snapshot is not None) is begins
    assert event.actor is not None
    assert (event.actor.external_id, event.actor.name, event.actor.role) == (thread, "Test Name", "customer")


def test_what_whatsapp_says_of_itself() -> None:
    """A changed identity is for colleagues."""
    (event,) = parsed("system_identity_change.json")
    assert event.comment is not None
    assert (event.comment.body, event.comment.visibility) == ("User identity changed", Visibility.INTERNAL)
    assert event.snapshot is None


def test_an_edit_in_the_app_belongs_to_who_it_was_sent_to() -> None:
    """The business is `from` in an echo."""
    (event,) = parsed("smb_echo_outgoing_edit.json")
    assert event.thread == "972123456789"
    assert event.comment is not None
    assert event.comment.body == "An earlier message now says:\n\nText was edited"
    assert event.actor is not None
    assert event.actor.role == "agent"


@pytest.mark.parametrize(
    "name", ["status_sent.json", "status_read.json", "status_failed.json", "status_with_tracker.json"]
)
def test_statuses_of_other_programs_are_none_of_ours(name: str) -> None:
    """None of these carries an effect key."""
    assert parsed(name) == ()
