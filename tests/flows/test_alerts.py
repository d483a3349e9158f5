"""Alerts on the way: dead letters in the record, messages in a simulated Slack, each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.bootstrap import build
from gateway.config import Settings
from gateway.domain.update import Operation, Reason, UpdateState
from gateway.flow.alerts import CALM, LOOK_EVERY, Watch
from gateway.flow.deliver import Deliverer
from gateway.flow.desks import LiveSite
from gateway.http import HttpTransport
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from gateway.system import SystemIds
from rules import Alert
from rules.alerts import Metric
from rules.decide import RuleSet
from tests.clocks import MovedClock
from tests.flows.world import Silent
from tests.records import Recorder
from tests.rules.making import built_in

NOTIFY = {"connection": "ops-slack", "channel": "#gateway"}
AGE = Alert("dead_letter_age > 30m", NOTIFY, Metric.DEAD_LETTER_AGE, 1800)
HOURLY = Alert("dead_letters_per_hour > 2", NOTIFY, Metric.DEAD_LETTERS_PER_HOUR, 2)
SECRET = "xoxb-secret"
SITE = """\
connections:
  ops-slack:
    connector: slack
    url: {url}
    auth: {bot_token: "${SLACK_TOKEN}"}
alerts:
  - when: dead_letters_per_hour > 2
    notify: {connection: ops-slack, channel: "#duty", runbook: wake somebody up}
