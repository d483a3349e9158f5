"""The clock of this host stands a day ahead, and is set back: nothing that was put off meanwhile waits for a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from connectors.testing.faults import FaultKind
from gateway.flow.sweep import poll_is_due
from gateway.store import SqlStore
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.waits import SETTLED, bring_near
from tests.flows.edges.bridges import RT, ZENDESK, Edge

DAY = timedelta(days=1)
#: what a person at the desk would bear
SOON = 600


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def set_back(edge: Edge) -> int:
    """Set the clock right again, and let a sweep come by; return how much it brought near."""
    edge.time.ahead -= DAY
    return bring_near(edge.store, edge.time.now())


def is_polled(edge: Edge, name: str) -> bool:
    """Say whether a connection will be polled within a reasonable time."""
    with edge.store.read() as tx:
        state = tx.desks.get(name)
    return poll_is_due(edge.site.connectors[name], state, edge.time.now() + timedelta(seconds=SOON))


def test_polls_go_on(edge: Edge) -> None:
    """Where webhooks are lost, nothing else would tell."""
    edge.time.ahead += DAY
    edge.poll()
    edge.time.ahead -= DAY
    assert not is_polled(edge, ZENDESK), "nothing to mend"
    # a sweep does it by itself
    Pruner(edge.store, Lifetimes, edge.time).visit()
    assert is_polled(edge, ZENDESK)
    assert is_polled(edge, RT)


@pytest.mark.parametrize("fault", [FaultKind.THROTTLE, FaultKind.RESET_BEFORE, FaultKind.ERROR_WITHOUT_EFFECT])
def test_what_was_to_be_written_again_is_written(edge: Edge, fault: FaultKind) -> None:
    """A desk that asked us to wait, or gave no answer, is asked again soon; it is there once."""
    number, copy = edge.begun()
    edge.time.ahead += DAY
    edge.zendesk.fault(fault, method="PUT", count=1, **({"seconds": 60.0} if fault is FaultKind.THROTTLE else {}))
    edge.rt.act("reply", ticket=copy, body="We have looked at it")
    edge.settle()
    assert set_back(edge) >= 1
    edge.pass_time(SETTLED.total_seconds() + 60)
    edge.settle_all()
    assert edge.at_zendesk(number).count("We have looked at it") == 1
    assert edge.zendesk.effects.doubled() == {}


def test_a_rate_is_counted_on(edge: Edge) -> None:
    """A bucket that was emptied tomorrow fills from today on."""
    with edge.store.read() as tx:
        state = tx.desks.get(ZENDESK)
    late = edge.time.now() + DAY
    edge.store.write(lambda tx: tx.desks.save(msgspec.structs.replace(state, tokens=0.0, tokens_at=late)))
    bring_near(edge.store, edge.time.now())
    with edge.store.read() as tx:
        kept = tx.desks.get(ZENDESK)
    assert kept.tokens_at is not None
    assert kept.tokens_at <= edge.time.now()


def test_what_waits_as_it_should_is_left_alone(edge: Edge) -> None:
    """An hour is the longest that a desk may ask for."""
    _, copy = edge.begun()
    edge.zendesk.fault(FaultKind.THROTTLE, method="PUT", count=1, seconds=3600.0)
    edge.rt.act("reply", ticket=copy, body="We have looked at it")
    edge.settle()
    with edge.store.read() as tx:
        before = dict(tx.desks.all()), tx.outbox.next_due()
    assert bring_near(edge.store, edge.time.now()) == 0
    with edge.store.read() as tx:
        assert (dict(tx.desks.all()), tx.outbox.next_due()) == before
