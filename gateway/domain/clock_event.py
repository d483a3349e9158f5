"""What happens to a clock, how it is told, and in which order it counts.

The arithmetic goes by the time of an event, never by when it was heard of. A clock is always a replay of its events, so
that a late or corrected one changes what should have been, and not what was stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from gateway.domain.open_days import DayMode

#: an event that is dated further ahead of its arrival is not believed
MOST_AHEAD = timedelta(minutes=5)


class EventType(StrEnum):
    """What happened to a clock. The order is that in which events of one instant count: the last has the last word."""

    START = "start"
    #: another calendar counts from here
    CALENDAR = "calendar"
    #: another target holds from here (a priority, tier or type changed)
    RETARGET = "retarget"
    REOPEN = "reopen"
    RESUME = "resume"
    PAUSE = "pause"
    #: what was promised was done
    STOP = "stop"
    CANCEL = "cancel"
    #: begin again from nothing (a customer replied, where the policy says so)
    RESET = "reset"
    #: a person sets the due time, or takes it back
    OVERRIDE = "override"
    #: an earlier event did not happen
    RETRACT = "retract"


_RANK = {kind: rank for rank, kind in enumerate(EventType)}


class BusinessDays(msgspec.Struct, frozen=True):
    """A target in business days; in seconds it is fixed when a cycle starts."""

    days: int
    mode: DayMode = DayMode.SAME_WALL


#: open seconds, business days, or an instant (aware) whatever happens in between
Target = int | BusinessDays | datetime


class ClockEvent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One event of a clock. Instants are aware."""

    id: str
    type: EventType
    at: datetime
    #: when it was heard of; None: at once
    arrived: datetime | None = None
    #: the source's own order within one instant
    seq: int = 0
    #: who tells of it: ids are unique within a source
    source: str = ""
    #: the new target, or that of a cycle that it starts
    target: Target | None = None
    #: name of the calendar that counts from here
    calendar: str = ""
    #: of an override: the due time; None takes it back
    due: datetime | None = None
    #: id of an earlier event of this source that this one corrects or retracts
    replaces: str = ""
    reason: str = ""

    @property
    def heard(self) -> datetime:
        """When it was heard of."""
        return self.at if self.arrived is None else self.arrived


_Event = TypeVar("_Event", bound=msgspec.Struct)
_INSTANTS = frozenset({"at", "arrived", "due"})


def read(told: Mapping[str, Any], kind: type[_Event]) -> _Event:
    """Read an event of a mapping: instants as texts (ISO 8601) or datetimes, `target_s` as seconds.

    Raises ValueError for what is no event (msgspec.ValidationError is one); keys that it does not have are ignored.
    """
    given = {"target": told["target_s"], **told} if "target_s" in told else told
    known = {
        key: datetime.fromisoformat(value) if key in _INSTANTS and isinstance(value, str) else value
        for key, value in given.items()
        if key in kind.__struct_fields__
    }
    return msgspec.convert(known, kind)


def known(events: Iterable[ClockEvent], *, known_at: datetime, until: datetime) -> list[ClockEvent]:
    """Return the events that count, in their order: heard of by `known_at`, and not after `until`.

    Each counts once by source and id, and what was corrected or retracted not at all. One that is dated more than
    MOST_AHEAD after it was heard of is left out; `quarantined` names it. Raises ValueError for instants without a zone.
    """
    if known_at.tzinfo is None or until.tzinfo is None:
        raise ValueError("known_at and query_at need a time zone")
    heard: dict[tuple[str, str], ClockEvent] = {}
    for event in events:
        if event.at.tzinfo is None or event.heard.tzinfo is None:
            raise ValueError(f"event {event.id} needs instants with a time zone")
        if event.heard > known_at or is_ahead(event.at, event.arrived):
            continue
        name = (event.source, event.id)
        first = heard.get(name)
        if first is None or _first_told(event) < _first_told(first):
            heard[name] = event
    replaced = {(event.source, event.replaces) for event in heard.values() if event.replaces}
    counting = [
        event
        for name, event in heard.items()
        if name not in replaced and event.type is not EventType.RETRACT and event.at <= until
    ]
    counting.sort(key=in_order)
    return counting


def in_order(event: ClockEvent) -> tuple[datetime, int, int, str]:
    """Return what events are sorted by."""
    return (event.at, event.seq, _RANK[event.type], event.id)


def quarantined(events: Iterable[ClockEvent]) -> tuple[str, ...]:
    """Return the ids of the events that are not believed, because they are dated too far ahead of their arrival."""
    return tuple(sorted({event.id for event in events if is_ahead(event.at, event.arrived)}))


def is_ahead(at: datetime, arrived: datetime | None) -> bool:
    """Say whether something is dated so far after it was heard of that it is not believed."""
    return arrived is not None and at - arrived > MOST_AHEAD


def _first_told(event: ClockEvent) -> tuple[datetime, datetime, int, int]:
    return (event.heard, event.at, event.seq, _RANK[event.type])


def whole(at: datetime) -> datetime:
    """Return an instant in UTC, without its fraction of a second; raises ValueError for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError(f"an instant needs a time zone, and {at.isoformat()} has none")
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.replace(microsecond=0) if at.microsecond else at
