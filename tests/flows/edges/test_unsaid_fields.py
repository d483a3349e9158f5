"""A desk that has no place for one field of an update is told the others, and a person is told of the one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.domain.update import Operation, UpdateState
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.sync import Owner
from tests.flows.edges.bridges import RT, Edge
from tests.flows.world import sync_rule


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def copied(edge: Edge, *fields: str) -> tuple[int, Any]:
    """Return a Zendesk ticket and RT's own copy of it; the rule takes these fields there as well."""
    rule = sync_rule(fields={**sync_rule().fields, **dict.fromkeys(fields, Owner.FROM)})
    edge.site = msgspec.structs.replace(edge.site, rules=RuleSet(sync_rules=(rule,)))
    number, copy = edge.begun()
    edge.zendesk.act("set", ticket_id=number, status="open")
    edge.settle_all()
    ticket = edge.rt.records.ticket(int(copy))
    assert ticket is not None
    return number, ticket


def updates(edge: Edge) -> list[Any]:
    """Return what is a dead letter, as the outbox has it."""
    with edge.store.read() as tx:
        return [tx.outbox.get(each.id) for each in tx.view.dead_letters(limit=20)]


def test_tags_that_were_planned_while_the_connector_was_away_are_a_letter(edge: Edge) -> None:
    """Nothing could say then that RT has none: the title goes without them, and so does what comes later."""
    number, ticket = copied(edge, "tags")
    whole = edge.site
    rest = {name: each for name, each in whole.connectors.items() if name != RT}
    edge.site = msgspec.structs.replace(whole, connectors=rest)
    edge.zendesk.act("set", ticket_id=number, subject="Meanwhile", tags=["vip"])
    edge.settle_all()
    edge.site = whole
    edge.settle_all()
    assert ticket.subject == "Meanwhile"
    (letter,) = updates(edge)
    assert (letter.state, letter.reason, letter.operation) == (UpdateState.DEAD, "unmapped", Operation.SET_FIELDS)
    assert letter.intent.fields == {"tags": ["vip"]}
    assert "title went on without: Request Tracker has no tags that could be changed" in letter.detail
    edge.zendesk.act("comment", ticket_id=number, body="Still on fire.", by="agent", public=False)
    edge.settle_all()
    assert edge.at_rt(str(ticket.number))[-1:] == ["Still on fire."], "nothing waits behind the letter"


def test_tags_of_a_desk_whose_connector_is_there_are_not_planned_for_one_without(edge: Edge) -> None:
    """`gateway check` refuses such a rule; one that was accepted by another version brings no letters."""
    number, ticket = copied(edge, "tags")
    edge.zendesk.act("set", ticket_id=number, subject="Now", tags=["vip"])
    edge.settle_all()
    assert (ticket.subject, updates(edge)) == ("Now", [])
