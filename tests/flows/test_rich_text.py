"""A desk that tells the words in its webhooks and the form only when it is read: Zendesk between two desks."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from connectors.testing.faults import FaultKind
from gateway.domain.link import Link
from gateway.domain.ticket import Ticket
from gateway.store import SqlStore
from tests.flows.test_drift import comparer
from tests.flows.world import World

ZENDESK = "acme-zendesk"
RICH = "<p>It <strong>burns</strong></p><ul><li>red</li><li>hot</li></ul>"
READ = "It **burns**\n\n- red\n- hot"


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks."""
    with World(store) as made:
        yield made


def record(world: World, number: str) -> tuple[Ticket, Link]:
    """Return the ticket of one at Zendesk, and its link."""
    with world.store.read() as tx:
        link = tx.links.by_remote([(ZENDESK, number)])[ZENDESK, number]
        ticket = tx.tickets.get(link.ticket_id)
    assert ticket is not None
    return ticket, link


def opened(world: World, **said: str) -> str:
    """Let a customer write in."""
    number = world.zendesk.act("create", subject="Printer", email="kim@customer.example", **said)["id"]
    world.settle_all()
    return str(number)


def said(world: World, number: str) -> list[str]:
    """Return the comments of a ticket in the record."""
    with world.store.read() as tx:
        return [each.body for each in tx.tickets.comments(record(world, number)[0].id)]


def test_a_ticket_and_its_comments_keep_their_form(world: World) -> None:
    """The webhooks have the words; what is kept is how they look."""
    number = opened(world, html=RICH)
    assert record(world, number)[0].body == READ
    world.zendesk.act("comment", ticket_id=number, html="<p>Use the <code>red</code> button</p>")
    world.settle_all()
    assert said(world, number) == ["Use the `red` button"]
    world.zendesk.act("set", ticket_id=number, priority="urgent")
    world.settle_all()
    assert record(world, number)[0].body == READ, "a webhook without the form changes nothing"


def test_a_comment_comes_as_words_where_the_desk_does_not_answer(world: World) -> None:
    """Its form is worth a few tries and no more."""
    number = opened(world, body="b")
    world.zendesk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", count=None)
    world.zendesk.act("comment", ticket_id=number, html="<p>Use the <code>red</code> button</p>")
    world.settle_all()
    world.zendesk.faults.clear()
    world.settle_all()
    assert said(world, number) == ["Use the red button"]


def test_a_ticket_that_begins_by_a_comment_has_its_words_though_the_desk_does_not_answer(world: World) -> None:
    """Its webhook says them without their form: the copy is never without them, for it could not be given any later."""
    world.webhooks_lost = True
    number = str(world.zendesk.act("create", subject="Odd", html=RICH, email="kim@customer.example")["id"])
    world.webhooks_lost = False
    world.zendesk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", count=None)
    world.zendesk.act("comment", ticket_id=number, body="more", public=True)
    world.settle_all()
    words = world.zendesk.records.tickets[int(number)]["description"]
    assert record(world, number)[0].body == words
    (made,) = world.rt.effects.all(kind="create")
    world.zendesk.faults.clear()
    world.zendesk.act("comment", ticket_id=number, body="and more", public=True)
    world.settle_all()
    assert record(world, number)[0].body == words
    assert "It burns" in str(made.detail)
    with world.store.read() as tx:
        assert tx.view.dead_letters() == []


def test_a_body_that_was_read_without_its_form_was_not_edited(world: World) -> None:
    """An earlier version knew the words of every ticket: after an upgrade nothing goes to the other desk."""
    number = opened(world, html=RICH)
    ticket, link = record(world, number)
    words = world.zendesk.records.tickets[int(number)]["description"]
    old = msgspec.structs.replace(link.observed["body"], value=words)
    earlier = msgspec.structs.replace(link, observed={**link.observed, "body": old})
    world.store.write(lambda tx: tx.links.save(earlier))
    world.store.write(lambda tx: tx.tickets.save(msgspec.structs.replace(ticket, body=words)))
    written = len(world.rt.effects.all(by_api=True))
    world.zendesk.act("comment", ticket_id=number, body="more")
    world.settle_all()
    assert len(world.rt.effects.all(by_api=True)) == written + 1, "the comment, and no new text of the ticket"
    assert record(world, number)[0].body == words
    assert [each.what for each in comparer(world).compare(ZENDESK, None)] == []


def test_a_redacted_body_is_an_edit(world: World) -> None:
    """What an agent blacks out is blacked out in the record, too."""
    number = opened(world, html=RICH)
    first = world.zendesk.records.comments[int(number)][0]
    first |= {"html_body": "<p>It <strong>▇▇▇▇▇</strong></p>", "body": "It ▇▇▇▇▇", "plain_body": "It ▇▇▇▇▇"}
    world.zendesk.records.tickets[int(number)]["description"] = "It ▇▇▇▇▇"
    world.zendesk.act("set", ticket_id=number, priority="urgent")
    world.settle_all()
    world.reconciler().poll(ZENDESK, holder="test")
    world.settle_all()
    assert record(world, number)[0].body == "It **▇▇▇▇▇**"
