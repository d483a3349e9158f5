"""Plausible lives of very many tickets, in the record as apply and the sweep leave them: some late, some corrected."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.person import RemotePerson
from gateway.domain.report.context import context_of
from gateway.domain.ticket import Category, Level, Org, Priority, Setter, Stamp, Status, Ticket
from gateway.flow.sla.timekeeping import told
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from rules.clocks import digest
from rules.decide import RuleSet

#: how far back lives begin
DAYS = 90
#: tickets in one transaction
TOGETHER = 100
RULES = """
calendars:
  office: {timezone: Europe/Prague, week: {mon-fri: [09:00-12:30, 13:00-17:30]}}
  always: 24x7
sla:
  - name: premium
    when: {tier: premium}
    calendar: always
    targets:
      first_response: {P1: 15m, P2: 1h, default: 4h}
      next_reply: 4h
      resolution: {P1: 4h, P2: 24h, default: 72h}
    pause_when: {status: pending_customer}
  - name: standard
    calendar: office
    targets:
      first_response: {P1: 1h, P2: 2h, default: 8h}
      next_reply: 8h
      resolution: {P1: 8h, P2: 16h, default: 40h}
      stage:testing: 16h
    pause_when: {status: [pending_customer, on_hold]}
"""
_PEOPLE = ("Ada Rask", "Bo Lind", "Cem Aydin", "Dita Vesela", "Emil Holm", "Fay Moreau")
_CLIENTS = ("Acme", "Globex", "Initech", "Umbrella", "Hooli", "Vandelay", "Wonka")
_ISSUES = ("login", "billing", "network", "printing")


def fill(store: SqlStore, rules: RuleSet, number: int, *, until: datetime, now: datetime, seed: int = 7) -> None:
    """Store so many lives that began in the days before `until`, as far as they are heard of by `now`.

    The same seed and `until` give the same lives, but for their ids.
    """
    chance = random.Random(seed)
    for first in range(0, number, TOGETHER):
        lives = [_Life(chance, rules, store, until, now) for _ in range(first, min(first + TOGETHER, number))]
        store.write(lambda tx, lives=lives: [life.store(tx) for life in lives])  # type: ignore[misc]


class _Life:
    """One ticket."""

    def __init__(self, chance: random.Random, rules: RuleSet, store: SqlStore, until: datetime, now: datetime) -> None:
        self.chance, self.rules, self.now = chance, rules, now
        self._ids = store.ids
        opened = until - timedelta(seconds=chance.randrange(3600, DAYS * 86_400))
        tier = "premium" if chance.random() < 0.3 else "standard"
        level = chance.choices([Level.P1, Level.P2, Level.P3, Level.P4], [1, 3, 6, 4])[0]
        owner = chance.choice(_PEOPLE)
        mail = f"{owner.split()[0].lower()}@desk.example"
        self.ticket = Ticket(
            id=store.ids.new(), source=chance.choice(("acme-zendesk", "engineering-rt")), created_at=opened,
            updated_at=opened, title="A door that sticks", priority=Priority(level), tier=tier,
            org=Org(name=chance.choice(_CLIENTS)), issue=chance.choice(_ISSUES), team=chance.choice(("support", "ops")),
            assignee=RemotePerson(email=mail, name=owner, role="agent"),
            stamps={"assignee": Stamp(Setter.PERSON, "acme-zendesk", opened)},
        )  # fmt: skip
        self.terms = rules.clockwork.terms(tier, level)
        self.log: list[LogEntry] = []
        self._live(opened)

    def _live(self, opened: datetime) -> None:
        chance, hours = self.chance, self._hours
        self._say(EntryKind.OPENED, opened)
        self._say(EntryKind.TERMS, opened, terms=digest(self.terms))
        self._say(EntryKind.STATUS, opened, name=Category.NEW.value)
        self._say(EntryKind.TEAM, opened, name=self.ticket.team)
        answered = opened + hours(1.2)
        self._say(EntryKind.CONTEXT, answered, context=context_of(self.ticket))
        self._say(EntryKind.STATUS, answered, name=Category.OPEN.value)
        # what a desk tells late restates a period that is over
        self._say(EntryKind.AGENT, answered, late=chance.random() < 0.02)
        at = answered
        if self.ticket.tier != "premium":
            self._say(EntryKind.STAGE, at, name="testing")
        for _ in range(chance.randrange(3)):
            at += hours(6)
            self._say(EntryKind.STATUS, at, name=Category.PENDING_CUSTOMER.value)
            self._say(EntryKind.PAUSES, at, metrics=("resolution",))
            at += hours(10)
            self._say(EntryKind.CUSTOMER, at)
            self._say(EntryKind.STATUS, at, name=Category.OPEN.value)
            self._say(EntryKind.PAUSES, at, metrics=())
            at += hours(2)
            self._say(EntryKind.AGENT, at)
        if chance.random() < 0.04:
            return
        at += hours(12)
        self._say(EntryKind.STATUS, at, name=Category.RESOLVED.value)
        self._say(EntryKind.SOLVED, at)
        if chance.random() < 0.06:
            at += hours(20)
            self._say(EntryKind.STATUS, at, name=Category.OPEN.value)
            self._say(EntryKind.REOPENED, at)
            at += hours(5)
            self._say(EntryKind.STATUS, at, name=Category.RESOLVED.value)
            self._say(EntryKind.SOLVED, at)

    def _hours(self, typical: float) -> timedelta:
        return timedelta(seconds=int(self.chance.expovariate(1 / (typical * 3600))) + 60)

    def _say(self, kind: EntryKind, at: datetime, *, late: bool = False, **more: object) -> None:
        heard = at + (timedelta(days=2) if late else timedelta(seconds=2))
        if heard <= self.now:
            self.log.append(LogEntry(id=self._ids.new(), kind=kind, at=at, arrived=heard, **more))  # type: ignore[arg-type]

    def store(self, tx: SqlTx) -> None:
        """Write it down."""
        names = [each.name for each in self.log if each.kind is EntryKind.STATUS]
        category = Category(names[-1]) if names else Category.NEW
        tx.tickets.save(msgspec.structs.replace(self.ticket, status=Status(category)))
        tx.clocks.keep_terms({digest(self.terms): self.terms})
        versions = self.rules.clockwork.versions
        tx.clocks.keep_calendars({name: versions[name] for name in self.terms.calendars})
        tx.clocks.add(self.ticket.id, self.log)
        told(tx, self.ticket.id, self.now, self.rules, log=self.log, fired=())
