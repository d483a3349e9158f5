"""Who is to have a ticket, asked of a thousand agents and of ten thousand, beside the loop that one would write first.

Agents of three regions with ten skills, six languages and what they have in hand; tickets that ask for a skill and a
language. The loop asks every agent; both come to the same person, which is seen first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.report import Measure, Progress
from gateway.domain.calendar import Calendar
from gateway.domain.presence import Snapshot, State
from gateway.domain.roster import Agent, Roster, Team
from gateway.domain.ticket import Ticket
from rules.conditions import ALWAYS
from rules.fields import Facts
from rules.routes import Needs, Route, Routing, Settings
from rules.routing import route

STAGE = "routing"
STEPS = 5
FEW, MANY = 1_000, 10_000
TICKETS = 400
ROUNDS = 9
AIM = 100.0
NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
SKILLS = [f"skill{number}" for number in range(10)]
LANGUAGES = ["en", "es", "de", "fr", "pt-BR", "ja"]
HOURS = {"emea": ("Europe/Prague", "09:00-17:30"), "amer": ("America/New_York", "08:00-18:00"),
         "apac": ("Australia/Sydney", "09:00-17:00")}  # fmt: skip


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    progress.step(f"{FEW:,} agents")
    few = _Lab(FEW)
    small = few.ours()
    progress.step(f"{MANY:,} agents")
    many = _Lab(MANY)
    large = many.ours()
    progress.step("one after the other, with room shrinking")
    running = _microseconds(many.run_of_tickets, [()]) / TICKETS
    progress.step("when everybody fits")
    wide = _Lab(MANY, everybody=True)
    flat = wide.ours()
    progress.step("the loop over agents")
    wrong = sum(few.loop(facts) != few.asked(facts) for facts in few.tickets)
    loop = _microseconds(many.loop, [(facts,) for facts in many.tickets[:20]])
    note = f"{loop / large:,.0f} times ours" + (f"; {wrong} of {TICKETS} answers differ" if wrong else "")
    return [
        Measure(STAGE, f"one decision, {FEW:,} agents", small, "µs", f"{AIM:.0f} µs or less", small <= AIM),
        Measure(STAGE, f"one decision, {MANY:,} agents", large, "µs", f"not ten times that of {FEW:,}",
                large < 10 * small, note=f"{large / small:.1f} times"),
        Measure(STAGE, f"the same where everybody of {MANY:,} fits", flat, "µs", f"not ten times that of {FEW:,}",
                flat < 10 * small, note=f"{flat / small:.1f} times"),
        Measure(STAGE, f"decision and assignment in a run, {MANY:,} agents", running, "µs"),
        Measure(STAGE, f"loop over {MANY:,} agents", loop, "µs", note=note),
    ]  # fmt: skip


class _Lab:
    """A site with so many agents, and tickets for them."""

    def __init__(self, count: int, *, everybody: bool = False) -> None:
        chosen = random.Random(count)
        calendars = {name: Calendar.from_spec({"timezone": zone, "week": {"mon-sun": [hours]}})
                     for name, (zone, hours) in HOURS.items()}  # fmt: skip
        regions = list(HOURS)
        agents = [
            Agent(
                person=f"agent{number:05}",
                team=f"team-{regions[number % 3]}",
                region=regions[number % 3],
                skills={skill: chosen.randint(1, 5) for skill in (SKILLS if everybody else chosen.sample(SKILLS, 3))},
                languages=tuple(LANGUAGES if everybody else chosen.sample(LANGUAGES, 2)),
                units=chosen.randint(6, 12),
                weights={"chat": 2},
                hours=calendars[regions[number % 3]],
            )
            for number in range(count)
        ]
        teams = [Team(name=f"team-{region}", region=region) for region in regions]
        roster = Roster(agents, teams, follow=regions)
        routes = tuple(
            Route(name=f"{skill} {level}", when=ALWAYS, start_in="ticket.region",
                  needs=Needs({skill: level}, "ticket.language"))
            for skill in SKILLS for level in (1, 2)
        )  # fmt: skip
        self.routings = [Routing((each,), Settings(), roster) for each in routes]
        states = {
            agent.person: State(
                load={"email": chosen.randint(0, 8)}, assigned_at=NOW - timedelta(minutes=chosen.randint(1, 999))
            )
            for agent in agents
        }
        self.snapshot = Snapshot(roster, NOW, states)
        self.tickets = [self._ticket(chosen, str(number)) for number in range(TICKETS)]

    @staticmethod
    def _ticket(chosen: random.Random, name: str) -> Facts:
        ticket = Ticket(
            id=name,
            source="desk",
            created_at=NOW,
            updated_at=NOW,
            channel=chosen.choice(["email", "chat"]),
            language=chosen.choice(LANGUAGES),
            region=chosen.choice(list(HOURS)),
        )
        return Facts(ticket, None, frozenset(), NOW)

    def routing_of(self, facts: Facts) -> Routing:
        """Return the routing that a ticket is asked of."""
        return self.routings[int(facts.ticket.id) % len(self.routings)]

    def asked(self, facts: Facts) -> str:
        """Return who is to have a ticket."""
        return route(self.routing_of(facts), facts, self.snapshot).agent

    def ours(self) -> float:
        """Return what one decision takes, in microseconds."""
        return _microseconds(self.asked, [(facts,) for facts in self.tickets])

    def run_of_tickets(self) -> None:
        """Give tickets out one after the other."""
        snapshot = self.snapshot
        for facts in self.tickets:
            routed = route(self.routing_of(facts), facts, snapshot)
            if routed.agent:
                snapshot = snapshot.given(routed.agent, facts.ticket.channel)

    def loop(self, facts: Facts) -> str:
        """Return who is to have a ticket, by asking everybody."""
        needs = self.routing_of(facts).routes[0].needs
        ((skill, level),) = needs.skills.items()
        order = list(HOURS)
        start = order.index(facts.ticket.region)
        for region in (*order[start:], *order[:start]):
            best = None
            for place, agent in enumerate(self.snapshot.roster.agents):
                if agent.region != region or not agent.hours.is_open(NOW):
                    continue
                has, used = agent.skills.get(skill, 0), self.snapshot.used[place]
                if has < level or used + agent.weight(facts.ticket.channel) > (agent.units or 0):
                    continue
                if facts.ticket.language not in agent.languages:
                    continue
                state = self.snapshot.state(agent.person)
                key = (has - level, used / (agent.units or 1), state.assigned_at or NOW, agent.person)
                best = key if best is None or key < best else best
            if best is not None:
                return best[3]
        return ""


def _microseconds(ask: Callable[..., object], questions: Sequence[tuple[object, ...]]) -> float:
    """Return what one question takes: the best of some rounds, after one that does not count."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for question in questions:
            ask(*question)
        taken.append((time.perf_counter() - began) / len(questions) * 1e6)
    return min(taken[1:])
