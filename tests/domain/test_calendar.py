"""Calendars by example: what the words of a spec mean, and what is said of those that mean nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.calendar import Calendar, CalendarError, DayMode
from gateway.domain.public_holidays import HolidayRule, dates, kept, snapshot
from tests.domain.calendar_oracle import instant

PRAGUE = ZoneInfo("Europe/Prague")
OFFICE = {"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-17:00"]}}
NIGHTS = {"timezone": "Europe/Prague", "week": {"mon-fri": ["22:00-06:00"]}}


def calendar(spec: Any = OFFICE, **more: Any) -> Calendar:
    """Make a calendar of a spec, with more keys."""
    return Calendar.from_spec({**spec, **more} if more else spec)


def local(text: str, zone: ZoneInfo = PRAGUE) -> datetime:
    """Return what a clock in a zone reads."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def hours(found: Calendar, first: str, last: str, zone: ZoneInfo = PRAGUE) -> list[str]:
    """Return the windows between two local times as people write them."""
    windows = found.windows(local(first, zone), local(last, zone))
    return [f"{a.astimezone(zone):%d %H:%M}-{b.astimezone(zone):%d %H:%M}" for a, b in windows]


def faults(spec: Any, **calendars: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return where a spec is wrong and how."""
    with pytest.raises(CalendarError) as caught:
        Calendar.from_spec(spec, calendars)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def test_both_spellings_say_the_same() -> None:
    """The words of the rule files and the mappings with pairs."""
    pairs = {"tz": "Europe/Prague", "weekly": {day: [["9:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
    span = "2025-06-02T00:00", "2025-06-09T00:00"
    assert hours(calendar(), *span) == hours(calendar(pairs), *span)
    assert hours(calendar(), *span)[0] == "02 09:00-02 17:00"


def test_a_range_of_days_may_go_over_the_weekend() -> None:
    """sat-mon is Saturday, Sunday and Monday."""
    found = calendar({"timezone": "UTC", "week": {"sat-mon": ["10:00-12:00"]}})
    assert hours(found, "2025-06-06T00:00", "2025-06-12T00:00", ZoneInfo("UTC")) == [
        "07 10:00-07 12:00", "08 10:00-08 12:00", "09 10:00-09 12:00"]  # fmt: skip


def test_it_is_open_at_its_opening_and_not_at_its_closing() -> None:
    """Intervals are half open; a fraction of a second is cut off."""
    found = calendar()
    assert found.is_open(local("2025-06-05T09:00"))
    assert not found.is_open(local("2025-06-05T08:59:59.999999"))
    assert found.is_open(local("2025-06-05T16:59:59.999999"))
    assert not found.is_open(local("2025-06-05T17:00"))
    assert found.elapsed(local("2025-06-05T16:59:59.9"), local("2025-06-05T17:00:00")) == 1


def test_a_target_used_up_at_closing_is_due_at_closing() -> None:
    """And one second more is due a second after the next opening."""
    found = calendar()
    start = local("2025-06-05T09:00")
    assert found.due(start, 8 * 3600) == local("2025-06-05T17:00")
    assert found.due(start, 8 * 3600 + 1) == local("2025-06-06T09:00:01")
    assert found.due(local("2025-06-05T20:00"), 0) == local("2025-06-05T20:00")


def test_results_are_in_utc_whatever_zone_was_asked_in() -> None:
    """An instant is an instant."""
    far = timezone(timedelta(hours=-7))
    due = calendar().due(local("2025-06-05T09:00").astimezone(far), 3600)
    assert due is not None
    assert due.tzinfo is UTC
    assert due == local("2025-06-05T10:00")


def test_nothing_has_elapsed_backwards() -> None:
    """The open time from an instant to an earlier one is none."""
    assert calendar().elapsed(local("2025-06-05T12:00"), local("2025-06-05T10:00")) == 0


def test_an_instant_without_a_zone_is_refused() -> None:
    """Nobody can know which instant is meant."""
    for ask in (calendar().is_open, calendar().next_opening, lambda at: calendar().due(at, 5)):
        with pytest.raises(ValueError, match="needs a time zone"):
            ask(datetime(2025, 6, 5, 10))  # noqa: DTZ001
    with pytest.raises(ValueError, match="negative"):
        calendar().due(local("2025-06-05T09:00"), -1)


def test_next_opening() -> None:
    """Now when it is open, else when it opens; over weekends and over a new year."""
    found = calendar(exceptions={"2026-01-01": "closed", "2026-01-02": []})
    assert found.next_opening(local("2025-06-05T10:00:07")) == local("2025-06-05T10:00:07")
    assert found.next_opening(local("2025-06-06T17:00")) == local("2025-06-09T09:00")
    assert found.next_opening(local("2025-12-31T17:00")) == local("2026-01-05T09:00")


def test_breaks_are_taken_out_on_the_date_that_the_clock_shows() -> None:
    """Also out of what a night shift has after midnight."""
    found = calendar(NIGHTS, breaks={"tue-sat": ["02:00-02:30"]})
    assert hours(found, "2025-06-06T12:00", "2025-06-07T12:00") == ["06 22:00-07 02:00", "07 02:30-07 06:00"]


def test_a_break_may_go_over_midnight() -> None:
    """It is taken out of the next day's hours as well."""
    found = calendar(
        {**OFFICE, "week": {"mon": ["20:00-24:00"], "tue": ["00:00-06:00"]}}, breaks={"mon": ["23:00-01:00"]}
    )
    assert hours(found, "2025-06-02T00:00", "2025-06-04T00:00") == ["02 20:00-02 23:00", "03 01:00-03 06:00"]


def test_exceptions_replace_the_hours_of_a_date_breaks_included() -> None:
    """What is written for a date is all there is on it; a moved day is one closed and one opened."""
    found = calendar(
        breaks={"mon-fri": ["12:00-13:00"]},
        exceptions={
            "2025-06-05": ["10:00-14:00"],
            "2025-06-06": "closed",
            "2025-06-07": ["09:00-12:00", "13:00-15:00"],
        },
    )
    assert hours(found, "2025-06-04T00:00", "2025-06-09T00:00") == [
        "04 09:00-04 12:00", "04 13:00-04 17:00", "05 10:00-05 14:00",
        "07 09:00-07 12:00", "07 13:00-07 15:00"]  # fmt: skip


def test_a_closed_date_cuts_the_hours_on_it_or_the_shifts_that_open_on_it() -> None:
    """Christmas Day of 2025 is a Thursday."""
    span = "2025-12-24T12:00", "2025-12-26T12:00"
    by_date = calendar(NIGHTS, exceptions={"2025-12-25": []})
    by_shift = calendar(NIGHTS, exceptions={"2025-12-25": []}, holiday_scope="shift_start")
    assert hours(by_date, *span) == ["24 22:00-25 00:00", "26 00:00-26 06:00"]
    assert hours(by_shift, *span) == ["24 22:00-25 06:00"]


def test_a_night_shift_of_its_own_replaces_that_night_whole() -> None:
    """The hours that an exception gives after midnight count instead of the usual ones."""
    early = calendar(NIGHTS, exceptions={"2025-06-04": ["20:00-02:00"]})
    assert hours(early, "2025-06-04T12:00", "2025-06-05T12:00") == ["04 20:00-05 02:00"]
    then_closed = calendar(NIGHTS, exceptions={"2025-06-04": ["20:00-02:00"], "2025-06-05": "closed"})
    assert hours(then_closed, "2025-06-04T12:00", "2025-06-06T12:00") == ["04 20:00-05 00:00", "06 00:00-06 06:00"]


def test_hours_that_touch_or_overlap_count_once() -> None:
    """Within a day, over midnight, and in a union."""
    found = calendar({"timezone": "UTC", "week": {"mon-sun": ["00:00-12:00", "10:00-24:00"]}})
    always = Calendar.from_spec("24x7")
    low, high = instant("2024-02-28"), instant("2026-03-02")
    assert list(found.windows(low, high)) == [(low, high)] == list(always.windows(low, high))
    both = Calendar.from_spec({"union": ["found", "always"]}, {"found": found, "always": "24x7"})
    assert both.elapsed(low, high) == found.elapsed(low, high) == int((high - low).total_seconds())


def test_a_shift_may_last_a_whole_day() -> None:
    """09:00-09:00 is 24 hours, not none."""
    found = calendar({"timezone": "UTC", "week": {"mon": ["09:00-09:00"]}})
    assert hours(found, "2025-06-01T00:00", "2025-06-08T00:00", ZoneInfo("UTC")) == ["02 09:00-03 09:00"]


def test_hours_in_a_gap_of_the_clock() -> None:
    """02:30 does not exist: it happens with the jump, or an hour later where `dst` says so."""
    spec = {"timezone": "Europe/Prague", "week": {"sun": ["02:30-06:00"]}}
    span = instant("2025-03-30"), instant("2025-03-31")
    assert calendar(spec).elapsed(*span) == 3 * 3600
    assert calendar(spec, dst="rfc5545").elapsed(*span) == 2.5 * 3600


def test_hours_that_overlap_in_a_gap_of_the_clock_count_each_by_itself() -> None:
    """A time that moves past the gap may come after one that is later by the clock."""
    hours = {"sun": ["00:15-05:00", "01:00-02:30"]}
    found = calendar({"timezone": "America/Havana", "week": hours, "dst": "rfc5545"})
    assert found.next_opening(instant("2025-03-09T00:00")) == instant("2025-03-09T05:00")
    assert found.elapsed(instant("2025-03-09T00:00"), instant("2025-03-10T00:00")) == 4 * 3600


def test_a_union_of_unions_keeps_each_zone_and_its_holidays() -> None:
    """One is closed for Christmas while another is not."""
    specs = {
        "a": {**OFFICE, "holidays": {"country": "CZ"}},
        "b": {"timezone": "Asia/Tokyo", "week": {"mon-fri": ["09:00-17:00"]}, "holidays": {"country": "JP"}},
        "c": {"union": ["a", "b"]},
        "d": {"union": ["c", "a"]},
    }
    found = Calendar.from_spec(specs["d"], specs)
    day = instant("2025-12-24T15:00"), instant("2025-12-25T15:00")
    assert found.elapsed(*day) == 8 * 3600
    assert found.holidays == {HolidayRule("CZ"), HolidayRule("JP")}


def test_holidays_of_a_part_of_a_country() -> None:
    """Epiphany is kept in Bavaria, not in Berlin."""
    spec = {"timezone": "Europe/Berlin", "week": {"mon-fri": ["08:00-16:00"]}}
    noon = local("2025-01-06T12:00", ZoneInfo("Europe/Berlin"))
    assert not calendar(spec, holidays={"country": "DE", "subdivision": "BY"}).is_open(noon)
    assert calendar(spec, holidays={"country": "DE", "subdivision": "BE"}).is_open(noon)


def test_observed_holidays() -> None:
    """4 July 2026 is a Saturday, kept on Friday; 1 January 2028 as well, kept in the year before."""
    spec = {"timezone": "America/New_York", "week": {"mon-fri": ["09:00-17:00"]}}
    kept_on_friday = calendar(spec, holidays={"country": "US"})
    not_kept = calendar(spec, holidays={"country": "US", "observed": False})
    for noon in (instant("2026-07-03T16:00"), instant("2027-12-31T16:00")):
        assert not kept_on_friday.is_open(noon)
        assert not_kept.is_open(noon)


def test_an_exception_outranks_a_holiday() -> None:
    """The date's own hours count."""
    found = calendar(holidays={"country": "CZ"}, exceptions={"2025-12-24": ["09:00-12:00"]})
    assert hours(found, "2025-12-24T00:00", "2025-12-27T00:00") == ["24 09:00-24 12:00"]


def test_holidays_may_be_given_as_days() -> None:
    """As a list, or with their names; the hours of a shift follow `scope`."""
    for days in (["2025-06-05"], {"2025-06-05": "a day"}, [date(2025, 6, 5)], frozenset({date(2025, 6, 5)})):
        assert not calendar(holidays=days).is_open(local("2025-06-05T12:00"))
    whole = calendar(NIGHTS, holidays={"country": "CZ", "scope": "shift_start"})
    assert hours(whole, "2025-12-23T12:00", "2025-12-25T12:00") == ["23 22:00-24 06:00"]


def test_categories_and_names() -> None:
    """What a country calls public is the default; names come in the language that is asked for."""
    public = dates(HolidayRule("DE", language="de"), 2026)
    assert public[date(2026, 5, 1)] == "Erster Mai"
    assert dates(HolidayRule("DE", language="en_US"), 2026)[date(2026, 5, 1)] == "Labor Day"
    catholic = dates(HolidayRule("DE", subdivision="BY", categories=("catholic",)), 2026)
    assert date(2026, 8, 15) in catholic
    assert date(2026, 8, 15) not in public


def test_names_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would look into the environment for a language."""
    plain = dates.__wrapped__(HolidayRule("CZ"), 2026)
    monkeypatch.setenv("LANGUAGE", "uk")
    assert dates.__wrapped__(HolidayRule("CZ"), 2026) == plain


def test_a_library_that_does_not_know_all_days_of_a_year_prints_nothing() -> None:
    """A calendar of India is asked about years for which nobody has written down the moon."""
    found = calendar(timezone="Asia/Kolkata", holidays={"country": "IN"})
    republic, later = (local(f"2043-{day}T12:00", ZoneInfo("Asia/Kolkata")) for day in ("01-26", "02-02"))
    assert (found.is_open(republic), found.is_open(later)) == (False, True)


def test_what_was_kept_with_a_release_counts_whatever_the_library_says_later() -> None:
    """Years beyond are asked for."""
    rule = HolidayRule("CZ")
    days = snapshot([rule], 2025, 2026)
    (years,) = days.values()
    assert years["2025"]["2025-12-25"]
    years["2025"] = {"2025-06-05": "a feast"}
    found = Calendar.from_spec({**OFFICE, "holidays": {"country": "CZ"}}, holidays=kept(days))
    assert not found.is_open(local("2025-06-05T12:00"))
    assert found.is_open(local("2025-12-25T12:00"))
    assert not found.is_open(local("2029-12-25T12:00"))


BUSINESS_DAYS = [
    (OFFICE, "2025-06-05T13:00", 2, "same_wall", "2025-06-09T13:00"),
    (OFFICE, "2025-06-05T13:00", 2, "end_of_day", "2025-06-09T17:00"),
    (OFFICE, "2025-06-05T13:00", 2, "nominal", "2025-06-09T13:00"),
    (OFFICE, "2025-06-05T17:00", 1, "same_wall", "2025-06-09T09:00"),
    (OFFICE, "2025-06-07T10:00", 1, "end_of_day", "2025-06-10T17:00"),
    (OFFICE, "2025-06-05T13:00", 0, "same_wall", "2025-06-05T13:00"),
    (OFFICE, "2025-06-05T13:00", 0, "end_of_day", "2025-06-05T17:00"),
    # Over the change of the clock it is the wall that counts.
    (OFFICE, "2025-03-28T13:00", 1, "same_wall", "2025-03-31T13:00"),
    # A short day is a day: at its closing when it is over by then.
    ({**OFFICE, "exceptions": {"2025-06-06": ["09:00-12:00"]}}, "2025-06-05T13:00", 1, "same_wall", "2025-06-06T12:00"),
    ({**OFFICE, "exceptions": {"2025-06-06": ["09:00-12:00"]}}, "2025-06-05T13:00", 1, "nominal", "2025-06-09T10:00"),
    ({**OFFICE, "exceptions": {"2025-06-06": ["09:00-12:00"]}}, "2025-06-05T12:00", 1, "same_wall", "2025-06-06T12:00"),
    ({**OFFICE, "exceptions": {"2025-06-06": ["14:00-17:00"]}}, "2025-06-05T10:00", 1, "same_wall", "2025-06-06T14:00"),
    # A night belongs to the date on which it began.
    (NIGHTS, "2025-06-05T23:00", 1, "same_wall", "2025-06-06T23:00"),
    (NIGHTS, "2025-06-07T02:00", 1, "same_wall", "2025-06-10T02:00"),
    (NIGHTS, "2025-06-06T23:00", 1, "end_of_day", "2025-06-10T06:00"),
    (OFFICE, "2025-12-30T10:00", 5, "same_wall", "2026-01-06T10:00"),
    (OFFICE, "2199-12-30T10:00", 262, "same_wall", "2200-12-31T10:00"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "start", "count", "mode", "due"), BUSINESS_DAYS)
def test_business_days(spec: Any, start: str, count: int, mode: str, due: str) -> None:
    """Each way in which some business days may be meant."""
    assert calendar(spec).business_days(local(start), count, mode) == local(due)


def test_the_usual_day_is_the_most_common_one() -> None:
    """Less its breaks; the short Friday does not count."""
    found = calendar({"timezone": "UTC", "week": {"mon-thu": ["08:00-17:00"], "fri": ["08:00-12:00"]},
                      "breaks": {"mon-fri": ["11:30-12:30"]}})  # fmt: skip
    assert found.business_days(instant("2025-06-02T08:00"), 1, DayMode.NOMINAL) == instant("2025-06-02T17:00")
    assert found.business_days(instant("2025-06-06T08:00"), 1, DayMode.NOMINAL) == instant("2025-06-09T13:30")


def test_what_has_no_days_has_no_business_days() -> None:
    """A union's members are open on different days; what never closes has none."""
    for found in (Calendar.from_spec("24x7"), Calendar.from_spec({"union": ["a"]}, {"a": OFFICE})):
        with pytest.raises(CalendarError, match="no business days"):
            found.business_days(local("2025-06-05T13:00"), 2)
    with pytest.raises(ValueError, match="negative"):
        calendar().business_days(local("2025-06-05T13:00"), -1)
    with pytest.raises(ValueError, match="soon"):
        calendar().business_days(local("2025-06-05T13:00"), 1, "soon")


def test_what_never_opens_again_has_no_due() -> None:
    """Never a hang, never a silent 24x7: the answer is that there is none, and the check says why."""
    never = calendar({"timezone": "UTC", "week": {}})
    once = calendar({"timezone": "UTC", "week": {}, "exceptions": {"2025-06-05": ["09:00-12:00"]}})
    began = time.process_time()
    at = instant("2025-06-05T10:00")
    assert (never.due(at, 1), never.next_opening(at), never.is_open(at), never.elapsed(at, instant("9999-01-01"))) == (
        None, None, False, 0)  # fmt: skip
    assert never.business_days(at, 1) is None
    assert once.due(at, 7200) == instant("2025-06-05T12:00")
    assert once.due(at, 7201) is None
    assert once.next_opening(instant("2025-06-05T12:00")) is None
    assert once.business_days(at, 1) is None
    assert time.process_time() - began < 5


def test_what_opens_on_some_dates_only_is_not_searched_to_the_end_of_time() -> None:
    """A calendar without a week of hours works out the years of its exceptions, and hardly any after."""
    asked: set[int] = set()

    def none(_: HolidayRule, year: int) -> dict[date, str]:
        asked.add(year)
        return {}

    spec = {
        "timezone": "Europe/Prague",
        "week": {},
        "holidays": {"country": "CZ"},
        "exceptions": {"2026-12-31": ["22:00-02:00"]},
    }
    found = Calendar.from_spec(spec, holidays=none)
    start = local("2026-01-01T00:00")
    assert found.due(start, 4 * 3600) == local("2027-01-01T02:00")
    assert found.due(start, 4 * 3600 + 1) is None
    assert found.next_opening(local("2027-06-01T00:00")) is None
    assert len(asked) < 10


def test_what_stays_closed_for_more_than_400_days_has_no_due() -> None:
    """Before the first opening, between two, and among a week's hours that exceptions close."""
    rare = calendar({"timezone": "UTC", "exceptions": {"2025-06-05": ["09:00-17:00"], "2026-07-20": ["09:00-17:00"]}})
    closing, opening = instant("2025-06-05T17:00"), instant("2026-07-20T09:00")
    assert rare.due(closing - timedelta(hours=1), 3600) == closing
    assert rare.due(closing - timedelta(hours=1), 3601) is None
    assert rare.next_opening(closing) is None
    assert rare.business_days(closing - timedelta(hours=1), 1) is None
    assert rare.next_opening(opening - timedelta(days=400)) == opening
    assert rare.next_opening(opening - timedelta(days=400, seconds=1)) is None
    assert rare.due(opening - timedelta(days=400), 1) == opening + timedelta(seconds=1)
    assert rare.due(instant("2020-06-05T00:00"), 1) is None
    closed = {str(date(2025, 1, 1) + timedelta(days=days)): "closed" for days in range(430)}
    found = calendar(exceptions=closed)
    assert found.due(local("2024-12-31T16:00"), 3600) == local("2024-12-31T17:00")
    assert found.due(local("2024-12-31T16:00"), 3601) is None
    assert found.due(local("2024-01-02T09:00"), 8 * 3600 * 600) is None
    assert found.due(local("2025-12-31T16:00"), 3601) == local("2026-03-09T10:00") + timedelta(seconds=1)


def test_the_check_finds_what_is_closed_for_good_or_far_too_long() -> None:
    """400 days without an opening are a mistake."""
    closed = {str(date(2025, 1, 1) + timedelta(days=days)): "closed" for days in range(430)}
    useless = {
        "this calendar never opens": {"timezone": "UTC"},
        "this calendar never opens ": {**OFFICE, "breaks": {"mon-sun": ["00:00-24:00"]}},
        "this calendar opens for the last time on 2025-06-05": {
            "timezone": "UTC", "exceptions": {"2025-06-05": ["09:00-12:00"], "2025-07-01": []}},
        "this calendar is closed from 2024-12-31 to 2026-03-09": {**OFFICE, "exceptions": closed},
    }  # fmt: skip
    for message, spec in useless.items():
        found = calendar(spec).check()
        assert found is not None
        assert found.message == message.strip()
    for spec in (OFFICE, NIGHTS, "24x7", {**OFFICE, "exceptions": dict(list(closed.items())[:300])}):
        assert Calendar.from_spec(spec).check() is None


def test_far_away_and_long_ago() -> None:
    """No year overflows or hangs, and the repetition of far years is true."""
    found = calendar(holidays={"country": "CZ"})
    began = time.process_time()
    for year in (1, 1582, 1849, 1850, 1970, 2101, 2102, 2500, 5000, 9999):
        day = next(each for each in range(2, 9) if date(year, 6, each).weekday() == 2)
        start = instant(f"{year:04}-06-{day:02}T00:00")
        assert found.elapsed(start, start + timedelta(days=1)) == 8 * 3600, year
        assert found.due(start, 5 * 8 * 3600) == found.business_days(start + timedelta(days=5), 1, "end_of_day"), year
    assert found.due(instant("9999-12-31T23:59:59"), 10**12) is None
    assert found.next_opening(instant("9999-12-31T23:59:59")) is None
    assert Calendar.from_spec("24x7").due(instant("9999-12-31T23:59:59"), 1) is None
    assert time.process_time() - began < 30


def test_a_stretch_of_all_time_is_counted_at_once() -> None:
    """Nine thousand years of 24 hours a day."""
    found = calendar({"timezone": "UTC", "week": {"mon-sun": ["00:00-24:00"]}})
    low, high = instant("0001-01-01"), instant("9999-12-31T23:59:59")
    assert found.elapsed(low, high) == int((high - low).total_seconds())


def test_threads_may_ask_at_once() -> None:
    """The run of years that one extends is never seen half done by another."""
    for _ in range(3):
        found = calendar()
        asked = [instant(f"{year}-06-01") for year in (2025, 2012, 2031, 2018, 2040, 2022, 2008, 2035)]

        def ask(at: datetime, found: Calendar = found) -> int:
            return found.elapsed(at, at + timedelta(days=365 * 3))

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, asked * 4))
        assert answers == [calendar().elapsed(at, at + timedelta(days=365 * 3)) for at in asked * 4]


