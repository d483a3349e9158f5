"""A desk whose clock is hours off: it is learned from its answers, and its times are put right before they decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.testing.faults import FaultKind
from gateway.domain.clock_instance import Instance, Status
from gateway.domain.ticket import Category
from gateway.flow.skew import is_told, what_to_do, words
from gateway.ports import DeskState
from gateway.store import SqlStore
from rules import load_site
from tests.flows.edges.bridges import RT, ZENDESK, Edge
from tests.flows.test_clocks import GATEWAY, RULES
from tests.rules.making import installed

SOME = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = pytest.mark.parametrize("hours", [3, -3])


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def learned(edge: Edge) -> dict[str, int]:
    """Return by how many seconds the clocks of the desks are ahead, as the record has it."""
    with edge.store.read() as tx:
        return {name: state.ahead for name, state in tx.desks.all().items()}


def clocks(edge: Edge) -> dict[str, Instance]:
    """Return the clocks of the one ticket, the last of each metric."""
    with edge.store.read() as tx:
        (ticket,) = tx.view.tickets(limit=5)
        return {row.instance.metric: row.instance for row in tx.clocks.rows(ticket.id)}


def category(edge: Edge) -> Category:
    """Return the status of the one ticket."""
    with edge.store.read() as tx:
        (line,) = tx.view.tickets(limit=5)
        ticket = tx.tickets.get(line.id)
    assert ticket is not None
    return ticket.status.category


@HOURS
def test_it_is_learned_and_forgotten_again(edge: Edge, hours: int) -> None:
    """A poll suffices; once the clock is mended, so is what we know of it, and each desk has its own."""
    edge.zendesk.clock.skew = timedelta(hours=hours)
    edge.poll()
    edge.poll()
    found = learned(edge)
    assert abs(found[ZENDESK] - hours * 3600) <= 2
    assert found[RT] == 0
    edge.zendesk.clock.skew = timedelta()
    for _ in range(6):
        edge.poll(ZENDESK)
    assert learned(edge)[ZENDESK] == 0


@HOURS
def test_the_newest_edit_is_the_newest_all_the_same(edge: Edge, hours: int) -> None:
    """People at both desks in turn: whoever was last has it, whichever clock is wrong; to the second."""
    edge.zendesk.clock.skew = timedelta(hours=hours)
    edge.poll()
    edge.poll()
    number, copy = edge.begun()
    for at_zendesk, at_rt in (("open", "stalled"), ("pending", "open"), ("hold", "open")):
        edge.zendesk.act("set", ticket_id=number, status=at_zendesk)
        edge.settle()
        assert edge.zendesk.records.tickets[number]["status"] == at_zendesk, "an edit at Zendesk lost"
        edge.pass_time(2)
        edge.rt.act("set", ticket=copy, Status=at_rt)
        edge.settle()
        ticket = edge.rt.records.ticket(int(copy))
        assert ticket is not None
        assert ticket.status == at_rt, "an edit at RT lost against an older one"
        assert category(edge) is {"stalled": Category.ON_HOLD, "open": Category.OPEN}[at_rt]
        edge.pass_time(2)
    assert edge.letters() == []


@HOURS
def test_promises_begin_when_things_happened(edge: Edge, hours: int) -> None:
    """Neither in the future nor hours ago; nothing counted is negative, whether the skew is known yet or not."""
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": RULES}, installed())
    assert site is not None, problems
    edge.site = msgspec.structs.replace(edge.site, rules=site.rules)
    edge.zendesk.clock.skew = timedelta(hours=hours)
    if hours < 0:
        # of a clock that is behind nothing tells but its answers; what is ahead is not believed at once
        edge.poll()
        edge.poll()
    before = edge.time.now()
    number = int(edge.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")["id"])
    edge.settle()
    found = clocks(edge)
    for each in found.values():
        assert abs(each.started - before) < timedelta(minutes=1)
    edge.zendesk.act("comment", ticket_id=number, body="We are on it", by="agent", public=True)
    edge.zendesk.act("set", ticket_id=number, status="solved")
    edge.settle()
    found = clocks(edge)
    for metric in ("first_response", "resolution"):
        assert found[metric].status is Status.SUCCEEDED
        assert 0 <= found[metric].elapsed_s < 60
    with edge.store.read() as tx:
        (ticket,) = tx.view.tickets(limit=5)
        said = tx.tickets.comments(ticket.id)
    assert abs(ticket.created_at - before) < timedelta(minutes=1)
    assert all(abs(each.at - before) < timedelta(minutes=1) for each in said)


@HOURS
def test_a_write_whose_answer_is_lost_is_found_there(edge: Edge, hours: int) -> None:
    """What we look for since we sent it is looked for by the desk's clock: it is not written twice."""
    edge.zendesk.clock.skew = timedelta(hours=hours)
    edge.poll()
    edge.poll()
    number, copy = edge.begun()
    edge.zendesk.fault(FaultKind.RESET_AFTER, method="PUT")
    edge.rt.act("reply", ticket=copy, body="We have looked at it")
    edge.settle_all()
    assert edge.at_zendesk(number).count("We have looked at it") == 1
    assert edge.zendesk.effects.doubled() == {}
    assert edge.letters() == []


@HOURS
def test_polls_miss_nothing(edge: Edge, hours: int) -> None:
    """Without webhooks, everything comes by polls, once."""
    edge.zendesk.clock.skew = timedelta(hours=hours)
    edge.poll()
    edge.poll()
    number, copy = edge.begun()
    edge.webhooks_lost = True
    for text in ("First", "Second"):
        edge.zendesk.act("comment", ticket_id=number, body=text, by="agent", public=True)
        edge.pass_time(120)
        edge.poll(ZENDESK)
        assert edge.at_rt(copy)[-1] == text
    edge.poll(ZENDESK)
    assert edge.at_rt(copy).count("First") == 1


def test_what_a_person_reads() -> None:
    """How far, and what to do: where all desks say so it is our own clock."""
    right, wrong = DeskState("a", ahead_at=SOME), DeskState("b", ahead=-5400, ahead_at=SOME)
    assert words(0) == "its clock agrees with ours"
    assert words(-5400) == "its clock is 1 h 30 m behind ours"
    assert words(3 * 86400) == "its clock is 3 d ahead of ours"
    assert [is_told(each) for each in (right, wrong)] == [False, True]
    assert "NTP" in what_to_do([right, wrong])
    assert "this host" not in what_to_do([right, wrong])
    assert "this host" in what_to_do([wrong, msgspec.structs.replace(wrong, connection="c")])
    assert what_to_do([right]) == ""
