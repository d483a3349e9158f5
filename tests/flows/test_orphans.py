"""A worker dies between its intent and its record: its write is looked for when it is too late to come, no sooner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from gateway.domain.update import Operation, Strategy, UpdateState
from gateway.ports import AttemptStart, UpdateRow
from gateway.store import SqlStore
from tests.flows.edges.bridges import RT, ZENDESK, Edge

#: of the notes at Zendesk in these tests, in seconds
SETTLE = 60


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def claimed(edge: Edge, operation: Operation, strategy: Strategy | None = None) -> None:
    """Let writes to Zendesk settle slowly."""
    connector = edge.site.connectors[ZENDESK]
    terms = connector.spec.operations[operation]
    terms = msgspec.structs.replace(terms, settle=SETTLE, strategy=strategy or terms.strategy)
    operations = {**connector.spec.operations, operation: terms}
    connector.spec = msgspec.structs.replace(connector.spec, operations=operations)


def die_over_it(edge: Edge) -> str:
    """Let a worker claim the only lane that is due, commit its intent and be heard of no more; return the update."""
    now = edge.clock.now()
    (claim,) = edge.store.write(
        lambda tx: tx.outbox.claim(holder="gone", limit=1, lease=0.3, now=now, budgets={ZENDESK: 1, RT: 1})
    )
    with edge.store.read() as tx:
        head = tx.outbox.heads([claim])[claim.link_id]
    start = AttemptStart(
        edge.ids.new(), head.id, claim.link_id, ZENDESK, claim.epoch, 1, head.payload_version, now, 2.0, b"{}", "t"
    )
    assert edge.store.write(lambda tx: tx.outbox.intend([start], lease=0.1, now=now)) == {start.id}
    time.sleep(0.15)
    return head.id


def update(edge: Edge, update_id: str) -> UpdateRow:
    """Return an update."""
    with edge.store.read() as tx:
        found = tx.outbox.get(update_id)
    assert found is not None
    return found


def noted(edge: Edge, words: str) -> int:
    """Let somebody say something in RT that waits to be written to Zendesk."""
    number, copy = edge.begun()
    edge.rt.act("note", ticket=copy, body=words)
    while not edge.rt.at_rest():
        time.sleep(0.01)
    edge.applier().drain(holder="test-apply", seconds=2)
    return number


def test_a_note_that_may_still_come_is_not_written_again(edge: Edge) -> None:
    """The desk shows it later than the lease of the dead worker lasts: it is found then, and is there once."""
    claimed(edge, Operation.INTERNAL_NOTE)
    number = noted(edge, "one")
    mine = die_over_it(edge)
    edge.settle(quiet=1.0)
    waits = update(edge, mine)
    assert (waits.state, edge.at_zendesk(number)) == (UpdateState.UNKNOWN, [])
    assert waits.not_before is not None
    assert waits.not_before - edge.clock.now() > timedelta(seconds=SETTLE)
    edge.pass_time(SETTLE - 10)
    assert edge.at_zendesk(number) == []
    edge.pass_time(60)
    assert edge.at_zendesk(number) == ["one"], "it never left, and so it is written"
    assert update(edge, mine).state is UpdateState.DONE
    assert edge.zendesk.effects.doubled() == {}
    assert edge.letters() == []


def test_what_comes_next_waits_for_a_late_one(edge: Edge) -> None:
    """What may simply be sent again is, at once; what follows would be overwritten by the one that is still to come."""
    claimed(edge, Operation.SET_FIELDS, Strategy.NATURAL)
    connector = edge.site.connectors[ZENDESK]
    terms = msgspec.structs.replace(connector.spec.operations[Operation.SET_FIELDS], probe=False)
    operations = {**connector.spec.operations, Operation.SET_FIELDS: terms}
    connector.spec = msgspec.structs.replace(connector.spec, operations=operations)
    number, copy = edge.begun()
    edge.zendesk.act("set", ticket_id=number, status="open")
    edge.settle_all()
    edge.rt.act("set", ticket=copy, Status="stalled")
    while not edge.rt.at_rest():
        time.sleep(0.01)
    edge.applier().drain(holder="test-apply", seconds=2)
    die_over_it(edge)
    edge.settle(quiet=1.0)
    assert edge.zendesk.records.tickets[number]["status"] == "hold"
    edge.rt.act("set", ticket=copy, Status="open")
    edge.settle(quiet=1.0)
    assert edge.zendesk.records.tickets[number]["status"] == "hold"
    edge.pass_time(90)
    assert edge.zendesk.records.tickets[number]["status"] == "open"


def test_what_nothing_can_tell_is_left_to_a_person_at_once(edge: Edge) -> None:
    """Waiting would tell no more."""
    claimed(edge, Operation.INTERNAL_NOTE, Strategy.NONE)
    noted(edge, "one")
    die_over_it(edge)
    edge.settle(quiet=1.0)
    assert edge.letters() == [(ZENDESK, "ambiguous")]
