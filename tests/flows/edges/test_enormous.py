"""A ticket with hundreds of comments that nobody has heard of: short transactions, in order, once, in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from connectors.request_tracker.bench import RequestTrackerBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from gateway.flow.apply import Applier
from gateway.flow.deliver import Deliverer
from gateway.flow.portions import PORTION
from gateway.store import SqlStore
from gateway.store.tables import lanes
from gateway.web.console.ticket import read_ticket
from tests.flows.edges.bridges import ZENDESK, Edge
from tests.flows.world import Silent
from tests.length import FULL, length
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

MANY = 3 * PORTION + 7
THOUSANDS = length(5 * PORTION, 5000)


class Killed(BaseException):
    """The process is gone."""


class Watched:
    """A store that counts what each transaction brought, and whose process dies before one of them."""

    def __init__(self, store: SqlStore, dies_before: int = 0, dies_after: int = 0) -> None:
        self.store = store
        self.grown: list[int] = []
        self._dies_before = dies_before
        #: so many transactions, whatever they brought
        self._left = dies_after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write(self, work: Callable[[Any], Any]) -> Any:
        """Run a transaction, and look how many comments there are more."""
        if self._dies_before and sum(each > 0 for each in self.grown) >= self._dies_before:
            raise Killed
        if self._left:
            self._left -= 1
            if not self._left:
                raise Killed
            return self.store.write(work)
        before = self._said()
        result = self.store.write(work)
        self.grown.append(self._said() - before)
        return result

    def _said(self) -> int:
        with self.store.read() as tx:
            return sum(len(tx.tickets.comments(line.id)) for line in tx.view.tickets(limit=5))


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def applier(edge: Edge, store: Any) -> Applier:
    """Return an applier of another process."""
    made: Any = {"site": edge.site, "transport": edge.transport, "doorbell": Silent(), "clock": edge.clock}
    return Applier(store=store, ids=edge.ids, **made)


def deliverer(edge: Edge, store: Any) -> Deliverer:
    """Return a deliverer of another process."""
    made: Any = {"site": edge.site, "transport": edge.transport, "doorbell": Silent(), "clock": edge.clock}
    return Deliverer(store=store, ids=edge.ids, **made)


def talked(edge: Edge, number: int, many: int, text: str = "") -> None:
    """Let so much be said of which no webhook tells, and a poll then say that the ticket has changed."""
    edge.webhooks_lost = True
    for each in range(many):
        words = f"{text}\nComment {each}" if text else f"Comment {each}"
        edge.zendesk.act("comment", ticket_id=number, body=words, by="agent", public=True)
    edge.zendesk.webhooks.flush(30)
    edge.webhooks_lost = False
    edge.reconciler().poll(ZENDESK, holder="edge")


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("killed", [0, 2] if FULL else [2])
def test_hundreds_of_comments_come_in_portions(edge: Edge, killed: int) -> None:
    """No transaction brings more than a portion; who dies in the middle leaves the rest to the next, in order, once."""
    number, copy = edge.begun()
    talked(edge, number, MANY)
    if killed:
        dying = Watched(edge.store, dies_before=killed)
        with pytest.raises(Killed):
            applier(edge, dying).drain(holder="dies", seconds=60)
        assert 0 < sum(dying.grown) < MANY
        with edge.store.read() as tx:
            assert tx.inbox.pending() == 1, "what is half taken waits to be taken on"
        edge.store.write(lambda tx: tx.leases.release("apply", tx.leases.acquire("apply", "dies", 1) or 0))
        edge.pass_time(0)
    watched = Watched(edge.store)
    applier(edge, watched).drain(holder="lives", seconds=60)
    edge.settle_all(200)
    assert max(watched.grown, default=0) <= PORTION
    assert edge.at_rt(copy) == [f"Comment {each}" for each in range(MANY)]
    assert edge.rt.effects.doubled() == {}
    assert edge.letters() == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_kept_in_memory_is_a_small_multiple_of_the_ticket(edge: Edge) -> None:
    """4 KB a comment; the longest transaction brings a portion, and a whole ticket is held a few times over at most."""
    number, _ = edge.begun()
    talked(edge, number, 600, "x " * 2000)
    watched = Watched(edge.store)
    tracemalloc.start()
    try:
        applier(edge, watched).drain(holder="lives", seconds=120)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(watched.grown) == 600
    assert max(watched.grown) <= PORTION
    page = read_ticket(edge.store, str(number))
    assert page is not None
    assert (len(page.comments), page.earlier) == (100, 500)
    assert page.comments[-1].body.endswith("Comment 599")
    assert peak < 8 * 600 * 4000, f"{peak / (600 * 4000):.1f} times what was said"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_thousands_are_taken_in_as_few_transactions_as_portions(edge: Edge) -> None:
    """One for each portion, and a few around them; all of them then wait to be written."""
    number, _ = edge.begun()
    talked(edge, number, THOUSANDS)
    watched = Watched(edge.store)
    applier(edge, watched).drain(holder="lives", seconds=600)
    assert sum(watched.grown) == THOUSANDS
    assert max(watched.grown) <= PORTION
    assert len(watched.grown) <= THOUSANDS // PORTION + 10
    assert edge.counts()["updates_ready"] == THOUSANDS


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thousands_are_written_to_the_end(edge: Edge) -> None:
    """In order, each once, none lost; a worker that dies in the middle leaves the rest of the lane to the next one."""
    number, copy = edge.begun()
    talked(edge, number, THOUSANDS)
    applier(edge, edge.store).drain(holder="lives", seconds=600)
    dying = Watched(edge.store, dies_after=THOUSANDS)
    with pytest.raises(Killed):
        deliverer(edge, dying).drain(holder="dies", seconds=600)
    done = edge.counts()["updates_done"]
    assert 1 < done < THOUSANDS
    with edge.store.engine.begin() as connection:
        connection.execute(update(lanes).values(lease_until=None))
    edge.settle_all(3000)
    assert edge.at_rt(copy) == [f"Comment {each}" for each in range(THOUSANDS)]
    assert edge.rt.effects.doubled() == {}
    assert edge.letters() == []


def test_an_answer_too_large_to_be_read_is_told_and_holds_up_nobody(edge: Edge) -> None:
    """Nine million characters in one ticket: one letter says so at last, and other tickets are read all the while."""
    number, _ = edge.begun()
    talked(edge, number, 1, "x" * 9_000_000)
    other = int(edge.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")["id"])
    edge.settle()
    with edge.store.read() as tx:
        assert (ZENDESK, str(other)) in tx.links.by_remote([(ZENDESK, str(other))])
    for _ in range(10):
        edge.pass_time(60)
        edge.settle()
    with edge.store.read() as tx:
        (letter,) = tx.view.dead_letters(limit=5)
    assert (letter.connection, letter.reason) == (ZENDESK, "unreadable")
    assert "the answer is larger than 8 MiB" in letter.detail


@pytest.mark.slow
# in make test the conformance suite reads the comments and pages of each desk to the end, and Zendesk's go through here
@pytest.mark.long(only=True)
@pytest.mark.timeout(240)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("source", [RequestTrackerBench, ServiceNowBench], ids=lambda each: each.connector)
def test_other_desks_read_theirs_to_the_end(store: SqlStore, source: type[Bench]) -> None:
    """Each has pages of its own."""
    with Pair(store, source, ServiceNowBench if source is RequestTrackerBench else RequestTrackerBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.webhooks_lost = True
        for each in range(MANY):
            pair.benches[SOURCE].say(ticket, f"Comment {each}", public=True)
        pair.benches[SOURCE].desk.webhooks.flush(30)
        pair.webhooks_lost = False
        pair.poll()
        found = [each for each in texts(pair.shown(TARGET, copy)) if each.startswith("Comment ")]
        assert sorted(found) == sorted(f"Comment {each}" for each in range(MANY))
        assert pair.letters() == []
