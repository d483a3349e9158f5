"""A ticket has a status that nothing gives a meaning to: what is said on it goes on, the status waits for a person."""

from __future__ import annotations

import msgspec
import pytest

from connectors.freshdesk.bench import FreshdeskBench
from connectors.hubspot.bench import HubSpotBench
from connectors.planfix.bench import PlanfixBench
from connectors.roundup.bench import RoundupBench
from connectors.servicenow.bench import ServiceNowBench
from connectors.testing.bench import Bench
from connectors.zammad.bench import ZammadBench
from dead_letters import Person, replay_delivery
from gateway.domain.ticket import Category
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.mapping import Row, StatusMap
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WORD = "Awaiting Parts"
#: four whose webhooks are hints that are read, or that have none, and one whose webhooks carry what was said
KINDS = (FreshdeskBench, PlanfixBench, HubSpotBench, RoundupBench, ZammadBench)


def replay_all(pair: Pair) -> None:
    """Let a person replay every letter."""
    with pair.store.read() as tx:
        letters = tx.view.dead_letters(limit=50)
    person = Person("eva", "the map has it now", "cli")

    def replay(number: str) -> None:
        pair.store.write(lambda tx: replay_delivery(tx, number, pair.time.now(), person))

    for letter in letters:
        replay(letter.id)
    pair.settle_all()


@pytest.mark.parametrize("side", [SOURCE, TARGET])
@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
def test_what_is_said_goes_on(store: SqlStore, kind: type[Bench], side: str) -> None:
    """Once, both ways, by webhook or poll; the letters are about the status alone, and a replay says nothing again."""
    with Pair(store, *((kind, ServiceNowBench) if side == SOURCE else (ServiceNowBench, kind))) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        here, there, other = (ticket, copy, TARGET) if side == SOURCE else (copy, ticket, SOURCE)
        native = pair.benches[side].add_status(here, WORD).native
        pair.settle_all()
        pair.poll()
        pair.benches[side].say(here, "We wait for a part", public=True)
        pair.benches[other].say(there, "How long", public=True)
        pair.settle_all()
        pair.poll()
        for again in (False, True):
            if again:
                replay_all(pair)
            assert texts(pair.shown(other, there)).count("We wait for a part") == 1
            assert texts(pair.shown(side, here)).count("How long") == 1
            letters = pair.letters()
            assert letters
            assert all(": unmapped " in each and repr(native) in each for each in letters), letters
        assert pair.benches[side].shown(here).status not in {"", pair.benches[other].shown(there).status}
        for bench in pair.benches.values():
            assert bench.desk.effects.doubled() == {}


def test_the_status_arrives_once_the_map_has_it(store: SqlStore) -> None:
    """By a replay of the letters, those included of which the words were taken at once."""
    with Pair(store, ServiceNowBench, HubSpotBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        native = pair.benches[TARGET].add_status(copy, WORD).native
        pair.benches[TARGET].say(copy, "We wait for a part", public=True)
        pair.settle_all()
        pair.poll()
        assert pair.letters() != []
        (rule,) = pair.site.rules.sync_rules
        row = Row((Category.ON_HOLD,), (native,), native, Category.ON_HOLD)
        made = msgspec.structs.replace(rule, status_map=StatusMap((row,)))
        rules = RuleSet(sync_rules=(made,), sections=pair.site.rules.sections)
        pair.site = msgspec.structs.replace(pair.site, rules=rules)
        replay_all(pair)
        pair.poll()
        assert pair.letters() == []
        assert pair.ticket(ticket).status.category is Category.ON_HOLD
        assert pair.category(SOURCE, ticket) is Category.ON_HOLD
        assert texts(pair.shown(SOURCE, ticket)) == ["We wait for a part"]
