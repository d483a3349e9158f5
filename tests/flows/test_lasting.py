"""Alerts about tickets: a clock that waits for too long, a ticket that stays in its stage; each is told once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.domain.ticket import Ticket
from gateway.domain.update import Reason
from gateway.flow.alerts import LOOK_EVERY, Watch
from gateway.store import SqlStore
from rules import load_site
from tests.flows.office import GATEWAY, RULES, Office
from tests.records import Recorder
from tests.rules.making import installed

CLASSIFY = """
classify:
  - {name: setup, when: {title: {words: [onboarding]}}, set: {kind: implementation, stage: pending_approval}}
stages:
  implementation:
    - pending_approval: {acme-zendesk: [new]}
    - provisioning: {acme-zendesk: [open]}
"""
PAUSED = "  - {when: clock_paused > 10d, notify: {role: duty}}\n"
STAGE = "  - {when: ticket_in_stage > 5d, notify: {connection: ops-slack, channel: C0LEADS, person: eva}}\n"


class Watched(Office):
    """An office whose alerts are looked at."""

    def __init__(self, store: SqlStore, slack: SlackSimulator, alerts: str, people: str = RULES) -> None:
        super().__init__(store, slack, "")
        files = {"gateway.yaml": f"{GATEWAY}alerts:\n{alerts}", "rules/sla.yaml": people + CLASSIFY}
        site, problems = load_site(files, installed())
        assert site is not None, problems
        self.site = msgspec.structs.replace(self.site, rules=site.rules, alerts=site.alerts)

    def ask(self, subject: str = "Door") -> int:
        """Let a customer ask for something."""
        number = int(self.zendesk.act("create", subject=subject, body="Please", email="kim@customer.example")["id"])
        self.settle()
        return number

    def set(self, number: int, **fields: str) -> None:
        """Let an agent change a ticket."""
        self.zendesk.act("set", ticket_id=number, **fields)
        self.settle()

    def watch(self) -> Watch:
        """Return a fresh look, as another sweep would take it."""
        return Watch(store=self.store, site=lambda: self.site, clock=self.clock, ids=self.ids)

    def look(self, **later: float) -> list[tuple[str, str]]:
        """Let time pass and look; return what was put into the outbox: to whom, and what."""
        before = len(self.notices())
        self.moved.ahead += timedelta(**later)
        self.zendesk.clock.skew = self.moved.ahead
        self.watch().look()
        return self.notices()[before:]

    def now_of(self, number: int) -> Ticket:
        """Return the ticket of a number."""
        with self.store.read() as tx:
            found = tx.tickets.get(tx.view.find_ticket(str(number)) or "")
        assert found is not None
        return found

    def standing(self) -> list[str]:
        """Return what stands, as `gateway status` says it."""
        with self.store.read() as tx:
            return [f"{each.name}: {each.detail}" for each in tx.alerts.raised()]


@pytest.fixture
def slack() -> Iterator[SlackSimulator]:
    """Run a simulated workspace."""
    with SlackSimulator(bot_token="xoxb") as simulator:
        yield simulator


def test_a_clock_that_has_waited_for_ten_days_is_told_once_to_a_role(store: SqlStore, slack: SlackSimulator) -> None:
    """In real time, to the account of whom the role stands for, with the ticket, since when, and what to do next."""
    with Watched(store, slack, PAUSED) as office:
        number = office.ask()
        office.ask("Another, which does not wait")
        office.set(number, status="pending")
        assert office.look(days=9, hours=23) == []
        assert office.standing() == []
        ((channel, body),) = office.look(hours=2)
        assert channel == "U04EVA"
        first, told, following = body.splitlines()
        assert first == "Alert `clock_paused > 10d`."
        assert f"acme-zendesk #{number}" in told
        assert "resolution waits since 20" in told
        assert told.endswith(("10d1h.", "10d."))
        assert following == "Next: `gateway sla list --waiting-for 10d`"
        assert office.standing() == ["clock_paused > 10d: 1 clock has waited for more than 10d"]
        for _ in range(3):
            assert office.look(days=2) == []


def test_another_pause_is_told_again_and_what_goes_on_is_over(store: SqlStore, slack: SlackSimulator) -> None:
    """A clock that has gone on is forgotten; when it waits anew for as long, that is news."""
    with Watched(store, slack, PAUSED) as office:
        number = office.ask()
        office.set(number, status="pending")
        assert len(office.look(days=11)) == 1
        office.set(number, status="open")
        assert office.look(minutes=5) == []
        assert office.standing() == []
        office.set(number, status="pending")
        assert office.look(days=9) == []
        assert len(office.look(days=2)) == 1
        office.set(number, status="solved")
        assert office.look(days=30) == []
        assert office.standing() == []


def test_a_ticket_in_its_stage_is_told_once_for_each_stage(store: SqlStore, slack: SlackSimulator) -> None:
    """Into the channel, with the person mentioned; a closed ticket is in no stage, one that is opened again is anew."""
    with Watched(store, slack, STAGE) as office:
        number = office.ask("Onboarding of Kim")
        office.ask("No stage")
        assert office.look(days=4, hours=23) == []
        ((channel, body),) = office.look(hours=2)
        assert channel == "C0LEADS"
        assert body.startswith("<@U04EVA>\nAlert `ticket_in_stage > 5d`.\n")
        assert f"acme-zendesk #{number}" in body
        assert "in stage pending_approval since 20" in body
        assert body.endswith("Next: `gateway tickets list --in-stage-for 5d`")
        assert office.look(days=3) == []
        office.set(number, status="open")
        assert office.now_of(number).stage == "provisioning"
        assert office.look(days=4) == []
        ((_, again),) = office.look(days=2)
        assert "in stage provisioning" in again
        office.set(number, status="solved")
        assert office.look(days=20) == []
        assert office.standing() == []
        office.set(number, status="open")
        assert office.look(days=4) == []
        assert len(office.look(days=2)) == 1


def test_many_sweeps_at_once_tell_it_once(store: SqlStore, slack: SlackSimulator) -> None:
    """Whoever moves the alert on tells; the others find that they were late."""
    with Watched(store, slack, PAUSED) as office:
        office.set(office.ask(), status="pending")
        office.moved.ahead += timedelta(days=11)
        start = threading.Barrier(5)

        def sweep(_: int) -> int:
            watch = office.watch()
            start.wait()
            return watch.look()

        with ThreadPoolExecutor(5) as pool:
            assert sum(pool.map(sweep, range(5))) == 1
        assert len(office.notices()) == 1


def test_it_is_told_by_who_owns_the_ticket_and_what_reaches_nobody_stands_to_be_seen(
    store: SqlStore, slack: SlackSimulator
) -> None:
    """Marek has no account at the channel: nothing is sent, and where people look it says so."""
    alerts = "  - {when: clock_paused > 10d, notify: {person: marek, runbook: wake him}}\n"
    with Watched(store, slack, alerts) as office:
        office.set(office.ask(), status="pending")
        assert office.look(days=11) == []
        (line,) = office.standing()
        assert line.startswith("clock_paused > 10d: 1 clock has waited for more than 10d; marek cannot be told: no acc")
        with store.read() as tx:
            (told,) = [each for each in tx.view.audit(limit=50) if each["action"] == "alert raised"]
        assert told["detail"] == {"alert": "clock_paused > 10d", "told": []}
        office.look(days=1)
        assert office.standing() == [line]


def test_business_days_count_by_the_calendar_of_the_clock(store: SqlStore, slack: SlackSimulator) -> None:
    """Its calendar is always open, which has no days of its own: Monday to Friday count."""
    alerts = "  - {when: clock_paused > 8bd, notify: {role: duty}}\n"
    with Watched(store, slack, alerts) as office:
        office.set(office.ask(), status="pending")
        assert office.look(days=8, hours=-1) == []
        assert len(office.look(days=5)) == 1
        assert office.standing() == ["clock_paused > 8bd: 1 clock has waited for more than 8bd"]


def test_an_alert_that_the_site_no_longer_names_does_not_stand(store: SqlStore, slack: SlackSimulator) -> None:
    """Nor does it come back when a look is due."""
    with Watched(store, slack, PAUSED) as office:
        office.set(office.ask(), status="pending")
        office.look(days=11)
        assert len(office.standing()) == 1
        office.site = msgspec.structs.replace(office.site, alerts=())
        office.look(seconds=LOOK_EVERY)
        assert office.standing() == []


def test_dead_letters_are_told_to_people_by_their_accounts(store: SqlStore, slack: SlackSimulator) -> None:
    """A role stands for its people, whatever the alert is about."""
    alerts = "  - {when: dead_letters_per_hour > 0, notify: {role: duty}}\n"
    with Watched(store, slack, alerts) as office:
        Recorder(store, office.ids, office.clock.now()).delivery("broken", park=(Reason.UNREADABLE, "not JSON"))
        ((channel, body),) = office.look()
        assert channel == "U04EVA"
        assert body.startswith("Alert `dead_letters_per_hour > 0`, since ")
        assert office.standing() == ["dead_letters_per_hour > 0: 1 dead letter within an hour"]
