"""What the gateway answers to Intercom, over real HTTP: 410 would turn its webhooks off for good, 429 for hours."""

from __future__ import annotations

import pytest
import requests

from connectors.intercom.connector import IntercomConnector
from connectors.sdk import hmac_hex
from gateway.flow.desks import LiveSite
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from gateway.web.parts import WebLimits
from rules.decide import RuleSet
from tests.web.conftest import TOKEN, Serve, SmallGateway, parts, serve, store

__all__ = ["parts", "serve", "store"]

SECRET = "a-client-secret-0123456789"
BODY = b'{"id": "notif_1", "topic": "ticket.created", "data": {"item": {"type": "ticket", "id": "7"}}}'
LARGEST = 10_000


@pytest.fixture
def address(serve: Serve, parts: SmallGateway) -> str:
    """Serve one connection to Intercom."""
    options = {"auth": {"token": "t"}, "webhook_secret": SECRET}
    connector = IntercomConnector(ConnectionSettings("acme", "intercom", "https://api.intercom.io", options))
    parts.live = LiveSite(release="", rules=RuleSet(), connectors={"acme": connector})
    return serve(WebLimits(token=TOKEN, max_body=LARGEST)) + "/hooks/acme"


def post(address: str, body: bytes = BODY, secret: str = SECRET) -> int:
    """Send a notification and return what is answered."""
    headers = {"X-Hub-Signature": "sha1=" + hmac_hex(secret, body, "sha1"), "Content-Type": "application/json"}
    return requests.post(address, data=body, headers=headers, timeout=10).status_code


def test_an_endpoint_check_is_answered(address: str, store: SqlStore) -> None:
    """Unsigned, with 200 and no word; a GET is nobody's check."""
    answer = requests.head(address, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    assert requests.get(address, timeout=10).status_code == 401
    with store.read() as tx:
        assert tx.inbox.pending() == 0


def test_nothing_is_answered_that_turns_webhooks_off(
    address: str,
    store: SqlStore,
) -> None:
    """Whatever comes, and whatever is wrong with us."""
    answers = {
        "a notification": post(address),
        "the same again": post(address),
        "no JSON": post(address, b"nonsense"),
        "another secret": post(address, secret="another"),
        "too large": post(address, b"x" * (LARGEST + 1)),
        "nobody": post(address.replace("acme", "nobody")),
        "a method": requests.delete(address, timeout=10).status_code,
    }

    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE delivery_keys")
    answers["no database"] = post(address, BODY.replace(b"notif_1", b"notif_2"))
    assert answers == {
        "a notification": 200, "the same again": 200, "no JSON": 200, "another secret": 401, "too large": 413,
        "nobody": 404, "a method": 405, "no database": 503,
    }  # fmt: skip
    assert not {410, 429} & set(answers.values())
