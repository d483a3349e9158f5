"""The vectors of open time: exact instants that calendars and clocks must give.

`SLA_VECTORS` names another file of the same form, to be read instead of ours. A kind, an input or an expectation that
is not known here fails: nothing of a file is skipped without saying so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.calendar import Calendar, CalendarError
from gateway.domain.clock import ClockState, replay
from gateway.domain.clock_cycles import MessageCycle, StageTimes, cycles, stages
from gateway.domain.clock_marks import thresholds

DATA = Path(__file__).parents[1] / "data"
GIVEN = os.environ.get("SLA_VECTORS")
FILES = [Path(GIVEN)] if GIVEN else [DATA / "sla-vectors.json", DATA / "sla-vectors-more.json"]
CONTENTS: list[dict[str, Any]] = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
#: vectors, and names of calendars, each with the calendars of its file
VECTORS = [(vector, content["calendars"]) for content in CONTENTS for vector in content["vectors"]]
NAMES = [(name, content["calendars"]) for content in CONTENTS for name in content["calendars"]]

#: kind -> what a vector of it gives beside id, kind, note, calendar and expect
INPUTS = {
    "due": {"start", "target_s"},
    "elapsed": {"start", "end"},
    "business_days": {"start", "days", "mode"},
    "clock": {"target_s", "options", "events", "queries"},
    "thresholds": {"target_s", "options", "events", "marks", "query_at"},
    "messages": {"metric", "target_s", "query_at", "events"},
    "stage": {"targets_s", "options", "query_at", "events"},
}
#: what an event of a vector may say
EVENT_KEYS = {
    "clock": {"id", "type", "at", "arrived", "seq", "target_s", "calendar", "due", "source", "replaces", "origin"},
    "thresholds": {"id", "type", "at", "arrived", "seq", "target_s", "calendar", "due", "source", "replaces", "origin"},
    "messages": {"id", "type", "at", "arrived", "seq", "automatic"},
    "stage": {"id", "stage", "at", "arrived", "seq"},
}


def instant(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text)


def written(at: datetime | None) -> str | None:
    """Write an instant as the vectors do."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(value: Any) -> Any:
    """Write what was found as the vectors do."""
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def fields(value: Any, names: Collection[str]) -> dict[str, Any]:
    """Return the named parts of a result; one that it does not have fails."""
    return {name: plain(getattr(value, name)) for name in names}


