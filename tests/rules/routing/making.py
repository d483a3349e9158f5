"""A site that follows the sun through three regions, and what is asked of its router."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.domain.person import RemotePerson
from gateway.domain.presence import Snapshot, State
from gateway.domain.ticket import Level, Priority, Setter, Stamp
from rules.fields import Facts
from rules.routed import Outcome, Routed, Work
from rules.routes import Routing
from rules.routing import NEW, route
from tests.rules.making import facts, rule_set, stamped, ticket

HOURS = """\
calendars:
  emea: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:30]}}
  amer: {timezone: America/New_York, week: {mon-fri: [08:00-18:00]}}
  apac: {timezone: Australia/Sydney, week: {mon-fri: [09:00-17:00]}}
  always: 24x7
"""
PEOPLE = """\
people:
  lucia: {email: lucia@acme.example, accounts: {zen: "9001"}, languages: [es, en]}
  marek: {email: marek@acme.example, languages: [cs, en]}
  dana: {email: dana@acme.example, languages: [en, es]}
  noah: {email: noah@acme.example, languages: [es]}
  yuki: {email: yuki@acme.example, languages: [ja, en]}
  eva: {email: eva@acme.example, languages: [en, es]}
"""
TEAMS = """\
teams:
  emea-support: {calendar: emea, region: emea, manager: eva}
  amer-support: {calendar: amer, region: amer, manager: eva}
  apac-support: {calendar: apac, region: apac, manager: eva}
agents:
  - {person: lucia, team: emea-support, skills: {billing: 3, api: 1}, capacity: 8}
  - {person: marek, team: emea-support, skills: {api: 3}, capacity: 8}
  - {person: dana, team: amer-support, skills: {billing: 2}, capacity: {units: 10, chat: 2, email: 1}}
  - {person: noah, team: amer-support, skills: {billing: 1}, capacity: 10}
  - {person: yuki, team: apac-support, skills: {api: 2}, capacity: 8}
follow_the_sun: [emea, amer, apac]
on_call: {rota: [{person: eva, calendar: always}]}
"""
BILLING = """\
routes:
  - name: billing
    when: {issue: billing}
    start_in: ticket.region
    needs: {skills: {billing: 2}, language: ticket.language}
    hard: [skills.billing]
    relax:
      - {after: 10m, skills: {billing: 1}}
      - {after: 30m, drop: language, flag: translate}
  - name: rest
    needs: {language: ticket.language}
routing: {sticky_owner: 14d}
"""
SITE = HOURS + PEOPLE + TEAMS + BILLING

#: a Tuesday on which Prague has just closed and New York is open
AFTER_HOURS = datetime(2026, 3, 10, 17, 5, tzinfo=UTC)
#: both are open
BOTH = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
#: all are closed: New York closes at 22:00, Sydney opens at 22:00
WEEKEND = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def routing(rules: str = SITE) -> Routing:
    """Compile rules that are known to be fine."""
    return rule_set(rules).routing


def work_on(at: datetime = AFTER_HOURS, **changes: Any) -> Facts:
    """Return a Spanish ticket about billing."""
    fields = {"issue": "billing", "language": "es", "region": "emea", "channel": "email", **changes}
    return facts(ticket(created_at=at, updated_at=at, **fields), now=at)


def urgent(at: datetime = AFTER_HOURS, **changes: Any) -> Facts:
    """Return one of the highest priority."""
    return work_on(at, priority=Priority(Level.P1), **changes)


def held_by(given: Facts, name: str, by: Setter = Setter.PERSON) -> Facts:
    """Return a ticket that somebody was given."""
    person = RemotePerson(email=f"{name}@acme.example")
    changed = facts(ticket(), now=given.now)
    held = stamped(given.ticket, "assignee", Stamp(by, "zen", given.now))
    return Facts(type(held)(**{**_fields(held), "assignee": person}), None, changed.links, given.now)


def _fields(held: Any) -> dict[str, Any]:
    return {name: getattr(held, name) for name in held.__struct_fields__}


def full(*people: str, units: int = 10) -> dict[str, State]:
    """Say that some people can take no more."""
    return {person: State(load={"email": units}) for person in people}


def ask(
    given: Facts,
    work: Work = NEW,
    states: Mapping[str, State] | None = None,
    *,
    rules: Routing | None = None,
    explain: bool = False,
) -> Routed:
    """Route a ticket at its instant."""
    compiled = routing() if rules is None else rules
    return route(compiled, given, Snapshot(compiled.roster, given.now, states), work, explain=explain)


def short(routed: Routed) -> tuple[str, str, str]:
    """Return outcome, region and agent."""
    return routed.outcome.value, routed.region, routed.agent


def reasons(routed: Routed, region: str) -> dict[str, str]:
    """Return why people of a region were no candidates."""
    (ring,) = (ring for ring in routed.rings if ring.region == region)
    return {each.person: each.why for each in ring.left_out}


def outcomes(found: Iterable[Routed]) -> list[Outcome]:
    """Return what became of several."""
    return [each.outcome for each in found]
