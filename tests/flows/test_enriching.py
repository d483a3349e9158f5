"""What other systems know of a requester reaches the rules, late where it has to, and nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import crashpoint
from gateway.domain.event import Event
from gateway.domain.ticket import Level, Setter, Stamp, Ticket
from gateway.errors import OutcomeUnknownError
from gateway.flow.people.enriching import Enricher
from gateway.ports import Call, Effect, HttpRequest
from gateway.ports.enriching import Answer, AnswerState, Question
from gateway.references import Directories
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.system import SystemClock
from rules.decide import RuleSet
from rules.enriching import Enrichment, Source
from rules.inputs import decoded
from tests.flows.world import World, sync_rule
from tests.rules.making import rule_set

KIM = "kim@customer.example"
RULES = """\
classify:
  - name: gold-is-urgent
    when: {tier: gold}
    set: {priority: P1}
  - name: silver-is-high
    when: {tier: silver}
    set: {priority: P2}
"""
FILE = Source(file="customers.csv", names={"email": "E-Mail", "tier": "Tier", "org.plan": "Plan"})
CRM = Source(connection="crm")


class Days(SystemClock):
    """A clock that is put forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        """Return the time, put forward."""
        return super().now() + self.ahead


class Crm:
    """A system that knows people, beside the desk that it otherwise is."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.settings = msgspec.structs.replace(inner.settings, name="crm")
        self.knows: Answer | Exception = Answer({"tier": "gold", "org.account_manager": "Nora Falk"}, 1)
        self.asked: list[Question] = []
        #: what it asks for before it knows
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def enrich(self, question: Question, fields: Mapping[str, str]) -> Call[Answer]:
        """Answer, after so many requests."""
        del fields
        self.asked.append(question)
        for _ in range(self.requests):
            yield HttpRequest("GET", "/api/v2/users/me.json", Effect.READ, label="who knows")
        if isinstance(self.knows, Exception):
            raise self.knows
        return self.knows


@pytest.fixture
def clock() -> Days:
    """Give a clock."""
    return Days()


@pytest.fixture
def world(store: SqlStore, clock: Days, tmp_path: Path) -> Iterator[World]:
    """Give a gateway between two desks that knows customers from a file."""
    (tmp_path / "customers.csv").write_text("E-Mail,Tier,Plan\nKim@Customer.example,gold,premium\n", encoding="utf-8")
    with World(store, clock=clock) as made:
        asks(made, FILE, folder=tmp_path)
        yield made


def asks(world: World, *sources: Source, folder: Path | None = None) -> None:
    """Let a site ask these."""
    rules = rule_set(RULES)
    made = RuleSet(
        sync_rules=(sync_rule(),),
        classify_rules=rules.classify_rules,
        sections={"people": {}},
    )
    made.enrichment = Enrichment(sources, fresh=3600)
    directories = Directories(folder).read if folder is not None else world.site.directories
    world.site = msgspec.structs.replace(world.site, rules=made, directories=directories)


def crm(world: World) -> Crm:
    """Let the site know a system beside its desks."""
    made = Crm(world.site.connectors["acme-zendesk"])
    connectors: dict[str, Any] = {**world.site.connectors, "crm": made}
    world.site = msgspec.structs.replace(world.site, connectors=connectors)
    return made


def ask(world: World, subject: str = "Printer", email: str = KIM) -> tuple[int, Ticket]:
    """Let a customer open a ticket; return its number and what became of it here."""
    number = int(world.zendesk.act("create", subject=subject, body="It is on fire", email=email)["id"])
    world.settle()
    return number, of(world, number)


def of(world: World, number: int) -> Ticket:
    """Return the ticket behind a number."""
    with world.store.read() as tx:
        link = tx.links.by_remote([("acme-zendesk", str(number))])["acme-zendesk", str(number)]
        found = tx.tickets.get(link.ticket_id)
    assert found is not None
    return found


def save(tx: SqlTx, ticket: Ticket) -> None:
    """Store a ticket."""
    tx.tickets.save(ticket)


def again(world: World) -> int:
    """Let the background ask what is wanted; return how many answers were new."""
    enricher = Enricher(
        store=world.store, site=world.site, transport=world.transport, clock=world.clock, ids=world.ids,
        ring=lambda _: None,
    )  # fmt: skip
    return enricher.ask_due(holder="tests", seconds=5)


def test_what_a_file_says_is_there_when_the_rules_run_first(world: World) -> None:
    """The ticket says where it is from, and the decision keeps it."""
    _, ticket = ask(world)
    assert (ticket.tier, ticket.org.plan, ticket.priority.level) == ("gold", "premium", Level.P1)
    assert (ticket.stamps["tier"].by, ticket.stamps["tier"].name) == (Setter.DESK, "enrich:customers.csv")
    with world.store.read() as tx:
        decisions = tx.view.decisions(ticket.id)
    assert decoded(decisions[0]["inputs"]).ticket.tier == "gold"
    _, other = ask(world, email="lee@customer.example")
    assert (other.tier, other.priority.level) == ("", Level.UNSET)


def test_a_file_that_changes_is_read_again_and_a_bad_one_is_not(world: World, clock: Days, tmp_path: Path) -> None:
    """The copy before stands; whose line is another one has their rules run again."""
    number, ticket = ask(world)
    file = tmp_path / "customers.csv"
    file.write_text("E-Mail,Tier\nkim@customer.example,silver,1\n", encoding="utf-8")
    clock.ahead += timedelta(minutes=2)
    world.zendesk.act("set", ticket_id=number, subject="Printer, still")
    world.settle()
    assert again(world) == 0
    assert of(world, number).tier == "gold"
    file.write_text("E-Mail,Tier,Plan\nkim@customer.example,silver,\n", encoding="utf-8")
    clock.ahead += timedelta(minutes=2)
    world.zendesk.act("set", ticket_id=number, subject="Printer, still on fire")
    world.settle()
    assert again(world) == 1
    world.settle()
    after = of(world, number)
    assert (after.tier, after.org.plan) == ("silver", "")
    assert (ticket.priority.level, after.priority.level) == (Level.P1, Level.P2), "what reads it ran again"


def test_a_system_that_fails_holds_nobody_up_and_is_asked_again(world: World, clock: Days) -> None:
    """The rules run with what is known, and again when the answer comes; a person's word stays."""
    asks(world, CRM)
    made = crm(world)
    made.knows = OutcomeUnknownError("crm: no answer")
    began = time.monotonic()
    number, ticket = ask(world)
    assert time.monotonic() - began < 15
    assert (ticket.tier, ticket.priority.level) == ("", Level.UNSET)
    asked = len(made.asked)
    ask(world, "another")
    assert len(made.asked) == asked, "a failure is not asked again for each ticket"
    with world.store.read() as tx:
        (row,) = tx.answers.of_person(ticket.requester_id)
    assert (row.state, row.wanted) == (AnswerState.FAILED, True)
    assert again(world) == 0, "not yet"
    clock.ahead += timedelta(minutes=1)
    made.knows = Answer({"tier": "gold"}, 1)
    assert again(world) == 1
    world.settle()
    after = of(world, number)
    assert (after.tier, after.priority.level) == ("gold", Level.P1)
    assert made.asked[-1].emails == (KIM,)
    assert again(world) == 0


