"""What a webhook shows at the very version of what was seen or written before proves nothing, and is read."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from gateway.domain.event import Event, EventKind, FieldChange, RemoteTicket
from gateway.domain.link import Link, LinkState, Observed, Role
from gateway.flow.brought import brought, is_doubtful

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LINK = Link(
    "link", "ticket", "desk", LinkState.LIVE, Role.TARGET, "7", observed={"title": Observed("Ours", AT, 5, ours=True)}
)
SHOWN = RemoteTicket("7", AT, version=5, title="Theirs")


def event(shown: RemoteTicket) -> Event:
    """Return the webhook that shows a ticket."""
    return Event(EventKind.OBSERVED, "7", "key", AT, version=shown.version, snapshot=shown)


def test_what_may_be_from_before_our_write_is_read() -> None:
    """It is not taken as it is, and not passed over either."""
    assert brought(event(SHOWN), LINK, frozenset()) == []
    assert is_doubtful(event(SHOWN), LINK)


@pytest.mark.parametrize(
    "changes", [{"title": "Ours"}, {"version": 4}, {"version": 6}, {"complete": True}, {"version": 0}], ids=str
)
def test_what_is_clear_is_not_read_again(changes: dict[str, object]) -> None:
    """Our own value, an older or a newer state, and a whole read."""
    assert not is_doubtful(event(msgspec.structs.replace(SHOWN, **changes)), LINK)


def test_what_a_desk_did_by_itself_within_a_second_is_read() -> None:
    """Who replies has the ticket: the reply shows it, and no change is told."""
    theirs = msgspec.structs.replace(LINK, observed={"title": Observed("Before", AT, 5)})
    assert brought(event(SHOWN), theirs, frozenset()) == []
    assert is_doubtful(event(SHOWN), theirs)


def test_what_is_told_is_in_no_doubt() -> None:
    """The change itself is taken, whatever was seen within that second."""
    told = msgspec.structs.replace(event(SHOWN), changes=(FieldChange("title", "Theirs"),))
    assert [seen.explicit for seen in brought(told, LINK, frozenset())] == [True]
    assert not is_doubtful(told, LINK)
