# ruff: noqa: E501 - rule files, and what is said of them
"""What an admin writes of people and routes, compiled; and what is said, with its place, of what cannot be."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.domain.presence import Balance
from gateway.domain.roster import Roster
from rules import check_site, load_site
from rules.difference import differences
from rules.rotas import Rota, RotaError
from rules.routes import Fit
from tests.rules.making import GATEWAY, SPECS, problems_of
from tests.rules.routing.making import HOURS, PEOPLE, SITE, TEAMS, routing

SHIFTS = """\
shifts:
  - {team: emea-support, person: dana, from: 2026-03-10T18:00, until: 2026-03-10T20:00}
  - {team: emea-support, person: marek, calendar: always, from: 2026-03-14, until: 2026-03-15, layer: 2}
absences:
  - {person: lucia, from: 2026-03-11, until: 2026-03-12, why: holiday}
"""
PEOPLES = {"eva": "eva", "eva@acme.example": "eva", "max": "max"}


def at(text: str) -> datetime:
    """Return an instant that is told with its zone."""
    return datetime.fromisoformat(text)


def who(made: Roster, when: str) -> tuple[str, ...]:
    """Return who works at an instant."""
    return made.names(made.on_shift(at(when)))


def test_everything_that_an_admin_writes_is_compiled() -> None:
    """And what is left out has the defaults of the specification."""
    made = routing(SITE.replace("sticky_owner: 14d", (
        "balance: longest_idle, fit: any, sticky_owner: 14d, sticky_back_within: 20m, handoff_before_shift_end: 45m, handoff_accept_within: 5m,"
        " max_hops: 3, no_return_within: 12h, max_wait: 2h, full_for: 1h, fallback_queue: desk, triage_lead: eva, neighbours: {PT: [es]}, cross_scripts: true"
    )))  # fmt: skip
    said = made.settings
    assert (said.balance, said.fit, said.fallback_queue, said.triage_lead) == (
        Balance.LONGEST_IDLE,
        Fit.ANY,
        "desk",
        "eva",
    )
    assert (said.sticky_owner, said.sticky_back_within, said.max_wait, said.full_for) == (14 * 86_400, 1200, 7200, 3600)
    assert (said.handoff_before_shift_end, said.handoff_accept_within, said.max_hops, said.no_return_within) == (
        2700,
        300,
        3,
        43_200,
    )
    assert (said.neighbours, said.cross_scripts) == ({"pt": ("es",)}, True)
    plain = routing("people: {}\n").settings
    assert (plain.balance, plain.max_hops, plain.no_return_within, plain.handoff_before_shift_end) == (
        Balance.LEAST_LOADED, 5, 86_400, 1800,
    )  # fmt: skip
    roster = made.roster
    assert [(each.person, each.team, each.region) for each in roster.agents] == [
        ("dana", "amer-support", "amer"), ("lucia", "emea-support", "emea"), ("marek", "emea-support", "emea"),
        ("noah", "amer-support", "amer"), ("yuki", "apac-support", "apac"),
    ]  # fmt: skip
    dana = roster.agents[0]
    assert (dana.skills, dana.languages, dana.units, dana.weights) == (
        {"billing": 2},
        ("en", "es"),
        10,
        {"chat": 2, "email": 1},
    )
    assert roster.follow == ("emea", "amer", "apac")
    assert made.name_of(None) == ""


def test_a_team_says_what_its_people_speak_who_do_not_say_it_themselves() -> None:
    """What somebody says of themselves counts."""
    made = routing(
        SITE.replace("manager: eva}", "manager: eva, languages: [fr]}", 1).replace(
            "marek@acme.example, languages: [cs, en]", "marek@acme.example"
        )
    )
    assert {each.person: each.languages for each in made.roster.agents if each.region == "emea"} == {
        "lucia": ("es", "en"), "marek": ("fr",),
    }  # fmt: skip


def test_shifts_and_absences_are_in_the_time_of_those_who_work_them() -> None:
    """A date is a whole day; a time without a zone is local; who covers keeps their skills."""
    made = routing(SITE + SHIFTS).roster
    assert who(made, "2026-03-10T17:30+01:00") == ("dana", "noah")
    # six o'clock of the team that she helps out, for which she is now there as well
    covering = made.of_team["emea-support"] & made.of_person["dana"]
    assert made.on_shift(at("2026-03-10T19:59+01:00")) & covering
    assert not made.on_shift(at("2026-03-10T17:59+01:00")) & covering
    assert not made.on_shift(at("2026-03-10T20:00+01:00")) & covering
    assert "lucia" in who(made, "2026-03-10T12:00+01:00")
    assert "lucia" not in who(made, "2026-03-12T12:00+01:00")
    assert "lucia" in who(made, "2026-03-13T12:00+01:00")
    assert "marek" in who(made, "2026-03-15T23:59+01:00")
    assert "marek" not in who(made, "2026-03-16T00:00+01:00")


def test_a_rota_of_those_on_call_has_dates_layers_and_overrides() -> None:
    """The winner in front, the others behind."""
    made = routing(SITE.replace("{rota: [{person: eva, calendar: always}]}", (
        "{rota: [{person: eva, calendar: always}, {person: marek, from: 2026-03-10, until: 2026-03-10, layer: 1},"
        " {person: dana, from: 2026-03-10T10:00Z, until: 2026-03-10T11:00Z, override: true}]}"
    ))).roster  # fmt: skip
    assert made.on_call(at("2026-03-10T10:30Z")) == ("dana", "marek", "eva")
    assert made.on_call(at("2026-03-10T23:59Z")) == ("marek", "eva")
    assert made.on_call(at("2026-03-11T00:00Z")) == ("eva",)


ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//ops//rota//EN
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Prague:20260302T090000
DTEND;TZID=Europe/Prague:20260302T170000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR
EXDATE;TZID=Europe/Prague:20260311T090000
SUMMARY:eva
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;TZID=Europe/Prague:20260328T220000
DTEND;TZID=Europe/Prague:20260329T060000
RRULE:FREQ=WEEKLY
SUMMARY:[L2] somebody else
ATTENDEE:mailto:EVA@acme.example
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART;VALUE=DATE:20260314
DTEND;VALUE=DATE:20260316
SUMMARY:max, eva
END:VEVENT
END:VCALENDAR
"""


