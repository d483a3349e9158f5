"""A status that a desk got after the map was written: one letter says so, and it arrives once the map has it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from dead_letters import Person, replay_delivery
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.mapping import StatusMap
from tests.flows.edges.bridges import RT, Edge
from tests.flows.world import STATUS_MAP, sync_rule


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def with_map(edge: Edge, *, knows: bool) -> None:
    """Let the map of the rule know RT's `stalled`, or not (yet)."""
    rows = STATUS_MAP.rows if knows else tuple(row for row in STATUS_MAP.rows if "stalled" not in row.theirs)
    rules = RuleSet(sync_rules=(sync_rule(status_map=StatusMap(rows)),))
    edge.site = msgspec.structs.replace(edge.site, rules=rules)


def test_it_arrives_when_the_map_has_it_and_a_person_replays(edge: Edge) -> None:
    """What is said meanwhile is not held up; the letter names the word; a replay brings it to the other desk."""
    with_map(edge, knows=False)
    number, copy = edge.begun()
    edge.rt.act("set", ticket=copy, Status="stalled")
    edge.rt.act("note", ticket=copy, body="We wait for a part")
    edge.settle()
    assert edge.letters() == [(RT, "unmapped")]
    assert edge.at_zendesk(number)[-1] == "We wait for a part"
    with edge.store.read() as tx:
        (letter,) = tx.view.dead_letters(limit=5)
    assert "stalled" in letter.detail
    with_map(edge, knows=True)
    person = Person("eva", "the map has it now", "cli")
    edge.store.write(lambda tx: replay_delivery(tx, letter.id, edge.time.now(), person))
    edge.settle()
    assert edge.letters() == []
    assert edge.zendesk.records.tickets[number]["status"] == "hold"
    assert edge.zendesk.effects.doubled() == {}
