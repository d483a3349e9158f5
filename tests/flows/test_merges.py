"""People merge remote tickets: what was still to be written reaches the one that stays, in order and once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dead_letters import Reopening
from gateway.domain.link import LinkState
from gateway.domain.update import UpdateState
from gateway.ports import AttemptStart
from gateway.store import SqlStore
from tests.flows.world import World

ZENDESK, RT = "acme-zendesk", "engineering-rt"


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def begun(world: World, subject: str) -> tuple[int, str]:
    """Return a Zendesk ticket and its copy in RT."""
    number = int(world.zendesk.act("create", subject=subject, body="Body", email="kim@customer.example")["id"])
    world.settle()
    return number, world.rt.effects.all(kind="create")[-1].remote_id


def unknown(world: World, subject: str) -> int:
    """Return a Zendesk ticket of which the gateway has not heard."""
    world.webhooks_lost = True
    number = int(world.zendesk.act("create", subject=subject, body="Body", email="kim@customer.example")["id"])
    world.zendesk.webhooks.flush(1)
    world.webhooks_lost = False
    return number


def pause(world: World, connection: str, why: str = "maintenance") -> None:
    """Keep everything back that is to be written to a connection; an empty `why` lets it go."""
    world.store.write(lambda tx: tx.desks.change(connection, paused=why))


def at_zendesk(world: World, number: int) -> list[str]:
    """Return the last lines of the comments of a Zendesk ticket, without its description."""
    return [str(each["body"]).splitlines()[-1] for each in world.zendesk.records.comments[number]][1:]


def at_rt(world: World, number: str) -> list[str]:
    """Return the last lines of what was said on an RT ticket."""
    records = world.rt.records
    ticket = records.ticket(int(number))
    assert ticket is not None
    said = [one for one in records.history(ticket) if one.type in {"Comment", "Correspond"}]
    return [records.parts(one.number)[0].content.strip().splitlines()[-1] for one in said if records.parts(one.number)]


def test_the_lane_of_a_ticket_that_is_merged_into_an_unknown_one_goes_on_there(world: World) -> None:
    """Comments that waited, comments after it, and comments at the survivor all find their way, and each once."""
    gone, copy = begun(world, "Door")
    stays = unknown(world, "Door, again")
    pause(world, ZENDESK)
    for words in ("one", "two"):
        world.rt.act("note", ticket=copy, body=words)
        world.settle()
    world.zendesk.act("merge", ticket_id=gone, into=stays)
    world.settle()
    pause(world, ZENDESK, "")
    world.settle()
    world.rt.act("note", ticket=copy, body="three")
    world.settle()
    assert at_zendesk(world, stays) == ["one", "two", "three"]
    assert at_zendesk(world, gone) == []
    world.zendesk.act("comment", ticket_id=stays, body="four", public=False)
    world.settle()
    assert at_rt(world, copy) == ["one", "two", "three", "four"]
    assert world.counts()["tickets"] == 1
    assert world.counts()["dead_letters"] == 0


def test_fields_go_on_at_the_survivor_too(world: World) -> None:
    """A status that waited is set at the ticket that the lane now leads to, and its next status comes back."""
    gone, copy = begun(world, "Door")
    stays = unknown(world, "Door")
    pause(world, ZENDESK)
    world.rt.act("set", ticket=copy, Status="stalled")
    world.settle()
    world.zendesk.act("merge", ticket_id=gone, into=stays)
    world.settle()
    pause(world, ZENDESK, "")
    world.settle()
    assert world.zendesk.records.tickets[stays]["status"] == "hold"
    world.zendesk.act("set", ticket_id=stays, status="solved")
    world.settle()
    ticket = world.rt.records.ticket(int(copy))
    assert ticket is not None
    assert ticket.status == "resolved"


def test_the_lanes_of_two_linked_tickets_are_joined(world: World) -> None:
    """What waits for either reaches the survivor once and in order; the other's status does not overwrite it."""
    gone, copy_of_gone = begun(world, "Door")
    stays, copy = begun(world, "Door, again")
    pause(world, ZENDESK)
    world.rt.act("note", ticket=copy_of_gone, body="one")
    world.settle()
    world.rt.act("set", ticket=copy_of_gone, Status="stalled")
    world.rt.act("note", ticket=copy, body="of the survivor")
    world.settle()
    world.rt.act("note", ticket=copy_of_gone, body="two")
    world.settle()
    world.zendesk.act("merge", ticket_id=gone, into=stays)
    world.settle()
    pause(world, ZENDESK, "")
    world.settle()
    world.rt.act("note", ticket=copy_of_gone, body="three")
    world.settle()
    said = at_zendesk(world, stays)
    assert sorted(said) == ["of the survivor", "one", "three", "two"]
    assert [words for words in said if words != "of the survivor"] == ["one", "two", "three"]
    assert at_zendesk(world, gone) == []
    assert world.zendesk.records.tickets[stays]["status"] == "new"
    world.zendesk.act("comment", ticket_id=stays, body="from the customer", public=False)
    world.settle()
    assert at_rt(world, copy) == ["of the survivor", "from the customer"]
    assert at_rt(world, copy_of_gone) == ["one", "two", "three"]
    assert world.counts()["dead_letters"] == 0
    with world.store.read() as tx:
        ticket = tx.tickets.get(tx.view.find_ticket(str(gone)) or "")
        assert ticket is not None
        assert ticket.duplicate_of == tx.view.find_ticket(str(stays))


