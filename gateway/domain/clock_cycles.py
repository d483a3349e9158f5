"""Metrics that count messages and stages: which cycles they have, and how each ends.

A message metric is a chain of clocks, one a cycle. What opens and closes a cycle is written down once, in `METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from gateway.domain.calendar import Calendar
from gateway.domain.clock import Clock
from gateway.domain.clock_event import ClockEvent, EventType, is_ahead, read, whole
from gateway.domain.clock_fold import as_calendar
from gateway.domain.clock_state import Outcome


class Said(StrEnum):
    """What happens to a message metric, in the order in which events of one instant count."""

    #: the ticket was created
    START = "start"
    REOPEN = "reopen"
    #: a public message of the customer
    CUSTOMER = "customer"
    RESUME = "resume"
    PAUSE = "pause"
    #: a public message of a person on our side
    AGENT = "agent"
    #: solved
    STOP = "stop"


_RANK = {said: rank for rank, said in enumerate(Said)}


class MessageMetric(msgspec.Struct, frozen=True):
    """What opens a cycle when none is open, what closes one, and what opens the next at once."""

    opens: frozenset[Said]
    closes: frozenset[Said]
    reopens: frozenset[Said] = frozenset()
    pauses: bool = False
    #: at most one cycle
    once: bool = False


_BEGINS, _ENDS = frozenset({Said.START, Said.REOPEN}), frozenset({Said.AGENT, Said.STOP})

METRICS: Mapping[str, MessageMetric] = {
    "first_response": MessageMetric(frozenset({Said.START}), frozenset({Said.AGENT}), once=True),
    "next_reply": MessageMetric(frozenset({Said.CUSTOMER}), _ENDS),
    "periodic_update": MessageMetric(_BEGINS, _ENDS, reopens=frozenset({Said.AGENT})),
    "pausable_update": MessageMetric(_BEGINS, _ENDS, reopens=frozenset({Said.AGENT}), pauses=True),
}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a message metric. `type` is one of Said; others are ignored."""

    type: str
    at: datetime
    id: str = ""
    arrived: datetime | None = None
    seq: int = 0
    #: written by a machine: an automatic answer is no reply
    automatic: bool = False


class MessageCycle(msgspec.Struct, frozen=True):
    """One cycle of a message metric."""

    opened: datetime
    #: as it stood when the cycle closed; None of one that is open and paused
    due: datetime | None
    #: None: it is open
    closed: datetime | None
    outcome: Outcome


def cycles(
    metric: str,
    target_s: int,
    events: Iterable[Message | Mapping[str, Any]],
    *,
    calendar: Any,
    calendars: Mapping[str, Any] | None = None,
    query_at: datetime,
) -> tuple[MessageCycle, ...]:
    """Return the cycles of a message metric by `query_at`, in order. Times are aware, `target_s` is open seconds.

    A later message of the customer never resets the clock of the oldest that is unanswered. Raises KeyError for a
    metric that is none of METRICS.
    """
    rule = METRICS[metric]
    counts = as_calendar(calendar, calendars or {})
    found: list[MessageCycle] = []
    open_: Clock | None = None
    for said, at in _in_order(events, query_at):
        if open_ is not None and said in rule.closes:
            found.append(_closed(open_, at))
            open_ = _opened(target_s, counts, at) if said in rule.reopens else None
        elif open_ is None and said in rule.opens and not (rule.once and found):
            open_ = _opened(target_s, counts, at)
        elif open_ is not None and rule.pauses and said in {Said.PAUSE, Said.RESUME}:
            open_ = open_.advance(ClockEvent(id=str(said), type=EventType(said.value), at=at))
    if open_ is not None:
        state = open_.state(query_at)
        found.append(MessageCycle(state.started or whole(query_at), state.due, None, state.outcome))
    return tuple(found)


