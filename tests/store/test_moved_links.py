"""Two tickets become one while another transaction waits for the one that goes: it then holds the one that stays."""

from __future__ import annotations

import threading
import time

import msgspec
from sqlalchemy.exc import DBAPIError

from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.ports.originals import Original
from gateway.store import SqlStore
from gateway.store.unit import SqlTx

RT, ZENDESK = ("engineering-rt", "1"), ("acme-zendesk", "2")


def begin(store: SqlStore, spot: tuple[str, str]) -> Ticket:
    """Store a ticket of one desk."""
    now = store.clock.now()
    ticket = Ticket(id=store.ids.new(), source=spot[0], created_at=now, updated_at=now, title="Printer")

    def work(tx: SqlTx) -> None:
        tx.tickets.save(ticket)
        tx.links.add(Link(store.ids.new(), ticket.id, spot[0], LinkState.LIVE, Role.SOURCE, spot[1]), now)

    store.write(work)
    return ticket


def test_whoever_waits_for_a_ticket_that_joins_another_holds_the_other(store: SqlStore) -> None:
    """What it then changes in the one that stays is not lost to, and loses nothing of, anybody else's change."""
    stays, goes = begin(store, ZENDESK), begin(store, RT)
    held, locked, over = threading.Event(), threading.Event(), threading.Event()
    found: list[str] = []

    def join(tx: SqlTx) -> None:
        tx.tickets.lock([ZENDESK, RT])
        held.set()
        link = tx.links.by_remote([RT])[RT]
        tx.links.save(msgspec.structs.replace(link, ticket_id=stays.id, role=Role.TARGET))
        tx.crosslinks.join(goes.id, stays.id)
        time.sleep(0.5)

    def apply(tx: SqlTx) -> None:
        tx.tickets.lock([RT])
        found.append(tx.links.by_remote([RT])[RT].ticket_id)
        locked.set()
        assert over.wait(10)

    threads = [threading.Thread(target=store.write, args=(work,)) for work in (join, apply)]
    threads[0].start()
    assert held.wait(10)
    threads[1].start()
    try:
        assert locked.wait(10)
        assert found == [stays.id]
        assert store.engine.dialect.name == "sqlite" or is_busy(store, stays.id)
    finally:
        over.set()
        for each in threads:
            each.join(10)


def test_desks_own_texts_move_with_what_was_said(store: SqlStore) -> None:
    """They belong to the ticket that stays, and go with its people."""
    stays, goes = begin(store, ZENDESK), begin(store, RT)
    now = store.clock.now()

    def work(tx: SqlTx) -> None:
        link = tx.links.by_remote([RT])[RT]
        for of in (link.id, "a-comment"):
            tx.tickets.keep_original(Original(of, goes.id, RT[0], now, "html", ("a video",), "<video>"))
        tx.links.save(msgspec.structs.replace(link, ticket_id=stays.id, role=Role.TARGET))
        tx.crosslinks.join(goes.id, stays.id)

    store.write(work)
    with store.read() as tx:
        link = tx.links.by_remote([RT])[RT]
        found = tx.tickets.originals([link.id, "a-comment"])
    assert {each.ticket_id for each in found.values()} == {stays.id}
    assert len(found) == 2


def is_busy(store: SqlStore, ticket_id: str) -> bool:
    """Say whether another transaction holds a ticket."""
    with store.engine.begin() as connection:
        try:
            SqlTx(store, connection, store.sealer).tickets.hold([ticket_id], wait=False)
        except DBAPIError:
            return True
    return False
