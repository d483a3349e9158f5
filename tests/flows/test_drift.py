"""What a desk and the gateway say differently is found, and put right where that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gateway.domain.link import Observed
from gateway.errors import NotFoundError
from gateway.flow.drift import Comparer, Drift
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.system import SystemClock, SystemIds
from tests.flows.world import Silent, World

ZENDESK, RT = "acme-zendesk", "engineering-rt"


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks."""
    with World(store) as made:
        yield made


def compared(world: World, name: str, since: datetime | None = None, *, repair: bool = False) -> list[Drift]:
    """Compare one connection, and let what is repaired settle."""
    found = list(comparer(world, repair=repair).compare(name, since))
    world.settle_all()
    return found


def comparer(world: World, *, repair: bool = False) -> Comparer:
    """Return what compares."""
    return Comparer(
        store=world.store,
        site=world.site,
        transport=world.transport,
        doorbell=Silent(),
        clock=world.clock,
        ids=world.ids,
        wait=lambda _: None,
        repair=repair,
    )


def told(found: list[Drift]) -> set[tuple[str, str]]:
    """Return what is apart, and how."""
    return {(each.kind, each.what) for each in found}


def opened(world: World) -> tuple[str, str]:
    """Let a customer write in; returns the ticket and its copy."""
    ticket = world.zendesk.act("create", subject="Printer", body="It burns", email="kim@customer.example")
    world.settle_all()
    return str(ticket["id"]), world.rt.effects.all(kind="create")[-1].remote_id


def test_desks_that_agree_have_no_drift(world: World) -> None:
    """After comments, changes and all."""
    ticket, copy = opened(world)
    world.zendesk.act("comment", ticket_id=ticket, body="An agent answers")
    world.rt.act("set", ticket=copy, Status="resolved", Priority="90")
    world.settle_all()
    assert compared(world, ZENDESK) == []
    assert compared(world, RT) == []


def test_what_was_missed_is_read_again(world: World) -> None:
    """Webhooks were lost and nothing polled: the values come, and go on to the other desk."""
    ticket, copy = opened(world)
    world.webhooks_lost = True
    world.zendesk.act("set", ticket_id=ticket, subject="The printer burns", priority="urgent")
    world.zendesk.act("comment", ticket_id=ticket, body="Nobody heard of this")
    world.settle_all()
    world.webhooks_lost = False
    wanted = {("missed", "title"), ("missed", "priority"), ("missed", "comments")}
    assert told(compared(world, ZENDESK)) == wanted
    assert world.rt.records.tickets[int(copy)].subject == "Printer", "looking changes nothing"
    found = compared(world, ZENDESK, repair=True)
    assert (told(found), {each.repaired for each in found}) == (wanted, {"read"}), "one read repairs all of them"
    assert world.rt.records.tickets[int(copy)].subject == "The printer burns"
    assert compared(world, ZENDESK) == []
    assert compared(world, RT) == []
    assert len(world.rt.effects.all(kind="comment", by_api=True)) == 1


def test_what_is_not_shown_is_written(world: World) -> None:
    """A desk that was set back, and read since then, shows an old title: ours is written again."""
    ticket, copy = opened(world)
    world.zendesk.act("set", ticket_id=ticket, subject="The printer burns")
    world.settle_all()
    world.webhooks_lost = True
    world.rt.act("set", ticket=copy, Subject="Printer")
    world.settle_all()
    world.webhooks_lost = False
    # the title belongs to the source: what RT shows is read, is not taken, and ours goes there again
    assert told(compared(world, RT)) == {("missed", "title")}
    compared(world, RT, repair=True)
    found = compared(world, RT, repair=True)
    assert told(found) <= {("unwritten", "title")}
    assert all(each.repaired == "written" for each in found)
    assert world.rt.records.tickets[int(copy)].subject == "The printer burns"
    assert compared(world, RT) == []


class _Meanwhile(SystemIds):
    """Lets something happen when so many ids have been given: between a look at the record and the write."""

    def __init__(self, clock: SystemClock, after: int, happens: Callable[[], None]) -> None:
        super().__init__(clock)
        self._left, self._happens = after, happens

    def new(self) -> str:
        """Give an id."""
        self._left -= 1
        if self._left == 0:
            self._happens()
        return super().new()


