"""Our account loses the right to many tickets that we have: one group of letters, one command; all heal together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dead_letters import Bulk, Filter, Person, Resolved, Runner, Taken, Terms, freeze, replay_update
from dead_letters.resolve import replay_delivery
from gateway.flow.unseen import LOOKS
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.edges.bridges import RT, ZENDESK, Edge
from tests.length import length

#: more than one poll looks for
MANY = length(LOOKS + 4, 200)
HIDDEN = Filter(connection=ZENDESK, reason="hidden")


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def begun(edge: Edge, many: int) -> dict[int, str]:
    """Return so many Zendesk tickets with their copies in RT."""
    made = [
        int(edge.zendesk.act("create", subject=f"Printer {each}", body="It burns", email="kim@customer.example")["id"])
        for each in range(many)
    ]
    edge.settle_all(120)
    # what changed until now is known: the next poll hears of none of these
    edge.pass_time(3600)
    edge.poll(ZENDESK)
    edge.pass_time(3600)
    edge.poll(ZENDESK)
    with edge.store.read() as tx:
        links = tx.links.by_remote([(ZENDESK, str(each)) for each in made])
        ours = {number: tx.links.of_ticket(links[ZENDESK, str(number)].ticket_id) for number in made}
    return {number: next(each.remote_id for each in ours[number] if each.connection == RT) for number in made}


def hide(edge: Edge, numbers: list[int]) -> None:
    """Take the right to these away: some are not found then, and some are forbidden."""
    for status, some in ((404, numbers[::2]), (403, numbers[1::2])):
        names = "|".join(str(each) for each in some)
        path = rf"/tickets/({names})(\.json|/.*)?$"
        edge.zendesk.fault("error_without_effect", path=path, count=None, status=status)


def noted(edge: Edge, copies: list[str], *words: str) -> None:
    """Say something on each copy in RT, and let the gateway do what it can."""
    for word in words:
        for copy in copies:
            edge.rt.act("note", ticket=copy, body=word)
    edge.settle(60, quiet=0.1)


def replayed(edge: Edge) -> None:
    """Replay all letters of what is out of sight, as `gateway dead-letters replay` does."""
    person = Person("kim", "the right is back")

    def work(tx: SqlTx, taken: Taken) -> Resolved:
        now = edge.clock.now()
        if taken.what == "delivery":
            return replay_delivery(tx, taken.letter_id, now, person)
        row = tx.outbox.get(taken.letter_id)
        assert row is not None
        terms = Terms(edge.site.connectors[ZENDESK].spec.operations[row.operation])
        return replay_update(tx, taken.letter_id, terms, now, person, accept_duplicate=False)

    bulk = Bulk(edge.ids.new(), "replay", "kim", "the right is back", HIDDEN, {}, edge.clock.now())
    freeze(edge.store, bulk, edge.clock.now())
    runner = Runner(edge.store, work=work, clock=edge.clock, wait=lambda _: None, ring=lambda _: None, rate=10_000.0)
    runner.run(bulk, lambda _: None)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("by", ["replay", "poll"])
def test_all_of_them_are_one_group_and_go_on_together(edge: Edge, by: str) -> None:
    """What was to be written to each is written in order and once; one that can be seen is held up by none of them."""
    copies = begun(edge, MANY + 1)
    *dark, seen = copies
    hide(edge, dark)
    noted(edge, list(copies.values()), "one", "two")
    assert edge.at_zendesk(seen) == ["one", "two"]
    with edge.store.read() as tx:
        (group,) = tx.letters.groups(HIDDEN, limit=10)
    assert (group.number, group.what) == (MANY, "update")
    assert group.cause.startswith(f"{ZENDESK} does not show us ticket # any more: ")
    if by == "replay":
        replayed(edge)
        edge.settle(60, quiet=0.5)
        with edge.store.read() as tx:
            assert [each.number for each in tx.letters.groups(HIDDEN, limit=10)] == [MANY]
    noted(edge, [copies[dark[0]], copies[seen]], "three")
    assert edge.at_zendesk(seen) == ["one", "two", "three"]
    edge.zendesk.faults.clear()
    if by == "replay":
        replayed(edge)
    else:
        edge.pass_time(20 * 60)
        edge.poll(ZENDESK)
    edge.settle_all(300)
    assert edge.letters() == []
    for number in dark:
        assert edge.at_zendesk(number) == (["one", "two", "three"] if number == dark[0] else ["one", "two"])
    assert edge.zendesk.effects.doubled() == {}
