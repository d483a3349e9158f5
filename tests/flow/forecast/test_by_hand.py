"""Forecasts that can be worked out on paper: the night on which an hour comes twice, and a holiday in one region."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.flow.forecast.arrivals import Arrival, Load, arrivals
from gateway.flow.forecast.behaviour import Behaviour
from gateway.flow.forecast.given import read_arrivals
from gateway.flow.forecast.making import Asked, forecast
from gateway.flow.forecast.mix import mix_of
from gateway.flow.forecast.result import Busy, Forecast, PromiseLine
from gateway.flow.forecast.tally import How
from rules import Site
from rules.cases.words import Words
from tests.rules.making import site

#: one person, who works at night
NIGHT = """\
calendars:
  night: {timezone: Europe/Prague, week: {mon-sun: ["22:00-06:00"]}}
  always: 24x7
people: {lucia: {email: lucia@acme.example}}
teams: {nights: {calendar: night, region: emea}}
agents: [{person: lucia, team: nights, capacity: 1}]
sla:
  - {name: all, calendar: always, targets: {resolution: 8h}}
routes: [{name: all, start_in: ticket.region}]
"""
#: three regions; the 28th of October is a holiday in Prague
SUN = """\
calendars:
  emea: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:00]}, holidays: {country: CZ}}
  amer: {timezone: America/New_York, week: {mon-fri: [09:00-17:00]}, holidays: {country: US}}
  apac: {timezone: Australia/Sydney, week: {mon-fri: [09:00-17:00]}, holidays: {country: AU, subdivision: NSW}}
  global: {union: [emea, amer, apac]}
people:
  lucia: {email: lucia@acme.example, languages: [en]}
  dana: {email: dana@acme.example, languages: [en]}
  yuki: {email: yuki@acme.example, languages: [en]}
teams:
  emea-support: {calendar: emea, region: emea}
  amer-support: {calendar: amer, region: amer}
  apac-support: {calendar: apac, region: apac}
agents:
  - {person: lucia, team: emea-support, capacity: 4}
  - {person: dana, team: amer-support, capacity: {units: 4, chat: 2}}
  - {person: yuki, team: apac-support, capacity: 4}
follow_the_sun: [emea, amer, apac]
sla:
  - {name: all, calendar: global, targets: {resolution: 16h}}
routes: [{name: all, start_in: ticket.region, needs: {language: ticket.language}}]
routing: {sticky_owner: 14d}
"""
PLAIN = Behaviour(asks=0, reopens=0, accepts=0)


def given(found: Site, text: str) -> list[Arrival]:
    """Read tickets as an admin writes them."""
    return read_arrivals("history.csv", text.splitlines(keepends=True), Words.of(found), ["zen"])


def ahead(found: Site, begin: datetime, end: datetime, tickets: str) -> Forecast:
    """Look ahead with some tickets, and people who ask nothing."""
    return forecast(found.rules, Asked(begin=begin, end=end, behaviour=PLAIN), given(found, tickets))


def busy(found: Forecast, name: str) -> Busy:
    """Return how busy somebody was."""
    return next(each for each in found.people if each.name == name)


def test_the_night_on_which_an_hour_comes_twice_has_nine() -> None:
    """From Saturday ten to Sunday six are nine hours: what takes eight and a half is done in the same shift.

    The second ticket comes an hour after the first, waits seven hours and a half for room, takes the last half hour,
    and is done eight hours after it came: just in time. The first took half an hour too long.
    """
    begin = datetime(2025, 10, 25, 12, tzinfo=UTC)
    tickets = "at,region,handling\n2025-10-25T22:00+02:00,emea,8h30m\n2025-10-25T23:00+02:00,emea,30m\n"
    found = ahead(site(NIGHT), begin, begin + timedelta(days=1), tickets)
    lucia = busy(found, "lucia")
    assert (lucia.on_shift_s, lucia.used_s, str(lucia.share), lucia.most) == (9 * 3600, 9 * 3600, "100.00 %", 1)
    assert found.looked_until == datetime(2025, 10, 26, 5, tzinfo=UTC)
    assert (found.waits.longest_s, found.waits.median_s) == (7 * 3600 + 1800, 0)
    assert {each.how: each.count for each in found.placed} == {How.DIRECT: 1, How.QUEUE: 1}
    assert found.promises == [PromiseLine("all", "resolution", "", 1, 1, reaches_goal=False)]


def test_the_night_on_which_an_hour_is_left_out_has_seven() -> None:
    """The same work in March is not done by six: the last hour and a half is done on the next evening."""
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    tickets = "at,region,handling\n2026-03-28T22:00+01:00,emea,8h30m\n"
    found = ahead(site(NIGHT), begin, begin + timedelta(days=1), tickets)
    lucia = busy(found, "lucia")
    assert lucia.on_shift_s == 7 * 3600
    assert found.looked_until == datetime(2026, 3, 29, 21, 30, tzinfo=UTC)
    assert (found.kept, found.broken) == (0, 1)


def test_a_holiday_of_one_region_is_worked_on_by_the_next() -> None:
    """On the 28th Prague is closed, and New York opens at one o'clock UTC: its clocks have not been changed yet.

    On the 27th the same hour is taken at once. Of three days lucia works two, sixteen hours; yuki's days begin at ten
    in the evening before by UTC, so two and two hours and three in between make up three.
    """
    begin = datetime(2025, 10, 27, tzinfo=UTC)
    tickets = (
        "at,region,language,channel,handling\n"
        "2025-10-27T08:30Z,emea,en,chat,2h\n"
        "2025-10-28T08:30Z,emea,en,chat,2h\n"
        "2025-10-28T13:30Z,emea,en,chat,1h\n"
        "2025-10-28T13:45Z,emea,en,chat,1h\n"
    )
    found = ahead(site(SUN), begin, begin + timedelta(days=3), tickets)
    assert {each.name: each.on_shift_s // 3600 for each in found.people} == {"lucia": 16, "dana": 24, "yuki": 24}
    assert {each.how: each.count for each in found.placed} == {How.DIRECT: 1, How.OVERFLOW: 3}
    # two chats are all that dana can carry: the last waits until the third, begun at half past one, is done
    dana = busy(found, "dana")
    assert (dana.tickets, dana.most, dana.used_s) == (3, 4, 2 * (2 + 1 + 1) * 3600)
    assert busy(found, "lucia").used_s == 2 * 3600
    assert found.waits.longest_s == 4 * 3600 + 1800
    assert found.hours[8].waits.longest_s == 4 * 3600 + 1800
    assert found.hours[13].waits.longest_s == 45 * 60
    assert (found.kept, found.broken) == (4, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_fewer_come_on_days_on_which_a_region_does_not_work(seed: int) -> None:
    """Prague's holiday is as quiet as its Sunday, and most come by day."""
    found = site(SUN)
    begin = datetime(2025, 10, 26, 23, tzinfo=UTC)
    load = Load(tickets=4000, begin=begin, end=begin + timedelta(days=7), seed=seed)
    made = list(arrivals(load, mix_of(found.rules, ["zen"]), found.rules))
    assert len(made) == 4000
    assert [each.at for each in made] == sorted(each.at for each in made)
    prague = [each.at + timedelta(hours=1) for each in made if each.fields["region"] == "emea"]
    days = [sum(each.weekday() == day for each in prague) for day in range(7)]
    assert max(days[1], *days[5:]) * 3 < min(days[0], *days[2:5])
    assert sum(8 <= each.hour < 18 for each in prague) > len(prague) * 0.7
    again = list(arrivals(load, mix_of(found.rules, ["zen"]), found.rules))
    assert again == made
