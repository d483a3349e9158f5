"""A conversation in WhatsApp and its ticket in Zendesk: what the journey of every pair does not come to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.sdk import Operation
from connectors.testing.conformance.files import DATA, DOT
from connectors.testing.outgoing import Weather
from connectors.whatsapp.bench import WhatsAppBench
from connectors.whatsapp.simulator import WhatsAppSimulator
from connectors.zendesk.bench import ZendeskBench
from dead_letters import Person, Terms, replay_update
from gateway.store import SqlStore
from tests.pairs.pair import SOURCE, TARGET, Pair, texts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
DAY = timedelta(hours=24, seconds=1)


class WithTemplate(WhatsAppBench):
    """A number with an approved template."""

    def options(self) -> dict[str, Any]:
        """Return the settings, and the template."""
        return {**super().options(), "template": {"name": "follow_up", "language": "en_US"}}


@pytest.fixture
def pair(store: SqlStore) -> Iterator[Pair]:
    """Give a number and an account."""
    with Pair(store, WhatsAppBench, ZendeskBench) as made:
        yield made


def whatsapp(pair: Pair) -> WhatsAppSimulator:
    """Return the simulated number."""
    desk = pair.benches[SOURCE].desk
    assert isinstance(desk, WhatsAppSimulator)
    return desk


def on_the_phone(pair: Pair, ticket: str) -> list[str]:
    """Return what stands below the first message."""
    return texts(pair.shown(SOURCE, ticket))


def replay(pair: Pair) -> None:
    """Let a person send the one dead letter again."""
    claim = pair.connector(SOURCE).spec.operations[Operation.PUBLIC_REPLY]
    now = pair.clock.now()
    with pair.store.read() as tx:
        (letter,) = tx.view.dead_letters()
    ann = Person("ann", "they wrote again")
    pair.store.write(lambda tx: replay_update(tx, letter.id, Terms(claim), now, ann, accept_duplicate=False))
    pair.settle_all()


def test_a_note_never_reaches_the_phone(pair: Pair) -> None:
    """Nor does a file of one."""
    ticket, copy = pair.opened("Printer", "It burns")
    pair.benches[TARGET].say(copy, "Do not tell them", public=False)
    pair.benches[TARGET].attach(copy, "plan.bin", DATA, public=False)
    pair.settle_all()
    assert len(whatsapp(pair).phones[ticket.partition(":")[0]]) == 1
    assert pair.letters() == []


def test_files_go_both_ways_byte_for_byte(pair: Pair) -> None:
    """A picture arrives as a picture, anything else as a document under its name."""
    ticket, copy = pair.opened("Printer", "It burns")
    pair.benches[SOURCE].attach(ticket, "photo.png", DOT)
    pair.settle_all()
    assert [(each.name, each.data) for each in pair.shown(TARGET, copy).files] == [("photo.png", DOT)]
    pair.benches[TARGET].attach(copy, "plan 処理中.bin", DATA)
    pair.benches[TARGET].attach(copy, "dot.png", DOT)
    pair.settle_all()
    files = [(each.name, each.data) for each in pair.shown(SOURCE, ticket).files]
    assert files == [("photo.png", DOT), ("plan 処理中.bin", DATA), ("image", DOT)], pair.letters()
    assert pair.letters() == []


def test_after_a_day_of_silence_nothing_is_sent_until_the_customer_writes(pair: Pair) -> None:
    """By the clocks of all three: a later reply is refused, holds its order, and goes when it is replayed."""
    ticket, copy = pair.opened("Printer", "It burns")
    pair.pass_time(DAY - timedelta(minutes=1))
    pair.benches[TARGET].say(copy, "Just in time")
    pair.settle_all()
    assert on_the_phone(pair, ticket) == ["Just in time"]
    pair.pass_time(timedelta(minutes=1))
    pair.benches[TARGET].say(copy, "Too late")
    pair.settle_all()
    (letter,) = pair.letters()
    assert "rejected more than 24 hours have passed since the customer last wrote" in letter
    assert on_the_phone(pair, ticket) == ["Just in time"]
    pair.benches[SOURCE].ask(ticket, "Any news?")
    pair.settle_all()
    pair.benches[TARGET].say(copy, "Again in time")
    pair.settle_all()
    assert on_the_phone(pair, ticket) == ["Just in time", "Any news?"]
    replay(pair)
    assert on_the_phone(pair, ticket) == ["Just in time", "Any news?", "Too late", "Again in time"]
    assert pair.letters() == []
    assert pair.benches[SOURCE].desk.effects.doubled() == {}


def test_after_a_day_of_silence_the_template_carries_the_reply(store: SqlStore) -> None:
    """Once, with the words on one line."""
    with Pair(store, WithTemplate, ZendeskBench) as pair:
        ticket, copy = pair.opened("Printer", "It burns")
        pair.pass_time(DAY)
        pair.benches[TARGET].say(copy, "It is out.\n\nPlease look.")
        pair.settle_all()
        assert on_the_phone(pair, ticket) == ["It is out. Please look."]
        assert [each["type"] for each in whatsapp(pair).sent] == ["template"]
        assert pair.letters() == []


def test_doubled_and_unordered_deliveries_say_everything_once(pair: Pair) -> None:
    """As Meta sends them."""
    ticket, copy = pair.opened("Printer", "It burns")
    pair.benches[SOURCE].desk.webhooks.weather = Weather(duplicate=0.6, reorder=0.5)
    said = [f"Word {number}" for number in range(8)]
    for word in said:
        pair.benches[SOURCE].ask(ticket, word)
    pair.settle_all()
    assert sorted(texts(pair.shown(TARGET, copy))) == said


def test_what_is_said_in_a_group_is_a_ticket_of_its_own_and_nobody_is_answered(pair: Pair) -> None:
    """Neither the customer's own conversation goes on with it, nor does a reply leave for anybody."""
    ticket, copy = pair.opened("Printer", "It burns")
    number = ticket.partition(":")[0]
    desk = whatsapp(pair)
    first = desk.act("write_in_group", phone=number, group="Y2FwaV9ncm91cDox", text="Does yours burn?")
    desk.act("write_in_group", phone="15559990000", group="Y2FwaV9ncm91cDox", text="Ours does not")
    pair.settle_all()
    group = pair.copy(f"group-Y2FwaV9ncm91cDox:{first}")
    assert group != copy
    assert texts(pair.shown(TARGET, group)) == ["Ours does not"]
    assert texts(pair.shown(TARGET, copy)) == []
    pair.benches[TARGET].say(group, "To whom does this go?")
    pair.settle_all()
    (letter,) = pair.letters()
    assert "it was said in a group, where everybody would read the answer" in letter
    assert desk.sent == []
