"""Hours that follow the sun leaves dark: no team of a region is open, and nobody is on call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.domain.calendar import Calendar
from rules.lint.reading import Reading
from rules.problem import Problem

#: the year that is looked at: lint knows no today, and any year shows what a week is like
YEAR = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
WEEKS = 52
#: so many gaps are named
SHOWN = 6
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Gap = tuple[datetime, datetime]


def dark_hours(reading: Reading) -> Iterator[Problem]:
    """Say in which hours of a week without holidays nobody is there."""
    regions = reading.sections.items("follow_the_sun")
    calendars = _covering(reading, {each.value for each in regions})
    if not regions or calendars is None:
        return
    weeks = [_gaps(calendars, YEAR + WEEK * number) for number in range(WEEKS)]
    gaps = min(weeks, key=lambda week: sum(((end - start) for start, end in week), timedelta()))
    if not gaps:
        return
    zone = next((calendar.timezone for calendar in calendars if not calendar.is_union), "UTC") or "UTC"
    said = _in_words(gaps, ZoneInfo(zone))
    more = f" and {len(said) - SHOWN} more times" if len(said) > SHOWN else ""
    message = (
        f"nobody covers {', '.join(said[:SHOWN])}{more} ({zone}), for example in the week of {gaps[0][0]:%Y-%m-%d}: "
        f"no region is open, and nobody is on call"
    )
    hint = "add a region that is open then, or on_call: {rota: [{person: NAME, calendar: NAME}]}"
    yield regions[0].warning("hours-without-cover", message, hint)


def _covering(reading: Reading, regions: set[str]) -> list[Calendar] | None:
    """Return the calendars by which somebody is there; None when there is one of which the hours are not known."""
    teams = reading.sections.entries("teams")
    names = []
    for agent in reading.sections.items("agents"):
        team = teams.get(agent.value["team"])
        if team is not None and team.get("region") in regions:
            # what a file of shifts says is known only by its dates
            names.append(agent.get("calendar") or ("" if "rota" in team else team.get("calendar")))
    for shift in reading.sections.items("shifts"):
        team = teams.get(shift.value["team"])
        if team is not None and team.get("region") in regions:
            names.append(shift.get("calendar"))
    rota = reading.sections.entries("on_call").get("rota")
    # a shift from one date to another covers a part of the year only: it is taken as there
    names += [shift.get("calendar") for shift in (rota.each() if rota is not None else ())]
    found = [reading.calendars.get(name) if name else None for name in dict.fromkeys(names)]
    return None if None in found else [calendar for calendar in found if calendar is not None]


def _gaps(calendars: Sequence[Calendar], start: datetime) -> list[Gap]:
    """Return the times of one week in which no calendar is open."""
    end = start + WEEK
    windows = sorted(window for calendar in calendars for window in calendar.windows(start, end))
    gaps = []
    at = start
    for opening, closing in windows:
        if opening > at:
            gaps.append((at, opening))
        at = max(at, closing)
    return [*gaps, (at, end)] if at < end else gaps


def _in_words(gaps: Sequence[Gap], zone: ZoneInfo) -> list[str]:
    """Return the gaps as local times, those that come every day of a run of days in one."""
    # a gap over the edge of the week is one
    if len(gaps) > 1 and gaps[0][0] + WEEK == gaps[-1][1]:
        gaps = [*gaps[1:-1], (gaps[-1][0], gaps[0][1] + WEEK)]
    days: dict[tuple[str, str, int], list[int]] = {}
    for start, end in gaps:
        local, until = start.astimezone(zone), end.astimezone(zone)
        nights = (until.date() - local.date()).days
        days.setdefault((f"{local:%H:%M}", f"{until:%H:%M}", nights), []).append(local.weekday())
    return [_said(*key, sorted(found)) for key, found in days.items()]


def _said(start: str, end: str, nights: int, days: Sequence[int]) -> str:
    if nights > 1 or (nights == 1 and end != "00:00" and start <= end):
        return ", ".join(f"{_DAYS[day]} {start} to {_DAYS[(day + nights) % 7]} {end}" for day in days)
    runs = _DAYS[days[0]] if len(days) == 1 else ", ".join(_DAYS[day] for day in days)
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        runs = f"{_DAYS[days[0]]}-{_DAYS[days[-1]]}"
    return f"{runs} {start}-{'24:00' if end == '00:00' else end}"