def test_tickets_of_rt_that_are_merged_double_nothing(world: World) -> None:
    """RT moves the comments of the merged ticket: none of them is new, and what waited reaches the survivor."""
    number, gone = begun(world, "Door")
    other, stays = begun(world, "Window")
    world.rt.act("note", ticket=gone, body="said before")
    world.settle()
    pause(world, RT)
    world.zendesk.act("comment", ticket_id=number, body="waits", public=False)
    world.settle()
    world.rt.act("merge", ticket=gone, into=stays)
    world.settle()
    pause(world, RT, "")
    world.settle()
    world.zendesk.act("comment", ticket_id=number, body="comes later", public=False)
    world.settle()
    for _ in range(2):
        world.reconciler().poll(RT, holder="test-poll")
        world.settle()
    assert sorted(at_rt(world, stays)) == ["comes later", "said before", "waits"]
    assert at_zendesk(world, number) == ["said before", "waits", "comes later"]
    assert "said before" not in at_zendesk(world, other)
    assert len(world.rt.effects.all(kind="create")) == 2
    assert world.counts()["dead_letters"] == 0


def test_what_comes_late_about_a_merged_ticket_begins_no_other(world: World) -> None:
    """The old number leads to the survivor's ticket: a late comment is taken, a late change is not."""
    gone, copy = begun(world, "Door")
    stays = unknown(world, "Door, again")
    world.webhooks_lost = True
    world.zendesk.act("comment", ticket_id=gone, body="late words", public=False)
    world.zendesk.act("set", ticket_id=gone, subject="Late title")
    world.zendesk.webhooks.flush(1)
    world.webhooks_lost = False
    late = [
        sent.body for sent in world.zendesk.webhooks.sent if b"late words" in sent.body or b"Late title" in sent.body
    ]
    world.zendesk.act("merge", ticket_id=gone, into=stays)
    world.settle()
    for body in late:
        world.zendesk.webhooks.redeliver(body)
    world.settle()
    assert world.counts()["tickets"] == 1
    assert at_rt(world, copy) == ["late words"]
    with world.store.read() as tx:
        line = tx.view.tickets()[0]
        states = {link.remote_id: link.state for link in tx.links.of_ticket(line.id)}
    assert line.links[ZENDESK][0] == str(stays)
    assert states == {str(gone): LinkState.MERGED, str(stays): LinkState.LIVE, copy: LinkState.LIVE}


def test_a_merge_takes_the_lane_from_a_worker_that_has_rendered_for_the_old_ticket(world: World) -> None:
    """A worker that claimed the lane before the merge gets no intent any more; the next one writes to the survivor."""
    gone, copy = begun(world, "Door")
    stays = unknown(world, "Door, again")
    world.rt.act("note", ticket=copy, body="one")
    world.rt.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)
    now = world.clock.now()
    claim = world.store.write(
        lambda tx: tx.outbox.claim(holder="slow", limit=1, lease=30, now=now, budgets={ZENDESK: 1})
    )[0]
    with world.store.read() as tx:
        head = tx.outbox.heads([claim])[claim.link_id]
    world.zendesk.act("merge", ticket_id=gone, into=stays)
    world.zendesk.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)
    start = AttemptStart(
        world.ids.new(), head.id, claim.link_id, ZENDESK, claim.epoch, 1, head.payload_version, now, 2.0, b"{}", "t"
    )
    assert world.store.write(lambda tx: tx.outbox.intend([start], lease=30, now=now)) == frozenset()
    world.settle()
    assert at_zendesk(world, gone) == []
    assert at_zendesk(world, stays) == ["one"]


def test_a_dead_letter_holds_the_lane_that_it_has_moved_to(world: World) -> None:
    """What a desk refused for the merged ticket stays a dead letter, at its place in the survivor's lane."""
    gone, copy = begun(world, "Door")
    stays, _ = begun(world, "Door, again")
    world.zendesk.fault("error_without_effect", method="PUT", count=1, status=422)
    world.rt.act("note", ticket=copy, body="refused")
    world.settle()
    world.rt.act("note", ticket=copy, body="held")
    world.settle()
    world.zendesk.act("merge", ticket_id=gone, into=stays)
    world.settle()
    assert at_zendesk(world, stays) == []
    with world.store.read() as tx:
        letter = tx.view.dead_letters()[0]
    world.store.write(lambda tx: tx.dead_letters.reopen(letter.id, Reopening(UpdateState.READY), world.clock.now()))
    world.settle()
    assert at_zendesk(world, stays) == ["refused", "held"]


def test_a_merge_into_a_ticket_that_we_are_creating_waits_for_it(world: World) -> None:
    """An engineer merges into a ticket whose creation has no answer yet: it is found first, and nothing clashes."""
    # what the poll learns proves the marker field, by which a lost creation is found
    world.reconciler().poll_due(holder="test-poll", seconds=10)
    number, gone = begun(world, "Door")
    world.rt.fault("reset_after", method="POST", path="/ticket$", count=1)
    other = int(world.zendesk.act("create", subject="Window", body="Body", email="kim@customer.example")["id"])
    world.zendesk.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)
    world.webhooks_lost = True
    world.deliverer().drain(holder="test-deliver", seconds=1, linger=0.0)
    world.rt.webhooks.flush(1)
    world.webhooks_lost = False
    stays = world.rt.effects.all(kind="create")[-1].remote_id
    assert stays != gone
    assert world.counts()["updates_unknown"] == 1
    world.rt.act("merge", ticket=gone, into=stays)
    world.settle_all()
    world.zendesk.act("comment", ticket_id=number, body="of the first", public=False)
    world.zendesk.act("comment", ticket_id=other, body="of the second", public=False)
    world.settle_all()
    assert sorted(at_rt(world, stays)) == ["of the first", "of the second"]
    assert len(world.rt.effects.all(kind="create")) == 2
    assert world.counts()["dead_letters"] == 0
