"""The SLAs of Jira Service Management: each is a custom field of the issue, with the cycles that it went through [J13].

A field shows how its clock stands and not what happened, so each thing that it tells gets a name of its own: it began,
so much is promised, it waits, goes on, is due then, was kept, was broken. Issues that changed are searched; a clock
that breaks changes nothing of its issue, so those that run and are broken are searched by themselves. What was told of
a clock that runs is remembered: where its SLA shows it no more, every word of it is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from operator import attrgetter
from typing import Any

import msgspec

from connectors.jira.asking import answer, ask_list, complaint, following, get, jql_text, pages, search
from connectors.jira.mapping import Json, moment, obj, objects, text
from connectors.jira.options import Options
from connectors.sdk import Call, Event, EventKind, TransportError
from gateway.domain.desk_promise import DeskPromise, DeskSays

#: the names that a new service project gives; a site's own are named by `sla_metrics:`
METRICS: Mapping[str, str] = {"time to first response": "first_response", "time to resolution": "resolution"}
#: of ours, those that Jira counts
COUNTED = frozenset(METRICS.values())
KIND = "com.atlassian.servicedesk:sd-sla-field"
#: they are asked for so often, and which fields there are so often
EVERY = timedelta(minutes=1)
FIELDS_EVERY = timedelta(hours=1)
FIRST = timedelta(hours=1)
OVERLAP = timedelta(minutes=3)
#: what a due time may stand apart from begin and target on a clock that never rests
GRAIN = timedelta(minutes=1)
#: clocks that are remembered as waiting, and those that run, of which words may have to be taken back
MOST_WAITING = 5000
MOST_RUNNING = 3000


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the fields were read."""

    since: datetime | None = None
    due: datetime | None = None
    #: fields of SLAs -> our metric, and when they were asked for
    fields: dict[str, str] = {}
    fields_at: datetime | None = None
    #: clocks that waited when they were seen last
    waiting: tuple[str, ...] = ()
    #: clocks that ran when they were seen last -> what was told of each
    running: dict[str, tuple[str, ...]] = {}


def poll(options: Options, state: Progress, now: datetime) -> Call[tuple[tuple[Event, ...], Progress]]:
    """Read what the SLAs of issues say that changed, and of those that are broken, when it is time."""
    if state.due is not None and now < state.due:
        return (), state
    fields, asked = state.fields, state.fields_at
    if asked is None or now - asked >= FIELDS_EVERY:
        fields, asked = (yield from _fields(options)), now
    if not fields:
        return (), Progress(now, now + EVERY, fields, asked, state.waiting, state.running)
    minutes = ceil((now - (state.since or now - FIRST) + OVERLAP).total_seconds() / 60)
    changed = f"updated >= -{minutes}m"
    broken = " OR ".join(f"({cf} = running() AND {cf} = breached())" for cf in map(_in_jql, sorted(fields)))
    issues: dict[str, Json] = {}
    for where in (changed, f"({broken})"):
        for issue in (yield from _search(options, where, fields)):
            issues[text(issue.get("id"))] = issue
    waiting, running = dict.fromkeys(state.waiting), dict(state.running)
    found: list[Event] = []
    for number, issue in issues.items():
        found += _events(number, obj(issue.get("fields")), fields, _Seen(waiting, running), now)
    kept = dict(list(running.items())[-MOST_RUNNING:])
    following_state = Progress(now, now + EVERY, fields, asked, tuple(waiting)[-MOST_WAITING:], kept)
    return tuple(sorted(found, key=attrgetter("at"))), following_state


def _fields(options: Options) -> Call[dict[str, str]]:
    """Ask which fields are SLAs, and take those that are metrics of ours."""
    listed = yield from ask_list(get(f"{options.api}/field", "look for the fields of SLAs"))
    names = {**METRICS, **options.sla_metrics}
    found = {}
    for each in listed:
        number, metric = text(each.get("id")), names.get(text(each.get("name")).strip().lower(), "")
        if text(obj(each.get("schema")).get("custom")) == KIND and metric and number.startswith("customfield_"):
            found[number] = metric
    return found


def _in_jql(field: str) -> str:
    return f"cf[{field.removeprefix('customfield_')}]"


def _search(options: Options, where: str, fields: Iterable[str]) -> Call[list[Json]]:
    """Search to the end; raises TransportError where Jira refuses, and as reads do."""
    mine = f"project in ({', '.join(jql_text(key) for key in options.projects)}) AND " if options.projects else ""
    jql = f"{mine}{where} ORDER BY updated DESC, key DESC"
    found: list[Json] = []
    place = ""
    for _ in pages():
        response = yield search(options, jql, "read SLAs", place=place, fields=",".join(("updated", *fields)))
        if response.status in {400, 403, 404}:
            msg = f"Jira refuses the search {jql!r}: {complaint(response)}"
            raise TransportError(msg)
        body = obj(answer(response, "read SLAs"))
        found += objects(body.get("issues"))
        place = following(options, body, place)
        if not place:
            break
    return found


class _Seen(msgspec.Struct):
    """What was seen of clocks before; brought up to date while issues are read."""

    waiting: dict[str, None]
    running: dict[str, tuple[str, ...]]


