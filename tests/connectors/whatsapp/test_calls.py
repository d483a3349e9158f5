"""Replies, templates and files over real HTTP: what is sent, what is refused, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Attachment,
    Blob,
    CommentIntent,
    Done,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Rejected,
    Strategy,
    Throttled,
    Unauthorized,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.whatsapp import calls, mapping
from connectors.whatsapp.bench import TOKEN
from connectors.whatsapp.connector import SPEC
from connectors.whatsapp.simulator import WhatsAppSimulator
from gateway.errors import AuthenticationError
from tests.connectors.whatsapp.stand import CUSTOMER, KEY, NOW, connect

TEMPLATE = {"name": "follow_up", "language": "en_US"}


@pytest.fixture
def desk() -> Iterator[WhatsAppSimulator]:
    """Start a number to which a customer has just written."""
    with WhatsAppSimulator(token=TOKEN) as started:
        started.act("write", phone=CUSTOMER, text="hello")
        yield started


@pytest.fixture
def driver(desk: WhatsAppSimulator) -> Iterator[Driver]:
    """Drive a connector to it."""
    made = Driver(connect(desk.url, template=TEMPLATE), deadline=2.0)
    yield made
    made.close()


def reply(body: str) -> Intent:
    """Return the intent of a public reply."""
    return Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c", body, Visibility.PUBLIC))


def context(**changes: Any) -> WriteContext:
    """Return the context of a reply an hour after the customer wrote."""
    made = WriteContext(KEY, f"{CUSTOMER}:wamid.A1=", NOW.isoformat(), now=NOW + timedelta(hours=1))
    return msgspec.structs.replace(made, **changes)


def test_a_reply_is_one_message_with_our_key(desk: WhatsAppSimulator, driver: Driver) -> None:
    """In WhatsApp's own signs; the receipt names the message."""
    outcome = driver.attempt(reply("**Yes**, see [the page](https://a.example/x) & `log`\n\n- a < b"), context())
    assert isinstance(outcome, Done)
    (sent,) = desk.sent
    assert sent["text"]["body"] == "*Yes*, see the page (https://a.example/x) & `log`\n\n• a < b"
    assert (sent["to"], sent["id"]) == (CUSTOMER, outcome.receipt.comment_id)
    (effect,) = desk.effects.all(kind="message")
    assert effect.key == KEY


def test_after_a_day_of_silence_a_reply_goes_by_the_template(desk: WhatsAppSimulator, driver: Driver) -> None:
    """Its words stand on one line in the template's variable."""
    late = context(now=NOW + timedelta(hours=24))
    assert isinstance(driver.attempt(reply("First\n\nsecond line"), late), Done)
    (sent,) = desk.sent
    assert sent["template"]["name"] == "follow_up"
    assert sent["template"]["components"][0]["parameters"] == [{"type": "text", "text": "First second line"}]


def test_without_a_template_a_late_reply_is_refused_before_it_is_sent(desk: WhatsAppSimulator) -> None:
    """The dead letter says why, and what can be done."""
    driver = Driver(connect(desk.url), deadline=2.0)
    outcome = driver.attempt(reply("late"), context(now=NOW + timedelta(hours=25)))
    assert isinstance(outcome, Rejected)
    assert "more than 24 hours" in outcome.detail
    assert "template" in outcome.detail
    assert driver.requests == []
    driver.close()


def test_nothing_is_ever_written_into_a_group(driver: Driver) -> None:
    """Everybody in it would read the answer."""
    held = msgspec.structs.replace(context(), remote_id="group-Y2FwaV9ncm91cDox:wamid.G=")
    outcome = driver.attempt(reply("To whom does this go?"), held)
    assert isinstance(outcome, Rejected)
    assert "a group, where everybody would read the answer" in outcome.detail
    assert driver.requests == []


@pytest.mark.parametrize(("hours", "late"), [(0, False), (23.99, False), (24, True), (48, True)])
def test_the_window_is_a_day(hours: float, late: bool) -> None:
    """What is not known is WhatsApp's to refuse."""
    assert calls.is_late(NOW.isoformat(), NOW + timedelta(hours=hours)) is late
    assert calls.is_late("", NOW) is False
    assert calls.is_late(NOW.isoformat(), None) is False


@pytest.mark.parametrize("body", ["x" * 4097, "", "   "])
def test_what_no_message_takes_is_refused_before_it_is_sent(desk: WhatsAppSimulator, driver: Driver, body: str) -> None:
    """Too long, or without words."""
    assert isinstance(driver.attempt(reply(body), context()), Rejected)
    assert desk.sent == []


