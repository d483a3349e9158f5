"""Signed JSON for any address: proof of origin, one name for one message, and what an answer means."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Done,
    Effect,
    HttpRequest,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Rejected,
    Strategy,
    Throttled,
    Unauthorized,
    Unknown,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.webhook import calls
from connectors.webhook.connector import SPEC, WebhookConnector
from connectors.webhook.simulator import WebhookSimulator
from gateway.errors import AuthenticationError, ConfigError
from gateway.http import HttpTransport
from gateway.ports import ConnectionSettings, IncomingRequest
from rules import load_site
from tests.rules.making import installed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RAW = base64.b64decode(SECRET.removeprefix("whsec_"))
URL = "https://x.example/hook?sig=1"
NAME = "0123456789abcdef0123456789abcdef"
DATA = {"type": "sla.escalation", "timestamp": "2026-03-01T12:00:00Z", "ticket": {"id": "1"}}
CALL = Intent(Operation.NOTIFY, fields={"title": "late", "body": "why", "data": DATA})


def connect(url: str = "https://pager.example/hook", **options: Any) -> WebhookConnector:
    """Make a connector."""
    return WebhookConnector(ConnectionSettings("pager", "webhook", url, {"secret": SECRET, **options}))


@pytest.fixture
def desk() -> Iterator[WebhookSimulator]:
    """Run a receiver that checks signatures."""
    with WebhookSimulator(key=RAW) as simulator:
        yield simulator


def post(desk: WebhookSimulator, intent: Intent = CALL, **options: Any) -> Outcome:
    """Post once."""
    driver = Driver(connect(f"{desk.url}/hook", **options), deadline=2.0)
    try:
        return driver.run(driver.connector.write(intent, WriteContext(NAME)))
    finally:
        driver.close()


def test_known_answer_of_the_specification() -> None:
    """The example that every library of it carries."""
    request = HttpRequest(
        "POST", "/", Effect.WRITE, headers={calls.ID: "msg_p5jXN8AQM9LWM0D4loKWxJek"}, body=b'{"test": 2432232314}'
    )
    assert connect().sign(request, datetime.fromtimestamp(1614265330, UTC)) == {
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_try_is_signed_with_its_own_time_and_every_secret(desk: WebhookSimulator) -> None:
    """While a secret is being changed both sign; what is signed is what leaves."""
    assert isinstance(post(desk), Done)
    assert isinstance(post(desk, secret=["a-new-secret-of-the-receiver", SECRET]), Done)
    assert isinstance(post(desk, secret="another"), Unauthorized)
    later = HttpTransport(now=lambda: datetime.now(UTC) + timedelta(minutes=6))
    connector = connect(f"{desk.url}/hook")
    request = next(connector.write(CALL, WriteContext(NAME)))
    assert later.send(connector, request, deadline=2.0, trace_id="").status == 401
    later.close()


def test_the_same_message_has_the_same_name(desk: WebhookSimulator) -> None:
    """The receiver knows it again by its id, in the header and in the body."""
    assert isinstance(post(desk), Done)
    assert isinstance(post(desk), Done)
    assert desk.posts == [NAME, NAME]
    assert desk.messages == {
        NAME: {
            "id": NAME, "type": "sla.escalation", "timestamp": "2026-03-01T12:00:00Z", "text": "late\nwhy",
            "data": {"ticket": {"id": "1"}},
        }
    }  # fmt: skip


def test_a_notice_is_posted_as_its_words(desk: WebhookSimulator) -> None:
    """As chats take it, for an alert or a `notify`."""
    post(desk, Intent(Operation.NOTIFY, fields={"title": "3 dead letters", "body": "next"}))
    assert desk.messages[NAME] == {"id": NAME, "type": "notice", "text": "3 dead letters\nnext", "data": {}}


def test_a_receiver_that_forgets_is_not_claimed_for() -> None:
    """What is lost is then left to a person, never posted twice."""
    assert connect().spec.operations[Operation.NOTIFY].strategy is Strategy.KEY
    assert connect(idempotent=False).spec.operations[Operation.NOTIFY].strategy is Strategy.NONE
    assert SPEC.operations[Operation.NOTIFY].strategy is Strategy.KEY


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (204, Done, ""),
        (301, Rejected, "it redirects to https://new.example/: write that address in gateway.yaml"),
        (401, Unauthorized, ""),
        (404, Rejected, ""),
        (409, Rejected, "the receiver refuses"),
        (410, Rejected, "is gone (410)"),
        (429, Throttled, ""),
        (502, Unknown, ""),
    ],
)
def test_what_an_answer_means(status: int, kind: type, words: str) -> None:
    """2xx is taken; a redirect is not followed; what may have been taken is posted again under its name."""
    found = calls.outcome(HttpResponse(status, {"location": "https://new.example/"}, b"no"), NAME)
    assert isinstance(found, kind)
    assert words in str(getattr(found, "detail", ""))


def test_nothing_is_let_in() -> None:
    """A receiver sends nothing."""
    with pytest.raises(AuthenticationError, match="only sends"):
        connect().verify(IncomingRequest("POST", "/hooks/pager", {}, {}, b"{}"), datetime.now(UTC))


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("", {}, "url is missing"),
        ("https://x.example", {"secret": ""}, "secret is missing"),
        ("https://x.example", {"secret": "whsec_not base64!"}, "is no base64"),
    ],
)
def test_settings_that_cannot_work_are_refused(url: str, options: dict[str, Any], words: str) -> None:
    """With the name of the connection, and without the secret."""
    with pytest.raises(ConfigError, match=words) as failure:
        connect(url, **options)
    assert "pager" in str(failure.value)
    assert "not base64" not in str(failure.value)


def test_an_address_keeps_its_query() -> None:
    """Those that a program makes often hold what proves a friend; it is posted to as it is, and masked."""
    with WebhookSimulator(key=RAW) as desk:
        driver = Driver(connect(f"{desk.url}/hook?sig=0123456789abcdef&v=1"), deadline=2.0)
        assert isinstance(driver.run(driver.connector.write(CALL, WriteContext(NAME))), Done)
        driver.close()
        (heard,) = desk.journal
    assert heard.query == {"sig": "0123456789abcdef", "v": "1"}
    assert connect("https://x.example/hook?sig=0123456789abcdef").secrets()[1] == "/hook?sig=0123456789abcdef"
    gateway = f"connections:\n  pager: {{connector: webhook, url: '{URL}', secret: '${{S}}'}}\n"
    assert load_site({"gateway.yaml": gateway}, installed())[1] == ()


def test_an_address_that_is_a_secret_is_masked() -> None:
    """Some receivers have nothing but their address to tell a friend by."""
    url = "https://hooks.example/catch/12345/abcdefghij"
    assert connect(url).secrets() == (SECRET, "/catch/12345/abcdefghij")
    assert connect().secrets() == (SECRET,)
    assert "abcdefghij" not in repr(connect(url).account)
    assert msgspec.json.encode(calls.message(CALL, NAME))
