"""Compiling the roster: agents and teams, the lines of their rotas, absences, and who is on call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.calendar import Calendar
from gateway.domain.language import canonical
from gateway.domain.roster import Agent, Roster, Team
from gateway.domain.shifts import Absence, Away, Line
from rules.feeds import key_of
from rules.loading.feeds import parts
from rules.loading.moments import moment
from rules.loading.sections import Sections
from rules.problem import Problem, nearest
from rules.rotas import Rota, RotaError
from rules.source import ROTA_SUFFIX, Spot


def roster(
    sections: Sections,
    hours: Mapping[str, Calendar],
    files: Mapping[str, str],
    problems: list[Problem],
    copies: Mapping[str, str],
) -> Roster:
    """Compile everybody who works on tickets; `files` and `copies` (of feeds) hold the rotas that teams name."""
    return _Reader(sections, hours, files, problems, copies).roster()


class _Reader:
    def __init__(
        self,
        sections: Sections,
        hours: Mapping[str, Calendar],
        files: Mapping[str, str],
        problems: list[Problem],
        copies: Mapping[str, str],
    ) -> None:
        self.copies = copies
        self.sections = sections
        self.hours = hours
        self.files = files
        self.problems = problems
        self.teams = sections.entries("teams")
        #: (person, team) -> agent
        self.agents: dict[tuple[str, str], Agent] = {}

    def roster(self) -> Roster:
        """Return the roster."""
        for spot in self.sections.items("agents"):
            self.agent(spot)
        lines: dict[str, list[Line]] = {}
        for spot in self.sections.items("shifts"):
            line = self.line(spot, self.zone_of(spot.value["person"], spot.value["team"]))
            if line is not None:
                self.cover(line.person, spot.value["team"])
                lines.setdefault(spot.value["team"], []).append(line)
        for name, spot in self.teams.items():
            for each in spot["rota"].each() if "rota" in spot else ():
                for line in self.rota(each, self.zone_of("", name)):
                    self.cover(line.person, name)
                    lines.setdefault(name, []).append(line)
        rota = self.sections.entries("on_call").get("rota")
        call = [line for spot in (rota.each() if rota is not None else ()) if (line := self.line(spot, ""))]
        return Roster(
            self.agents.values(),
            [_team(name, spot) for name, spot in self.teams.items()],
            lines=lines,
            away=Away(self.absences()),
            call=call,
            follow=[spot.value for spot in self.sections.items("follow_the_sun")],
            tongues={name: _languages(spot) for name, spot in self.sections.entries("people").items()},
        )

    def agent(self, spot: Spot) -> None:
        """Compile one agent."""
        person, team = spot.value["person"], spot.value["team"]
        if (person, team) in self.agents:
            message = f"'{person}' is an agent of '{team}' already"
            self.problems.append(spot["person"].error("duplicate-name", message, "join the two, or name another team"))
            return
        units, weights = _capacity(spot.get("capacity"))
        other = next((each for (name, _), each in self.agents.items() if name == person), None)
        if other is not None and (other.units, other.weights) != (units, weights):
            message = f"'{person}' has another capacity in the team '{other.team}'"
            hint = "what somebody can carry is the same in every team: say it alike in both"
            self.problems.append(spot.part("capacity").error("two-capacities", message, hint))
        people = self.sections.entries("people").get(person)
        home = self.teams.get(team)
        spoken = _languages(people) if people is not None else ()
        self.agents[person, team] = Agent(
            person=person,
            team=team,
            region=home.get("region", "") if home is not None else "",
            skills=dict(spot.get("skills", {})),
            languages=spoken or (_languages(home) if home is not None else ()),
            units=units,
            weights=weights,
            hours=self.hours.get(spot.get("calendar") or self.calendar_of(home)),
        )

    def cover(self, person: str, team: str) -> None:
        """Let somebody of another team work in this one, when a shift says so."""
        if (person, team) in self.agents:
            return
        known = next((each for (name, _), each in sorted(self.agents.items()) if name == person), None)
        home = self.teams.get(team)
        region = home.get("region", "") if home is not None else ""
        people = self.sections.entries("people").get(person)
        self.agents[person, team] = Agent(
            person=person,
            team=team,
            region=region,
            skills=known.skills if known is not None else {},
            languages=known.languages if known is not None else _languages(people) if people is not None else (),
            units=known.units if known is not None else None,
            weights=known.weights if known is not None else {},
        )

    def zone_of(self, person: str, team: str) -> str:
        """Return the time zone in which somebody of a team lives."""
        agent = self.agents.get((person, team))
        home = self.teams.get(team)
        calendar = agent.hours if agent is not None and agent.hours is not None else None
        if calendar is None and home is not None:
            calendar = self.hours.get(home.get("calendar", ""))
        return calendar.timezone if isinstance(calendar, Calendar) else ""

    def line(self, spot: Spot, timezone: str) -> Line | None:
        """Compile one line of a rota; None for one that is wrong."""
        name = spot.get("calendar")
        calendar = self.hours.get(name) if name else None
        if name and calendar is None:
            return None
        zone = (calendar.timezone if calendar is not None else "") or timezone
        start, end = self.ends(spot, zone)
        return Line(
            person=spot.value["person"],
            hours=calendar,
            start=start,
            end=end,
            layer=spot.get("layer", 0),
            override=spot.get("override", False),
        )

    def calendar_of(self, team: Spot | None) -> str:
        """Return the calendar by which the people of a team work; none where a rota says when they do.

        A feed of which nothing was fetched yet, and for which no file stands in, says nothing.
        """
        if team is None:
            return ""
        for spot in team["rota"].each() if "rota" in team else ():
            feed, file = parts(spot)
            if file is not None or (feed is not None and key_of(feed.value) in self.copies):
                return ""
        return str(team.get("calendar", ""))

    def rota(self, spot: Spot, timezone: str) -> list[Line]:
        """Return the lines of a rota that a team names: of what was fetched, else of the file."""
        feed, file = parts(spot)
        copy = self.copies.get(key_of(feed.value)) if feed is not None else None
        if feed is not None and copy is not None:
            found = self.read(copy, spot, timezone)
            if isinstance(found, Rota):
                self.say_strangers(found, feed)
                return found.lines()
            hint = "gateway roster feeds says how it stands"
            self.problems.append(feed.warning("bad-rota", f"what was fetched is not used: {found}", hint))
        return self.lines_of(file, spot, timezone) if file is not None else []

    def read(self, text: str, spot: Spot, timezone: str) -> Rota | RotaError:
        """Read a calendar."""
        layer, override = spot.get("layer", 0), spot.get("override", False)
        try:
            return Rota(text.encode(), self.known(), timezone, layer=layer, override=override)
        except RotaError as error:
            return error

    def say_strangers(self, rota: Rota, spot: Spot) -> None:
        """Say whom a rota names and nobody knows."""
        for word in rota.strangers:
            message = f"a shift in it names '{word}', whom people: does not know: it counts as empty"
            self.problems.append(spot.warning("unknown-on-rota", message, nearest(word, self.known())))

    def lines_of(self, named: Spot, spot: Spot, timezone: str) -> list[Line]:
        """Return the lines of a file of shifts."""
        text = next((self.files[name] for name in (named.value, f"rules/{named.value}") if name in self.files), None)
        if text is None:
            known = [name for name in self.files if name.endswith(ROTA_SUFFIX)]
            message = f"there is no file '{named.value[:60]}' among the rules"
            hint = nearest(named.value, known) or "put it into rules/, and name it without that"
            self.problems.append(named.error("bad-rota", message, hint))
            return []
        found = self.read(text, spot, timezone)
        if isinstance(found, RotaError):
            self.problems.append(named.error("bad-rota", str(found), "export it again, as iCalendar"))
            return []
        self.say_strangers(found, named)
        return found.lines()

    def known(self) -> dict[str, str]:
        """Return the names and addresses of people, each with the name that it stands for."""
        found = {}
        for name, spot in self.sections.entries("people").items():
            found[name] = name
            if address := str(spot.get("email", "")).strip().lower():
                found[address] = name
        return found

    def ends(self, spot: Spot, zone: str) -> tuple[Any, Any]:
        """Return when something begins and ends; a shift that is over before it begins is said, and ignored."""
        start = moment(spot["from"], zone, self.problems) if "from" in spot else None
        end = moment(spot["until"], zone, self.problems, end=True) if "until" in spot else None
        if start is not None and end is not None and start >= end:
            message = f"this ends before it begins: {spot.value['from']} to {spot.value['until']}"
            self.problems.append(spot["until"].warning("empty-shift", message, "it is ignored: turn them round"))
        return start, end

    def absences(self) -> Iterator[Absence]:
        """Go through the absences."""
        for spot in self.sections.items("absences"):
            person = spot.value["person"]
            team = next((team for name, team in sorted(self.agents) if name == person), "")
            start, end = self.ends(spot, self.zone_of(person, team))
            if start is not None and end is not None and start < end:
                yield Absence(person, start, end, spot.get("why", ""))


def _team(name: str, spot: Spot) -> Team:
    return Team(name=name, region=spot.get("region", ""), manager=spot.get("manager", ""))


def _languages(spot: Spot) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(tag) for tag in spot.get("languages", ())))


def _capacity(said: Any) -> tuple[int | None, dict[str, int]]:
    """Return the units of an agent, and what a ticket of each channel takes."""
    if isinstance(said, dict):
        return said["units"], {channel: weight for channel, weight in said.items() if channel != "units"}
    return said, {}