def test_who_shows_no_number_is_written_to_by_their_scoped_id(desk: WhatsAppSimulator, driver: Driver) -> None:
    """As `recipient`, and not as `to`."""
    desk.act("write", phone="US.1234567890", text="hi")
    assert isinstance(driver.attempt(reply("hello"), context(remote_id="US.1234567890:wamid.A1=")), Done)
    (request,) = driver.writes
    assert request.json["recipient"] == "US.1234567890"
    assert "to" not in request.json


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["reset_after", "half_body", "garbage", "error_with_effect", "hang"])
def test_a_lost_answer_is_left_to_a_person(desk: WhatsAppSimulator, driver: Driver, fault: str) -> None:
    """Nothing can be read back, so nothing is claimed and nothing is sent twice."""
    desk.fault(fault, method="POST", seconds=0.2)
    assert isinstance(driver.attempt(reply("once"), context()), Unknown)
    assert isinstance(driver.run(driver.connector.probe(reply("once"), context())), Unsure)
    assert len(desk.effects.all(kind="message")) <= 1
    assert {claim.strategy for claim in SPEC.operations.values()} == {Strategy.NONE}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("token", Unauthorized), ("pace", Throttled), ("parameter", Rejected), ("template", Rejected)],
)
def test_errors_are_told_apart_by_their_code(
    desk: WhatsAppSimulator, driver: Driver, reason: str, expected: type[object]
) -> None:
    """The HTTP status says less."""
    desk.refuse_next = reason
    assert isinstance(driver.attempt(reply("x"), context()), expected)
    assert desk.sent == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", Unknown),
        (200, b"{}", Unknown),
        (500, b'{"error": {"code": 131000, "message": "Something went wrong"}}', Unknown),
        (400, b'{"error": {"code": 131047, "message": "Re-engagement message"}}', Rejected),
        (400, b'{"error": {"code": 80007}}', Throttled),
        (502, b"bad gateway", Unknown),
    ],
)
def test_answers_that_a_simulator_does_not_give(status: int, body: bytes, expected: type[object]) -> None:
    """What is not WhatsApp's answer says nothing about what happened."""
    call = connect().write(reply("x"), context())
    next(call)
    with pytest.raises(StopIteration) as end:
        call.send(HttpResponse(status, {}, body))
    assert isinstance(end.value.value, expected)


def test_a_file_of_a_customer_is_fetched_in_two_steps(desk: WhatsAppSimulator, driver: Driver) -> None:
    """Both want the token; one that is gone is none."""
    data = bytes(range(256)) * 40
    number = desk.act("send_file", phone=CUSTOMER, name="a.pdf", mime="application/pdf", data=data)
    file = Attachment("a.pdf", remote_id=number)
    connector = connect(desk.url)
    blob = driver.run(connector.fetch(file))
    assert isinstance(blob, Blob)
    assert b"".join(driver.files.open(blob.sha256)) == data
    assert driver.run(connector.fetch(msgspec.structs.replace(file, remote_id="404"))) is None


def test_a_file_of_ours_is_uploaded_and_then_sent(desk: WhatsAppSimulator, driver: Driver) -> None:
    """An upload alone is seen by nobody; where it fails nothing was sent."""
    kept = driver.files.keep([b"%PDF-1.7 words"])
    file = Attachment("offer.pdf", "application/pdf", kept.size, sha256=kept.sha256, visibility=Visibility.PUBLIC)
    intent = Intent(Operation.ATTACH, attachments=(file,))
    assert isinstance(driver.attempt(intent, context()), Done)
    (sent,) = desk.sent
    assert sent["document"]["filename"] == "offer.pdf"
    assert desk.media[sent["document"]["id"]] == ("application/pdf", b"%PDF-1.7 words")
    desk.fault("error_without_effect", method="POST", path=r".*/media")
    assert isinstance(driver.attempt(intent, context()), NotSent)
    assert isinstance(driver.attempt(intent, context(now=NOW + timedelta(days=2))), Rejected)
    assert len(desk.sent) == 1


def test_the_check_says_what_is_missing(desk: WhatsAppSimulator, driver: Driver) -> None:
    """The token by a read; nothing is sent."""
    results = driver.run(driver.connector.check())
    assert [(each.name, each.ok) for each in results] == [
        ("credentials", True), ("webhook_secret", True), ("verify_token", True), ("template", True),
    ]  # fmt: skip
    assert "Acme Support" in results[0].detail
    bare = Driver(connect(desk.url, auth={"token": "wrong"}, verify_token=None), deadline=2.0)
    assert [each.ok for each in bare.run(bare.connector.check())] == [False, True, False, False]
    with pytest.raises(AuthenticationError):
        bare.run(bare.connector.whoami())
    bare.close()
    assert desk.sent == []


@pytest.mark.parametrize("body", ["**a** *b* ~~c~~ `d`", "> said\n\n- a\n- b", "```\nx < y\n```", "a & b <c> d"])
def test_what_we_write_is_read_back_as_it_was(body: str) -> None:
    """In what WhatsApp has signs for."""
    once = mapping.from_words(mapping.to_words(body)).markdown
    assert mapping.from_words(mapping.to_words(once)).markdown == once
