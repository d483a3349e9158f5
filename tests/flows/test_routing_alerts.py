"""The alerts of tickets that nobody has: each told once, over when somebody has it."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from connectors.slack.simulator import SlackSimulator
from gateway.flow.alerts import Watch
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from rules import load_site
from tests.flows.desk_room import GATEWAY, RULES, DeskRoom
from tests.rules.making import built_in, installed

SLACK = '  ops-slack: {connector: slack, auth: {bot_token: "${E}"}, channel: C0LEADS}\n'
ALERTS = """
alerts:
  - {when: ticket_unroutable > 1m, notify: {connection: ops-slack, channel: C0LEADS}}
  - {when: ticket_frozen > 1m, notify: {connection: ops-slack, channel: C0LEADS}}
"""


class Alarmed(DeskRoom):
    """A room whose alerts are looked at."""

    def __init__(self, store: SqlStore, slack: SlackSimulator) -> None:
        super().__init__(store)
        files = {"gateway.yaml": GATEWAY + SLACK + ALERTS, "rules/routing.yaml": RULES}
        site, problems = load_site(files, installed())
        assert site is not None, problems
        settings = ConnectionSettings(
            "ops-slack", "slack", slack.url, {"auth": {"bot_token": "xoxb"}, "channel": "C0LEADS"}, deadline=2.0
        )
        connectors = {**self.site.connectors, "ops-slack": built_in().connect(settings)}
        self.site = msgspec.structs.replace(self.site, rules=site.rules, alerts=site.alerts, connectors=connectors)

    def look(self, **later: float) -> list[str]:
        """Let time pass and look; return the first lines of what is told."""
        self.moved.ahead += timedelta(**later)
        before = self.titles()
        Watch(store=self.store, site=lambda: self.site, clock=self.clock, ids=self.ids).look()
        return self.titles()[len(before) :]

    def titles(self) -> list[str]:
        """Return the titles of the notices, oldest first."""
        with self.store.read() as tx:
            lines = [line for line in tx.view.updates(limit=100) if line.operation == "notify"][::-1]
            rows = [tx.outbox.get(line.id) for line in lines]
        return [str(row.intent.fields["title"]) for row in rows if row is not None]


def test_what_nobody_can_have_and_what_is_frozen_is_told_once(store: SqlStore) -> None:
    """After a minute, each by its own alert; not again, and never of what somebody has."""
    with SlackSimulator(bot_token="xoxb") as slack, Alarmed(store, slack) as room:
        moved = room.ticket()
        lost = room.ticket("Something else")
        assert room.look(seconds=30) == []
        assert room.look(minutes=1) == ["Desk Gateway: nobody could be given 1 ticket for more than 1m"]
        assert room.look(hours=1) == []
        room.zendesk.clock.skew = room.moved.ahead
        room.zendesk.act("set", ticket_id=lost, assignee_id=9003)
        room.settle()
        for account in (9004, 9001, 9005, None):
            room.zendesk.act("set", ticket_id=moved, assignee_id=account)
            room.settle()
        assert room.way(moved).outcome == "frozen"
        assert room.look(minutes=2) == ["Desk Gateway: 1 ticket has been frozen for more than 1m"]
        with store.read() as tx:
            assert [state.name for state in tx.alerts.raised()] == ["ticket_frozen > 1m"]


def test_what_no_route_is_for_is_listed_however_often_it_was_passed_on(store: SqlStore) -> None:
    """It says both; nobody has it, so the alert tells of it, and the list names it."""
    with SlackSimulator(bot_token="xoxb") as slack, Alarmed(store, slack) as room:
        number = room.ticket("Something else")
        for account in (9003, 9004, 9001, 9005, None):
            room.zendesk.act("set", ticket_id=number, assignee_id=account)
            room.settle()
        way = room.way(number)
        assert way.outcome == "unroutable"
        assert way.reason.startswith("no route holds for it, and it was passed on 3 times in this cycle: ")
        with store.read() as tx:
            assert [line.id for line in tx.view.tickets(routed="unroutable")] == [room.found(number).id]
            assert tx.view.tickets(routed="frozen") == []
        assert room.look(minutes=2) == ["Desk Gateway: nobody could be given 1 ticket for more than 1m"]
