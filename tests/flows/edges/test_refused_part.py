"""A desk refuses one field of an update: the others go without it, each once, and a person is told of the one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dead_letters import Person, Terms, replay_update
from gateway.domain.update import Operation, UpdateState
from gateway.store import SqlStore
from tests.flows.edges.bridges import RT, ZENDESK, Edge


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def opened(edge: Edge) -> tuple[int, str]:
    """Return an open Zendesk ticket and its copy in RT; Zendesk knows the priority `high` no more."""
    number, copy = edge.begun()
    edge.zendesk.act("set", ticket_id=number, status="open")
    edge.settle_all()
    edge.zendesk.records.taken_away.append(("priority", "high"))
    return number, copy


def standing(edge: Edge, number: int) -> tuple[str, Any]:
    """Return the status and the priority of a Zendesk ticket."""
    ticket = edge.zendesk.records.tickets[number]
    return ticket["status"], ticket["priority"]


def letter(edge: Edge) -> Any:
    """Return the only dead letter, as the outbox has it."""
    with edge.store.read() as tx:
        (listed,) = tx.view.dead_letters(limit=20)
        return tx.outbox.get(listed.id)


@pytest.mark.parametrize("fault", ["", "reset_after", "reset_before", "error_with_effect"])
def test_the_others_go_without_it(edge: Edge, fault: str) -> None:
    """Also where the write of the others is not answered; what comes later is not held up."""
    number, copy = opened(edge)
    if fault:
        edge.zendesk.fault(fault, method="PUT", path="/tickets/", after=1)
    edge.rt.act("set", ticket=copy, Status="resolved", Priority="90")
    edge.settle_all()
    assert standing(edge, number) == ("solved", None)
    assert edge.letters() == [(ZENDESK, "rejected")]
    given_up = letter(edge)
    assert (given_up.state, given_up.summary) == (UpdateState.DEAD, "set priority")
    assert set(given_up.intent.fields) == {"priority"}
    assert "refuses priority, and status went on without" in given_up.detail
    edge.rt.act("note", ticket=copy, body="It was the fuser.")
    edge.settle_all()
    assert edge.at_zendesk(number) == ["It was the fuser."]
    assert edge.letters() == [(ZENDESK, "rejected")]
    assert edge.zendesk.effects.doubled() == {}
    edge.pass_time(600)
    edge.poll()
    assert standing(edge, number) == ("solved", None)
    ticket = edge.rt.records.ticket(int(copy))
    assert ticket is not None
    assert ticket.status == "resolved"


def test_a_replay_writes_it_when_the_desk_takes_it_again(edge: Edge) -> None:
    """Only what was refused, once."""
    number, copy = opened(edge)
    edge.rt.act("set", ticket=copy, Status="resolved", Priority="90")
    edge.settle_all()
    edge.zendesk.records.taken_away.clear()
    replay(edge, letter(edge).id, ZENDESK)
    edge.settle_all()
    assert standing(edge, number) == ("solved", "high")
    assert edge.letters() == []


def test_a_refused_field_alone_is_refused_as_ever(edge: Edge) -> None:
    """There is nothing that could go without it."""
    number, copy = opened(edge)
    edge.rt.act("set", ticket=copy, Priority="90")
    edge.settle_all()
    assert edge.letters() == [(ZENDESK, "rejected")]
    assert letter(edge).attempts == 1
    assert standing(edge, number) == ("open", None)


@pytest.mark.parametrize("fault", ["", "reset_after", "reset_before", "error_with_effect"])
def test_what_rt_sets_in_part_is_done_in_part(edge: Edge, fault: str) -> None:
    """RT takes each field or refuses it by itself: the others are set by then, and only the refused one is a letter."""
    number, copy = edge.begun()
    edge.zendesk.act("set", ticket_id=number, status="open")
    edge.settle_all()
    edge.rt.records.taken_away.append(("Status", "stalled"))
    if fault:
        edge.rt.fault(fault, method="PUT", path="/ticket/")
    before = len(edge.rt.effects.all(kind="fields"))
    edge.zendesk.act("set", ticket_id=number, status="pending", priority="urgent", subject="It burns")
    edge.settle_all()
    ticket = edge.rt.records.ticket(int(copy))
    assert ticket is not None
    assert (ticket.status, ticket.subject, ticket.priority > 0) == ("open", "It burns", True)
    assert edge.letters() == [(RT, "rejected")]
    given_up = letter(edge)
    assert (given_up.state, given_up.summary) == (UpdateState.DEAD, "set status")
    assert set(given_up.intent.fields) == {"status"}
    assert "refuses status" in given_up.detail
    assert len(edge.rt.effects.all(kind="fields")) == before + 1, "what was set is not written again"
    edge.zendesk.act("comment", ticket_id=number, body="Still on fire.", by="agent", public=False)
    edge.settle_all()
    assert edge.at_rt(copy)[-1:] == ["Still on fire."], "nothing waits behind the letter"
    edge.pass_time(600)
    edge.poll()
    assert standing(edge, number) == ("pending", "urgent"), "what RT set is no edit of a person, nor is what it refused"
    edge.rt.records.taken_away.clear()
    replay(edge, given_up.id, RT)
    edge.settle_all()
    assert (ticket.status, edge.letters()) == ("stalled", [])


def replay(edge: Edge, letter_id: str, connection: str) -> None:
    """Let a person replay a letter."""
    terms = Terms(edge.site.connectors[connection].spec.operations[Operation.SET_FIELDS], edge.site.rules)
    person = Person("eva", "it is back", "cli")
    edge.store.write(lambda tx: replay_update(tx, letter_id, terms, edge.clock.now(), person, accept_duplicate=False))
