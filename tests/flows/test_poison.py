"""What a database refuses stays with the one delivery or update that brought it: the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from gateway.domain.event import RemoteTicket
from gateway.domain.ids import uuid7
from gateway.domain.update import Done, Receipt
from gateway.ports import NewDelivery
from gateway.store import SqlStore
from gateway.telemetry import JsonFormatter, Redactor
from tests.flows.world import World


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def put(world: World, name: str, remote: RemoteTicket) -> None:
    """Store a polled ticket as a delivery."""
    now = world.clock.now()
    body = msgspec.json.encode(remote)
    new = NewDelivery(
        uuid7(now, name.encode()[:10].ljust(10)), "acme-zendesk", name, name, now, {}, body, "t" * 32, "poll"
    )
    world.store.write(lambda tx: tx.inbox.add([new]))


@pytest.mark.parametrize(
    "bad",
    [{"title": "a\x00b"}, {"version": 2**70}, {"key": "k" * 500}, {"title": "ok", "marker": "m\x00"}],
    ids=["nul", "huge-number", "too-long", "nul-in-a-marker"],
)
def test_a_value_that_the_database_refuses_parks_its_delivery_alone(world: World, bad: dict[str, Any]) -> None:
    """Neither a NUL nor a number or a text that does not fit keeps the deliveries behind it waiting."""
    now = world.clock.now()
    good: dict[str, Any] = {"title": "Title", "complete": True, "created_at": now}
    put(world, "broken", RemoteTicket("9001", now, **(good | bad)))
    put(world, "whole", RemoteTicket("9002", now, **good))
    world.applier().drain(holder="test-apply", seconds=5)
    with world.store.read() as tx:
        assert tx.inbox.pending() == 0
        assert "Title" in [line.title for line in tx.view.tickets()]
        assert all(letter.reason == "poison" for letter in tx.view.dead_letters())


@pytest.mark.parametrize("remote_id", ["9\x00", "9" * 300, ""], ids=["nul", "too-long", "empty"])
def test_a_ticket_whose_id_is_none_is_parked(world: World, remote_id: str) -> None:
    """An id that no database can look for is refused before it is looked for."""
    now = world.clock.now()
    good: dict[str, Any] = {"title": "Title", "complete": True, "created_at": now}
    put(world, "broken", RemoteTicket(remote_id, now, **good))
    put(world, "whole", RemoteTicket("9002", now, **good))
    world.applier().drain(holder="test-apply", seconds=5)
    with world.store.read() as tx:
        assert tx.inbox.pending() == 0
        assert [letter.reason for letter in tx.view.dead_letters()] == ["unreadable"]
        assert len(tx.view.tickets()) == 1


class Log(logging.Handler):
    """Keeps all that is logged, as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.text += JsonFormatter(Redactor()).format(record)


@pytest.fixture
def log() -> Iterator[Log]:
    """Give what the process logs meanwhile."""
    handler, root = Log(), logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


WORDS = "Kim has a diagnosis"


def _breaks(*_: Any) -> Any:
    raise ValueError(f"invalid literal for int(): {WORDS!r}")


def test_no_log_line_carries_what_somebody_wrote(world: World, log: Log) -> None:
    """Whatever breaks on a delivery or a write: the words are in the dead letter, class and ids in the log."""
    zendesk, rt = world.site.connectors["acme-zendesk"], world.site.connectors["engineering-rt"]
    ticket = world.zendesk.act("create", subject="Fine", body="Body", email="kim@customer.example")
    world.settle()
    rt.write = _breaks  # type: ignore[method-assign,assignment]
    world.zendesk.act("comment", ticket_id=ticket["id"], body="it cannot be written", public=False)
    world.settle()
    zendesk.read = _breaks  # type: ignore[method-assign,assignment]
    world.zendesk.act("set", ticket_id=ticket["id"], status="pending")
    world.settle()
    zendesk.parse = _breaks  # type: ignore[method-assign,assignment]
    world.zendesk.act("set", ticket_id=ticket["id"], status="open")
    world.settle()
    with world.store.read() as tx:
        letters = tx.view.dead_letters()
    assert {each.what for each in letters} == {"update", "delivery"}
    assert any(WORDS in each.detail for each in letters if each.what == "update")
    assert any(WORDS in each.detail for each in letters if each.what == "delivery")
    assert all(each.id in log.text for each in letters)
    assert "ValueError" in log.text
    assert WORDS not in log.text


