"""Any two desks with a gateway between them, and the journey of a ticket that lives in both."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from connectors.sdk import Category, Level, Operation, RemoteTicket, Visibility
from connectors.testing.bench import Bench, Lacking, Shown
from connectors.testing.conformance.files import DATA, DOT
from connectors.testing.driver import Driver
from gateway.domain.ticket import Priority, Status, Ticket
from gateway.ports import Connector
from gateway.store import SqlStore
from gateway.system import SystemClock
from rules.conditions import ALWAYS
from rules.sync import Owner, SyncRule
from tests.flows.world import Bridge

SOURCE, TARGET = "the-source", "the-target"
FIELDS = ("title", "status", "priority", "assignee")
SAID = {Visibility.PUBLIC: Operation.PUBLIC_REPLY, Visibility.INTERNAL: Operation.INTERNAL_NOTE}


class Clock(SystemClock):
    """The gateway's clock, which goes with those of the desks: what they sign is not of another time."""

    passed = timedelta(0)

    def now(self) -> datetime:
        """Return the instant, and the time that has been let pass."""
        return super().now() + self.passed


class Pair(Bridge):
    """Two desks; every ticket of the first also lives in the second."""

    def __init__(self, store: SqlStore, source: type[Bench], target: type[Bench]) -> None:
        self.time = Clock()
        super().__init__(store, self.time)
        self.benches = {SOURCE: source(), TARGET: target()}
        for name, bench in self.benches.items():
            bench.__enter__()
            bench.desk.webhooks.url = self.hook(name)
        settings = [
            # one desk may stand at both ends
            bench.settings(name, every=timedelta(seconds=1))
            for name, bench in self.benches.items()
        ]
        self.join((bench.desk for bench in self.benches.values()), settings, ())
        both = self.site.connectors[SOURCE].spec.writable_fields & self.site.connectors[TARGET].spec.writable_fields
        there = self.site.connectors[TARGET].spec.writable_fields
        rule = SyncRule(
            name="pair",
            source=SOURCE,
            target=TARGET,
            when=ALWAYS,
            create=dict(self.benches[TARGET].create_params),
            fields={
                **{name: Owner.BOTH if name in both else Owner.FROM for name in FIELDS if name in there},
                "body": Owner.FROM,
            },
            comments=self._spoken(),
        )
        people = {
            f"person-{number}": {
                "email": f"person{number}@acme.example",
                "accounts": {name: bench.agents[number] for name, bench in self.benches.items()},
            }
            for number in range(2)
        }
        self.join((bench.desk for bench in self.benches.values()), settings, (rule,), people=people)

    def _spoken(self) -> dict[Visibility, Owner]:
        """Return which comments go which way: a rule that asks a desk for what it has not is refused by its check."""
        found = {}
        for visibility, operation in SAID.items():
            here, there = self.can(SOURCE, operation), self.can(TARGET, operation)
            if here or there:
                found[visibility] = Owner.BOTH if here and there else Owner.FROM if there else Owner.TO
        return found

    def close(self) -> None:
        """Stop the desks."""
        super().close()
        for bench in self.benches.values():
            bench.__exit__()

    def settle_all(self, seconds: float = 60.0) -> None:
        """Settle; what waits for its time gets it at once. A desk without webhooks is asked, in a second of its own."""
        silent = [name for name in self.benches if not self.connector(name).spec.webhooks]
        if silent:
            self.pass_time(timedelta(seconds=1.05, microseconds=-self.time.now().microsecond))
        for name in silent:
            self.reconciler().poll(name, holder="pair")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            told = [desk.at_rest() for desk in self.desks]
            if self._step():
                continue
            with self.store.read() as tx:
                waits = tx.outbox.next_due() is not None
            if waits:
                self.pass_time(timedelta(seconds=1))
            elif all(told):
                return
        msg = f"did not come to rest: {self.counts()} {self.letters()}"
        raise AssertionError(msg)

    def connector(self, name: str) -> Connector:
        """Return one end's connector."""
        return self.site.connectors[name]

    def opened(self, title: str, body: str) -> tuple[str, str]:
        """Let a customer open a ticket at the source; returns it and its copy at the target."""
        ticket = self.benches[SOURCE].open_ticket(title, body, email="kim@customer.example")
        self.settle_all()
        return ticket, self.copy(ticket)

    def copy(self, ticket: str) -> str:
        """Return the copy of a ticket, by the record."""
        with self.store.read() as tx:
            found = tx.links.by_remote([(SOURCE, ticket)])
            assert found, f"ticket {ticket} was never heard of"
            links = tx.links.of_ticket(found[SOURCE, ticket].ticket_id)
        copies = [link.remote_id for link in links if link.connection == TARGET and link.remote_id]
        assert len(copies) == 1, f"{len(copies)} copies of ticket {ticket}: {self.counts()} {self.letters()}"
        return copies[0]

    def ticket(self, remote: str) -> Ticket:
        """Return our ticket of one at the source."""
        with self.store.read() as tx:
            link = tx.links.by_remote([(SOURCE, remote)])[SOURCE, remote]
            found = tx.tickets.get(link.ticket_id)
        assert found is not None
        return found

    def letters(self) -> list[str]:
        """Return the dead letters, in words."""
        with self.store.read() as tx:
            return [f"{each.connection} {each.summary}: {each.reason} {each.detail}" for each in
                    tx.view.dead_letters(limit=20)]  # fmt: skip

    def poll(self) -> None:
        """Poll both desks some time later."""
        self.pass_time(timedelta(minutes=10))
        for name in (SOURCE, TARGET):
            if self.connector(name).spec.polling:
                self.reconciler().poll(name, holder="pair")
        self.settle_all()

    def read(self, name: str, ticket: str) -> RemoteTicket:
        """Read a ticket at one desk as the gateway does."""
        driver = Driver(self.connector(name))
        try:
            found = driver.run(self.connector(name).read(ticket))
        finally:
            driver.close()
        assert found is not None
        return found

    def category(self, name: str, ticket: str) -> Category:
        """Return the status of a ticket as the gateway reads it at one desk."""
        found = self.read(name, ticket).status
        assert isinstance(found, Status)
        return found.category

    def level(self, name: str, ticket: str) -> Level:
        """Return the priority of a ticket as the gateway reads it at one desk."""
        found = self.read(name, ticket).priority
        assert isinstance(found, Priority)
        return found.level

    def pass_time(self, span: timedelta) -> None:
        """Put every clock forward."""
        self.time.passed += span
        for bench in self.benches.values():
            bench.desk.clock.skew += span

    def shown(self, name: str, ticket: str) -> Shown:
        """Return a ticket as one desk shows it."""
        return self.benches[name].shown(ticket)

    def can(self, name: str, *operations: Operation) -> bool:
        """Say whether one end has such operations."""
        return set(operations) <= set(self.connector(name).spec.operations)


