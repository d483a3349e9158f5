"""How promises stand together, and values as they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Chain, Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.shown import is_shown, plain_shown
from gateway.domain.standing import current, promise
from gateway.domain.terms import Goal, Terms

BEGAN = datetime(2026, 3, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = {
    "t": Terms(
        policy="p",
        level="P3",
        goals={
            "first_response": Goal(3600, "24x7"),
            "resolution": Goal(4 * 3600, "24x7"),
            "status:open#stuck": Goal(60, "24x7"),
        },
    )
}


def told(after: timedelta, *more: tuple[EntryKind, timedelta, Mapping[str, Any]]) -> dict[str, Chain]:
    """Return the clocks of a ticket so long after it was opened."""
    entries = [(EntryKind.OPENED, timedelta(), {}), (EntryKind.TERMS, timedelta(), {"terms": "t"}), *more]
    log = [
        LogEntry(id=str(place), kind=kind, at=BEGAN + at, arrived=BEGAN + at, **given)
        for place, (kind, at, given) in enumerate(entries)
    ]
    now = BEGAN + after
    return chains(log, TERMS, calendars={"24x7": "24x7"}, known_at=now, query_at=now)


def test_what_is_due_first_is_what_stands() -> None:
    """The first response, then the resolution; what escalations watch is no promise."""
    found = promise(told(HOUR / 2))
    assert found is not None
    assert (found.due, found.status) == (BEGAN + HOUR, Status.IN_PROGRESS)
    answered = told(HOUR / 2, (EntryKind.AGENT, HOUR / 4, {}), (EntryKind.STATUS, HOUR / 4, {"name": "open"}))
    found = promise(answered)
    assert found is not None
    assert found.due == BEGAN + 4 * HOUR
    assert {each.metric for each in current(answered)} == {"first_response", "resolution"}


def test_the_worst_status_speaks_for_all() -> None:
    """A broken one before a near one; one that waits only where all do."""
    late = promise(told(2 * HOUR))
    assert late is not None
    assert (late.status, late.due) == (Status.BREACHED, BEGAN + HOUR)
    waits = told(HOUR / 2, (EntryKind.PAUSES, HOUR / 4, {"metrics": ("resolution",)}))
    assert promise(waits, "resolution") is not None
    alone = promise(waits, "resolution")
    assert alone is not None
    assert (alone.status, alone.due, alone.over) == (Status.PAUSED, None, False)
    together = promise(waits)
    assert together is not None
    assert together.status is Status.IN_PROGRESS


def test_what_is_over_keeps_nothing_due() -> None:
    """Solved in time, or called off."""
    done = promise(told(HOUR, (EntryKind.AGENT, HOUR / 4, {}), (EntryKind.SOLVED, HOUR / 2, {})))
    assert done is not None
    assert (done.status, done.due, done.over) == (Status.SUCCEEDED, None, True)
    off = promise(told(HOUR, (EntryKind.ENDED, HOUR / 2, {"reason": "merged"})))
    assert off is not None
    assert (off.status, off.over) == (Status.CANCELED, True)
    assert promise(told(HOUR), "next_reply") is None


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        ("", None),
        ([], None),
        (["b", "a"], ["a", "b"]),
        (1798884000, "1798884000"),
        (1798884000.0, "1798884000"),
        ("2027-01-02T11:00:00.000+01:00", "2027-01-02T10:00:00Z"),
        ("2027-01-02", "2027-01-02"),
        ("2027-01-02 10:00", "2027-01-02 10:00"),
        (datetime(2027, 1, 2, 10, tzinfo=UTC), "2027-01-02T10:00:00Z"),
        (True, "true"),
        (" nearing ", "nearing"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_values_are_compared_in_one_form(value: object, plain: object) -> None:
    """Whatever a desk makes of them."""
    assert plain_shown(value) == plain
    assert plain_shown(plain_shown(value)) == plain


def test_which_fields_the_gateway_keeps() -> None:
    """Its own, and no synced one."""
    assert [is_shown(each) for each in ("due", "custom.x", "sla_tags", "custom", "tags", "status")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
