"""An office: a gateway between two desks with promises, a channel to tell people by, and time that a test moves."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from connectors.slack.simulator import SlackSimulator
from gateway.domain.clock_instance import Instance
from gateway.domain.ticket import Ticket
from gateway.flow.sla.escalating import Waker
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from rules import load_site
from tests.clocks import MovedClock
from tests.flows.world import Silent, World
from tests.rules.making import built_in, installed

GATEWAY = """
connections:
  acme-zendesk:
    connector: zendesk
    url: https://acme.example
    auth: {email: a@acme.example, api_token: "${A}"}
    webhook_secret: ${B}
  engineering-rt: {connector: request_tracker, url: "https://rt.example", auth: {token: "${C}"}, webhook_secret: "${D}"}
  ops-slack: {connector: slack, auth: {bot_token: "${E}"}, channel: C0LEADS}
"""
RULES = """
calendars:
  always: 24x7
people:
  eva: {email: eva@acme.example, accounts: {ops-slack: U04EVA}}
  marek: {email: marek@acme.example}
roles:
  duty: [eva]
sla:
  - name: standard
    calendar: always
    targets:
      first_response: 4h
      resolution: {P1: 2h, P2: 4h, P3: 8h, default: 20h}
    pause_when: {status: pending_customer}
"""
LEVELS = """
escalations:
  - name: halfway
    at: 50%
    metrics: [resolution]
    do: [{notify: {role: duty, connection: ops-slack, channel: C0LEADS, runbook: "https://wiki.example/half"}}]
  - name: last-hour
    at: 1h left
    metrics: [resolution]
    do: [{queue: Urgent}, {add_participant: {person: marek}}]
  - name: broken
    at: breach
    metrics: [resolution]
    do: [{raise_priority: 1}]
  - name: still-broken
    at: breach + 2h
    repeat: 2h
    metrics: [resolution]
    do: [{notify: {role: duty}}]
"""


class Office(World):
    """The gateway between its desks, with a channel, and time that a test moves."""

    def __init__(self, store: SqlStore, slack: SlackSimulator, levels: str = LEVELS) -> None:
        self.moved = MovedClock()
        super().__init__(store, clock=self.moved)
        site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": RULES + levels}, installed())
        assert site is not None, problems
        settings = ConnectionSettings(
            "ops-slack", "slack", slack.url, {"auth": {"bot_token": "xoxb"}, "channel": "C0LEADS"}, deadline=2.0
        )
        connectors = {**self.site.connectors, "ops-slack": built_in().connect(settings)}
        self.site = msgspec.structs.replace(self.site, rules=site.rules, connectors=connectors)
        self.slack = slack

    def ticket(self, **more: str) -> int:
        """Let a customer ask for something."""
        number = int(self.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")["id"])
        if more:
            self.zendesk.act("set", ticket_id=number, **more)
        self.settle()
        return number

    def change(self, rules: str, *, release: str) -> None:
        """Let other rules be the active ones."""
        site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": rules}, installed())
        assert site is not None, problems
        self.site = msgspec.structs.replace(self.site, rules=site.rules, release=release)

    def waker(self) -> Waker:
        """Return a fresh look at the clocks, as another sweep would take it."""
        return Waker(store=self.store, site=lambda: self.site, doorbell=Silent(), clock=self.clock, ids=self.ids)

    def later(self, **how: float) -> list[str]:
        """Let time pass and wake what is due; return what fired, in order."""
        before = self.fired()
        self.moved.ahead += timedelta(**how)
        self.zendesk.clock.skew = self.moved.ahead
        self.waker().wake(seconds=30)
        return [each for each in self.fired() if each not in before]

    def fired(self) -> list[str]:
        """Return the levels that did something, as the trail has them."""
        with self.store.read() as tx:
            lines = [line for line in tx.view.audit(limit=500) if line["action"] == "escalated"]
        return [f"{each['detail']['escalation']} {each['detail']['due'][:16]}" for each in lines][::-1]

    def now(self) -> Ticket:
        """Return the one ticket."""
        with self.store.read() as tx:
            (line,) = tx.view.tickets(limit=5)
            found = tx.tickets.get(line.id)
        assert found is not None
        return found

    def clock_of(self, metric: str) -> Instance:
        """Return the last instance of a metric."""
        with self.store.read() as tx:
            return [row.instance for row in tx.clocks.rows(self.now().id) if row.instance.metric == metric][-1]

    def notices(self) -> list[tuple[str, str]]:
        """Return the notices in the outbox, oldest first: to which channel, and what."""
        with self.store.read() as tx:
            lines = [line for line in tx.view.updates(limit=100) if line.operation == "notify"][::-1]
            rows = [tx.outbox.get(line.id) for line in lines]
        return [
            (str(row.intent.params.get("channel")), str(row.intent.fields["body"])) for row in rows if row is not None
        ]


def names(fired: list[str]) -> list[str]:
    """Return the levels without their times."""
    return [each.split()[0] for each in fired]
