"""Slack: proof of origin, notifications that are posted once, and what its errors mean."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Absent,
    CommentIntent,
    Done,
    Found,
    Handshake,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Rejected,
    Strategy,
    Throttled,
    Unauthorized,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
    hmac_hex,
)
from connectors.slack import mapping
from connectors.slack.connector import SPEC, SlackConnector
from connectors.slack.simulator import SlackSimulator
from connectors.testing.driver import Driver
from gateway.errors import AuthenticationError, ConfigError, OutcomeUnknownError, UnreadableError
from gateway.ports import ConnectionSettings, Envelope, IncomingRequest, RawDelivery
from gateway.system import SystemClock

FIXTURES = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared") / "fixtures" / "slack"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
KEY = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 2, 1, 9, tzinfo=UTC)
NOTICE = Intent(
    Operation.NOTIFY,
    comment=CommentIntent("n1", "**P1** breached: <!channel> & [ticket](https://acme.example/5)", Visibility.INTERNAL),
    params={"channel": "#gateway"},
)


def connect(url: str = "", **options: Any) -> SlackConnector:
    """Make a connector."""
    given = {"auth": {"bot_token": "xoxb-1"}, "signing_secret": SECRET, **options}
    return SlackConnector(ConnectionSettings("ops-slack", "slack", url, given))


def signed(body: bytes, *, at: datetime = NOW, secret: str = SECRET) -> IncomingRequest:
    """Return a request as Slack signs it."""
    stamp = str(int(at.timestamp()))
    signature = "v0=" + hmac_hex(secret, f"v0:{stamp}:".encode() + body)
    return IncomingRequest(
        "POST", "/hooks/ops-slack", {}, {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}, body
    )


@pytest.fixture
def desk() -> Iterator[SlackSimulator]:
    """Run a simulated workspace."""
    with SlackSimulator(bot_token="xoxb-1") as simulator:
        yield simulator


@pytest.fixture
def driver(desk: SlackSimulator) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(connect(desk.url, channel="C0GATEWAY"), deadline=2.0)
    yield found
    found.close()


def attempt(driver: Driver, intent: Intent = NOTICE) -> Outcome:
    """Send once and classify as deliver does."""
    try:
        return driver.run(driver.connector.write(intent, context()))
    except OutcomeUnknownError as error:
        return Unknown(str(error))


def context() -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(KEY, first_sent_at=SystemClock().now())


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")
def test_known_answer_of_slack() -> None:
    """The example of Slack's own documentation."""
    body = (FIXTURES / "signing_kat_body.txt").read_bytes()
    at = datetime.fromtimestamp(1531420618, UTC)
    request = signed(body, at=at)
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert request.headers["x-slack-signature"] == expected
    connector = connect()
    connector.verify(request, at + timedelta(seconds=299))
    with pytest.raises(AuthenticationError, match="clock"):
        connector.verify(request, at + timedelta(seconds=301))


@pytest.mark.parametrize("part", ["body", "stamp", "future", "no-signature", "no-stamp", "secret"])
def test_tampering_is_noticed(part: str) -> None:
    """Each signed part matters."""
    request = signed(b"{}", secret="other" if part == "secret" else SECRET)
    headers, body = dict(request.headers), request.body
    if part == "body":
        body = b"[]"
    elif part == "stamp":
        headers["x-slack-request-timestamp"] = str(int(NOW.timestamp()) + 1)
    elif part == "future":
        request = signed(b"{}", at=NOW + timedelta(minutes=6))
        headers = request.headers
    elif part.startswith("no-"):
        del headers["x-slack-signature" if part == "no-signature" else "x-slack-request-timestamp"]
    with pytest.raises(AuthenticationError):
        connect().verify(IncomingRequest("POST", "/", {}, headers, body), NOW)


def test_without_a_signing_secret_nothing_is_trusted() -> None:
    """It is an outgoing channel first; a secret list is a rotation."""
    with pytest.raises(AuthenticationError, match="no signing_secret"):
        connect(signing_secret=None).verify(signed(b"{}"), NOW)
    connect(signing_secret=["new", SECRET]).verify(signed(b"{}"), NOW)


def test_the_handshake_and_events() -> None:
    """`url_verification` is answered; events are named by `event_id` and are none of ours."""
    connector = connect()
    shake = connector.envelope(signed(b'{"type": "url_verification", "challenge": "abc"}'))
    assert shake == Handshake(200, b"abc")
    named = connector.envelope(signed(b'{"type": "event_callback", "event_id": "Ev111"}'))
    assert named == Envelope("Ev111")
    digest = connector.envelope(signed(b"not json"))
    assert isinstance(digest, Envelope)
    assert digest.source_event_id.startswith("sha256:")
    assert connector.parse(RawDelivery("x", NOW, {}, b'{"type": "event_callback"}')) == ()
    assert connector.parse(RawDelivery("x", NOW, {}, b"token=1&text=hi")) == ()
    for body in (b"", b"\xff", b"[" * 9999):
        with pytest.raises(UnreadableError):
            connector.parse(RawDelivery("x", NOW, {}, body))


def test_a_notification_is_posted(desk: SlackSimulator, driver: Driver) -> None:
    """One request; the text can call nobody, and the receipt names the message."""
    outcome = attempt(driver)
    assert isinstance(outcome, Done)
    (message,) = desk.messages
    assert message["text"] == "*P1* breached: &lt;!channel&gt; &amp; <https://acme.example/5|ticket>"
    assert outcome.receipt.remote_id == f"C0GATEWAY:{message['ts']}"
    assert outcome.receipt.at is not None
    assert desk.effects.all()[0].key == KEY


