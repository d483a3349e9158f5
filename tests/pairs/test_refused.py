"""Desks in which only people begin a conversation: what cannot be done there is refused by the check of the rules."""

from __future__ import annotations

import pytest

from connectors import registry
from connectors.email.bench import EmailBench
from connectors.sdk import Operation
from connectors.testing.bench import Bench
from connectors.whatsapp.bench import WhatsAppBench
from gateway.store import SqlStore
from tests.pairs.asking import faults
from tests.pairs.pair import SOURCE, TARGET, Pair
from tests.pairs.which import ANCHOR, BENCHES, CLOSED, reaches


def test_whatsapp_is_one_of_them() -> None:
    """A business may not write first but by a template, of which nobody knows to whom."""
    assert "whatsapp" in {bench.connector for bench in CLOSED}


@pytest.mark.parametrize("closed", CLOSED, ids=lambda bench: bench.connector)
def test_a_rule_that_begins_tickets_there_is_refused(closed: type[Bench]) -> None:
    """With its reason and a way out; the same rule the other way round is fine."""
    (refused,) = faults(ANCHOR, closed)
    assert refused.startswith("[cannot-do]: 'the-target'"), refused
    assert "takes no new tickets; name one that does: the-source" in refused
    assert faults(closed, ANCHOR) == []


@pytest.mark.parametrize("closed", CLOSED, ids=lambda bench: bench.connector)
def test_what_the_desk_has_not_is_refused_at_the_source_as_well(closed: type[Bench]) -> None:
    """Notes and fields that a rule asks it to take, each by name."""
    spec = registry.load(points=()).plugin(closed.connector).spec
    asked = faults(closed, ANCHOR, fields={"comments": {"public": "both", "internal": "both"}, "priority": "to"})
    assert len(asked) == 2, asked
    assert any("[not-writable]: 'priority' cannot be written at 'the-source'" in each for each in asked)
    assert any("[cannot-do]: 'the-source'" in each and "takes no internal notes" in each for each in asked)
    assert Operation.INTERNAL_NOTE not in spec.operations
    assert faults(closed, ANCHOR, fields={"comments": {"public": "both", "internal": "to"}}) != []
    assert faults(closed, ANCHOR, fields={"comments": {"public": "both", "internal": "from"}}) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whoever_has_no_address_cannot_be_mailed(store: SqlStore) -> None:
    """A WhatsApp customer in a mailbox: nothing is sent, one dead letter says why, and no other pair is like that."""
    apart = {(one, other) for one in BENCHES for other in BENCHES if not reaches(one, other)}
    assert apart == {(WhatsAppBench, EmailBench)}
    (refused,) = faults(WhatsAppBench, EmailBench)
    assert refused.startswith("[cannot-do]: 'the-target' (E-mail) begins a ticket by writing to its requester"), refused
    assert "nobody who writes to 'the-source' (WhatsApp) has an address" in refused
    assert faults(EmailBench, WhatsAppBench) != [] == faults(ANCHOR, EmailBench)
    with Pair(store, WhatsAppBench, EmailBench) as pair:
        pair.benches[SOURCE].open_ticket("Printer", "It burns")
        pair.settle_all()
        (letter,) = pair.letters()
        assert "the ticket's requester has no address of mail" in letter
        assert pair.benches[TARGET].desk.effects.all(by_api=True) == []
