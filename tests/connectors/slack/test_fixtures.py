"""Payloads that others captured: what Slack tells us of is no ticket, and stands here with the reason why not."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from connectors.sdk import Done, Envelope, Handshake, HttpResponse, IncomingRequest, RawDelivery, Rejected
from tests.connectors.slack.test_slack import NOTICE, NOW, connect, context, signed

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures" / "slack"
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")

SAID = (
    "somebody said something in a channel: Slack is told of tickets and has none, and what is said there is not synced"
)
#: event -> why nothing is read from it
NO_TICKETS = {
    "event_message.json": SAID,
    "event_message_from_classic_bot.json": f"{SAID}; and a bot said it",
    "event_message_thread_broadcast.json": SAID,
    "event_message_via_response_url.json": SAID,
    "event_shared_channel_app_mention.json": SAID,
    "event_reaction_added.json": "a reaction acknowledges nothing: that is what the button is for",
    "signing_kat_body.txt": "a slash command, which the gateway does not offer",
}
ANSWERS = "api_"


def test_every_captured_file_is_looked_at() -> None:
    """None is left out without a reason."""
    there = {path.name for path in FIXTURES.iterdir() if not path.name.startswith(ANSWERS)}
    assert there == {*NO_TICKETS, "url_verification.json"}


@pytest.mark.parametrize("name", NO_TICKETS)
def test_a_captured_event_is_verified_named_and_left_alone(name: str) -> None:
    """It is acknowledged, named by its own id, and brings nothing."""
    body = (FIXTURES / name).read_bytes()
    connector = connect()
    connector.verify(signed(body), NOW)
    named = connector.envelope(signed(body))
    assert isinstance(named, Envelope)
    if name.startswith("event_"):
        assert named.source_event_id == msgspec.json.decode(body)["event_id"]
    assert connector.parse(RawDelivery(named.source_event_id, NOW, {}, body)) == ()


def test_the_captured_challenge_is_answered() -> None:
    """With its own words, and nothing is stored."""
    body = (FIXTURES / "url_verification.json").read_bytes()
    found = connect().envelope(IncomingRequest("POST", "/hooks/ops", {}, {}, body))
    assert found == Handshake(200, msgspec.json.decode(body)["challenge"].encode())


def test_captured_answers_to_a_notice() -> None:
    """Every one of them came with status 200: what they say decides."""
    outcomes = {}
    for name in ("ok", "error"):
        call = connect(channel="C0").write(NOTICE, context())
        request = next(call)
        assert request.url.endswith("chat.postMessage")
        answer = HttpResponse(200, {}, (FIXTURES / f"api_chat.postMessage_{name}.json").read_bytes())
        with pytest.raises(StopIteration) as stop:
            call.send(answer)
        outcomes[name] = stop.value.value
    assert isinstance(outcomes["ok"], Done)
    assert isinstance(outcomes["error"], Rejected)
    assert "too_many_attachments" in outcomes["error"].detail