def _events(number: str, shown: Json, fields: Mapping[str, str], seen: _Seen, now: datetime) -> list[Event]:
    """Return what the SLAs of one issue say."""
    changed = min(moment(shown.get("updated")) or now, now)
    found: list[Event] = []
    for field, metric in fields.items():
        value = obj(shown.get(field))
        ended = sorted(objects(value.get("completedCycles")), key=lambda each: _at(each, "startTime") or now)
        there: set[str] = set()
        cycles = [*ended, *([ongoing] if (ongoing := obj(value.get("ongoingCycle"))) else [])]
        for place, cycle in enumerate(cycles, 1):
            clock = _Clock(number, text(value.get("name")), metric, place, cycle, changed)
            told = clock.told(seen.waiting, now, goes_on=place > len(ended))
            found += told
            before = seen.running.pop(clock.id, ())
            there.add(clock.id)
            if place > len(ended) and told:
                words = (each.promise.id for each in told if each.promise is not None)
                seen.running[clock.id] = tuple(dict.fromkeys((*before, *words)))
        # an SLA that says nothing at all may be one that we may not see
        if text(value.get("name")):
            found += _taken_back(number, metric, there, seen, changed)
    return found


def _taken_back(issue: str, metric: str, there: set[str], seen: _Seen, at: datetime) -> list[Event]:
    """Return that what was told of a clock that ran never was, where its SLA shows it neither running nor ended."""
    found = []
    for clock in [each for each in seen.running if each.startswith(f"{issue}:{metric}:") and each not in there]:
        seen.waiting.pop(clock, None)
        for word in seen.running.pop(clock):
            gone = DeskPromise(id=word, says=DeskSays.STOPPED, metric=metric, cycle=1, at=at, withdrawn=True)
            key = f"sla:{word}:withdrawn"
            found.append(Event(EventKind.PROMISED, issue, key=key, at=at, automatic=True, promise=gone))
    return found


class _Clock:
    """One cycle of one SLA of an issue."""

    def __init__(self, issue: str, name: str, metric: str, place: int, cycle: Json, changed: datetime) -> None:
        self._issue, self._cycle, self._changed = issue, cycle, changed
        self._began = _at(cycle, "startTime")
        self.id = f"{issue}:{metric}:{int(self._began.timestamp()) if self._began else 0}"
        self._common: dict[str, Any] = {"metric": metric, "cycle": place, "policy": name[:100]}

    def told(self, waiting: dict[str, None], now: datetime, *, goes_on: bool) -> list[Event]:
        """Return everything that it says, each under a name that stays the same."""
        if self._began is None:
            return []
        found = [self._say("started", DeskSays.STARTED, self._began)]
        target, ends = _seconds(self._cycle, "goalDuration"), _at(self._cycle, "breachTime")
        if target:
            found.append(self._say(f"target:{target}", DeskSays.TARGET, self._began, **self._target(target, ends)))
        broken = self._cycle.get("breached") is True
        stopped = _at(self._cycle, "stopTime")
        if broken:
            found.append(self._say("breached", DeskSays.BREACHED, min(ends or stopped or self._changed, now)))
        if not goes_on:
            waiting.pop(self.id, None)
            return [*found, *([self._say("stopped", DeskSays.STOPPED, stopped)] if stopped is not None else [])]
        if self._cycle.get("paused") is True:
            waiting[self.id] = None
            used = _millis(self._cycle, "elapsedTime")
            return [*found, self._say(f"paused:{used}", DeskSays.PAUSED, self._changed)]
        mark = int(ends.timestamp()) if ends is not None else _millis(self._cycle, "elapsedTime")
        if self.id in waiting:
            waiting.pop(self.id)
            found.append(self._say(f"resumed:{mark}", DeskSays.STARTED, self._changed))
        if ends is not None and not broken:
            found.append(self._say(f"due:{mark}", DeskSays.DUE, self._changed, due=ends))
        return found

    def _target(self, target: int, ends: datetime | None) -> dict[str, Any]:
        """Return what is promised; a clock that rests outside of its calendar is due later than the target says."""
        rests = self._cycle.get("withinCalendarHours") is False
        later = ends is not None and self._began is not None
        apart = later and ends - self._began > timedelta(seconds=target) + GRAIN  # type: ignore[operator]
        return {"target_s": target, "business": rests or apart}

    def _say(self, name: str, says: DeskSays, at: datetime, **more: Any) -> Event:
        promise = DeskPromise(id=f"{self.id}:{name}", says=says, at=at, **self._common, **more)
        return Event(EventKind.PROMISED, self._issue, key=f"sla:{promise.id}", at=at, automatic=True, promise=promise)


def _at(cycle: Json, name: str) -> datetime | None:
    """Read an instant of a cycle: {iso8601, jira, friendly, epochMillis}; to the second, as clocks count."""
    given = obj(cycle.get(name))
    millis = given.get("epochMillis")
    if isinstance(millis, int) and not isinstance(millis, bool) and 0 < millis < 253_000_000_000_000:
        return datetime.fromtimestamp(millis // 1000, UTC)
    found = moment(given.get("jira")) or moment(given.get("iso8601"))
    return found.replace(microsecond=0) if found is not None else None


def _millis(cycle: Json, name: str) -> int:
    """Read a length of time: {millis, friendly}."""
    found = obj(cycle.get(name)).get("millis")
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _seconds(cycle: Json, name: str) -> int:
    return max(0, _millis(cycle, name) // 1000)