@pytest.mark.parametrize("zone", ["Europe/Prague", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_a_night_over_the_new_year_is_whole(zone: str) -> None:
    """Years of UTC are compiled apart, and shifts reach from one into the next."""
    found = calendar({"timezone": zone, "week": {"mon-sun": ["22:00-06:00"]}})
    span = "2025-12-31T12:00", "2026-01-01T12:00"
    assert hours(found, *span, ZoneInfo(zone)) == ["31 22:00-01 06:00"]
    assert found.elapsed(*(local(each, ZoneInfo(zone)) for each in span)) == 8 * 3600


def test_a_date_that_begins_in_a_gap_begins_with_the_jump() -> None:
    """In Toronto 23:30 of 30 March 1919 was followed by 00:30 of the 31st."""
    spec = {"timezone": "America/Toronto", "week": {"mon-sun": ["00:00-24:00"]}, "exceptions": {"1919-03-31": "closed"}}
    windows = calendar(spec).windows(instant("1919-03-31"), instant("1919-04-02"))
    assert [at for window in windows for at in window][1:3] == [
        instant("1919-03-31T04:30"), instant("1919-04-01T04:00")]  # fmt: skip


def test_what_moves_over_a_day_that_was_left_out_is_cut_where_it_lands() -> None:
    """Kwajalein had no 21 August 1993; its Friday night ends a day later with rfc5545, on a date that is closed."""
    spec = {"timezone": "Pacific/Kwajalein", "week": {"fri": ["20:00-04:00"]}, "dst": "rfc5545"}
    span = instant("1993-08-20"), instant("1993-08-25")
    zone = ZoneInfo("Pacific/Kwajalein")
    moved = [("20 20:00", "22 04:00"), ("20 20:00", "22 00:00"), ("20 20:00", "22 01:00"), ("22 02:00", "22 04:00")]
    closed = calendar(spec, exceptions={"1993-08-22": []})
    paused = calendar(spec, breaks={"sun": ["01:00-02:00"]})
    found = [window for each in (calendar(spec), closed, paused) for window in each.windows(*span)]
    assert [tuple(f"{at.astimezone(zone):%d %H:%M}" for at in window) for window in found] == moved


def test_every_zone_has_hours_every_day() -> None:
    """A day of ten hours is open on each of the days that a zone had, and closes at the hour."""
    for name in ("Europe/Prague", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Chatham", "UTC"):
        found = calendar({"timezone": name, "week": {"mon-sun": ["08:00-18:00"]}})
        windows = list(found.windows(instant("2025-01-02T18:00"), instant("2026-01-02T18:00")))
        assert 364 <= len(windows) <= 366
        assert {closes.astimezone(ZoneInfo(name)).hour for _, closes in windows[1:-1]} == {18}


WRONG: list[tuple[Any, tuple[str | int, ...], str]] = [
    ("8x5", (), "bad-calendar"),
    (None, (), "bad-calendar"),
    ([], (), "bad-calendar"),
    ({"week": {"mon": ["09:00-17:00"]}}, (), "no-timezone"),
    ({"always": False}, ("always",), "bad-calendar"),
    ({**OFFICE, "wekk": {}}, ("wekk",), "bad-calendar"),
    ({**OFFICE, "tz": "UTC"}, ("timezone",), "bad-calendar"),
    ({**OFFICE, "timezone": "Europe/Praque"}, ("timezone",), "unknown-timezone"),
    ({**OFFICE, "timezone": "../../etc/passwd"}, ("timezone",), "unknown-timezone"),
    ({**OFFICE, "timezone": "Europe"}, ("timezone",), "unknown-timezone"),
    ({**OFFICE, "timezone": ""}, ("timezone",), "unknown-timezone"),
    ({**OFFICE, "timezone": 7}, ("timezone",), "unknown-timezone"),
    ({**OFFICE, "week": []}, ("week",), "bad-hours"),
    ({**OFFICE, "week": {"mon": "09:00-17:00"}}, ("week", "mon"), "bad-hours"),
    ({**OFFICE, "week": {"mon": ["09:00"]}}, ("week", "mon", 0), "bad-hours"),
    ({**OFFICE, "week": {"mon": ["09:00-25:00"]}}, ("week", "mon", 0), "bad-hours"),
    ({**OFFICE, "week": {"mon": ["24:00-06:00"]}}, ("week", "mon", 0), "bad-hours"),
    ({**OFFICE, "week": {"mon": ["08:00-09:00", ["9:00", 17]]}}, ("week", "mon", 1), "bad-hours"),
    ({**OFFICE, "week": {"mon-fri": [], "fri": []}}, ("week", "fri"), "day-twice"),
    ({**OFFICE, "week": {"monday": []}}, ("week", "monday"), "bad-hours"),
    ({**OFFICE, "breaks": {"mon": [12]}}, ("breaks", "mon", 0), "bad-hours"),
    ({**OFFICE, "exceptions": {"2025-02-29": []}}, ("exceptions", "2025-02-29"), "bad-date"),
    ({**OFFICE, "exceptions": {"2025-02-28": "shut"}}, ("exceptions", "2025-02-28"), "bad-hours"),
    ({**OFFICE, "exceptions": ["2025-02-28"]}, ("exceptions",), "bad-hours"),
    ({**OFFICE, "holidays": {"subdivision": "NSW"}}, ("holidays",), "no-country"),
    ({**OFFICE, "holidays": {}}, ("holidays",), "no-country"),
    ({**OFFICE, "holidays": "CZ"}, ("holidays",), "bad-calendar"),
    ({**OFFICE, "holidays": ["2025-02-30"]}, ("holidays",), "bad-date"),
    ({**OFFICE, "holidays": [["2025-02-28"]]}, ("holidays",), "bad-date"),
    ({**OFFICE, "holidays": {"country": "XX"}}, ("holidays", "country"), "unknown-country"),
    ({**OFFICE, "holidays": {"country": "AU", "subdivision": "X"}}, ("holidays", "subdivision"), "unknown-subdivision"),
    ({**OFFICE, "holidays": {"country": "CZ", "categories": ["x"]}}, ("holidays", "categories"), "unknown-categories"),
    ({**OFFICE, "holidays": {"country": "CZ", "language": "tlh"}}, ("holidays", "language"), "unknown-language"),
    ({**OFFICE, "holidays": {"country": "CZ", "observed": "yes"}}, ("holidays",), "bad-calendar"),
    ({**OFFICE, "holidays": {"country": "CZ", "scope": "day"}}, ("holidays", "scope"), "bad-calendar"),
    ({**OFFICE, "holiday_scope": "day"}, ("holiday_scope",), "bad-calendar"),
    ({**OFFICE, "dst": "utc"}, ("dst",), "bad-calendar"),
    ({"union": "a"}, ("union",), "bad-calendar"),
    ({"union": []}, ("union",), "bad-calendar"),
    ({"union": ["a"], "timezone": "UTC"}, ("timezone",), "bad-calendar"),
    ({"union": ["a", "nobody"]}, ("union", 1), "unknown-calendar"),
    ({"union": ["loop"]}, ("union", 0), "union-of-itself"),
    ({"union": ["deep0"]}, ("union", 0), "union-too-deep"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "path", "code"), WRONG)
def test_what_is_wrong_is_said_with_its_place(spec: Any, path: tuple[str | int, ...], code: str) -> None:
    """Exactly one fault each."""
    deep = {f"deep{level}": {"union": [f"deep{level + 1}"]} for level in range(2000)}
    assert faults(spec, a=OFFICE, loop={"union": ["loop"]}, **deep) == [(path, code)]


def test_a_fault_in_a_member_names_the_member() -> None:
    """The path leads to where the union names it."""
    with pytest.raises(CalendarError, match=r"^union\.1: calendar 'b': timezone: there is no time zone 'Mars'"):
        Calendar.from_spec({"union": ["a", "b"]}, {"a": OFFICE, "b": {**OFFICE, "timezone": "Mars"}})


def test_all_that_is_wrong_is_said_at_once() -> None:
    """One after another would take an admin all day."""
    spec = {"timezone": "Europe/Praque", "week": {"mon": ["9-17"]}, "exceptions": {"tomorrow": []}}
    assert [code for _, code in faults(spec)] == ["unknown-timezone", "bad-hours", "bad-date"]
    with pytest.raises(CalendarError, match=r"^timezone: there is no time zone 'Europe/Praque'; week\.mon\.0: '9-17'"):
        Calendar.from_spec(spec)