def test_a_file_of_shifts_becomes_lines() -> None:
    """Recurring ones, with what was taken out; on layers; whole days; attendees before the summary."""
    lines = {(line.person, line.layer): line for line in Rota(ICS.encode(), PEOPLES, "Europe/Prague").lines()}
    assert set(lines) == {("eva", 0), ("eva", 2), ("max", 0)}
    eva, night, max_ = lines["eva", 0], lines["eva", 2], lines["max", 0]
    assert eva.holds(at("2026-03-10T16:59+01:00"))
    assert not eva.holds(at("2026-03-11T10:00+01:00"))
    assert eva.holds(at("2027-07-06T09:00+02:00"))
    assert list(max_.windows(at("2026-03-01T00:00Z"), at("2026-04-01T00:00Z"))) == [
        (at("2026-03-13T23:00Z"), at("2026-03-15T23:00Z"))
    ]
    # the night in which an hour is missing
    ((start, end),) = night.windows(at("2026-03-28T12:00Z"), at("2026-03-29T12:00Z"))
    assert end - start == timedelta(hours=7)
    assert eva.hours.next_opening(at("2026-03-11T00:00Z")) == at("2026-03-12T08:00Z")
    assert Rota(ICS.encode(), {}, "").strangers == ("eva", "max", "somebody else")


