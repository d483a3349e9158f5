"""What of a text Markdown cannot show is kept as its desk has it, and said: in the trail, the command and the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.flow.originals import ACTION, LONGEST
from gateway.ports.originals import Original
from gateway.store import SqlStore
from gateway.store.redaction import redact
from gateway.web.console.ticket import TicketPage, read_ticket
from tests.flows.test_rich_text import opened, record
from tests.flows.world import World

WHOLE = '<p>Look <u>here</u> <a href="https://x.example/a?token=s3cr3tvalue">and <sup>there</sup></a></p>'
LOST = ("underlined words", "raised words")


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def page(world: World, number: str) -> TicketPage:
    """Return what people see of a ticket."""
    found = read_ticket(world.store, record(world, number)[0].id)
    assert found is not None
    return found


def trail(world: World, number: str) -> list[dict[str, Any]]:
    """Return what the trail says of texts, the oldest first."""
    return [each["detail"] for each in reversed(page(world, number).audit) if each["action"] == ACTION]


def kept(world: World) -> list[Original]:
    """Return the texts that are stored."""
    with world.store.read() as tx:
        mine = [line.id for line in tx.view.tickets()]
        ids = [link.id for each in mine for link in tx.links.of_ticket(each)]
        ids += [said.id for each in mine for said in tx.tickets.comments(each)]
        return list(tx.tickets.originals(ids).values())


def test_a_description_and_a_comment_are_kept_as_the_desk_has_them(world: World) -> None:
    """With what they lost; no key of an address is shown."""
    number = opened(world, html=WHOLE)
    world.zendesk.act("comment", ticket_id=number, html="<p>So <sub>low</sub></p>")
    world.zendesk.act("comment", ticket_id=number, html="<p>Plain words</p>")
    world.settle_all()
    found = page(world, number)
    (body,) = found.originals
    assert (body.connection, body.source_format, body.lost) == ("acme-zendesk", "html", LOST)
    assert "<u>here</u>" in body.raw
    assert [each.original.lost if each.original else () for each in found.comments] == [("lowered words",), ()]
    assert [each.lost for each in kept(world) if "<sub>low</sub>" in each.raw] == [("lowered words",)]
    assert "s3cr3tvalue" not in repr(kept(world))
    assert trail(world, number) == [
        {"at": "acme-zendesk", "of": "the description", "lost": list(LOST)},
        {"at": "acme-zendesk", "of": "a comment", "lost": ["lowered words"]},
    ]


def test_what_is_seen_again_is_said_once(world: World) -> None:
    """However often the desk tells of the ticket."""
    number = opened(world, html=WHOLE)
    for priority in ("urgent", "low"):
        world.zendesk.act("set", ticket_id=number, priority=priority)
        world.settle_all()
    assert len(trail(world, number)) == len(kept(world)) == 1


def test_a_long_text_is_cut(world: World) -> None:
    """And says so."""
    opened(world, html=f"<p><u>{'a' * LONGEST}</u></p>")
    (found,) = kept(world)
    assert (found.is_cut, len(found.raw)) == (True, LONGEST)


def test_it_goes_with_the_people_of_its_ticket(world: World) -> None:
    """Nothing of it stays."""
    number = opened(world, html=WHOLE)
    world.zendesk.act("comment", ticket_id=number, html="<p>So <sub>low</sub></p>")
    world.zendesk.act("set", ticket_id=number, status="solved")
    world.settle_all()
    assert len(kept(world)) == 2
    assert redact(world.store, world.clock.now() + timedelta(minutes=1), 10) == (1, False)
    assert kept(world) == []
    assert page(world, number).originals == ()


def test_it_goes_with_the_words_of_its_comment(world: World) -> None:
    """As soon as those are taken away."""
    number = opened(world, body="b")
    world.zendesk.act("comment", ticket_id=number, html="<p>So <sub>low</sub></p>")
    world.settle_all()
    (found,) = kept(world)
    world.store.write(lambda tx: tx.tickets.redact_comment(found.id))
    assert kept(world) == []
