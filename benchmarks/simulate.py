"""Simulations: how many decisions of the past are made again a second, and whether memory grows with the past."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from benchmarks.commands import Taken
from benchmarks.commands import run as run_command
from benchmarks.lab import ZENDESK, Lab
from benchmarks.report import Measure, Progress
from benchmarks.rulebook import PROSE, TOPICS
from gateway.bootstrap import Gateway
from gateway.domain.ticket import Category, Setter, Stamp, Status, Ticket, with_field
from gateway.flow.deciding import for_the_trail
from gateway.ports import AuditEntry
from rules import RuleSet, decide
from rules.inputs import Inputs, encoded

STAGE = "simulate"
FEW, MANY = 10_000, 100_000
#: decisions on one ticket: when it comes in, and three changes
EACH = 4
#: tickets in one transaction
TOGETHER = 100
#: memory with ten times the past, to that with the past
AIM_MEMORY = 1.1
STEPS = 8
CANDIDATE = "classify: [{name: watched, when: {text: {words: [invoice, outage]}}, set: {tier: watched}}]\n"
LINKS = frozenset({ZENDESK})


def run(progress: Progress, new_database: Callable[[], str] = str, name: str = "SQLite") -> list[Measure]:
    """Measure; `new_database` gives the address of an empty one for each size (empty: SQLite in the site)."""
    few, many = (_with(number, progress, new_database()) for number in (FEW, MANY))
    found = []
    for what, taken in many.items():
        rate = MANY / taken.seconds
        more = taken.megabytes / few[what].megabytes
        note = f"{FEW:,}: {few[what]}; {MANY:,}: {taken}, {more:.2f} of the memory"
        label = f"decisions made again from {what}, {name}"
        found.append(Measure(STAGE, label, rate, "/s", f"memory ≤ {AIM_MEMORY}", more <= AIM_MEMORY, note))
    return found


def _with(number: int, progress: Progress, database: str) -> dict[str, Taken]:
    progress.step(f"{number:,} decisions are stored")
    with Lab(database) as lab:
        gateway = lab.prepared()
        _live(gateway, number)
        gateway.close()
        (lab.folder / "rules" / "95-candidate.yaml").write_text(CANDIDATE, encoding="utf-8")
        file = lab.folder / "history.jsonl"
        progress.step(f"the record, {number:,}")
        record = run_command(lab, ("rules", "simulate"))
        progress.step(f"an export, {number:,}")
        run_command(lab, ("rules", "export-history", str(file)))
        progress.step(f"the file, {number:,}")
        return {"the record": record, "a file": run_command(lab, ("rules", "simulate", "--against", str(file)))}


def _live(gateway: Gateway, number: int) -> None:
    """Store what apply stores of so many decisions, by the rules of the site."""
    chance = random.Random(number)
    live = gateway.site()
    rules, release, now = live.rules, live.release, gateway.clock.now()
    for start in range(0, number // EACH, TOGETHER):
        entries: list[AuditEntry] = []
        for place in range(start, min(start + TOGETHER, number // EACH)):
            begun = now - timedelta(minutes=10 + chance.randrange(20_000))
            entries += _decided(gateway.ids.new(), place, begun, chance, rules, release)
        gateway.store.write(lambda tx, entries=entries: tx.audit.add(entries))  # type: ignore[misc]


def _decided(
    ticket_id: str, place: int, begun: datetime, chance: random.Random, rules: RuleSet, release: str
) -> list[AuditEntry]:
    words = " ".join(chance.choices(PROSE, k=60))
    seen = Ticket(
        id=ticket_id, source=ZENDESK, title=f"{chance.choice(TOPICS)} {place}", body=words, created_at=begun,
        updated_at=begun,
    )  # fmt: skip
    before: Ticket | None = None
    entries = []
    for step in range(EACH):
        at = begun + timedelta(minutes=step)
        if step:
            stamp = Stamp(Setter.PERSON, ZENDESK, at, version=step)
            changed = Status(Category.OPEN if step % 2 else Category.PENDING_CUSTOMER)
            seen = with_field(msgspec.structs.replace(seen, updated_at=at), "status", changed, stamp)
        inputs = Inputs.of(seen, before, LINKS, at)
        decision = decide(rules, seen, previous=before, links=LINKS, now=at, explain=False)
        told = for_the_trail(decision, release)
        entries.append(AuditEntry(at, "gateway", "decided", ticket_id, told, "", encoded(inputs)))
        seen = before = decision.ticket
    return entries
