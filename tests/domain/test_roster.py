"""Rosters: who works when, by hours, layers, overrides and absences; who takes over; who is on call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar
from gateway.domain.roster import Agent, Roster, Team, places
from gateway.domain.shifts import Absence, Away, Line, Stint, gaps, present, stints, working

PRAGUE = Calendar.from_spec({"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-12:30", "13:00-17:30"]}})
YORK = Calendar.from_spec({"timezone": "America/New_York", "week": {"mon-fri": ["08:00-18:00"]}})
SYDNEY = Calendar.from_spec({"timezone": "Australia/Sydney", "week": {"mon-fri": ["09:00-17:00"]}})
NIGHTS = Calendar.from_spec({"timezone": "Europe/Prague", "week": {"mon-sun": ["22:00-06:00"]}})
ALWAYS = Calendar.from_spec("24x7")
TUESDAY = datetime(2026, 3, 10, tzinfo=UTC)


def at(text: str) -> datetime:
    """Return an instant of March 2026 in UTC: `10 16:29`."""
    return datetime.strptime(f"2026-03-{text} +0000", "%Y-%m-%d %H:%M %z")


def person(name: str, region: str, hours: Calendar | None, **more: object) -> Agent:
    """Return an agent of a region's team."""
    return Agent(person=name, team=f"{region}-team", region=region, hours=hours, **more)  # type: ignore[arg-type]


def roster(*more: Agent, lines: dict[str, list[Line]] | None = None, away: tuple[Absence, ...] = ()) -> Roster:
    """Return a roster of three regions."""
    agents = [person("lucia", "emea", PRAGUE), person("dana", "amer", YORK), person("yuki", "apac", SYDNEY), *more]
    teams = [Team(name=f"{region}-team", region=region) for region in ("emea", "amer", "apac")]
    return Roster(agents, teams, lines=lines or {}, away=Away(away), follow=("emea", "amer", "apac"))


def who(made: Roster, when: datetime) -> tuple[str, ...]:
    """Return who works."""
    return made.names(made.on_shift(when))


def test_who_works_is_who_is_open_then() -> None:
    """To the minute, in the time zone of each."""
    made = roster()
    assert who(made, at("10 16:29")) == ("dana", "lucia")
    assert who(made, at("10 16:30")) == ("dana",)
    assert who(made, at("10 22:00")) == ("yuki",)
    assert who(made, at("10 11:45")) == ()


