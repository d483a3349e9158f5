"""Tickets that we only heard of and may not see: one letter a connection says so, and all of them come when we may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dead_letters.resolve import Person, discard_delivery, replay_delivery
from gateway.flow.unseen import LOOKS, NAMED, REPLAYED
from gateway.store import SqlStore
from tests.flows.edges.bridges import ZENDESK, Edge
from tests.flows.edges.test_enormous import Killed, applier
from tests.length import length

MANY = length(30, 300)


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


class Dying:
    """A store whose process dies before one of its transactions."""

    def __init__(self, store: SqlStore, writes: int) -> None:
        self.store = store
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write(self, work: Callable[[Any], Any]) -> Any:
        """Run a transaction, or die."""
        self._left -= 1
        if self._left < 0:
            raise Killed
        return self.store.write(work)


def hide(edge: Edge) -> None:
    """Take the right to all tickets away; webhooks and the list of what has changed still tell of them."""
    edge.zendesk.fault("error_without_effect", path=r"/tickets/\d+(\.json|/.*)?$", count=None, status=404)


def lost(edge: Edge, act: str, **given: Any) -> Any:
    """Let something happen at Zendesk of which no webhook tells."""
    edge.webhooks_lost = True
    made = edge.zendesk.act(act, **given)
    edge.zendesk.webhooks.flush(30)
    edge.webhooks_lost = False
    return made


def heard(edge: Edge, many: int) -> list[int]:
    """Let so many tickets be made while we may not see them, and let a poll hear that they are there."""
    made = [
        lost(edge, "create", subject=f"Printer {each}", body="It burns", email="kim@customer.example")
        for each in range(many)
    ]
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    return [int(each["id"]) for each in made]


def letter(edge: Edge) -> Any:
    """Return the only dead letter."""
    with edge.store.read() as tx:
        (found,) = tx.view.dead_letters(limit=20)
        return tx.inbox.get(found.id)


def begun(edge: Edge, numbers: list[int]) -> int:
    """Return how many of them have a copy at the other desk."""
    pairs = [(ZENDESK, str(each)) for each in numbers]
    with edge.store.read() as tx:
        links = tx.links.by_remote(pairs)
        ours = [tx.links.of_ticket(link.ticket_id) for link in links.values()]
    return sum(any(each.connection != ZENDESK and each.remote_id for each in links) for links in ours)


def hidden(edge: Edge) -> int:
    """Return how many are known to be out of sight."""
    with edge.store.read() as tx:
        found = tx.hidden.unseen(ZENDESK, 1)
    return found.number if found is not None else 0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_one_letter_tells_of_all_and_heals(edge: Edge) -> None:
    """How many there are, and the newest by name; when the right is back all are read within a few polls, each once."""
    hide(edge)
    numbers = heard(edge, MANY)
    found = letter(edge)
    assert (found.reason, found.ref, found.origin) == ("hidden", "", "sight")
    assert f"There are {MANY} tickets, the last {NAMED}: " in found.detail
    named = found.detail.rpartition(": ")[2].split(", ")
    assert len(named) == NAMED
    assert set(named) <= {str(each) for each in numbers}
    lost(edge, "comment", ticket_id=numbers[0], body="Still nobody?", public=True)
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    assert hidden(edge) == MANY
    edge.zendesk.faults.clear()
    edge.pass_time(20 * 60)
    edge.poll(ZENDESK)
    edge.settle_all(600)
    assert edge.letters() == []
    assert (begun(edge, numbers), hidden(edge)) == (MANY, 0)
    assert len(edge.rt.effects.all(kind="create", by_api=True)) == MANY
    assert edge.rt.effects.doubled() == {}


def test_those_that_stay_out_of_sight_are_still_told_of(edge: Edge) -> None:
    """Three of them are gone for good: the letter names these, and a person discards it."""
    hide(edge)
    numbers = heard(edge, 6)
    edge.zendesk.faults.clear()
    for number in numbers[:3]:
        edge.zendesk.fault("error_without_effect", path=rf"/tickets/{number}(\.json|/.*)?$", count=None, status=404)
    edge.pass_time(20 * 60)
    edge.poll(ZENDESK)
    edge.settle_all()
    assert begun(edge, numbers) == 3
    found = letter(edge)
    assert "There are 3 tickets: " in found.detail
    assert set(found.detail.rpartition(": ")[2].split(", ")) == {str(each) for each in numbers[:3]}
    person = Person("kim", "gone for good")
    edge.store.write(lambda tx: discard_delivery(tx, found.id, edge.clock.now(), person))
    edge.settle()
    edge.pass_time(20 * 60)
    edge.poll(ZENDESK)
    assert (edge.letters(), hidden(edge)) == ([], 0)
    lost(edge, "comment", ticket_id=numbers[0], body="We are here", public=True)
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    assert f"There is 1 ticket: {numbers[0]}" in letter(edge).detail


def test_who_replays_the_letter_has_them_looked_for_at_once(edge: Edge) -> None:
    """In vain, it is the same letter again; else all are read without a poll."""
    hide(edge)
    numbers = heard(edge, LOOKS + 3)
    assert len(numbers) < REPLAYED
    found = letter(edge)
    person = Person("kim", "the right is back")
    edge.store.write(lambda tx: replay_delivery(tx, found.id, edge.clock.now(), person))
    edge.settle()
    assert letter(edge).id == found.id
    edge.zendesk.faults.clear()
    edge.store.write(lambda tx: replay_delivery(tx, found.id, edge.clock.now(), person))
    edge.settle_all()
    assert (edge.letters(), begun(edge, numbers)) == ([], len(numbers))


def test_a_ticket_that_its_desk_deletes_is_told_of_no_more(edge: Edge) -> None:
    """It is no more, and nobody has to give a right back for it."""
    hide(edge)
    numbers = heard(edge, 2)
    assert hidden(edge) == 2
    for number in numbers:
        edge.zendesk.act("delete", ticket_id=number)
    edge.settle()
    edge.pass_time(40, rounds=2)
    assert (edge.letters(), hidden(edge)) == ([], 0)


def test_lost_credentials_are_no_letter(edge: Edge) -> None:
    """Where we are not known any more the connection pauses, and what was heard of waits."""
    edge.poll(ZENDESK)
    hide(edge)
    edge.zendesk.fault("error_without_effect", path="/users/me", count=None, status=401)
    numbers = heard(edge, 3)
    assert edge.letters() == []
    with edge.store.read() as tx:
        assert tx.desks.all()[ZENDESK].paused
        assert tx.inbox.pending() >= len(numbers)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("write", [2, 4, 6, 8])
def test_a_crash_while_they_come_back_loses_none(edge: Edge, write: int) -> None:
    """The letter, the looks and what they show are one transaction each."""
    hide(edge)
    numbers = heard(edge, LOOKS + 5)
    edge.zendesk.faults.clear()
    edge.pass_time(20 * 60)
    edge.reconciler().poll(ZENDESK, holder="edge")
    with pytest.raises(Killed):
        applier(edge, Dying(edge.store, write)).drain(holder="dies", seconds=60)
    edge.store.write(lambda tx: tx.leases.release("apply", tx.leases.acquire("apply", "dies", 1) or 0))
    edge.settle_all(200)
    assert (edge.letters(), hidden(edge), begun(edge, numbers)) == ([], 0, len(numbers))
    assert len(edge.rt.effects.all(kind="create", by_api=True)) == len(numbers)