def texts(shown: Shown, *, public: bool | None = None) -> list[str]:
    """Return the last line of each comment: an attribution may stand before it."""
    return [
        each.text.strip().splitlines()[-1].strip() for each in shown.comments if public is None or each.public is public
    ]


class Journey:
    """What happens to one ticket, step by step; each step says what must be true at both desks."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.here, self.there = pair.benches[SOURCE], pair.benches[TARGET]
        self.ticket, self.copy = pair.opened("Printer on fire – 処理中", "It burns since 8 o'clock.")
        #: what was said, at which desk, and whether customers may read it
        self.said: list[tuple[str, str, bool]] = []
        #: what one desk cannot do, listed and never skipped in silence
        self.cannot: list[str] = []
        #: the files that must be at both desks
        self.files: list[tuple[str, bytes]] = []

    def run(self) -> None:
        """Live through it."""
        self.created()
        for number, (name, public) in enumerate([(SOURCE, True), (TARGET, False), (TARGET, True), (SOURCE, False)]):
            self.say(name, f"Comment {number} of the {name} 🔥", public=public)
        self.answer()
        self.attach(SOURCE, "dot.png", DOT, public=True)
        self.attach(TARGET, "Größe 処理中.bin", DATA, public=False)
        for name, category in ((TARGET, Category.OPEN), (SOURCE, Category.ON_HOLD), (TARGET, Category.RESOLVED)):
            self.set_status(name, category)
        self.set_priority(SOURCE, Level.P1)
        self.set_priority(TARGET, Level.P3)
        self.assign(SOURCE, 0)
        self.assign(TARGET, 1)
        self.retitle()
        self.at_rest()
        self.merge()

    def created(self) -> None:
        """See that the copy has the title and the body."""
        shown = self.pair.shown(TARGET, self.copy)
        assert "Printer on fire" in shown.title
        assert "It burns since 8 o'clock." in shown.body or any("It burns" in one.text for one in shown.comments)

    def say(self, name: str, text: str, *, public: bool) -> None:
        """Let an agent say something at one desk; it reaches the other, and only those who may read it."""
        bench, ticket = (self.here, self.ticket) if name == SOURCE else (self.there, self.copy)
        other, mirror = (TARGET, self.copy) if name == SOURCE else (SOURCE, self.ticket)
        wanted = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
        if not self.pair.can(name, wanted):
            self.cannot.append(f"{name}: no {wanted}")
            return
        bench.say(ticket, text, public=public)
        self.pair.settle_all()
        if not self.pair.can(other, wanted):
            self.cannot.append(f"{other}: no {wanted}")
            assert text not in texts(self.pair.shown(other, mirror)), f"{text!r} came to {other} all the same"
            return
        found = self.pair.shown(other, mirror)
        assert texts(found).count(text) == 1, f"{text!r} is not once in {texts(found)}; {self.pair.letters()}"
        assert public or text not in texts(found, public=True), f"{text!r} became public"
        if public:
            assert text in texts(found, public=True), f"{text!r} became internal"
        self.said.append((text, name, public))

    def answer(self) -> None:
        """Let the customer write again."""
        try:
            self.here.ask(self.ticket, "Any news from you?")
        except Lacking:
            self.cannot.append("the-source: customers cannot write again")
            return
        self.pair.settle_all()
        assert texts(self.pair.shown(TARGET, self.copy)).count("Any news from you?") == 1

    def attach(self, name: str, file: str, data: bytes, *, public: bool) -> None:
        """Let somebody put a file on the ticket at one desk; it reaches the other whole, for the same eyes."""
        bench, ticket = (self.here, self.ticket) if name == SOURCE else (self.there, self.copy)
        other, mirror = (TARGET, self.copy) if name == SOURCE else (SOURCE, self.ticket)
        wanted = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
        for each in (name, other):
            spec = self.pair.connector(each).spec
            if spec.attaching is None or wanted not in spec.operations or not (public or spec.internal_files):
                self.cannot.append(f"{each}: no {'public' if public else 'internal'} files")
                return
        bench.attach(ticket, file, data, public=public)
        self.pair.settle_all()
        found = self.pair.shown(other, mirror).files
        assert [each.data for each in found if each.name == file] == [data], f"{found}; {self.pair.letters()}"
        assert public or not any(each.public for each in found if each.name == file)
        self.files.append((file, data))

    def set_status(self, name: str, category: Category) -> None:
        """Let an agent set a status; both desks read the same category afterwards, as far as they have it."""
        bench, ticket = (self.here, self.ticket) if name == SOURCE else (self.there, self.copy)
        other = TARGET if name == SOURCE else SOURCE
        if category not in bench.categories:
            self.cannot.append(f"{name}: no status {category}")
            return
        if self.read(name).status.category is category:
            # a desk without a word for new has opened it by itself: to set that again is no change there
            self.cannot.append(f"{name}: {category} already")
            return
        try:
            bench.set_status(ticket, category)
        except Lacking:
            self.cannot.append(f"{name}: people set no status")
            return
        self.pair.settle_all()
        if "status" not in self.pair.connector(other).spec.writable_fields:
            self.cannot.append(f"{other}: no status to write")
            return
        read = {each: self.read(each).status.category for each in (SOURCE, TARGET)}
        assert read[name] is category
        if category in self.pair.benches[other].categories:
            assert read[other] is category, f"{category} at {name} is {read[other]} at {other}; {self.pair.letters()}"
        assert self.pair.ticket(self.ticket).status.category is category

    def set_priority(self, name: str, level: Level) -> None:
        """Let an agent set a priority."""
        bench, ticket = (self.here, self.ticket) if name == SOURCE else (self.there, self.copy)
        other = TARGET if name == SOURCE else SOURCE
        if level not in bench.levels:
            self.cannot.append(f"{name}: no priority {level}")
            return
        try:
            bench.set_priority(ticket, level)
        except Lacking:
            self.cannot.append(f"{name}: people set no priority")
            return
        self.pair.settle_all()
        if "priority" not in self.pair.connector(other).spec.writable_fields:
            self.cannot.append(f"{other}: no priority to write")
            return
        if level in self.pair.benches[other].levels:
            assert self.read(other).priority.level is level, self.pair.letters()

    def assign(self, name: str, person: int) -> None:
        """Let an agent give the ticket to somebody whom both desks know."""
        bench, ticket = (self.here, self.ticket) if name == SOURCE else (self.there, self.copy)
        other = TARGET if name == SOURCE else SOURCE
        try:
            bench.assign(ticket, bench.agents[person])
        except Lacking:
            self.cannot.append(f"{name}: nobody is assigned")
            return
        self.pair.settle_all()
        if "assignee" not in self.pair.connector(other).spec.writable_fields:
            self.cannot.append(f"{other}: no assignee to write")
            return
        there = self.read(other).assignee
        assert there is not None, self.pair.letters()
        assert there.external_id == self.pair.benches[other].agents[person], self.pair.letters()

    def merge(self) -> None:
        """Let an agent merge the ticket into another: what is said there from then on reaches the copy of that one."""
        other, mirror = self.pair.opened("The other printer", "It burns as well.")
        try:
            self.here.merge(self.ticket, other)
        except Lacking:
            self.cannot.append("the-source: tickets are not merged")
            return
        self.pair.poll()
        if not self.pair.can(SOURCE, Operation.PUBLIC_REPLY) or not self.pair.can(TARGET, Operation.PUBLIC_REPLY):
            return
        before = len(self.pair.shown(TARGET, self.copy).comments)
        self.here.say(other, "Both of them burn.", public=True)
        self.pair.settle_all()
        self.pair.poll()
        assert texts(self.pair.shown(TARGET, mirror)).count("Both of them burn.") == 1, self.pair.letters()
        assert len(self.pair.shown(TARGET, self.copy).comments) in {before, before + 1}
        assert "burns as well." in str(self.pair.shown(TARGET, mirror))
        assert self.pair.letters() == []
        for bench in self.pair.benches.values():
            assert bench.desk.effects.doubled() == {}

    def retitle(self) -> None:
        """Let an agent mend the title at the source."""
        try:
            self.here.set_title(self.ticket, "Printer is out")
        except Lacking:
            self.cannot.append("the-source: people change no title")
            return
        self.pair.settle_all()
        if "title" in self.pair.connector(TARGET).spec.writable_fields:
            assert self.pair.shown(TARGET, self.copy).title == "Printer is out"

    def read(self, name: str) -> Any:
        """Read the ticket at one desk as the gateway does."""
        ticket = self.ticket if name == SOURCE else self.copy
        return self.pair.read(name, ticket)

    def at_rest(self) -> None:
        """See that nothing was lost, doubled or bounced, that polls find nothing new, and that it is quiet."""
        before = self.writes()
        self.pair.poll()
        self.pair.poll()
        assert self.writes() == before, "a poll made the gateway write again"
        for name, ticket in ((SOURCE, self.ticket), (TARGET, self.copy)):
            found = texts(self.pair.shown(name, ticket))
            for text, _, _ in self.said:
                assert found.count(text) == 1, f"{text!r} is {found.count(text)} times in {name}"
            there = [(each.name, each.data) for each in self.pair.shown(name, ticket).files]
            assert sorted(there) == sorted(self.files), f"{name} has {[each[0] for each in there]}"
        assert self.pair.letters() == []
        for bench in self.pair.benches.values():
            assert bench.desk.effects.doubled() == {}
        counts = self.pair.counts()
        assert not any(counts.get(f"updates_{state}") for state in ("ready", "sending", "unknown")), counts

    def writes(self) -> list[int]:
        """Return how many effects the gateway has had at each desk."""
        return [len(bench.desk.effects.all(by_api=True)) for bench in self.pair.benches.values()]
