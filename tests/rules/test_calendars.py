# ruff: noqa: E501 - a table of whole messages
"""The calendars of a site: compiled when it is loaded, with the place of what is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from gateway.domain.public_holidays import HolidayRule, kept
from rules import load_site
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
