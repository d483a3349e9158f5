"""Planfix's webhooks: a secret, a name, a hint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.planfix.bench import SECRET, PlanfixBench
from connectors.planfix.connector import PlanfixConnector
from connectors.sdk import AuthenticationError, EventKind, IncomingRequest, RawDelivery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connector(**options: Any) -> PlanfixConnector:
    """Return a connector that talks to nobody."""
    return PlanfixConnector(PlanfixBench().settings(**options))


def test_the_secret_may_stand_in_the_address() -> None:
    """Of a scenario that cannot set headers; a header that is there counts alone."""
    there = connector()
    there.verify(IncomingRequest("POST", "/hooks/desk", {"secret": SECRET}, {}, b"{}"), NOW)
    for query, headers in (({}, {}), ({"secret": "x"}, {}), ({"secret": SECRET}, {"x-webhook-secret": "x"})):
        with pytest.raises(AuthenticationError):
            there.verify(IncomingRequest("POST", "/hooks/desk", query, headers, b"{}"), NOW)


def test_a_connection_without_a_secret_trusts_nothing() -> None:
    """Anybody could have sent it."""
    with pytest.raises(AuthenticationError, match="webhook_secret"):
        connector(webhook_secret=[]).verify(IncomingRequest("POST", "/hooks/desk", {}, {}, b"{}"), NOW)


def test_a_try_again_has_the_name_of_the_first() -> None:
    """Planfix sends the same body; another change of the task has another time in it."""
    there = connector()

    def named(at: str) -> str:
        body = f'{{"task_id": "7", "changed_at": "{at}"}}'.encode()
        return there.envelope(IncomingRequest("POST", "/hooks/desk", {}, {}, body)).source_event_id

    assert named("03-02-2026 12:15:30") == named("03-02-2026 12:15:30")
    assert named("03-02-2026 12:15:30") != named("03-02-2026 12:15:31")


@pytest.mark.parametrize(
    ("body", "title", "text"),
    [
        ('{"task_id": 12, "name": "Printer", "description": "<p>It <b>burns</b></p>"}', "Printer", "It **burns**"),
        ('{"task": {"id": 12, "name": "Printer"}}', "Printer", msgspec.UNSET),
        ('{"task_id": "12",\n"name": "Printer",\n"comment": "one\ntwo",}', "Printer", msgspec.UNSET),
        ('{"task_id": "12", "name": "a "quoted" word"}', msgspec.UNSET, msgspec.UNSET),
        ("task_id=12&name=Printer", "Printer", msgspec.UNSET),
        ("<task><task_id>12</task_id><name>Printer</name></task>", "Printer", msgspec.UNSET),
    ],
)
def test_what_a_scenario_sends_is_read_however_it_was_glued_together(body: str, title: object, text: object) -> None:
    """Damage that can only be meant one way is mended; of what must be guessed only the task's number is taken."""
    (hint,) = connector().parse(RawDelivery("d", NOW, {}, body.encode()))
    assert (hint.kind, hint.remote_id, hint.needs_read) == (EventKind.OBSERVED, "12", True)
    assert hint.snapshot is not None
    assert (hint.snapshot.title, hint.snapshot.body) == (title, text)
