"""A gateway that lives through a year in minutes: the real steps, store, pruner and desks; only the days are moved.

Each busy day brings the same: tickets, comments both ways, edits, a merge, a lost webhook that a poll finds, an update
that the desk refuses, a delivery that nobody can read, an alert about them, and a bulk that clears them away.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Self

import msgspec

from connectors.slack.simulator import SlackSimulator
from dead_letters import (
    Bulk,
    Filter,
    Person,
    Resolved,
    Runner,
    Taken,
    discard_delivery,
    discard_update,
    freeze,
)
from gateway.flow.alerts import Watch
from gateway.flow.sweep import Sweeper
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.unit import SqlTx
from rules import Alert
from rules.alerts import Metric
from tests.clocks import MovedClock
from tests.flows.world import Silent, World
from tests.rules.making import built_in

ZENDESK, RT, SLACK = "acme-zendesk", "engineering-rt", "ops-slack"
TOLD = {"connection": SLACK, "channel": "C0GATEWAY"}
ALERT = Alert("dead_letters_per_hour > 1", TOLD, Metric.DEAD_LETTERS_PER_HOUR, 1)
PERSON = Person("ops", "the cause is mended", "soak")
CUSTOMERS = 10
#: how long a day may take to come to rest
REST_SECONDS = 60.0
DAWN = clock_time(6)
NIGHT = timedelta(hours=1)


class Days:
    """One site, its desks and its days. `with` starts and stops the desks."""

    def __init__(self, store: SqlStore, lives: Lifetimes, *, tickets: int) -> None:
        self.store = store
        self.clock = MovedClock()
        # each day begins at the same hour: keys go by whole days, and a day that crept over midnight had one more
        now = self.clock.now()
        self._dawn = datetime.combine(now.date() + timedelta(days=1), DAWN, tzinfo=UTC)
        self.clock.ahead = self._dawn - now
        store.clock = self.clock
        self.slack = SlackSimulator(bot_token="xoxb-secret").start()
        self.world = World(store, clock=self.clock)
        self.number = 0
        #: how many letters nobody has dealt with since the first day
        self.left = 0
        self._tickets = tickets
        self._customers = 0
        self._left_until: datetime | None = None
        options: dict[str, Any] = {"auth": {"bot_token": "xoxb-secret"}, "channel": "C0GATEWAY"}
        settings = ConnectionSettings(SLACK, "slack", self.slack.url, options, deadline=2.0)
        connectors = {**self.world.site.connectors, SLACK: built_in().connect(settings)}
        site = msgspec.structs.replace(self.world.site, connectors=connectors, alerts=(ALERT,))
        self.world.site = site
        # one of each for all days: a fresh one has threads of its own
        self._applier, self._deliverer = self.world.applier(), self.world.deliverer()
        self._reconciler = self.world.reconciler()
        self._pruner = Pruner(store, lambda: lives, self.clock)
        self._sweeper = Sweeper(
            store=store,
            site=lambda: site,
            doorbell=Silent(),
            clock=self.clock,
            holder="soak",
            prune=self._pruner.visit,
            watch=Watch(store=store, site=lambda: site, clock=self.clock, ids=self.world.ids).look,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()
        self.slack.stop()

    def live(self, days: int = 1) -> None:
        """Live through one busy day and the quiet ones after it."""
        self._wait(self._dawn - self.clock.now())
        pairs = self._work()
        self._trouble(pairs)
        for number, _ in pairs:
            self.world.zendesk.act("set", ticket_id=number, status="solved")
        self.rest()
        self._clear()
        self.rest()
        self.number += 1
        self._dawn += timedelta(days=days)
        self._wait(self._dawn - NIGHT - self.clock.now())
        for _ in range(2):
            # the second look, minutes later, says that the alert is over
            self._sweeper.sweep()
            self._wait(timedelta(minutes=6))
            self.rest()
        while self._pruner.visit()[1]:
            # the night is long enough
            pass

    def letters(self) -> int:
        """Return how many dead letters wait for a person."""
        with self.store.read() as tx:
            return tx.letters.count(Filter())

    # ------------------------------------------------------------ a day's work

    def _work(self) -> list[tuple[int, str]]:
        """Let tickets come and be talked about; return them with their copies in RT."""
        zendesk, rt = self.world.zendesk, self.world.rt
        numbers = []
        for _ in range(self._tickets):
            self._customers += 1
            email = f"customer{self._customers % CUSTOMERS}@customer.example"
            made = zendesk.act("create", subject=f"Day {self.number}", body="It does not work", email=email)
            numbers.append(int(made["id"]))
        self.rest()
        copies = [self._copy(number) for number in numbers]
        for number, copy in zip(numbers, copies, strict=True):
            zendesk.act("comment", ticket_id=number, body="Any news?", by="customer")
            zendesk.act("set", ticket_id=number, status="open", priority="high")
            rt.act("note", ticket=copy, body="I look into it")
        self.rest()
        for copy in copies:
            rt.act("set", ticket=copy, Status="stalled")
            rt.act("reply", ticket=copy, body="Please try again")
        self.rest()
        return list(zip(numbers, copies, strict=True))

    def _trouble(self, pairs: list[tuple[int, str]]) -> None:
        """Let go wrong what goes wrong every day."""
        zendesk, rt = self.world.zendesk, self.world.rt
        self.world.webhooks_lost = True
        zendesk.act("comment", ticket_id=pairs[0][0], body="Nobody hears of this", public=False)
        zendesk.webhooks.flush(5)
        self.world.webhooks_lost = False
        # of what we write now the desk tells nobody: the ledger waits for it in vain
        zendesk.act("set", ticket_id=pairs[-1][0], priority="low")
        zendesk.webhooks.flush(5)
        self._applier.drain(holder="soak", seconds=5)
        self.world.webhooks_lost = True
        self._deliverer.drain(holder="soak", seconds=5, linger=0.0)
        rt.webhooks.flush(5)
        self.world.webhooks_lost = False
        self._wait(timedelta(hours=1))
        for name in (ZENDESK, RT):
            self._reconciler.poll(name, holder="soak")
        self.rest()
        rt.fault("error_without_effect", method="POST", path="comment", status=422)
        zendesk.act("comment", ticket_id=pairs[-1][0], body="RT refuses this", public=False)
        zendesk.webhooks.redeliver(b'{"no ticket": %d}' % self.number)
        if len(pairs) > 1:
            rt.act("merge", ticket=pairs[0][1], into=pairs[1][1])
        self.rest()
        self._sweeper.sweep()
        self.rest()

    def _copy(self, number: int) -> str:
        """Return the RT ticket of a Zendesk ticket, as the record has it."""
        with self.store.read() as tx:
            link = tx.links.by_remote([(ZENDESK, str(number))])[ZENDESK, str(number)]
            return next(each.remote_id for each in tx.links.of_ticket(link.ticket_id) if each.connection == RT)

    def _clear(self) -> None:
        """Discard the letters of the day by a bulk; those of the first day nobody looks at."""
        now = self.clock.now()
        if self._left_until is None:
            self._left_until, self.left = now, self.letters()
            return
        bulk = Bulk(self.world.ids.new(), "discard", "ops", PERSON.why, Filter(after=self._left_until), {}, now)
        freeze(self.store, bulk, now)
        runner = Runner(
            self.store, work=self._discard, clock=self.clock, wait=time.sleep, ring=lambda _: None, rate=1000.0
        )
        runner.run(bulk, lambda _: None)

    def _discard(self, tx: SqlTx, taken: Taken) -> Resolved:
        drop = discard_update if taken.what == "update" else discard_delivery
        return drop(tx, taken.letter_id, self.clock.now(), PERSON)

    # ------------------------------------------------------------ time

    def _wait(self, span: timedelta) -> None:
        """Let time pass for the gateway and for the desks alike."""
        self.clock.ahead += max(span, timedelta())
        for desk in (self.world.zendesk, self.world.rt, self.slack):
            desk.clock.skew = self.clock.ahead

    def rest(self) -> None:
        """Run the steps until nothing is left to do; what waits for its time gets it at once."""
        until = time.monotonic() + REST_SECONDS
        while time.monotonic() < until:
            self.world.zendesk.webhooks.flush(5)
            self.world.rt.webhooks.flush(5)
            done = self._applier.drain(holder="soak", seconds=5)
            done += self._deliverer.drain(holder="soak", seconds=5, linger=0.0)
            if done:
                continue
            with self.store.read() as tx:
                pending, due = tx.inbox.pending(), tx.outbox.next_due()
            if not pending and due is None:
                return
            self._wait(timedelta(seconds=1))
        msg = f"day {self.number} did not come to rest: {self.world.counts()}"
        raise AssertionError(msg)
