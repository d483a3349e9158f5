"""The button below a notice of a breach: who has pressed it, of what; and what is none of ours."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from connectors.sdk import Event, EventKind, Intent, Operation
from connectors.slack import mapping
from connectors.slack.simulator import SlackSimulator
from connectors.testing.driver import Driver
from gateway.errors import AuthenticationError, UnreadableError
from gateway.ports import Envelope, RawDelivery
from gateway.system import SystemClock
from tests.connectors.slack.test_slack import NOW, SECRET, connect, context, signed

ABOUT = {"ticket": "018f", "metric": "resolution", "cycle": 2}
NOTICE = Intent(
    Operation.NOTIFY, fields={"title": "late", "body": "why & how"}, params={"channel": "C0DUTY", "acknowledge": ABOUT}
)


def payload(**changes: Any) -> dict[str, Any]:
    """Return what Slack sends of a press."""
    action = {"type": "button", "action_id": mapping.ACKNOWLEDGE, "value": '["018f","resolution",2]'}
    return {
        "type": "block_actions",
        "user": {"id": "U04EVA", "username": "eva"},
        "container": {"type": "message", "message_ts": "1700000000.000100", "channel_id": "C0DUTY"},
        "trigger_id": "13.37.abc",
        "actions": [{**action, "action_ts": "1700000007.5"}],
        **changes,
    }


def form(given: Any) -> bytes:
    """Return it as it is sent."""
    return urlencode({"payload": msgspec.json.encode(given).decode()}).encode()


def parse(body: bytes) -> tuple[Event, ...]:
    """Parse a stored delivery."""
    return connect().parse(RawDelivery("13.37.abc", NOW, {}, body))


def test_a_notice_of_a_breach_has_a_button_where_presses_can_be_trusted() -> None:
    """Without the signing secret there is none; the text is the same."""
    with SlackSimulator(bot_token="xoxb-1") as desk:
        for options, buttons in (({}, 1), ({"signing_secret": ""}, 0)):
            driver = Driver(connect(desk.url, **options), deadline=2.0)
            driver.run(driver.connector.write(NOTICE, context()))
            driver.close()
            message = desk.messages[-1]
            found = [part for block in message["blocks"] for part in block.get("elements", ())]
            assert len(found) == buttons
            assert message["text"] == "late\nwhy &amp; how"
        (section, actions) = desk.messages[0]["blocks"]
        assert section["text"] == {"type": "mrkdwn", "text": "late\nwhy &amp; how"}
        assert mapping.about(actions["elements"][0]["value"]) == ABOUT


def test_a_long_notice_still_fits_into_its_block() -> None:
    """Slack refuses a section of more than 3000 characters."""
    (section, _) = mapping.blocks("x" * 5000, {}, mapping.buttons({"acknowledge": ABOUT}))
    assert len(section["text"]["text"]) == 3000


def test_a_press_becomes_a_word() -> None:
    """Who, of what, when, and where the answer goes; told again it has the same name."""
    request = signed(form(payload()))
    connector = connect()
    connector.verify(request, NOW)
    assert connector.envelope(request) == Envelope("13.37.abc", quiet=True)
    (event,) = parse(request.body)
    assert event.kind is EventKind.ACKNOWLEDGED
    assert event.actor is not None
    assert event.actor.external_id == "U04EVA"
    assert event.at == datetime.fromtimestamp(1700000007, tz=NOW.tzinfo)
    assert event.about == {**ABOUT, "channel": "C0DUTY", "thread_ts": "1700000000.000100"}
    assert parse(request.body)[0].key == event.key


def test_an_offer_has_two_buttons_and_each_press_says_which() -> None:
    """Where presses can be trusted; the value says what was offered, to whom and when."""
    offered = {"ticket": "018f", "to": "dana", "at": "2026-02-01T08:30:00+00:00"}
    notice = Intent(Operation.NOTIFY, fields={"body": "please"}, params={"channel": "C0DUTY", "handoff": offered})
    with SlackSimulator(bot_token="xoxb-1") as desk:
        for options, labels in (({}, ["Accept", "Decline"]), ({"signing_secret": ""}, [])):
            driver = Driver(connect(desk.url, **options), deadline=2.0)
            driver.run(driver.connector.write(notice, context()))
            driver.close()
            found = [part for block in desk.messages[-1]["blocks"] for part in block.get("elements", ())]
            assert [each["text"]["text"] for each in found] == labels
        ts = desk.messages[0]["ts"]
        for label, accept in (("Accept", True), ("Decline", False)):
            (event,) = parse(desk.press(ts, "U03DANA", label))
            assert event.kind is EventKind.ANSWERED
            told = {name: value for name, value in event.about.items() if name != "message"}
            assert told == {**offered, "accept": accept, "channel": "C0DUTY", "thread_ts": ts}


@pytest.mark.parametrize("value", ["[]", '["018f","dana","yesterday"]', '["","dana","2026-02-01T08:30:00Z"]', "["])
def test_a_press_below_an_offer_that_says_nothing_is_unreadable(value: str) -> None:
    """As with the other button."""
    with pytest.raises(UnreadableError, match="does not say what it is about"):
        parse(form(payload(actions=[{"action_id": mapping.ACCEPT, "value": value}])))


@pytest.mark.parametrize(
    "given",
    [
        payload(type="view_submission"),
        payload(actions=[{"action_id": "another", "value": "x"}]),
        payload(actions=None),
        payload(actions=["x", 7]),
    ],
)
def test_other_presses_mean_nothing(given: dict[str, Any]) -> None:
    """They come to one address."""
    assert parse(form(given)) == ()


@pytest.mark.parametrize(
    "given",
    [
        payload(user={}),
        payload(user="eva"),
        payload(actions=[{"action_id": mapping.ACKNOWLEDGE, "value": "[1,2,3]"}]),
        payload(actions=[{"action_id": mapping.ACKNOWLEDGE, "value": "\x00"}]),
        payload(actions=[{"action_id": mapping.ACKNOWLEDGE, "value": "[" * 5000}]),
        payload(actions=[{"action_id": mapping.ACKNOWLEDGE}]),
    ],
)
def test_a_press_that_says_nothing_is_unreadable(given: dict[str, Any]) -> None:
    """With one line, and no traceback."""
    with pytest.raises(UnreadableError, match="does not say what it is about, or who pressed"):
        parse(form(given))


@pytest.mark.parametrize("body", [b"payload=", b"payload=%7B", b"payload=[]&payload", b"payload=\xff\xfe"])
def test_what_is_no_payload_is_acknowledged_and_nothing(body: bytes) -> None:
    """Whatever Slack signed, it can be named and read."""
    assert isinstance(connect().envelope(signed(body)), Envelope)
    assert parse(body) == ()


def test_a_forged_press_is_refused() -> None:
    """Another secret, a changed body, too old."""
    body = form(payload())
    connector = connect()
    with pytest.raises(AuthenticationError):
        connector.verify(signed(body, secret="other"), NOW)
    request = signed(body)
    with pytest.raises(AuthenticationError):
        connector.verify(msgspec.structs.replace(request, body=body + b"x"), NOW)
    with pytest.raises(AuthenticationError, match="behind our clock"):
        connector.verify(request, SystemClock().now())
    assert SECRET
