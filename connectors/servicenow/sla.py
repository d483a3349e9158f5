"""ServiceNow's own SLA clocks: the rows of `task_sla`, one for each definition that was attached to a record.

A row shows how it stands and not what happened, so each thing that it tells gets a name of its own: it began, so much
is promised, it is paused, goes on, is due then, was kept, was broken. A definition says by its target whether it is
about the response or the resolution. A row that was cancelled (another priority brought another definition) is taken
back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.sdk import Call, Event, EventKind, TransportError
from connectors.servicenow.asking import OUT_OF_SIGHT, PAGE, everything, rows, table
from connectors.servicenow.mapping import EPOCH, Json, is_sys_id, moment, plain, stamp
from gateway.domain.desk_promise import DeskPromise, DeskSays

METRICS: Mapping[str, str] = {"response": "first_response", "resolution": "resolution"}
#: of ours, those that ServiceNow counts
COUNTED = frozenset(METRICS.values())
COLUMNS = (
    "sys_id,task,task.sys_class_name,sla.name,sla.target,sla.duration,schedule,stage,has_breached,start_time,end_time,"
    "pause_time,pause_duration,planned_end_time,sys_updated_on"
)
CANCELLED, PAUSED, COMPLETED, IN_PROGRESS = "cancelled", "paused", "completed", "in_progress"
#: they are asked for so often
EVERY = timedelta(minutes=1)
FIRST = timedelta(hours=1)
OVERLAP = timedelta(seconds=60)
#: records whose rows are read in one request
_MANY = 50


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the rows were read, by `sys_updated_on`."""

    since: datetime | None = None
    #: rows of that second that are done
    offset: int = 0
    due: datetime | None = None


def poll(name: str, state: Progress, now: datetime) -> Call[tuple[tuple[Event, ...], Progress]]:
    """Read a page of rows of a table's records that changed, when it is time."""
    if state.due is not None and now < state.due:
        return (), state
    since = state.since or now - FIRST
    query = f"task.sys_class_name={name}^sys_updated_on>={stamp(since)}^ORDERBYsys_updated_on^ORDERBYsys_id"
    request = table("task_sla", query, COLUMNS, "read SLA clocks", offset=state.offset)
    page = yield from rows(request, OUT_OF_SIGHT)
    mine = [row for row in page.rows if plain(row.get("task.sys_class_name")) in {"", name}]
    times = [at for row in page.rows if (at := moment(row.get("sys_updated_on"))) is not None]
    if any(at < since for at in times):
        msg = "ServiceNow answers with SLAs that did not change since: it ignores a part of the query"
        raise TransportError(msg)
    events = yield from _told(mine)
    last = max(times, default=since)
    if page.more:
        following = Progress(last) if last > since else Progress(since, state.offset + PAGE)
        return events, following
    return events, Progress(max(since, last - OVERLAP), due=now + EVERY)


def _told(changed: Iterable[Json]) -> Call[tuple[Event, ...]]:
    """Return what these rows say; the cycle of each follows from the other rows of its record."""
    wanted = {plain(row.get("sys_id")): row for row in changed}
    tasks = sorted({task for row in wanted.values() if is_sys_id(task := plain(row.get("task")))})
    found: list[Event] = []
    for start in range(0, len(tasks), _MANY):
        some = frozenset(tasks[start : start + _MANY])
        listed = yield from everything(
            lambda offset, some=some: table(  # type: ignore[misc]
                "task_sla", f"taskIN{','.join(sorted(some))}^ORDERBYsys_id", COLUMNS, "read SLA clocks", offset=offset
            ),
            lambda row, some=some: plain(row.get("task")) in some,  # type: ignore[misc]
        )
        for row in listed:
            if plain(row.get("sys_id")) in wanted:
                found += _events(row, _cycle(row, listed))
    return tuple(sorted(found, key=lambda event: (event.at, event.key)))


def _cycle(row: Json, listed: Iterable[Json]) -> int:
    """Return the number of a promise of one sort: the next one begins once the one before was kept."""
    began = plain(row.get("start_time"))
    before = [
        other
        for other in listed
        if plain(other.get("task")) == plain(row.get("task"))
        and plain(other.get("sla.target")) == plain(row.get("sla.target"))
        and plain(other.get("stage")) == COMPLETED
        and "" < plain(other.get("end_time")) <= began
        and plain(other.get("sys_id")) != plain(row.get("sys_id"))
    ]
    return len(before) + 1


def _events(row: Json, cycle: int) -> list[Event]:
    """Return everything that one row tells, each under a name that stays the same."""
    number, task, stage = (plain(row.get(name)) for name in ("sys_id", "task", "stage"))
    metric = METRICS.get(plain(row.get("sla.target")).lower(), "")
    began, changed = moment(row.get("start_time")), moment(row.get("sys_updated_on"))
    if not is_sys_id(number) or not is_sys_id(task) or not metric or began is None or changed is None:
        return []
    ends = moment(row.get("planned_end_time"))
    broken = plain(row.get("has_breached")) == "true"
    common: dict[str, Any] = {"metric": metric, "cycle": cycle, "policy": plain(row.get("sla.name"))[:100]}
    gone = stage == CANCELLED
    found: list[DeskPromise] = []

    def say(name: str, says: DeskSays, at: datetime, **more: Any) -> None:
        found.append(DeskPromise(id=f"{number}:{name}", says=says, at=at, **common, **more))

    say("started", DeskSays.STARTED, began, withdrawn=gone)
    target, business = _seconds(row.get("sla.duration")), bool(plain(row.get("schedule")))
    if target:
        say("target", DeskSays.TARGET, began, target_s=target, business=business, withdrawn=gone)
    if broken and ends is not None:
        say("breached", DeskSays.BREACHED, min(ends, changed), withdrawn=gone)
    if gone:
        return [_event(task, promise) for promise in found]
    pauses, pause = plain(row.get("pause_duration")), moment(row.get("pause_time"))
    if stage == PAUSED and pause is not None:
        say(f"paused:{stamp(pause)}", DeskSays.PAUSED, pause)
    elif stage == IN_PROGRESS and pauses not in {"", stamp(EPOCH)}:
        # when it went on is not kept; the row is changed at that moment
        say(f"resumed:{pauses}", DeskSays.STARTED, changed)
    if stage == IN_PROGRESS and ends is not None and not broken:
        say(f"due:{stamp(ends)}", DeskSays.DUE, changed, due=ends)
    ended = moment(row.get("end_time"))
    if stage == COMPLETED and ended is not None:
        say("stopped", DeskSays.STOPPED, ended)
    return [_event(task, promise) for promise in found]


def _event(task: str, promise: DeskPromise) -> Event:
    key = f"sla:{promise.id}{':withdrawn' * promise.withdrawn}"
    return Event(EventKind.PROMISED, task, key=key, at=promise.at, automatic=True, promise=promise)


def _seconds(value: Any) -> int:
    """Read a duration, which ServiceNow keeps as the time so long after 1970."""
    found = moment(value)
    return int((found - EPOCH).total_seconds()) if found is not None and found > EPOCH else 0