def _in_order(events: Iterable[Message | Mapping[str, Any]], until: datetime) -> Sequence[tuple[Said, datetime]]:
    told = _known((each if isinstance(each, Message) else read(each, Message) for each in events), until)
    heard: set[str] = set()
    counting = []
    for each in told:
        if each.automatic or each.type not in _RANK or (each.id and each.id in heard):
            continue
        heard.add(each.id)
        counting.append(each)
    counting.sort(key=lambda each: (each.at, each.seq, _RANK[Said(each.type)], each.id))
    return [(Said(each.type), whole(each.at)) for each in counting]


def _known(told: Iterable[_Told], until: datetime) -> list[_Told]:
    """Return what was heard of by an instant and is believed, in the order in which it was heard of.

    Raises ValueError for an instant without a time zone.
    """
    found = []
    for each in told:
        heard = each.at if each.arrived is None else each.arrived
        if each.at.tzinfo is None or heard.tzinfo is None or until.tzinfo is None:
            raise ValueError(f"instants need a time zone: {each.at.isoformat()} as of {until.isoformat()}")
        if max(each.at, heard) <= until and not is_ahead(each.at, each.arrived):
            found.append((heard, each))
    return [each for _, each in sorted(found, key=lambda one: one[0])]


def _opened(target_s: int, calendar: Calendar, at: datetime) -> Clock:
    return Clock.of(target_s, calendar).advance(ClockEvent(id="", type=EventType.START, at=at))


def _closed(clock: Clock, at: datetime) -> MessageCycle:
    before = clock.state(at)
    due = before.due_if_resumed_now if before.due is None else before.due
    after = clock.advance(ClockEvent(id="", type=EventType.STOP, at=at)).state(at)
    return MessageCycle(before.started or at, due, at, after.outcome)


# ---------------------------------------------------------------- stages


class Reentry(StrEnum):
    """What a second visit to a stage counts."""

    ACCUMULATE = "accumulate"
    NEW_CYCLE = "new_cycle"


class StageOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How stages count."""

    reentry: Reentry = Reentry.ACCUMULATE


class StageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket enters a stage, and leaves the one that it was in. An empty stage is none."""

    stage: str
    at: datetime
    arrived: datetime | None = None
    seq: int = 0


_Told = TypeVar("_Told", Message, StageEntry)


class StageTimes(msgspec.Struct, frozen=True):
    """What the stages of a ticket came to."""

    #: open seconds: of all visits (accumulate), or of the last one (new_cycle)
    elapsed_s: dict[str, int]
    #: of the stages that took longer than their target: when that was, for the first time
    breached_at: dict[str, datetime]
    visits: dict[str, int]


def stages(
    targets_s: Mapping[str, int],
    events: Iterable[StageEntry | Mapping[str, Any]],
    *,
    calendar: Any,
    calendars: Mapping[str, Any] | None = None,
    options: StageOptions | Mapping[str, Any] | None = None,
    query_at: datetime,
) -> StageTimes:
    """Return how long a ticket was in each stage by `query_at`, and which targets (open seconds) it broke when.

    To enter the stage in which it is already is no visit.
    """
    counts = as_calendar(calendar, calendars or {})
    chosen = options if isinstance(options, StageOptions) else msgspec.convert(options or {}, StageOptions)
    told = [each if isinstance(each, StageEntry) else read(each, StageEntry) for each in events]
    visits: list[tuple[str, datetime]] = []
    for each in sorted(_known(told, query_at), key=lambda one: (one.at, one.seq)):
        if not visits or visits[-1][0] != each.stage:
            visits.append((each.stage, whole(each.at)))
    found = StageTimes({}, {}, {})
    for (stage, entered), (_, left) in pairwise([*visits, ("", whole(query_at))]):
        if not stage:
            continue
        spent = found.elapsed_s.get(stage, 0) if chosen.reentry is Reentry.ACCUMULATE else 0
        target = targets_s.get(stage)
        if target is not None and stage not in found.breached_at:
            due = counts.due(entered, max(0, target - spent))
            if due is not None and due < left:
                found.breached_at[stage] = due
        found.elapsed_s[stage] = spent + counts.elapsed(entered, left)
        found.visits[stage] = found.visits.get(stage, 0) + 1
    return found