@pytest.mark.faults
@pytest.mark.parametrize(
    ("fault", "landed"),
    [
        ("reset_before", False),
        ("reset_after", True),
        ("half_body", True),
        ("garbage", True),
        ("error_with_effect", True),
        ("error_without_effect", False),
        ("hang", False),
    ],
)
def test_a_lost_answer_is_looked_up(desk: SlackSimulator, driver: Driver, fault: str, landed: bool) -> None:
    """The history tells whether it was posted; it is posted once in the end."""
    desk.fault(fault, method="POST", seconds=0.2)
    assert isinstance(attempt(driver), Unknown)
    finding = driver.run(driver.connector.probe(NOTICE, context()))
    assert isinstance(finding, Found if landed else Absent)
    if not landed:
        assert isinstance(attempt(driver), Done)
    assert len(desk.effects.all(kind="message")) == 1


def test_the_claim_needs_the_history(desk: SlackSimulator, driver: Driver) -> None:
    """Without the fact `history` the strategy is none: an unknown outcome is left to a person."""
    claim = SPEC.operations[Operation.NOTIFY]
    assert (claim.strategy, claim.needs_fact) == (Strategy.PROBE, "history")
    results = driver.run(driver.connector.check())
    assert [result.facts for result in results] == [{}, {"history": True}]
    desk.errors["conversations.history"] = "missing_scope"
    results = driver.run(driver.connector.check())
    assert (results[-1].ok, results[-1].warning, results[-1].facts) == (False, True, {"history": False})
    assert isinstance(driver.run(driver.connector.probe(NOTICE, context())), Unsure)
    bare = Driver(connect(desk.url))
    assert bare.run(bare.connector.check())[-1].facts == {"history": False}
    bare.close()
    assert desk.effects.all() == []


def test_a_thread_is_searched_by_its_replies(desk: SlackSimulator, driver: Driver) -> None:
    """An answer in a thread is not in the channel's history."""
    attempt(driver)
    reply = msgspec.structs.replace(NOTICE, params={"channel": "C0GATEWAY", "thread_ts": desk.messages[0]["ts"]})
    attempt(driver, reply)
    assert desk.messages[1]["thread_ts"] == desk.messages[0]["ts"]
    assert isinstance(driver.run(driver.connector.probe(reply, context())), Found)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("invalid_auth", Unauthorized),
        ("token_revoked", Unauthorized),
        ("account_inactive", Unauthorized),
        ("channel_not_found", Rejected),
        ("is_archived", Rejected),
        ("too_many_attachments", Rejected),
        ("something_new", Rejected),
        ("internal_error", Unknown),
        ("fatal_error", Unknown),
    ],
)
def test_errors_come_with_200(error: str, expected: type[Outcome]) -> None:
    """What each of Slack's errors means for a write."""
    answer = HttpResponse(200, {}, msgspec.json.encode({"ok": False, "error": error}))
    assert isinstance(mapping.refusal(answer), expected)


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b"{}", b'{"ok": "yes"}', b'{"ok": false}'])
def test_an_answer_that_is_not_slacks_is_unknown(body: bytes) -> None:
    """A proxy's 200 proves nothing."""
    assert isinstance(mapping.refusal(HttpResponse(200, {}, body)), Unknown)


def test_waiting_as_slack_asks(desk: SlackSimulator, driver: Driver) -> None:
    """429 with Retry-After."""
    desk.errors["chat.postMessage"] = "ratelimited"
    outcome = attempt(driver)
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == 30


def test_wrong_token_channel_and_operation(desk: SlackSimulator, driver: Driver) -> None:
    """Each is told apart, and nothing is posted."""
    wrong = Driver(connect(desk.url, auth={"bot_token": "xoxb-2"}))
    assert isinstance(attempt(wrong), Unauthorized)
    with pytest.raises(AuthenticationError):
        wrong.run(wrong.connector.whoami())
    assert not wrong.run(wrong.connector.check())[0].ok
    wrong.close()
    desk.act("archive", channel="C0DUTY")
    for params in ({"channel": "#nowhere"}, {"channel": "#duty"}):
        assert isinstance(attempt(driver, msgspec.structs.replace(NOTICE, params=params)), Rejected)
    assert isinstance(attempt(driver, Intent(Operation.CREATE)), Rejected)
    bare = Driver(connect(desk.url))
    assert isinstance(attempt(bare, Intent(Operation.NOTIFY)), Rejected)
    assert bare.run(bare.connector.read("x")) is None
    assert bare.run(bare.connector.changes("c", NOW)).cursor == "c"
    assert bare.run(bare.connector.whoami()).person.external_id == "U0GATEWAY"
    bare.close()
    assert desk.effects.all() == []


def test_settings() -> None:
    """A token is needed; the origin is Slack's; no secret shows."""
    with pytest.raises(ConfigError, match="bot_token"):
        connect(auth={})
    connector = connect()
    assert connector.account.url == "https://slack.com"
    assert set(connector.secrets()) == {"xoxb-1", SECRET}
    assert all(secret not in repr(connector.account) for secret in connector.secrets())


def test_long_texts_are_cut() -> None:
    """Slack cuts at 40,000 characters; `ts` is an id."""
    assert len(mapping.mrkdwn("x" * 100_000)) < 40_000
    assert mapping.moment("1503435956.000247") == datetime(2017, 8, 22, 21, 5, 56, tzinfo=UTC)
    assert mapping.moment("x") is mapping.moment(1.5) is None
