# ruff: noqa: E501 - a table of whole messages
"""The calendars of a site: compiled when it is loaded, with the place of what is wrong."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.domain.calendar import Calendar
from gateway.domain.calendar_spec import Scope
from gateway.domain.open_days import DayMode
from gateway.domain.public_holidays import HolidayRule, kept
from gateway.domain.wall import Dst
from rules import load_site
from rules.duration import seconds, words
from rules.schema.clocks import CALENDAR
from tests.rules.making import GATEWAY, SPECS, problems_of, rule_set

CALENDARS = """\
calendars:
  global: {union: [emea, other]}
  other: {union: [amer, always]}
  emea:
    timezone: Europe/Prague
    week: {mon-fri: [09:00-12:30, 13:00-17:30]}
    holidays: {country: CZ, scope: shift_start}
    exceptions:
      2026-12-24: closed
      2026-12-31: [09:00-12:00]
  amer:
    timezone: America/New_York
    week: {mon-fri: [08:00-18:00]}
    breaks: {mon-fri: [12:00-12:30]}
    holiday_scope: calendar_day
  always: 24x7
"""


def test_the_calendars_of_a_site_are_compiled() -> None:
    """Each by its name, unions with their members whatever stands first."""
    found = rule_set(CALENDARS).calendars
    assert list(found) == ["emea", "amer", "always", "other", "global"]
    start = datetime(2026, 12, 31, 8, 0, tzinfo=UTC)
    assert found["emea"].elapsed(start, datetime(2027, 1, 2, tzinfo=UTC)) == 3 * 3600
    assert not found["amer"].is_open(datetime(2026, 6, 3, 16, 15, tzinfo=UTC))
    assert found["global"].members == (found["emea"], found["other"])
    assert found["global"].is_open(datetime(2026, 12, 25, 3, 0, tzinfo=UTC))


def test_holidays_come_from_what_was_kept_with_a_release() -> None:
    """The library is asked for the years beyond alone."""
    days = {HolidayRule("CZ"): {"2026": {"2026-06-03": "a feast"}}}
    source = kept({msgspec.json.encode(rule).decode(): years for rule, years in days.items()})
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": CALENDARS}, SPECS, source)
    assert problems == ()
    assert site is not None
    assert not site.rules.calendars["emea"].is_open(datetime(2026, 6, 3, 10, 0, tzinfo=UTC))
    assert date(2026, 6, 3) in source(HolidayRule("CZ"), 2026)


HEAD = "calendars:\n  a: {timezone: UTC, week: {mon-fri: [09:00-17:00]}}\n"
#: a calendar, what is pointed at in it, and what is said
WRONG = [
    ("  c: {timezone: Europe/Praque, week: {mon: [09:00-17:00]}}", "Europe/Praque", "[unknown-timezone]: there is no time zone 'Europe/Praque'; did you mean 'Europe/Prague'?"),
    ("  c: {week: {mon: [09:00-17:00]}}", "c: {week", "[no-timezone]: this calendar has no timezone; write one such as Europe/Prague, or UTC"),
    ("  c: {timezone: UTC, week: {mon-fri: [09:00-17:00], fri: [09:00-15:00]}}", "fri: [09:00-15", "[day-twice]: fri is in 'mon-fri' already; give each day its hours once"),
    ("  c: {timezone: UTC, week: {mon: [09:00-24:30]}}", "09:00-24:30", "[wrong-form]: '09:00-24:30' is not opening hours such as 09:00-17:30"),
    ("  c: {timezone: UTC, week: {mon: [24:00-06:00]}}", "24:00-06", "[wrong-form]: '24:00-06:00' is not opening hours such as 09:00-17:30"),
    ("  c: {timezone: UTC, week: {mon: [00:00-24:00]}, exceptions: {2026-02-30: closed}}", "2026-02-30", "[bad-date]: there is no date '2026-02-30'; write one such as 2026-12-24"),
    ("  c: {timezone: UTC, week: {mon: [00:00-24:00]}, exceptions: {0226-02-03: closed}}", "0226-02-03", "[bad-date]: nobody works in the year 0226; write a date between 1970 and 2199"),
    ("  c: {timezone: UTC, week: {}}", "c: {", "[never-open]: c: this calendar never opens; give it hours, or write 24x7"),
    ("  c: {timezone: UTC, exceptions: {2026-02-03: [09:00-10:00]}}", "c: {", "[never-open]: c: this calendar opens for the last time on 2026-02-03; give its week hours"),
    ("  c: {timezone: UTC, week: {mon: [09:00-10:00]}, holidays: {country: CY, subdivision: NSW}}", "NSW", "[unknown-subdivision]: CY has no subdivision 'NSW' with holidays of its own"),
    ("  c: {timezone: UTC, week: {mon: [09:00-10:00]}, holidays: {country: CZE1}}", "CZE1", "[unknown-country]: there are no holidays for the country 'CZE1'; did you mean 'CZ'?"),
    ("  c: {timezone: UTC, week: {mon: [09:00-10:00]}, holidays: {subdivision: NSW}}", "{subdivision", "[missing-key]: a mapping needs 'country'; add country: here"),
    ("  c: {union: [a, emae]}\n  emea: 24x7", "emae", "[unknown-calendar]: there is no calendar 'emae'; did you mean 'emea'?"),
    ("  c: {union: [a, d]}\n  d: {union: [a, c]}", "c]}", "[union-of-itself]: the union contains itself: c -> d -> c; take it out of one of them"),
    ("  c: {union: [a, c]}", "c]}", "[union-of-itself]: the union contains itself: c -> c; take it out of one of them"),
    ("  c: {union: [a, a], timezone: UTC}", "timezone: UTC}", "[bad-calendar]: a union has no 'timezone' of its own; each member keeps its own hours, zone and holidays"),
]  # fmt: skip


@pytest.mark.parametrize(("calendar", "pointed", "message"), WRONG)
def test_what_is_wrong_in_a_calendar_is_said_with_its_place(calendar: str, pointed: str, message: str) -> None:
    """Exactly one problem each, also where a union names the calendar that is wrong."""
    text = HEAD + calendar
    before = text[: text.rindex(pointed)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    head = f"rules/a.yaml:{line}:{column}: error{message}"
    assert [each.head for each in problems_of(text)] == [head]
    if "union:" not in calendar:
        assert [each.head for each in problems_of(text + "\n  u: {union: [a, c]}\n")] == [head]


def test_unions_within_unions_are_neither_slow_nor_endless() -> None:
    """Each level names the one below twice, which would be a million calendars; and a chain has an end."""
    doubled = "".join(f"  u{level}: {{union: [u{level - 1}, u{level - 1}]}}\n" for level in range(1, 20))
    began = time.process_time()
    found = rule_set(HEAD + doubled.replace("u0", "a")).calendars["u19"]
    assert found.elapsed(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC)) == 5 * 8 * 3600
    chain = "".join(f"  u{level}: {{union: [u{level + 1}, a]}}\n" for level in range(3000))
    problems = problems_of(HEAD + chain + "  u3000: 24x7\n")
    assert {each.code for each in problems} == {"union-too-deep"}
    assert time.process_time() - began < 5


def test_thousands_of_exceptions_are_checked_at_once() -> None:
    """Every day of 22 years."""
    days = "".join(f"      {date(1990, 1, 1) + timedelta(days=day)}: closed\n" for day in range(8_000))
    began = time.process_time()
    (problem,) = problems_of(HEAD + "  c:\n    timezone: UTC\n    week: {mon: [09:00-10:00]}\n    exceptions:\n" + days)
    assert "closed from 1989-12-25 to 2011-11-28" in problem.message
    assert time.process_time() - began < 10


PAGE = (Path(__file__).parents[2] / "docs" / "rules" / "calendars.md").read_text("utf-8")


def test_the_examples_of_the_page_load_without_a_problem() -> None:
    """Each block of YAML is a rule file."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for text in blocks:
        assert problems_of(text) == ()


