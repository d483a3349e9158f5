"""The site of a storm whose tickets are promised, shown, escalated and given to people: its desks, rules and people.

Everything takes seconds, so that clocks run out, escalations fire, routes give way and a shift ends within the storm,
and all of it has come to its end a minute or two after people have gone home.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Self

import msgspec

from connectors.request_tracker.simulated.records import User
from connectors.slack.simulator import SlackSimulator
from connectors.testing.desk import SimulatedDesk
from connectors.zendesk.sim_state import InvalidError
from gateway.system import SystemClock
from rules import load_site
from rules.decide import RuleSet
from tests.flows.site import RT, SYNC, ZENDESK, Written
from tests.flows.storm import Desks, People
from tests.rules.making import installed

SLACK = "ops-slack"
SLACK_TOKEN = "xoxb-storm"

CONNECTIONS = """\
  ops-slack:
    connector: slack
    url: {slack}
    auth: {{bot_token: "${{SLACK_TOKEN}}"}}
    channel: C0GATEWAY
    deadline: {deadline}s
"""

#: who works here, and their accounts in Zendesk and RT
STAFF: Mapping[str, tuple[str, str]] = {
    "lucia": ("9001", "agent1"),
    "dana": ("9003", "agent2"),
    "noah": ("9004", "agent3"),
    "eva": ("9005", "agent4"),
}
#: a team's group in Zendesk and queue in RT
TEAMS: Mapping[str, tuple[str, str]] = {"first": ("3601", "Support"), "second": ("3602", "Escalations")}
#: whose day ends in the middle of the storm
LEAVES = "noah"
DAY_SECONDS = 100
#: in a short storm it lasts at least so long
SHORTEST_DAY = 25

SHOWN = """\
      assignee: both
      due_time:
        metric: resolution
        write:
          acme-zendesk: {field: custom.sla_due, status: custom.sla_status, tags: true}
          engineering-rt: {field: due, note: [breached]}
"""

RULES = """\
calendars:
  always: 24x7
  short: {{timezone: UTC, week: {{mon-sun: ["00:00-24:00"]}}, exceptions: {{{exceptions}}}}}
people:
{people}
teams:
{teams}
agents:
  - {{person: lucia, team: first, skills: {{api: 2}}, capacity: {capacity}}}
  - {{person: dana, team: first, skills: {{api: 1}}, capacity: {capacity}}}
  - {{person: noah, team: second, skills: {{api: 1}}, capacity: {capacity}, calendar: short}}
  - {{person: eva, team: second, skills: {{billing: 1}}, capacity: {capacity}}}
routes:
  - name: urgent
    when: {{priority: [P1, P2]}}
    needs: {{skills: {{api: 2}}}}
    relax:
      - {{after: 4s, skills: {{api: 1}}}}
      - {{after: 8s, drop: skills.api}}
  - name: others
    needs: {{skills: {{api: 1}}}}
    relax:
      - {{after: 6s, drop: skills.api}}
routing:
  sticky_owner: 1h
  handoff_before_shift_end: 40s
  handoff_accept_within: 8s
  max_wait: 30s
  full_for: 5s
  no_return_within: 10s
  max_hops: 20
roles:
  duty: [eva]
sla:
  - name: standard
    calendar: always
    targets:
      first_response: {{P1: 15s, P2: 20s, default: 40s}}
      next_reply: 30s
      resolution:
        P1: {{warn: 10s, within: 20s}}
        P2: {{warn: 20s, within: 40s}}
        default: {{warn: 35s, within: 60s}}
    pause_when: {{status: pending_customer}}
    on_reopen: new_cycle
    max_pause: 45s
escalations:
  - name: halfway
    at: 50%
    metrics: [resolution]
    do: [{{comment: "Half of the time is over: {{clock.metric}}, {{ticket.priority}}"}}]
  - name: broken
    at: breach
    metrics: [resolution, first_response]
    do:
      - raise_priority: 1
      - notify: {{role: duty, connection: ops-slack, channel: C0GATEWAY, runbook: "https://wiki.acme.example/broken"}}
  - name: still-broken
    at: breach + 10s
    metrics: [resolution]
    do: [{{comment: "Still not done: {{clock.metric}}"}}]
