"""The ledger: our own writes are known when they come back, once, and a person's edit never passes for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.echo import EchoEntry, Incoming, match, outdated, value_hash

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = value_hash({"category": "open", "native": "open"})
STALLED = value_hash({"category": "on_hold", "native": "stalled"})


def entry(**more: object) -> EchoEntry:
    """Return an expected echo of status open."""
    given = {"id": "e1", "update_id": "u1", "subject": "status", "value_hash": OPEN, "sent_at": AT} | more
    return EchoEntry(**given)  # type: ignore[arg-type]


def change(**more: object) -> Incoming:
    """Return an incoming change of status to open."""
    return Incoming(**({"subject": "status", "value_hash": OPEN, "at": AT} | more))  # type: ignore[arg-type]


def test_a_change_is_matched_by_its_id_first() -> None:
    """The desk's id of the change settles it, whatever the value reads."""
    known = entry(change_ids=("txn:12",), value_hash=STALLED)
    assert match(change(change_id="txn:12"), (known,)) is known


@pytest.mark.parametrize(
    ("incoming", "expected", "ours"),
    [
        (change(), entry(), True),
        (change(value_hash=STALLED), entry(), False),
        (change(subject="title"), entry(), False),
        (change(by_us=False), entry(), False),
        (change(by_us=True), entry(), True),
        (change(automatic=True), entry(), False),
        (change(version=13), entry(version=12), False),
        (change(version=12), entry(version=12), True),
        (change(at=AT + timedelta(seconds=3)), entry(landed_at=AT), False),
        (change(at=AT + timedelta(seconds=1)), entry(landed_at=AT), True),
        (change(automatic=True, by_us=False), entry(side_effect=True), True),
        (change(by_us=False), entry(side_effect=True), False),
    ],
)
def test_what_counts_as_our_own(incoming: Incoming, expected: EchoEntry, *, ours: bool) -> None:
    """By value, unless somebody else did it, or it is newer than our write."""
    assert (match(incoming, (expected,)) is expected) is ours


def test_a_newer_other_value_ends_the_expectation() -> None:
    """Once the desk shows a later, different value, the same value again is a person's."""
    old = entry(version=12)
    seen = change(value_hash=STALLED, version=13)
    assert outdated(seen, (old,)) == (old,)
    assert outdated(change(value_hash=STALLED, version=11), (old,)) == ()