"""


class Office:
    """A gateway with nothing but dead letters, and the channel that it tells of them."""

    def __init__(self, store: SqlStore, slack: SlackSimulator, *, history: bool = True) -> None:
        self.store = store
        self.slack = slack
        self.clock = MovedClock()
        self.ids = SystemIds(self.clock)
        self.transport = HttpTransport()
        self.tickets = 0
        options: dict[str, Any] = {"auth": {"bot_token": SECRET}, "channel": "C0GATEWAY"}
        settings = ConnectionSettings("ops-slack", "slack", slack.url, options, deadline=2.0)
        self.site = LiveSite(
            release="test",
            rules=RuleSet(),
            connectors={"ops-slack": built_in().connect(settings)},
            alerts=(AGE, HOURLY),
        )
        store.write(lambda tx: tx.desks.change("ops-slack", facts={"history": history}))

    def watch(self) -> Watch:
        """Return a fresh look at the alerts, as another sweep would take it."""
        return Watch(store=self.store, site=lambda: self.site, clock=self.clock, ids=self.ids)

    def look(self, later: timedelta = timedelta()) -> list[str]:
        """Let time pass, look, deliver; return the new messages."""
        self.clock.ahead += later
        self.slack.clock.skew = self.clock.ahead
        before = len(self.slack.messages)
        self.watch().look()
        self.deliver()
        return [str(message["text"]) for message in self.slack.messages[before:]]

    def deliver(self) -> None:
        """Deliver what is due."""
        Deliverer(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
        ).drain(holder="test", seconds=5, linger=0.02)

    def give_up(self, number: int = 1, **how: Any) -> list[str]:
        """Give updates up; returns their ids."""
        recorder = Recorder(self.store, self.ids, self.clock.now())
        made = []
        for _ in range(number):
            self.tickets += 1
            ticket, lane = recorder.ticket("Where is Kim's order?", requester="Kim Customer", number=self.tickets)
            how = {"reason": Reason.REJECTED, "detail": "kim@customer.example has no right", **how}
            made.append(recorder.update(ticket, lane, UpdateState.DEAD, operation=Operation.SET_FIELDS, **how))
        return made

    def discard(self, letters: list[str]) -> None:
        """Resolve dead letters."""
        for letter in letters:
            self.store.write(lambda tx, letter=letter: tx.dead_letters.close(letter, "discarded", self.clock.now()))  # type: ignore[misc]

    def states(self) -> list[str]:
        """Return the states of the messages in the outbox, oldest first."""
        with self.store.read() as tx:
            return [line.state for line in tx.view.updates(limit=100) if line.operation == "notify"][::-1]


@pytest.fixture
def slack() -> Iterator[SlackSimulator]:
    """Run a simulated workspace."""
    with SlackSimulator(bot_token=SECRET) as simulator:
        yield simulator


@pytest.fixture
def office(store: SqlStore, slack: SlackSimulator) -> Iterator[Office]:
    """Give a gateway that watches itself, on each database."""
    made = Office(store, slack)
    yield made
    made.transport.close()


def test_an_old_dead_letter_is_told_repeated_and_over(office: Office) -> None:
    """Nothing before its time; then once, again after an hour, and once more when it is over."""
    letters = office.give_up(2)
    assert office.look() == []
    assert office.look(timedelta(minutes=29)) == []
    (told,) = office.look(timedelta(minutes=2))
    assert told.startswith("Desk Gateway: 2 dead letters, the oldest for 31m\n")
    assert "Most of it (2): updates to engineering-rt, rejected." in told
    assert "`gateway dead-letters list --connection engineering-rt --reason rejected`" in told
    assert office.look(timedelta(minutes=30)) == []
    (again,) = office.look(timedelta(minutes=31))
    assert again.startswith("Desk Gateway, still: 2 dead letters, the oldest for 1h32m\n")
    office.discard(letters)
    assert office.look(timedelta(minutes=1)) == []
    (over,) = office.look(CALM)
    assert over.startswith("Desk Gateway: over: dead_letter_age &gt; 30m\n")
    assert "No dead letter waits any more." in over
    assert office.look(timedelta(days=1)) == []
    assert office.states() == ["done"] * 3


def test_many_within_an_hour_are_told_and_parked_deliveries_count(office: Office) -> None:
    """Two are not too many, the third is; an hour later it is over, though all of them still wait."""
    office.give_up(2)
    assert office.look(timedelta(minutes=1)) == []
    Recorder(office.store, office.ids, office.clock.now()).delivery("d", park=(Reason.UNREADABLE, "not JSON"))
    (told,) = office.look(timedelta(minutes=1))
    assert told.startswith("Desk Gateway: 3 dead letters within an hour\n")
    office.site = msgspec.structs.replace(office.site, alerts=(HOURLY,))
    assert office.look(timedelta(minutes=59)) == []
    (over,) = office.look(CALM + timedelta(seconds=1))
    assert "3 dead letters wait for a person" in over


def test_nothing_about_people_or_secrets_is_told(office: Office) -> None:
    """Neither in the message, nor in the summary or the audit trail: no title, no person, no word of a desk."""
    office.give_up(3)
    told = office.look(timedelta(minutes=31))
    assert len(told) == 2
    with office.store.read() as tx:
        lines = [line for line in tx.view.updates(limit=100) if line.operation == "notify"]
    said = repr((told, [(line.summary, line.rule, line.detail) for line in lines])).lower()
    assert not [word for word in ("kim", "order", "customer", "no right", SECRET) if word in said]


def test_many_sweeps_at_once_tell_it_once(office: Office) -> None:
    """Whoever moves the state on tells it, at first and again; the others find that they were late."""
    office.give_up()
    for _ in range(2):
        office.clock.ahead += timedelta(hours=1)
        start = threading.Barrier(6)

        def sweep(_: int, start: threading.Barrier = start) -> int:
            watch = office.watch()
            start.wait()
            return watch.look()

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(sweep, range(6))) == 1
        office.deliver()
    assert len(office.slack.messages) == 2


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "half_body", "error_with_effect"])
def test_a_message_whose_answer_is_lost_is_there_once(office: Office, fault: str) -> None:
    """It is looked up in the channel, like any other update."""
    office.give_up()
    office.slack.fault(fault, method="POST")
    office.look(timedelta(hours=1))
    office.look(timedelta(seconds=30))
    office.deliver()
    assert office.states() in (["done"], ["observed"])
    assert len(office.slack.messages) == 1


def test_a_message_that_is_given_up_silences_no_later_one_and_raises_no_alert_of_its_own(
    store: SqlStore, slack: SlackSimulator
) -> None:
    """Where nothing can be looked up an unknown outcome is left to a person; the end is told all the same."""
    office = Office(store, slack, history=False)
    letters = office.give_up()
    slack.fault("reset_before", method="POST")
    assert office.look(timedelta(hours=1)) == []
    office.discard(letters)
    office.look(timedelta(minutes=1))
    (over,) = office.look(CALM)
    assert "over" in over
    assert office.states() == ["ambiguous", "done"]
    assert office.look(timedelta(days=1)) == []
    office.transport.close()


def test_in_mode_observe_nothing_is_told(office: Office) -> None:
    """As with everything else that would leave."""
    office.site = msgspec.structs.replace(office.site, mode="observe")
    office.give_up()
    assert office.look(timedelta(hours=1)) == []
    assert office.states() == []


def test_it_is_not_looked_at_in_every_sweep(office: Office) -> None:
    """A sweep comes every second or two; counting dead letters is not for nothing."""
    office.give_up()
    office.clock.ahead = timedelta(minutes=31)
    watch = office.watch()
    assert watch.look() == 1
    office.clock.ahead += timedelta(hours=2, seconds=-LOOK_EVERY)
    assert watch.look() == 1
    office.clock.ahead += timedelta(seconds=LOOK_EVERY - 1)
    with office.store.read() as tx:
        version = tx.alerts.state(AGE.key).version
    assert watch.look() == 0
    with office.store.read() as tx:
        assert tx.alerts.state(AGE.key).version == version


def test_the_sweep_of_a_site_looks_at_its_alerts(tmp_path: Path, slack: SlackSimulator) -> None:
    """From the line in gateway.yaml to the message, as the processes of a site do it."""
    environ = {"GATEWAY_SITE": str(tmp_path), "SLACK_TOKEN": SECRET}
    (tmp_path / "gateway.yaml").write_text(SITE.replace("{url}", slack.url), encoding="utf-8")
    gateway = build(Settings.from_env(environ), environ)
    try:
        assert gateway.activate_folder(author="test") == ()
        recorder = Recorder(gateway.store, gateway.ids, gateway.clock.now())
        for number in range(3):
            recorder.delivery(f"d{number}", park=(Reason.POISON, "it broke"))
        gateway.sweeper().sweep()
        gateway.sweeper().sweep()
        gateway.deliverer().drain(holder="test", seconds=5, linger=0.02)
    finally:
        gateway.close()
    (message,) = slack.messages
    assert message["channel"] == "C0DUTY"
    assert message["text"].startswith("Desk Gateway: 3 dead letters within an hour\n")
    assert message["text"].endswith("--reason poison`\nRunbook: wake somebody up")
