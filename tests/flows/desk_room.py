"""A site whose tickets are routed: two regions, billing and api, and a second desk for billing tickets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.ticket import Ticket
from gateway.flow.routing.pulling import Puller
from gateway.ports.ways import Way
from gateway.store import SqlStore
from rules import load_site
from tests.clocks import MovedClock
from tests.flows.world import Silent, World
from tests.rules.making import installed

GATEWAY = """
connections:
  acme-zendesk:
    connector: zendesk
    url: https://acme.example
    auth: {email: a@acme.example, api_token: "${A}"}
    webhook_secret: ${B}
  engineering-rt: {connector: request_tracker, url: "https://rt.example", auth: {token: "${C}"}, webhook_secret: "${D}"}
"""
RULES = """
calendars:
  emea: {timezone: UTC, week: {mon-fri: ["08:00-16:00"]}}
  amer: {timezone: UTC, week: {mon-fri: ["14:00-22:00"]}}
  always: 24x7
people:
  lucia: {email: lucia@acme.example, languages: [es, en], accounts: {acme-zendesk: "9001", engineering-rt: agent1}}
  dana:  {email: dana@acme.example, languages: [es, en], accounts: {acme-zendesk: "9003", engineering-rt: agent2}}
  noah:  {email: noah@acme.example, languages: [es, en], accounts: {acme-zendesk: "9004"}}
  eva:   {email: eva@acme.example, languages: [en], accounts: {acme-zendesk: "9005"}}
teams:
  emea-support:
    {calendar: emea, region: emea, manager: eva, accounts: {acme-zendesk: "3601", engineering-rt: Support}}
  amer-support:
    {calendar: amer, region: amer, manager: eva, accounts: {acme-zendesk: "3602", engineering-rt: Escalations}}
agents:
  - {person: lucia, team: emea-support, skills: {billing: 3}, capacity: 2}
  - {person: dana, team: amer-support, skills: {billing: 2}, capacity: 2}
  - {person: noah, team: amer-support, skills: {billing: 1}, capacity: 2}
follow_the_sun: [emea, amer]
on_call: {rota: [{person: eva, calendar: always}]}
classify:
  - {name: invoices, when: {text: {words: [invoice]}}, set: {issue: billing, language: es, region: emea}}
routes:
  - name: billing
    when: {issue: billing}
    start_in: ticket.region
    needs: {skills: {billing: 2}, language: ticket.language}
    hard: [skills.billing]
    relax:
      - {after: 10m, skills: {billing: 1}}
  - {name: others, when: {text: {words: [door]}}, queue: "3609"}
routing: {sticky_owner: 14d, max_hops: 3, fallback_queue: triage}
sla:
  - {name: standard, calendar: always, targets: {resolution: {default: 12h}}}
sync:
  - name: billing-to-rt
    from: acme-zendesk
    to: engineering-rt
    when: {issue: billing}
    create: {queue: General}
    fields:
      title: from
      body: from
      status:
        owner: both
        map:
          - {ours: new, theirs: new}
          - {ours: open, theirs: open}
          - {ours: [pending_customer, on_hold], theirs: stalled, back: on_hold}
          - {ours: [resolved, closed], theirs: resolved, back: resolved}
          - {ours: cancelled, theirs: [rejected, deleted], to: rejected}
      comments: {public: both, internal: from}
"""


class DeskRoom(World):
    """The gateway of that site, on a Monday at an hour that a test names."""

    def __init__(self, store: SqlStore, rules: str = RULES, *, at: str = "18:00") -> None:
        self.moved = MovedClock()
        now = self.moved.now()
        hour, minute = (int(part) for part in at.split(":"))
        monday = (now + timedelta(days=7 - now.weekday())).replace(hour=hour, minute=minute, second=0, microsecond=0)
        self.moved.ahead = monday - now
        super().__init__(store, clock=self.moved)
        self._follow_time()
        self.rules(rules)
        self.puller = Puller(
            store=self.store, site=lambda: self.site, doorbell=Silent(), clock=self.clock, ids=self.ids
        )

    def _follow_time(self) -> None:
        self.zendesk.clock.skew = self.moved.ahead

    def rules(self, rules: str, release: str = "test") -> None:
        """Let these be the active ones."""
        site, problems = load_site({"gateway.yaml": GATEWAY, "rules/routing.yaml": rules}, installed())
        assert site is not None, problems
        self.site = msgspec.structs.replace(self.site, rules=site.rules, release=release)

    def ticket(self, subject: str = "Wrong invoice", **more: str) -> int:
        """Let a customer ask for something."""
        given = {"subject": subject, "body": "Hola", "email": "kim@customer.example", **more}
        number = int(self.zendesk.act("create", **given)["id"])
        self.settle()
        return number

    def later(self, **how: float) -> None:
        """Let time pass, look at the queue and deliver."""
        self.moved.ahead += timedelta(**how)
        self._follow_time()
        self.puller.pull(seconds=30)
        self.settle()

    def now(self) -> datetime:
        """Return the time."""
        return self.clock.now().astimezone(UTC)

    def found(self, number: int) -> Ticket:
        """Return a ticket by its number in Zendesk."""
        with self.store.read() as tx:
            link = tx.links.by_remote([("acme-zendesk", str(number))])["acme-zendesk", str(number)]
            found = tx.tickets.get(link.ticket_id)
        assert found is not None
        return found

    def shown(self, number: int) -> tuple[str, str]:
        """Return assignee and group as Zendesk has them."""
        ticket = self.zendesk.records.tickets[number]
        return str(ticket["assignee_id"]), str(ticket["group_id"])

    def copy(self, number: int) -> tuple[str, str]:
        """Return owner and queue of its copy in RT."""
        name = self.found(number).id
        with self.store.read() as tx:
            (link,) = [each for each in tx.links.of_ticket(name) if each.connection == "engineering-rt"]
        copy = self.rt.records.ticket(int(link.remote_id))
        assert copy is not None
        return copy.owner, copy.queue

    def way(self, number: int) -> Way:
        """Return its way."""
        with self.store.read() as tx:
            found = tx.ways.get(self.found(number).id)
        assert found is not None
        return found

    def trail(self, number: int, action: str) -> list[dict[str, Any]]:
        """Return what the trail says of it, oldest first."""
        name = self.found(number).id
        with self.store.read() as tx:
            lines = [line for line in tx.view.audit(limit=500, ticket_id=name) if line["action"] == action]
        return [line["detail"] for line in lines][::-1]
