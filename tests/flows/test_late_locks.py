"""A ticket that is only found while a delivery is applied: nobody else changes it, or its link, at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import msgspec
import pytest

from gateway.domain.link import Link, Observed
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.connectors.whatsapp.stand import CUSTOMER
from tests.connectors.whatsapp.test_conversations import Chat


@pytest.fixture
def chat(store: SqlStore) -> Iterator[Chat]:
    """Give a desk of conversations, and one of tickets, on each database."""
    with Chat(store) as made:
        yield made


def beside(chat: Chat, ticket_id: str, link_id: str) -> Link:
    """Apply while another transaction holds a ticket and learns something of a link; return the link afterwards."""
    held = threading.Event()

    def learn(tx: SqlTx) -> None:
        tx.tickets.hold([ticket_id])
        link = tx.links.get(link_id)
        assert link is not None
        seen = {**link.observed, "learned": Observed("meanwhile", chat.clock.now())}
        tx.links.save(msgspec.structs.replace(link, observed=seen))
        held.set()
        time.sleep(0.5)

    other = threading.Thread(target=chat.store.write, args=(learn,))
    other.start()
    assert held.wait(10)
    chat.applier().drain(holder="test-apply", seconds=5)
    other.join(10)
    with chat.store.read() as tx:
        found = tx.links.get(link_id)
    assert found is not None
    return found


def pending(chat: Chat) -> bool:
    """Say whether something has come in."""
    with chat.store.read() as tx:
        return tx.inbox.pending() > 0


def test_a_message_waits_for_whoever_holds_its_ticket(chat: Chat) -> None:
    """Which ticket a message belongs to is known when it is applied; what others write down of it stays."""
    chat.whatsapp.act("write", phone=CUSTOMER, text="Printer on fire")
    chat.settle_all()
    with chat.store.read() as tx:
        (line,) = tx.view.tickets(limit=5)
        (link,) = [each for each in tx.links.of_ticket(line.id) if each.connection == "support-whatsapp"]
    chat.whatsapp.act("write", phone=CUSTOMER, text="Still burning")
    until = time.monotonic() + 10
    while not pending(chat) and time.monotonic() < until:
        time.sleep(0.01)
    after = beside(chat, line.id, link.id)
    assert after.observed["learned"].value == "meanwhile"
    chat.settle_all()
    with chat.store.read() as tx:
        assert [each.body for each in tx.tickets.comments(line.id)] == ["Still burning"]