def history(state: ClockState, expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cycles that ended, with the keys that the vectors use."""
    names = set().union(*expected) or {"cycle", "outcome", "elapsed_s", "ended", "breached_at"}
    return [fields(each, names) for each in state.history]


def of_clock(vector: dict[str, Any], calendars: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `replay` says at each query, with what is expected there."""
    found = []
    for query in vector["queries"]:
        assert query.keys() == {"at", "expect"}, "a query says something that is not known"
        at, expect = instant(query["at"]), query["expect"]
        state = replay(
            vector["target_s"], vector["events"], calendar=vector["calendar"], calendars=calendars,
            options=vector.get("options", {}), known_at=at, query_at=at,
        )  # fmt: skip
        told = fields(state, expect.keys() - {"history"})
        if "history" in expect:
            told["history"] = history(state, expect["history"])
        found.append(told)
    return found


def of_calendar(vector: dict[str, Any], calendars: dict[str, Any]) -> dict[str, Any]:
    """Return what the calendar says, in the form of `expect`."""
    calendar = Calendar.from_spec(calendars[vector["calendar"]], calendars)
    start = instant(vector["start"])
    if vector["kind"] == "due":
        return {"due": written(calendar.due(start, vector["target_s"]))}
    if vector["kind"] == "business_days":
        return {"due": written(calendar.business_days(start, vector["days"], vector["mode"]))}
    end = instant(vector["end"])
    always = Calendar.from_spec("24x7")
    return {"business_s": calendar.elapsed(start, end), "real_s": always.elapsed(start, end)}


def found(vector: dict[str, Any], calendars: dict[str, Any]) -> Any:
    """Return what is found, in the form of what is expected."""
    given = {"calendar": vector["calendar"], "calendars": calendars}
    match vector["kind"]:
        case "clock":
            return of_clock(vector, calendars)
        case "thresholds":
            more = {"options": vector.get("options", {}), **given}
            if "query_at" in vector:
                more |= dict.fromkeys(("known_at", "query_at"), instant(vector["query_at"]))
            return plain(thresholds(vector["target_s"], vector["events"], vector["marks"], **more))
        case "messages":
            query = instant(vector["query_at"])
            chain = cycles(vector["metric"], vector["target_s"], vector["events"], query_at=query, **given)
            return {"cycles": [fields(each, MessageCycle.__struct_fields__) for each in chain]}
        case "stage":
            query, options = instant(vector["query_at"]), vector.get("options", {})
            times = stages(vector["targets_s"], vector["events"], options=options, query_at=query, **given)
            return fields(times, StageTimes.__struct_fields__)
    return of_calendar(vector, calendars)


def judge(vector: dict[str, Any], calendars: dict[str, Any]) -> None:
    """Fail unless what is found is all that is expected, and nothing else."""
    kind = vector["kind"]
    assert kind in INPUTS, f"{vector['id']}: the kind {kind!r} is not known"
    assert vector.keys() <= INPUTS[kind] | {"id", "kind", "note", "calendar", "expect"}, "an input is not known"
    for event in vector.get("events", ()):
        assert event.keys() <= EVENT_KEYS[kind], "an event says something that is not known"
    expected = [query["expect"] for query in vector["queries"]] if kind == "clock" else vector["expect"]
    assert found(vector, calendars) == expected


@pytest.mark.parametrize(("vector", "calendars"), VECTORS, ids=[f"{each['kind']}-{each['id']}" for each, _ in VECTORS])
def test_vector(vector: dict[str, Any], calendars: dict[str, Any]) -> None:
    """Each of them holds."""
    judge(vector, calendars)


@pytest.mark.parametrize(("name", "calendars"), NAMES, ids=[name for name, _ in NAMES])
def test_every_calendar_is_read(name: str, calendars: dict[str, Any]) -> None:
    """Each one can be made, and what never opens is told where a site is checked."""
    calendar = Calendar.from_spec(calendars[name], calendars)
    never = calendar.due(datetime(2025, 6, 5, tzinfo=UTC), 1) is None
    assert (calendar.check() is not None) is never


def test_the_rule_of_boundaries_is_the_one_that_is_built() -> None:
    """A file may come to say another rule, or another version of its form."""
    for content in CONTENTS:
        assert content["boundary_rule"] == "first instant at which the wall clock reads the boundary or later"
        assert content["schema_version"] == 1


def test_something_is_looked_at() -> None:
    """A file without vectors would prove nothing."""
    assert all(any(each["kind"] in INPUTS for each in content["vectors"]) for content in CONTENTS)
    with pytest.raises(CalendarError, match="no calendar 'nobody'"):
        Calendar.from_spec({"union": ["nobody"]}, {})


OFFICE = {"office": {"tz": "UTC", "weekly": {"thu": [["09:00", "17:00"]]}}}
START: dict[str, Any] = {"id": "1", "type": "start", "at": "2025-06-05T09:00Z"}
SMALL: dict[str, dict[str, Any]] = {
    "due": {"start": "2025-06-05T09:00Z", "target_s": 60, "expect": {"due": "2025-06-05T09:01:00Z"}},
    "clock": {
        "target_s": 60, "events": [START], "queries": [
            {"at": "2025-06-05T09:00Z", "expect": {"phase": "running", "history": []}}]},
    "thresholds": {"target_s": 60, "events": [START], "marks": ["due"], "expect": {"due": "2025-06-05T09:01:00Z"}},
    "messages": {
        "metric": "next_reply", "target_s": 60, "query_at": "2025-06-05T09:00Z", "events": [],
        "expect": {"cycles": []}},
    "stage": {
        "targets_s": {}, "query_at": "2025-06-05T09:00Z", "events": [],
        "expect": {"elapsed_s": {}, "breached_at": {}, "visits": {}}},
}  # fmt: skip


@pytest.mark.parametrize("kind", SMALL)
def test_what_is_not_known_is_never_skipped(kind: str) -> None:
    """Neither an input nor a key of what is expected, nor a kind."""
    vector = {"id": "X", "kind": kind, "calendar": "office", **SMALL[kind]}
    judge(vector, OFFICE)
    more = {"at": "2025-06-05T09:00Z", "expect": {"phase": "running", "mood": "calm"}}
    expected = {"queries": [more]} if kind == "clock" else {"expect": {**SMALL[kind]["expect"], "mood": "calm"}}
    for change in (expected, {"mood": "calm"}, {"kind": "moods"}):
        with pytest.raises((AssertionError, AttributeError)):
            judge(vector | change, OFFICE)