@pytest.mark.parametrize("after", [1, 2, 3])
def test_what_is_said_meanwhile_is_not_written_over(world: World, after: int) -> None:
    """An agent changes the title while the copy is looked at: theirs is the last word at both desks."""
    ticket, copy = opened(world)
    world.zendesk.act("set", ticket_id=ticket, subject="The printer burns")
    world.settle_all()
    world.webhooks_lost = True
    world.rt.act("set", ticket=copy, Subject="Printer")
    world.settle_all()
    world.webhooks_lost = False

    def seen(tx: SqlTx) -> None:
        link = tx.links.by_remote([(RT, copy)])[RT, copy]
        observed = {**link.observed, "title": Observed("Printer", world.clock.now(), link.version)}
        tx.links.save(msgspec.structs.replace(link, observed=observed))

    world.store.write(seen)
    assert told(compared(world, RT)) == {("unwritten", "title")}

    def change() -> None:
        world.zendesk.act("set", ticket_id=ticket, subject="It is out")
        while not world.zendesk.at_rest():
            time.sleep(0.01)
        world.applier().drain(holder="meanwhile", seconds=5)

    known = world.ids
    world.ids = _Meanwhile(world.clock, after, change)
    looking = comparer(world, repair=True)
    world.ids = known
    list(looking.compare(RT, None))
    with world.store.read() as tx:
        wanted = tx.outbox.pending_fields(tx.links.by_remote([(RT, copy)])[RT, copy].id)
    assert wanted == {"title": "It is out"}
    world.settle_all()
    assert world.rt.records.tickets[int(copy)].subject == "It is out"
    assert compared(world, RT) == []


def test_a_ticket_that_we_do_not_have_is_found(world: World) -> None:
    """At a desk that tickets come from; a desk that only gets copies has others of its own."""
    opened(world)
    since = datetime.now(UTC) - timedelta(minutes=30)
    world.webhooks_lost = True
    lost = str(world.zendesk.act("create", subject="Nobody heard", body="of this")["id"])
    world.rt.act("create", subject="Only here", body="an own ticket of RT")
    world.settle_all()
    world.webhooks_lost = False
    assert [(each.kind, each.remote_id) for each in compared(world, ZENDESK, since)] == [("unknown", lost)]
    assert compared(world, RT, since) == []
    compared(world, ZENDESK, since, repair=True)
    assert [each.detail["given"]["Subject"] for each in world.rt.effects.all(kind="create", by_api=True)][
        -1
    ] == "Nobody heard"
    assert compared(world, ZENDESK, since) == []


def test_a_ticket_that_is_gone_is_told(world: World) -> None:
    """It need not be deleted: it is left to a person, once."""
    ticket, _ = opened(world)
    world.webhooks_lost = True
    world.zendesk.act("delete", ticket_id=ticket)
    world.settle_all()
    world.webhooks_lost = False
    assert told(compared(world, ZENDESK)) == {("gone", "ticket")}
    assert told(compared(world, ZENDESK, repair=True)) == {("gone", "ticket")}
    assert compared(world, ZENDESK, repair=True) == []
    with world.store.read() as tx:
        assert [each.reason for each in tx.view.dead_letters(limit=5)] == ["hidden"]


def test_what_is_on_its_way_is_no_drift(world: World) -> None:
    """The desk takes no writes: what waits to be written there is not apart, it is late."""
    ticket, _ = opened(world)
    world.rt.fault("error_without_effect", method="PUT", count=None, status=503)
    world.zendesk.act("set", ticket_id=ticket, subject="The printer burns")
    world.settle(seconds=1)
    found = list(comparer(world).compare(RT, None))
    assert world.counts().get("updates_ready") or world.counts().get("updates_unknown")
    assert found == []


def test_a_busy_desk_is_waited_for(world: World) -> None:
    """429 is no end."""
    opened(world)
    world.zendesk.fault("throttle", method="GET", count=2, seconds=1)
    assert compared(world, ZENDESK) == []


def test_a_wrong_name_is_told(world: World) -> None:
    """With those that there are."""
    with pytest.raises(NotFoundError, match="acme-zendesk, engineering-rt"):
        compared(world, "nobody")
