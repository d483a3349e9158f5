"""A desk that has no place for one field of an update is told the others, and a person is told of the one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.freshdesk.bench import FreshdeskBench
from connectors.zendesk.bench import ZendeskBench
from gateway.domain.update import Operation, UpdateState
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.sync import Owner
from tests.flows.edges.bridges import RT, Edge
from tests.flows.world import sync_rule
from tests.pairs.pair import SOURCE, TARGET, Pair


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


def test_an_account_that_can_be_none_is_a_letter_and_holds_nothing_up(store: SqlStore) -> None:
    """`people:` names one by a word at a desk that knows its agents by numbers: the title goes without the assignee."""
    with Pair(store, ZendeskBench, FreshdeskBench) as pair:
        source = pair.benches[SOURCE]
        eva = {"email": "eva@acme.example", "accounts": {SOURCE: source.agents[0], TARGET: "eva.k"}}
        rules = RuleSet(sync_rules=pair.site.rules.sync_rules, sections={"people": {"eva": eva}})
        pair.site = msgspec.structs.replace(pair.site, rules=rules)
        ticket, copy = pair.opened("Printer", "It burns")
        source.desk.act("set", ticket_id=int(ticket), subject="Printer is out", assignee_id=int(source.agents[0]))
        pair.settle_all()
        assert pair.shown(TARGET, copy).title == "Printer is out"
        with store.read() as tx:
            (letter,) = [tx.outbox.get(each.id) for each in tx.view.dead_letters(limit=20)]
        assert letter is not None
        assert (set(letter.intent.fields), letter.reason) == ({"assignee"}, "unmapped")
        assert "refuses assignee" in letter.detail
        assert "people: accounts:" in letter.detail
        source.say(ticket, "Still on fire.", public=False)
        pair.settle_all()
        assert "Still on fire." in str(pair.shown(TARGET, copy)), "nothing waits behind the letter"


def test_what_a_desk_keeps_by_its_nature_is_said_with_the_update(store: SqlStore) -> None:
    """Every ticket of Freshdesk has a priority: none is no letter, and nobody has to wonder why it stands there."""
    with Pair(store, ZendeskBench, FreshdeskBench) as pair:
        source = pair.benches[SOURCE]
        ticket, copy = pair.opened("Printer", "It burns")
        source.desk.act("set", ticket_id=int(ticket), priority="high")
        pair.settle_all()
        source.desk.act("set", ticket_id=int(ticket), priority=None, subject="Printer is out")
        pair.settle_all()
        shown = pair.shown(TARGET, copy)
        assert (shown.title, shown.priority) == ("Printer is out", "3"), pair.letters()
        assert pair.letters() == []
        with store.read() as tx:
            said = [each.detail for each in tx.view.updates(ticket_id=pair.ticket(ticket).id, limit=20)]
        assert "left as it is, for the desk has no word for it: priority" in said


def test_whoever_has_no_account_at_a_desk_is_not_shown_there_and_the_trail_says_so(store: SqlStore) -> None:
    """No letter: it is nothing that a desk refuses. The other fields go."""
    with Pair(store, ZendeskBench, FreshdeskBench) as pair:
        source = pair.benches[SOURCE]
        pair.site = msgspec.structs.replace(pair.site, rules=RuleSet(sync_rules=pair.site.rules.sync_rules))
        ticket, copy = pair.opened("Printer", "It burns")
        source.desk.act("set", ticket_id=int(ticket), subject="Printer is out", assignee_id=int(source.agents[0]))
        pair.settle_all()
        assert (pair.shown(TARGET, copy).title, pair.letters()) == ("Printer is out", [])
        with store.read() as tx:
            trail = tx.view.audit(ticket_id=pair.ticket(ticket).id, limit=50)
        (entry,) = [dict(each) for each in trail if each["action"] == "assignment not carried"]
        assert entry["detail"]["at"] == TARGET
        assert entry["detail"]["why"].endswith("has no account there under `people:`")