"""
#: what lies this far ahead is no part of the storm: a shift of tomorrow
AHEAD = timedelta(minutes=5)


class PromisedDesks(Desks):
    """Both desks with accounts for everybody and a field for the due time, and a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.slack = SlackSimulator(bot_token=SLACK_TOKEN)
        self.due = self.zendesk.act("field", title="SLA due")
        self.status = self.zendesk.act("field", title="SLA status")
        for place, (_, login) in enumerate(STAFF.values()):
            known = self.rt.records.users
            known.setdefault(login, User(90 + place, login, login.title(), f"{login}@desk.test"))

    def __enter__(self) -> Self:
        super().__enter__()
        self.slack.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.slack.stop()
        super().__exit__()

    def all(self) -> tuple[SimulatedDesk, ...]:
        """Return everything that is written to."""
        return (*super().all(), self.slack)


class Colleagues(People):
    """People who also pass tickets to one another by hand, at both desks, and say how urgent they are."""

    def act(self) -> None:
        """Let one thing happen."""
        # what an admin has taken away nobody can choose
        with contextlib.suppress(InvalidError):
            self._act()

    def _act(self) -> None:
        tickets = list(self._desks.zendesk.records.tickets)
        chance = self._chance
        if not tickets or chance.random() >= 0.2:
            super().act()
            return
        number = chance.choice(tickets)
        copies = self._desks.copies()[number]
        account, login = chance.choice(list(STAFF.values()))
        luck = chance.random()
        if luck < 0.3:
            priority = chance.choice(("urgent", "high", "normal", "low"))
            self._desks.zendesk.act("set", ticket_id=number, priority=priority)
            self.actions["priority in Zendesk"] += 1
        elif luck < 0.35:
            self._desks.zendesk.act("set", ticket_id=number, assignee_id=None)
            self.actions["taken off in Zendesk"] += 1
        elif luck < 0.65 or not copies or not self._engineers_edit:
            self._desks.zendesk.act("set", ticket_id=number, assignee_id=int(account))
            self.actions["assignee in Zendesk"] += 1
        else:
            self._desks.rt.act("set", ticket=copies[0], by=login, Owner=login)
            self.actions["owner in RT"] += 1


class Promises(msgspec.Struct, frozen=True):
    """What an admin wrote for this storm, beside what every site has."""

    written: Written
    rules: RuleSet
    #: tickets that one person can have
    capacity: int


def promises(desks: PromisedDesks, *, capacity: int, deadline: int, pace: float = 1.0) -> Promises:
    """Return what an admin writes; somebody's day ends soon. `pace` is how much slower everything is than written."""
    end = SystemClock().now().astimezone(UTC) + timedelta(seconds=max(SHORTEST_DAY, DAY_SECONDS * pace))
    # written to the minute
    end = end.replace(second=0, microsecond=0) + timedelta(minutes=1)
    days = [f"{end.date()}: " + (f'["00:00-{end:%H:%M}"]' if end.hour or end.minute else "closed")]
    days += [f"{end.date() + timedelta(days=ahead)}: closed" for ahead in (1, 2)]
    people = "\n".join(
        f'  {name}: {{email: {name}@acme.example, accounts: {{{ZENDESK}: "{account}", {RT}: {login}}}}}'
        for name, (account, login) in STAFF.items()
    )
    teams = "\n".join(
        f"  {name}: {{calendar: always, region: {name}, manager: eva, "
        f'accounts: {{{ZENDESK}: "{group}", {RT}: {queue}}}}}'
        for name, (group, queue) in TEAMS.items()
    )
    rules = RULES.format(teams=teams, exceptions=", ".join(days), people=people, capacity=capacity)
    rules = re.sub(r"\b(\d+)s\b", lambda found: f"{max(1, round(int(found[1]) * pace))}s", rules)
    written = Written(
        connections=CONNECTIONS.format(slack=desks.slack.url, deadline=deadline),
        sync=SYNC.replace("      comments:", SHOWN + "      comments:"),
        files={"rules/60-promises.yaml": rules},
        environment={"SLACK_TOKEN": SLACK_TOKEN},
    )
    urls = {"zendesk": desks.zendesk.url, "rt": desks.rt.url}
    site, problems = load_site(written.site(deadline=deadline, **urls), installed())
    assert site is not None, problems
    return Promises(written, site.rules, capacity)