def test_a_slow_system_holds_nobody_up_however_many_requests_it_takes(world: World, clock: Days) -> None:
    """All of them together have the short time of one; the answer comes later, when there is more."""
    asks(world, CRM)
    made = crm(world)
    made.requests = 6
    world.zendesk.fault("latency", path="/users/me", seconds=1.5, count=None)
    began = time.monotonic()
    _, ticket = ask(world)
    assert time.monotonic() - began < 6, "six requests would take nine seconds"
    assert ticket.tier == ""
    world.zendesk.faults.clear()
    clock.ahead += timedelta(minutes=1)
    assert again(world) == 1


def test_an_answer_is_kept_and_used_while_it_is_asked_anew(world: World, clock: Days) -> None:
    """One question for many tickets; after its time the ticket does not wait for the next answer."""
    asks(world, CRM)
    made = crm(world)
    for subject in ("one", "two", "three"):
        ask(world, subject)
    assert len(made.asked) == 1
    clock.ahead += timedelta(hours=2)
    made.knows = Answer(matches=2)
    number, ticket = ask(world, "four")
    assert (ticket.tier, len(made.asked)) == ("gold", 1)
    assert again(world) == 1
    world.settle()
    assert of(world, number).tier == "", "two people fit, so that nothing is said"


def test_an_answer_is_never_kept_without_the_rules_running_again(world: World, clock: Days) -> None:
    """A process that dies between the two has kept neither: the next one asks again, and the ticket is decided anew."""
    asks(world, CRM)
    made = crm(world)
    made.knows = OutcomeUnknownError("crm: no answer")
    number, ticket = ask(world)
    clock.ahead += timedelta(minutes=1)
    made.knows = Answer({"tier": "gold"}, 1)
    reached = []

    def die(point: str) -> None:
        reached.append(point)
        if point == "enrich.keeping":
            raise SystemExit(point)

    crashpoint.arm(die)
    try:
        with pytest.raises(SystemExit):
            again(world)
    finally:
        crashpoint.arm(lambda _: None)
    assert reached == ["enrich.keeping"]
    with world.store.read() as tx:
        (row,) = tx.answers.of_person(ticket.requester_id)
    assert (row.state, row.values, row.wanted) == (AnswerState.FAILED, {}, True)
    world.settle()
    assert of(world, number).priority.level is Level.UNSET
    assert again(world) == 1
    world.settle()
    after = of(world, number)
    assert (after.tier, after.priority.level) == ("gold", Level.P1)


def test_the_first_source_that_says_something_counts(world: World) -> None:
    """For each field by itself; `only` narrows what is taken."""
    asks(world, msgspec.structs.replace(CRM, only=("org.account_manager",)), FILE)
    crm(world).knows = Answer({"tier": "bronze", "org.account_manager": "Nora Falk"}, 1)
    _, ticket = ask(world)
    assert (ticket.tier, ticket.org.plan, ticket.org.account_manager) == ("gold", "premium", "Nora Falk")


def test_what_a_person_or_a_rule_set_stays(world: World, clock: Days) -> None:
    """A person outranks a rule, and a rule what is known of somebody."""
    number, ticket = ask(world)
    for setter in (Setter.PERSON, Setter.RULE):
        stamps = {**ticket.stamps, "tier": Stamp(setter, "eva", clock.now())}
        told = msgspec.structs.replace(ticket, tier="iron", stamps=stamps)
        world.store.write(partial(save, ticket=told))
        world.zendesk.act("set", ticket_id=number, subject=f"Printer {setter}")
        world.settle()
        assert of(world, number).tier == "iron"


def test_an_event_of_ours_says_nothing_by_itself() -> None:
    """It is stored as any other, and decodes."""
    event = Event("enriched", "1", "enrich:1", SystemClock().now(), automatic=True)  # type: ignore[arg-type]
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event).kind == "enriched"