def test_a_pause_and_a_failed_poll_are_logged_without_the_words_of_the_desk(world: World, log: Log) -> None:
    """Why stands where a person looks for it, sealed: the log says which connection, and the class."""
    world.zendesk.expected = "Basic nobody"
    world.reconciler().poll("acme-zendesk", holder="test-poll")
    with world.store.read() as tx:
        state = tx.desks.get("acme-zendesk")
    assert state.paused
    assert state.poll_error
    assert '"message": "connection paused"' in log.text
    assert '"error": "AuthenticationError"' in log.text
    assert state.paused.removeprefix("credentials refused: ")[:20] not in log.text
    assert '"why"' not in log.text


def tell(world: World, change: Callable[[Receipt], Receipt]) -> None:
    """Let the RT connector say something else about every write that lands."""
    connector = world.site.connectors["engineering-rt"]
    write = connector.write

    def told(*arguments: Any) -> Any:
        outcome = yield from write(*arguments)
        return Done(change(outcome.receipt)) if isinstance(outcome, Done) else outcome

    connector.write = told  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("said", ["7\x00", "7" * 300], ids=["nul", "too-long"])
def test_what_a_desk_says_of_a_create_may_be_unfit_for_the_database(world: World, said: str) -> None:
    """The create is left to a person; other lanes of the same round are recorded."""
    # else RT's webhook shows our mark, and that heals it
    world.rt.webhooks.url = ""
    real = iter([True])
    tell(world, lambda receipt: msgspec.structs.replace(receipt, remote_id=said) if next(real, False) else receipt)
    for subject in ("One", "Two", "Three"):
        world.zendesk.act("create", subject=subject, body="Body", email="kim@customer.example")
    world.settle()
    assert len(world.rt.effects.all(kind="create")) == 3
    counts = world.counts()
    assert not counts.get("updates_sending")
    assert not counts.get("updates_unknown")
    # SQLite keeps any text
    assert (counts["updates_done"], counts.get("updates_ambiguous", 0)) in {(2, 1), (3, 0)}


def test_a_token_that_does_not_fit_costs_nothing(world: World) -> None:
    """A landed write stays done although what the desk said beside it cannot be kept."""
    tell(world, lambda receipt: msgspec.structs.replace(receipt, version_token="t" * 400))
    ticket = world.zendesk.act("create", subject="One", body="Body", email="kim@customer.example")
    world.settle()
    world.zendesk.act("comment", ticket_id=ticket["id"], body="An agent answers", public=True)
    world.settle()
    assert not world.counts().get("updates_sending")
    assert not world.counts().get("updates_unknown")


def test_a_remote_ticket_that_is_linked_already_is_left_to_a_person(world: World) -> None:
    """A desk that names a ticket which belongs to another one stops neither its lane's record nor the others."""
    world.zendesk.act("create", subject="One", body="Body", email="kim@customer.example")
    world.settle()
    first = world.rt.effects.all(kind="create")[0].remote_id
    # else RT's webhook shows our mark on the ticket that was really made, and that heals it
    world.rt.webhooks.url = ""
    tell(world, lambda receipt: msgspec.structs.replace(receipt, remote_id=first))
    world.zendesk.act("create", subject="Two", body="Body", email="kim@customer.example")
    world.settle()
    assert world.counts()["updates_ambiguous"] == 1
