"""Which events say too little for a ticket to begin with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import registry
from connectors.request_tracker.bench import RequestTrackerBench
from connectors.whatsapp.bench import WhatsAppBench
from gateway.domain.event import Event, EventKind, RemoteComment, RemoteTicket
from gateway.errors import DeferError
from gateway.flow.thin import BEGIN_TRIES, begins_thin, is_nothing_without, require_whole

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = RemoteComment("c1", AT, "It still burns")


def shown(**more: Any) -> RemoteTicket:
    """Return how a ticket looks."""
    return RemoteTicket("7", AT, **more)


NAMED = shown(title="Printer", body="It burns")


def event(kind: EventKind, snapshot: RemoteTicket | None = None, **more: Any) -> Event:
    """Return an event about that ticket."""
    return Event(kind, "7", "key", AT, snapshot=snapshot, **more)


@pytest.mark.parametrize(
    ("said", "thin"),
    [
        (event(EventKind.COMMENTED, NAMED, comment=SAID), True),
        (event(EventKind.COMMENTED, comment=SAID), True),
        (event(EventKind.CHANGED, NAMED), True),
        (event(EventKind.OBSERVED, NAMED), True),
        (event(EventKind.CREATED, shown(title="Printer")), True),
        (event(EventKind.CREATED), True),
        (event(EventKind.CREATED, NAMED), False),
        (event(EventKind.COMMENTED, shown(title="Printer", body="It burns", complete=True), comment=SAID), False),
        (event(EventKind.COMMENTED, NAMED, comment=SAID, thread="t1"), False),
        (event(EventKind.DELETED), False),
        (event(EventKind.MERGED, merged_into="8"), False),
        (event(EventKind.OBSERVED, shown(deleted=True)), False),
        (event(EventKind.PROMISED), False),
    ],
)
def test_only_a_creation_may_say_all_there_is(said: Event, *, thin: bool) -> None:
    """A comment comes after words that it does not repeat; a conversation has nothing to be read."""
    assert begins_thin(said) is thin


@pytest.mark.parametrize(
    ("snapshot", "waits"),
    [
        (None, True),
        (shown(body="It burns"), True),
        (shown(title="Printer"), True),
        (shown(title="Printer", body="It burns"), False),
        (shown(title="Printer", plain_body="It burns"), False),
    ],
)
def test_a_comment_of_an_unknown_ticket_waits_for_what_it_does_not_say(
    snapshot: RemoteTicket | None, *, waits: bool
) -> None:
    """Where the desk stays silent, a ticket may begin without a status, and never without a title and words."""
    said = event(EventKind.COMMENTED, snapshot, comment=SAID)
    assert is_nothing_without(said, known=False) is waits
    assert is_nothing_without(said, known=True) is False


def test_a_ticket_whose_beginning_came_to_nothing_is_read() -> None:
    """A comment counted on the creation before it, that was parked: it waits for a read, where one can help."""
    said = event(EventKind.COMMENTED, NAMED, comment=SAID)
    found = registry.load(points=())
    readable, mute = found.connect(RequestTrackerBench().settings()), found.connect(WhatsAppBench().settings())
    with pytest.raises(DeferError, match="read first"):
        require_whole(said, 0, readable)
    require_whole(said, BEGIN_TRIES, readable)
    require_whole(said, 0, mute)
    require_whole(event(EventKind.CREATED, NAMED), 0, readable)