def test_the_page_names_every_key_and_every_choice() -> None:
    """So that the page cannot fall behind the schema."""
    properties = next(shape["then"] for shape in CALENDAR["allOf"] if "properties" in shape["then"])["properties"]
    keys = {*properties, *properties["holidays"]["properties"], *DayMode, *Scope, *Dst}
    assert [key for key in sorted(keys) if f"`{key}" not in PAGE] == []


ROWS = re.findall(r"^\| ([A-Z]\w+/\w+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \| .* \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("zone", "hours", "start", "end", "length"), ROWS)
def test_what_the_page_says_of_changes_of_the_clock_is_true(
    zone: str, hours: str, start: str, end: str, length: str
) -> None:
    """Each row of its table."""
    calendar = Calendar.from_spec({"timezone": zone, "week": {"mon-sun": [hours]}})
    low, high = (datetime.fromisoformat(f"{at}Z") for at in (start, end))
    assert words(calendar.elapsed(low, high)) == words(seconds(length))


def test_the_page_has_rows() -> None:
    """The pattern above finds the table."""
    assert len(ROWS) >= 7


def test_what_the_page_says_of_business_days_is_true() -> None:
    """Thursday 13:00 and two business days."""
    said = dict(re.findall(r"^\| `(\w+)`.* \| .*?Monday (\d\d:\d\d)", PAGE, re.MULTILINE))
    calendar = Calendar.from_spec({"timezone": "UTC", "week": {"mon-fri": ["09:00-17:00"]}})
    start = datetime(2026, 6, 4, 13, tzinfo=UTC)
    found = {mode: calendar.business_days(start, 2, mode) for mode in DayMode}
    assert {mode: f"{at:%A %H:%M}" for mode, at in found.items() if at} == {
        mode: f"Monday {at}" for mode, at in said.items()
    }