def test_a_night_on_which_clocks_are_changed_has_its_true_length() -> None:
    """In the last night of March an hour is missing, in that of October there is one more."""
    made = Roster([person("nina", "emea", NIGHTS)], [Team(name="emea-team", region="emea")])
    for day, hours in (("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)):
        start = datetime.fromisoformat(f"{day}T23:30").replace(tzinfo=UTC) - timedelta(hours=1)
        end = made.until("nina", start)
        (window,) = NIGHTS.windows(start - timedelta(hours=8), start + timedelta(minutes=1))
        assert end is not None
        assert end - window[0] == timedelta(hours=hours)


def test_a_shift_ends_and_begins_again() -> None:
    """Lunch ends what is under way, and not the day."""
    made = roster()
    morning = at("10 09:00")
    assert made.until("lucia", morning) == at("10 11:30")
    assert made.shift_end("lucia", morning, timedelta(hours=2)) == at("10 16:30")
    assert made.shift_end("lucia", morning, timedelta(0)) == at("10 11:30")
    assert made.back("lucia", at("10 16:30")) == at("11 08:00")
    assert made.back("lucia", at("13 16:30")) == at("16 08:00")
    assert Roster([person("eva", "x", ALWAYS)]).until("eva", morning) is None


def test_the_next_region_to_open_is_found_with_its_instant() -> None:
    """One that is open is the next; of several the first that follows."""
    made = roster()
    assert made.next_region(at("10 16:00")) == ("emea", at("10 16:00"))
    assert made.next_region(at("10 11:45")) == ("emea", at("10 12:00"))
    # on Friday after the last: New Zealand would be next, Sydney is
    assert made.next_region(at("13 22:30")) == ("apac", at("15 22:00"))
    assert made.after("amer") == ("amer", "apac", "emea")
    assert made.after("latam") == ("latam", "emea", "amer", "apac")
    assert Roster([person("x", "emea", None)]).next_region(TUESDAY) is None


def test_overrides_stand_above_layers_and_these_above_the_order_of_start() -> None:
    """A line that is empty, or whose person is away, is as if it were not there."""
    lines = [
        Line(person="first", hours=ALWAYS),
        Line(person="second", start=at("10 08:00"), end=at("10 18:00"), layer=1),
        Line(person="early", start=at("10 07:00"), end=at("10 18:00"), layer=1),
        Line(person="third", start=at("10 10:00"), end=at("10 11:00"), override=True),
        Line(person="", layer=9),
        Line(person="backwards", start=at("10 12:00"), end=at("10 11:00"), layer=9),
    ]
    assert present(lines, at("10 09:00")) == ("early", "second", "first")
    assert present(lines, at("10 10:30")) == ("third", "early", "second", "first")
    assert present(lines, at("10 20:00")) == ("first",)
    assert working(lines, at("10 09:00")) == {"early", "second"}
    assert working(lines, at("10 10:30")) == {"third"}
    away = Away([Absence("third", at("10 00:00"), at("11 00:00"))])
    assert working(lines, at("10 10:30"), away) == {"early", "second"}


def test_a_team_with_layers_has_those_of_the_highest() -> None:
    """A cover on a layer above the hours works alone; beside them, with the others."""
    cover = Line(person="max", start=at("10 12:00"), end=at("10 14:00"), layer=1)
    extra = person("max", "emea", None)
    made = roster(extra, lines={"emea-team": [cover]})
    assert who(made, at("10 11:00")) == ("lucia",)
    assert who(made, at("10 13:00")) == ("dana", "max")
    beside = roster(extra, lines={"emea-team": [Line(person="max", start=at("10 12:00"), end=at("10 14:00"))]})
    assert who(beside, at("10 13:00")) == ("dana", "lucia", "max")
    assert made.until("lucia", at("10 09:00")) == at("10 11:30")
    assert made.until("max", at("10 13:00")) == at("10 14:00")
    assert made.next_on(made.of_person["max"], at("10 09:00")) == at("10 12:00")


def test_who_is_away_does_not_work_and_is_back_afterwards() -> None:
    """Also when that is in the middle of a shift."""
    made = roster(away=(Absence("lucia", at("10 09:00"), at("11 10:00")),))
    assert who(made, at("10 08:59")) == ("lucia",)
    assert who(made, at("10 09:00")) == ()
    assert made.until("lucia", at("10 08:30")) == at("10 09:00")
    assert made.back("lucia", at("10 09:00")) == at("11 10:00")


def test_who_is_away_lets_the_layer_below_work() -> None:
    """The cover is away for an hour: then those whom it stands above are there, and no later."""
    cover = Line(person="max", start=at("10 00:00"), end=at("11 00:00"), layer=1)
    away = (Absence("max", at("10 13:00"), at("10 14:00")),)
    made = roster(person("max", "emea", None), lines={"emea-team": [cover]}, away=away)
    assert made.next_on(made.of_person["lucia"], at("10 08:00")) == at("10 13:00")
    assert made.until("lucia", at("10 13:00")) == at("10 14:00")


def test_who_is_on_call_follows_the_same_rules() -> None:
    """The next in line stands behind the first."""
    call = [Line(person="eva", hours=ALWAYS), Line(person="max", start=at("10 00:00"), end=at("11 00:00"), layer=1)]
    made = Roster(call=call)
    assert made.on_call(at("10 12:00")) == ("max", "eva")
    assert made.on_call(at("11 00:00")) == ("eva",)


def test_hours_without_cover_are_found() -> None:
    """No region open, nobody on call; with somebody always on call there is none."""
    made = roster()
    dark = made.uncovered(at("10 00:00"), at("11 00:00"))
    assert dark == [
        (at("10 06:00"), at("10 08:00")), (at("10 11:30"), at("10 12:00")),
    ]  # fmt: skip
    called = Roster(made.agents, made.teams.values(), call=[Line(person="eva", hours=ALWAYS)])
    assert called.uncovered(at("10 00:00"), at("11 00:00")) == []


@given(st.integers(0, 2**200))
def test_a_set_of_agents_is_gone_through_in_order(bits: int) -> None:
    """Each bit once, the lowest first."""
    found = list(places(bits))
    assert found == sorted(found)
    assert sum(1 << place for place in found) == bits


_HOURS = st.sampled_from((None, PRAGUE, NIGHTS, SYDNEY, ALWAYS))
_TIMES = st.none() | st.integers(0, 96).map(lambda half: TUESDAY + timedelta(minutes=30 * half))
_LINES = st.lists(
    st.builds(
        lambda who, hours, start, end, layer, override: Line(
            person=who, hours=hours, start=start, end=end, layer=layer, override=override
        ),
        st.sampled_from(("a", "b", "c", "")), _HOURS, _TIMES, _TIMES, st.integers(0, 2), st.booleans(),
    ),
    max_size=6,
)  # fmt: skip
_AWAY = st.lists(
    st.builds(
        lambda who, start, length: Absence(
            who, TUESDAY + timedelta(minutes=30 * start), TUESDAY + timedelta(minutes=30 * (start + length))
        ),
        st.sampled_from(("a", "b")), st.integers(0, 90), st.integers(-2, 20),
    ),
    max_size=3,
).map(Away)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(_LINES, _AWAY)
def test_the_stints_of_a_rota_agree_with_each_of_its_instants(lines: list[Line], away: Away) -> None:
    """Asked quarter hour by quarter hour; none that touch have the same people, and the gaps are what is left."""
    end = TUESDAY + timedelta(days=2)
    found = list(stints(lines, TUESDAY, end, away))
    for quarter in range(2 * 24 * 4):
        when = TUESDAY + timedelta(minutes=15 * quarter)
        then = next((stint.people for stint in found if stint.start <= when < stint.end), frozenset())
        assert then == working(lines, when, away), when
    for one, other in pairwise(found):
        assert one.end < other.start or (one.end == other.start and one.people != other.people)
    dark = sum((until - start for start, until in gaps(found, TUESDAY, end)), timedelta())
    assert dark + sum((stint.end - stint.start for stint in found), timedelta()) == timedelta(days=2)


@settings(deadline=None, max_examples=150)
@given(_LINES, _AWAY, st.integers(0, 190))
def test_a_roster_agrees_with_its_lines(lines: list[Line], away: Away, quarter: int) -> None:
    """Who works, until when, and who is next to come, are what its stints say."""
    when = TUESDAY + timedelta(minutes=15 * quarter)
    agents = [person("a", "emea", PRAGUE), person("b", "emea", None), person("c", "emea", ALWAYS)]
    made = Roster(agents, lines={"emea-team": lines}, away=away)
    every = list(stints(made.lines["emea-team"], TUESDAY, TUESDAY + timedelta(days=12), away))
    assert set(who(made, when)) == set(working(made.lines["emea-team"], when, away))
    for name in "abc":
        mine = _joined(each for each in every if name in each.people)
        until = next((end for start, end in mine if start <= when < end), when)
        if until < when + timedelta(days=7):
            assert made.until(name, when) == until
        back = next((max(start, when) for start, end in mine if end > when), None)
        if back is not None:
            assert made.back(name, when) == back


def _joined(found: object) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for stint in found:  # type: ignore[attr-defined]
        assert isinstance(stint, Stint)
        if joined and joined[-1][1] == stint.start:
            joined[-1] = (joined[-1][0], stint.end)
        else:
            joined.append((stint.start, stint.end))
    return joined


@pytest.mark.parametrize("turn", [1, -1])
def test_agents_are_numbered_by_name_whatever_their_order(turn: int) -> None:
    """So that a set of them means the same on every host."""
    agents = [person("b", "emea", PRAGUE), person("a", "amer", YORK), person("a", "apac", SYDNEY)][::turn]
    made = Roster(agents)
    assert [(each.person, each.region) for each in made.agents] == [("a", "amer"), ("a", "apac"), ("b", "emea")]
    assert made.names(made.all) == ("a", "b")
