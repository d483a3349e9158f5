"""The vectors of open time: exact instants that calendars (and, when they are built, clocks) must give.

`SLA_VECTORS` names another file of the same form. A kind, an input or an expectation that is not known here fails:
nothing of a file is skipped without saying so.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.calendar import Calendar, CalendarError

FILE = Path(os.environ.get("SLA_VECTORS") or Path(__file__).parents[1] / "data" / "sla-vectors.json")
CONTENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CALENDARS: dict[str, Any] = CONTENT["calendars"]
VECTORS: list[dict[str, Any]] = CONTENT["vectors"]

#: kind -> what a vector of it gives beside id, kind, note, calendar and expect
INPUTS = {
    "due": {"start", "target_s"},
    "elapsed": {"start", "end"},
    "business_days": {"start", "days", "mode"},
}
#: kinds that ask clocks, which are not built
OF_CLOCKS = frozenset({"clock", "thresholds", "messages", "stage"})


def instant(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text)


def written(at: datetime | None) -> str | None:
    """Write an instant as the vectors do."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def found(vector: dict[str, Any]) -> dict[str, Any]:
    """Return what the calendar says, in the form of `expect`."""
    calendar = Calendar.from_spec(CALENDARS[vector["calendar"]], CALENDARS)
    start = instant(vector["start"])
    if vector["kind"] == "due":
        return {"due": written(calendar.due(start, vector["target_s"]))}
    if vector["kind"] == "business_days":
        return {"due": written(calendar.business_days(start, vector["days"], vector["mode"]))}
    end = instant(vector["end"])
    always = Calendar.from_spec("24x7")
    return {"business_s": calendar.elapsed(start, end), "real_s": always.elapsed(start, end)}


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{each['kind']}-{each['id']}" for each in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    """What is found is all that is expected, and nothing else."""
    kind = vector["kind"]
    if kind in OF_CLOCKS:
        pytest.skip(f"{vector['id']} asks a clock ({kind}): clocks are not built yet")
    assert kind in INPUTS, f"{vector['id']}: the kind {kind!r} is not known"
    assert vector.keys() <= INPUTS[kind] | {"id", "kind", "note", "calendar", "expect"}, "an input is not known"
    assert found(vector) == vector["expect"]


@pytest.mark.parametrize("name", CALENDARS)
def test_every_calendar_is_read(name: str) -> None:
    """Each one can be made, and what never opens is told where a site is checked."""
    calendar = Calendar.from_spec(CALENDARS[name], CALENDARS)
    never = calendar.due(datetime(2025, 6, 5, tzinfo=UTC), 1) is None
    assert (calendar.check() is not None) is never


def test_the_rule_of_boundaries_is_the_one_that_is_built() -> None:
    """The file may come to say another rule, or another version of its form."""
    assert CONTENT["boundary_rule"] == "first instant at which the wall clock reads the boundary or later"
    assert CONTENT["schema_version"] == 1


def test_something_is_looked_at() -> None:
    """A file without vectors of calendars would prove nothing."""
    assert any(each["kind"] in INPUTS for each in VECTORS)
    with pytest.raises(CalendarError, match="no calendar 'nobody'"):
        Calendar.from_spec({"union": ["nobody"]}, CALENDARS)