def test_a_team_works_by_its_file_and_not_by_its_calendar() -> None:
    """That of the team still says its time zone; who is on it and no agent works along."""
    rules = (
        HOURS
        + PEOPLE
        + TEAMS.replace(
            "{calendar: emea, region: emea", "{calendar: emea, region: emea, rota: [{file: emea.ics, layer: 1}]"
        )
    )
    text = ICS.replace("SUMMARY:max, eva", "SUMMARY:noah, lucia")
    loaded, problems = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": rules, "rules/emea.ics": text}, SPECS)
    assert loaded is not None, problems
    made = loaded.rules.routing.roster
    assert [each.severity.value for each in problems if each.is_error] == []
    emea = made.of_team["emea-support"]
    assert made.names(made.on_shift(at("2026-03-10T10:00Z")) & emea) == ("eva",)
    assert made.names(made.on_shift(at("2026-03-14T10:00Z")) & emea) == ("lucia", "noah")
    assert loaded.files["rules/emea.ics"] == text
    other, _ = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": rules, "rules/emea.ics": text + " "}, SPECS)
    assert other is not None
    assert other.digest != loaded.digest


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", ICS.replace("END:VCALENDAR", "")])
def test_what_is_no_file_of_shifts_is_said(text: str) -> None:
    """Not half read."""
    with pytest.raises(RotaError, match="no calendar in the form of RFC 5545"):
        Rota(text.encode(), PEOPLES)


def test_what_would_be_millions_of_shifts_is_refused() -> None:
    """Before any of them is worked out."""
    for word in ("SECONDLY", "minutely"):
        with pytest.raises(RotaError, match="every second or every minute"):
            Rota(ICS.replace("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", f"FREQ={word}").encode(), PEOPLES)


AGENTS = HOURS + PEOPLE + TEAMS
WRONG = [
    ("agents: [{person: eva, team: t, skills: {a: 6}}]", "wrong-value", 1, 45),
    (AGENTS + "routes: [{name: a, relax: [{after: 5m, widen: true}, {after: 1m, widen: true}]}]", "relaxation-order", 25, 62),
    (AGENTS + "absences: [{person: eva, from: 2026-02-30, until: 2026-03-01}]", "bad-date", 25, 32),
    (AGENTS + "absences: [{person: eva, from: tomorrow, until: 2026-03-01}]", "wrong-form", 25, 32),
    (AGENTS + "shifts: [{team: emea-support, person: ewa, from: 2026-03-01, until: 2026-03-02}]", "unknown-person", 25, 39),
    (AGENTS.replace("person: yuki, team: apac", "person: lucia, team: emea"), "duplicate-name", 22, 14),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "code", "line", "column"), WRONG)
def test_what_is_wrong_is_said_at_its_place(rules: str, code: str, line: int, column: int) -> None:
    """With line and column."""
    found = {
        (each.code, each.line, each.column)
        for each in check_site({"gateway.yaml": GATEWAY, "rules/a.yaml": rules}, SPECS).problems
    }
    assert (code, line, column) in found, found


def test_what_an_admin_writes_of_the_rota_of_one_person_in_two_teams_agrees() -> None:
    """Else nobody could say when they are full."""
    rules = AGENTS.replace(
        "person: yuki, team: apac-support, skills: {api: 2}, capacity: 8",
        "person: lucia, team: apac-support, capacity: 9",
    )
    assert "two-capacities" in {each.code for each in problems_of(rules)}
    assert "two-capacities" not in {each.code for each in problems_of(rules.replace("capacity: 9", "capacity: 8"))}


def test_what_differs_between_two_rosters_is_told() -> None:
    """Of several absences of one person each by itself; a file of shifts by its name."""
    away = "absences: [{person: eva, from: 2026-01-01, until: 2026-01-02}, {person: eva, from: 2026-02-01, until: 2026-02-02}]\n"
    agents = "agents: [{person: eva, team: a}, {person: eva, team: b}]\n"
    old = {"rules/a.yaml": away + agents, "rules/t.ics": ICS}
    new = {
        "rules/a.yaml": away.replace("{person: eva, from: 2026-01-01, until: 2026-01-02}, ", "")
        + agents.replace("team: b", "team: c"),
        "rules/t.ics": ICS.replace("eva", "max"),
    }
    assert [str(each) for each in differences(old, new)] == [
        "removed  absences: eva, from 2026-01-01",
        "changed  agents: eva (2) (team)",
        "changed  files of shifts: rules/t.ics",
    ]
