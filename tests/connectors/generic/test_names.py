"""How a generic desk's webhooks are named: what says the same twice is one delivery, or two, by what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.generic.sense import problems
from connectors.registry import load
from connectors.sdk import Connector
from gateway.flow.receive import receive
from gateway.ports import ConnectionSettings, IncomingRequest, NewDelivery
from gateway.system import SystemClock, SystemIds

BODY = b'{"ticket": 7}'


class Kept:
    """An inbox in memory: one delivery of a name."""

    def __init__(self) -> None:
        self.deliveries: list[NewDelivery] = []

    def accept(self, delivery: NewDelivery) -> bool:
        """Keep what is new."""
        new = delivery.source_event_id not in {each.source_event_id for each in self.deliveries}
        self.deliveries += [delivery] if new else []
        return new


def desk(incoming: dict[str, Any], **calls: Any) -> Connector:
    """Return a connection to a desk that shows a secret."""
    options = {
        "webhook_secret": "a-secret-of-the-webhooks",
        "ticket": {"id": "ticket", "title": "title"},
        "incoming": {"signature": {"kind": "header", "header": "X-Secret"}, **incoming},
        "calls": calls,
    }
    return load(("generic",), ()).connect(ConnectionSettings("desk", "generic", "https://desk.acme.example", options))


def received(connector: Connector, *bodies: bytes) -> list[NewDelivery]:
    """Return what is kept of these webhooks."""
    kept = Kept()
    for body in bodies:
        headers = {"x-secret": "a-secret-of-the-webhooks", "content-type": "application/json"}
        request = IncomingRequest("POST", "/hooks/desk", {}, headers, body)
        receive(request, connector, kept, SystemClock(), SystemIds(SystemClock()), "0" * 32)
    return kept.deliveries


READ = {"path": "/tickets/{ticket}"}


def test_a_hint_is_another_one_each_time_it_comes() -> None:
    """A desk that says only which ticket changed says the same of each change; the ticket is read."""
    assert len(received(desk({}, read=READ), BODY, BODY)) == 2


def test_what_is_taken_at_its_word_is_one_delivery() -> None:
    """Its repetition would be done again."""
    assert len(received(desk({"trust": True}, read=READ), BODY, BODY)) == 1
    assert len(received(desk({}), BODY, BODY)) == 1


def test_a_hint_with_a_name_goes_by_it() -> None:
    """Its repetition is told from the next change."""
    bodies = [b'{"ticket": 7, "n": 1}', b'{"ticket": 7, "n": 2}', b'{"ticket": 7, "n": 1, "try": 2}']
    assert len(received(desk({"delivery": "n"}, read=READ), *bodies)) == 2
    (first, _) = received(desk({"delivery": "n"}, read=READ), *bodies)
    assert first.source_event_id == "body:1"
    assert first.received_at <= datetime.now(UTC)


@pytest.mark.parametrize(("more", "told"), [({}, True), ({"trust": True}, False)])
def test_what_changed_is_not_asked_of_a_ticket_that_is_read(more: dict[str, Any], told: bool) -> None:
    """`partial:` would say nothing then."""
    given = {
        "webhook_secret": "a-secret-of-the-webhooks",
        "ticket": {"id": "ticket"},
        "incoming": {"signature": {"kind": "header", "header": "X-Secret"}, "partial": True, **more},
        "calls": {"read": READ},
    }
    assert (("incoming", "partial") in [where for where, _, _ in problems(given)]) is told
