"""The ledger of our own writes, and the one question asked of it: does an incoming change echo one of them.

A change that equals what we wrote is ours; anything else is a person's, even when it comes through our user. A entry
is consumed once, so A→B→A by people is never taken for an echo.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.ids import digest

#: How far the desk's clock may stand from the desk's own statement of when our write took effect (1 s resolutions).
CLOCK_GRAIN = timedelta(seconds=2)


class EchoEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One expected echo: a field value or a comment that one of our updates wrote."""

    id: str
    update_id: str
    #: a field name, or `comment`, or `create`
    subject: str
    value_hash: str
    #: the intent was committed then (our clock)
    sent_at: datetime
    #: known once the desk has answered
    change_ids: tuple[str, ...] = ()
    version: int = 0
    landed_at: datetime | None = None
    #: a change that the desk makes by itself because of our write (RT opens a new ticket on a reply)
    side_effect: bool = False
    #: the version that our write itself made, where it is known: what it caused cannot be older
    since: int = 0


class Incoming(msgspec.Struct, frozen=True):
    """An incoming change in the shape that the ledger compares."""

    subject: str
    value_hash: str
    at: datetime
    version: int = 0
    change_id: str = ""
    #: None: the desk does not say who did it
    by_us: bool | None = None
    automatic: bool = False


def value_hash(value: Any) -> str:
    """Hash a canonical JSON value of a field, as the desk reads it back."""
    return digest("value", value)


def match(change: Incoming, entries: tuple[EchoEntry, ...]) -> EchoEntry | None:
    """Return the entry that `change` echoes, or None when a person made it.

    By the change's id first. Then by value, unless the change is newer than the version (or, without versions, the
    time) at which our write is known to have landed, or the desk says that somebody else did it.
    """
    if change.change_id:
        for entry in entries:
            if change.change_id in entry.change_ids and entry.subject == change.subject:
                return entry
    for entry in entries:
        if entry.subject != change.subject or entry.value_hash != change.value_hash or not _may_echo(change, entry):
            continue
        if change.version and entry.version:
            if change.version > entry.version:
                continue
        elif entry.landed_at is not None and change.at > entry.landed_at + CLOCK_GRAIN:
            continue
        return entry
    return None


def _may_echo(change: Incoming, entry: EchoEntry) -> bool:
    """Say whether who made a change, and the desk's order, allow that it is our write, or what the desk did because."""
    if not entry.side_effect:
        return not (change.by_us is False or change.automatic)
    if not change.automatic and change.by_us is not True:
        return False
    return not change.version or change.version >= entry.since


def outdated(change: Incoming, entries: tuple[EchoEntry, ...]) -> tuple[EchoEntry, ...]:
    """Return the entries that can no longer echo because a newer, different value of the same field was seen."""
    return tuple(
        entry
        for entry in entries
        if entry.subject == change.subject
        and entry.subject not in {"comment", "create"}
        and entry.value_hash != change.value_hash
        and bool(change.version and entry.version and change.version > entry.version)
    )
