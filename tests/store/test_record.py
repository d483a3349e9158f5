"""One suite for both databases: deliveries, lanes, intents, records, leases, audit, releases."""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.domain.echo import EchoEntry, value_hash
from gateway.domain.ids import digest
from gateway.domain.link import Link, LinkPatch, LinkState, Observed, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Ticket, Visibility
from gateway.domain.update import Intent, Operation, Reason, UpdateState
from gateway.errors import StoreError
from gateway.ports import AttemptEnd, AttemptStart, AuditEntry, CommentRow, LaneClaim, NewDelivery, NewUpdate
from gateway.store import GroupCommitIntake, SqlStore, migrate, schema_is_current
from gateway.store.tables import metadata
from tests.people import known

OPEN = {"desk": 100}


def now(store: SqlStore) -> datetime:
    """Return the current instant."""
    return store.clock.now()


def delivery(store: SqlStore, name: str, ref: str = "", **more: Any) -> NewDelivery:
    """Return a delivery of that name."""
    return NewDelivery(
        store.ids.new(), "desk", name, ref, more.pop("at", now(store)), {}, b"body " + name.encode(), "t" * 32, **more
    )


def a_link(store: SqlStore, remote_id: str = "7") -> Link:
    """Store a ticket with one link and return it."""
    moment = now(store)
    ticket = Ticket(store.ids.new(), "desk", moment, moment, title="One", body="secret words")
    link = Link(store.ids.new(), ticket.id, "desk", LinkState.LIVE, Role.SOURCE, remote_id)

    def work(tx: Any) -> None:
        tx.tickets.save(ticket)
        tx.links.add(link, moment)

    store.write(work)
    return link


def an_update(store: SqlStore, link: Link, operation: Operation = Operation.SET_FIELDS, /, **fields: Any) -> NewUpdate:
    """Append one update and return it."""
    new = NewUpdate(
        id=store.ids.new(),
        link_id=link.id,
        ticket_id=link.ticket_id,
        connection="desk",
        operation=operation,
        effect_key=digest(store.ids.new()),
        intent=Intent(operation, fields=fields),
        summary="set " + ", ".join(fields),
        delivery_id="",
        event_key="",
        rule="",
        release="",
        trace_id="t" * 32,
        created_at=now(store),
    )
    assert store.write(lambda tx: tx.outbox.add(new))
    return new


def claim(store: SqlStore, lease: float = 30.0) -> list[LaneClaim]:
    """Claim what is due."""
    return list(
        store.write(lambda tx: tx.outbox.claim(holder="me", limit=10, lease=lease, now=now(store), budgets=OPEN))
    )


def start(store: SqlStore, lane: LaneClaim, version: int = 1, **more: Any) -> AttemptStart:
    """Return the start of an attempt at the head of a lane."""
    with store.read() as tx:
        head = tx.outbox.heads([lane])[lane.link_id]
    return AttemptStart(
        id=store.ids.new(),
        update_id=head.id,
        link_id=lane.link_id,
        connection="desk",
        epoch=lane.epoch,
        number=1,
        payload_version=version,
        started_at=now(store),
        deadline=10.0,
        request=b"{}",
        trace_id="t" * 32,
        **more,
    )


def end(store: SqlStore, lane: LaneClaim, update_id: str, state: UpdateState, **more: Any) -> AttemptEnd:
    """Return the end of a visit."""
    return AttemptEnd(update_id, lane.link_id, "desk", lane.epoch, state, now(store), **more)


def test_a_delivery_is_stored_once_by_its_name(store: SqlStore) -> None:
    """The second delivery of a name is not new, in the same batch or later."""
    first, twin, other = delivery(store, "a"), delivery(store, "a"), delivery(store, "b")
    assert store.write(lambda tx: tx.inbox.add([first, twin, other])) == {first.id, other.id}
    assert store.write(lambda tx: tx.inbox.add([delivery(store, "a")])) == frozenset()
    with store.read() as tx:
        assert [row.body for row in tx.inbox.due(10, now(store))] == [b"body a", b"body b"]


def test_deliveries_of_one_remote_ticket_keep_their_order(store: SqlStore) -> None:
    """While an earlier one waits, a later one of the same remote ticket waits too; others go on."""
    at = now(store)
    rows = [delivery(store, f"d{n}", ref, at=at + timedelta(milliseconds=n)) for n, ref in enumerate(["x", "x", "y"])]
    store.write(lambda tx: tx.inbox.add(rows))
    store.write(lambda tx: tx.inbox.defer(rows[0].id, now(store) + timedelta(hours=1), "later", counts=True))
    with store.read() as tx:
        assert [row.source_event_id for row in tx.inbox.due(10, now(store))] == ["d2"]
    store.write(lambda tx: tx.inbox.applied(rows[2].id, now(store)))
    with store.read() as tx:
        assert not tx.inbox.has_due(now(store)), "what is held behind a deferred one needs no ring"
        assert tx.inbox.has_due(now(store) + timedelta(hours=2))


def test_parked_deliveries_come_back_in_their_place(store: SqlStore) -> None:
    """Park, reopen and discard move a delivery between its states, each once."""
    row = delivery(store, "odd")
    store.write(lambda tx: tx.inbox.add([row]))
    store.write(lambda tx: tx.inbox.park(row.id, Reason.UNREADABLE, "not JSON", now(store)))
    with store.read() as tx:
        assert tx.inbox.due(10, now(store)) == []
        assert tx.view.dead_letters()[0].reason == "unreadable"
    assert store.write(lambda tx: tx.inbox.reopen(row.id))
    assert not store.write(lambda tx: tx.inbox.reopen(row.id))
    with store.read() as tx:
        assert len(tx.inbox.due(10, now(store))) == 1


def test_many_threads_share_one_commit(store: SqlStore) -> None:
    """The intake answers every thread once its delivery is durable, twins as known."""
    rung: list[int] = []
    intake = GroupCommitIntake(store, lambda: rung.append(1))
    fresh: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: fresh.append(intake.accept(delivery(store, f"n{n % 20}"))))
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fresh) == [False] * 20 + [True] * 20
    assert 1 <= len(rung) <= 40


def test_a_lane_is_claimed_by_one_and_its_epoch_grows(store: SqlStore) -> None:
    """A claimed lane is not claimed again while its lease runs; afterwards it is, one epoch later."""
    an_update(store, a_link(store), title="x")
    (lane,) = claim(store)
    assert claim(store) == []
    store.write(lambda tx: tx.outbox.release([lane], now(store)))
    (again,) = claim(store)
    assert (again.link_id, again.epoch) == (lane.link_id, lane.epoch + 1)


def test_an_expired_lease_is_taken_and_the_old_holder_is_fenced(store: SqlStore) -> None:
    """Who lost the lane can neither intend nor record."""
    update = an_update(store, a_link(store), title="x")
    (old,) = claim(store, lease=-1.0)
    (new,) = claim(store)
    late = start(store, new)
    stale = msgspec.structs.replace(late, epoch=old.epoch)
    assert store.write(lambda tx: tx.outbox.intend([stale], lease=30, now=now(store))) == frozenset()
    gone = end(store, old, update.id, UpdateState.DONE)
    assert store.write(lambda tx: tx.outbox.record([gone], lease=30, now=now(store))) == frozenset()
    with store.read() as tx:
        assert tx.outbox.heads([new])[new.link_id].state is UpdateState.READY


def test_an_intent_needs_the_payload_that_was_rendered(store: SqlStore) -> None:
    """An update that was coalesced while it was rendered is not sent as it was."""
    link = a_link(store)
    an_update(store, link, title="one")
    (lane,) = claim(store)
    stale = start(store, lane)
    an_update(store, link, title="two")
    assert store.write(lambda tx: tx.outbox.intend([stale], lease=30, now=now(store))) == frozenset()
    fresh = start(store, lane, version=2)
    assert store.write(lambda tx: tx.outbox.intend([fresh], lease=30, now=now(store))) == {fresh.id}
    with store.read() as tx:
        assert tx.outbox.heads([lane])[lane.link_id].state is UpdateState.SENDING


def test_only_adjacent_untried_field_updates_coalesce(store: SqlStore) -> None:
    """Ten field updates in a row become one; a comment between them keeps its place."""
    link = a_link(store)
    for number in range(5):
        an_update(store, link, Operation.SET_FIELDS, **{"title": f"t{number}", f"f{number}": number})
    an_update(store, link, Operation.INTERNAL_NOTE)
    for number in range(5):
        an_update(store, link, title=f"u{number}")
    with store.read() as tx:
        rows = sorted(tx.view.updates(ticket_id=link.ticket_id), key=lambda row: row.seq)
        assert [row.operation for row in rows if row.state == "ready"] == ["set_fields", "internal_note", "set_fields"]
        assert sum(row.state == "superseded" for row in rows) == 8
        assert tx.outbox.pending_fields(link.id) == {"title": "u4", **{f"f{n}": n for n in range(5)}}


def test_an_effect_key_is_taken_once(store: SqlStore) -> None:
    """The same intended effect is appended once, whoever decides it again."""
    link = a_link(store)
    new = an_update(store, link, title="x")
    twin = msgspec.structs.replace(new, id=store.ids.new())
    assert not store.write(lambda tx: tx.outbox.add(twin))


def test_a_dead_head_holds_its_lane_only(store: SqlStore) -> None:
    """What stands behind a dead update waits; another lane does not."""
    blocked, free = a_link(store, "1"), a_link(store, "2")
    first = an_update(store, blocked, Operation.INTERNAL_NOTE)
    an_update(store, blocked, Operation.INTERNAL_NOTE)
    lanes = {lane.link_id: lane for lane in claim(store)}
    dead = end(store, lanes[blocked.id], first.id, UpdateState.DEAD, reason=Reason.REJECTED)
    store.write(lambda tx: tx.outbox.record([dead], lease=30, now=now(store)))
    store.write(lambda tx: tx.outbox.release([lanes[blocked.id]], now(store)))
    an_update(store, free, title="y")
    assert [lane.link_id for lane in claim(store)] == [free.id]
    with store.read() as tx:
        assert [letter.id for letter in tx.view.dead_letters()] == [first.id]


def test_a_hold_keeps_the_next_update_back(store: SqlStore) -> None:
    """After an unknown attempt the next update waits until the hold is over."""
    link = a_link(store)
    first = an_update(store, link, Operation.INTERNAL_NOTE)
    an_update(store, link, Operation.INTERNAL_NOTE)
    (lane,) = claim(store)
    done = end(store, lane, first.id, UpdateState.DONE, hold_until=now(store) + timedelta(hours=1))
    store.write(lambda tx: tx.outbox.record([done], lease=30, now=now(store)))
    store.write(lambda tx: tx.outbox.release([lane], now(store)))
    assert claim(store) == []


def test_a_record_keeps_what_was_observed_meanwhile(store: SqlStore) -> None:
    """What apply saw while a write was on its way is not overwritten by what the write taught."""
    link = a_link(store)
    update = an_update(store, link, title="x")
    (lane,) = claim(store)
    moment = now(store)
    seen = msgspec.structs.replace(link, observed={"status": Observed("stalled", moment, 9)})
    store.write(lambda tx: tx.links.save(seen))
    taught = LinkPatch(observed={"title": Observed("x", moment, 8)}, version=8)
    done = end(store, lane, update.id, UpdateState.DONE, link=taught)
    store.write(lambda tx: tx.outbox.record([done], lease=30, now=now(store)))
    with store.read() as tx:
        stored = tx.links.get(link.id)
    assert stored is not None
    assert {field: each.value for field, each in stored.observed.items()} == {"status": "stalled", "title": "x"}


def test_expected_echoes_are_committed_with_the_intent(store: SqlStore) -> None:
    """The ledger knows a write before it leaves, learns when it landed, and forgets what was consumed."""
    link = a_link(store)
    update = an_update(store, link, title="x")
    (lane,) = claim(store)
    entry = EchoEntry(store.ids.new(), update.id, "title", value_hash("x"), now(store))
    begun = start(store, lane, echoes=(entry,))
    store.write(lambda tx: tx.outbox.intend([begun], lease=30, now=now(store)))
    with store.read() as tx:
        assert [each.subject for each in tx.ledger.entries(link.id)] == ["title"]
    landed = now(store)
    done = end(store, lane, update.id, UpdateState.DONE, echo_version=12, echo_change_ids=("txn:12",), landed_at=landed)
    store.write(lambda tx: tx.outbox.record([done], lease=30, now=now(store)))
    with store.read() as tx:
        (known,) = tx.ledger.entries(link.id)
        later = landed + timedelta(seconds=1)
        assert tx.links.written("desk", landed, later) == [link.remote_id]
        assert tx.links.written("desk", later, later + timedelta(hours=1)) == []
        assert tx.links.written("desk", landed - timedelta(hours=1), landed) == []
        assert tx.links.written("other", landed, later) == []
    assert (known.version, known.change_ids) == (12, ("txn:12",))
    store.write(lambda tx: tx.ledger.consume([known.id], now(store)))
    with store.read() as tx:
        assert tx.ledger.entries(link.id) == ()
        assert tx.links.written("desk", landed, later) == []


def test_a_comment_is_known_by_its_remote_id(store: SqlStore) -> None:
    """A remote comment is added once at each link."""
    link = a_link(store)
    row = CommentRow(store.ids.new(), link.ticket_id, "desk", now(store), Visibility.INTERNAL, "words")
    assert store.write(lambda tx: tx.tickets.add_comment(row, link_id=link.id, remote_id="5"))
    twin = msgspec.structs.replace(row, id=store.ids.new())
    assert not store.write(lambda tx: tx.tickets.add_comment(twin, link_id=link.id, remote_id="5"))
    with store.read() as tx:
        assert [each.body for each in tx.tickets.comments(link.ticket_id)] == ["words"]


def test_one_person_is_stitched_by_mail_and_account_and_never_by_name(store: SqlStore) -> None:
    """The same address in two desks is one person; the same name alone is not."""

    def person(connection: str, who: RemotePerson) -> str:
        return known(store, connection, who).person

    one = person("zendesk", RemotePerson("9", "Kim@Customer.example", "", "Kim"))
    assert person("rt", RemotePerson("kim", "kim@customer.example")) == one
    assert person("rt", RemotePerson("kim")) == one
    assert person("rt", RemotePerson("kim2", "", "", "Kim")) != one


def test_a_lease_has_one_holder(store: SqlStore) -> None:
    """A second holder is refused until the lease is given back or over; the epoch fences the first."""
    first = store.write(lambda tx: tx.leases.acquire("apply", "a", 30))
    assert first is not None
    assert store.write(lambda tx: tx.leases.acquire("apply", "b", 30)) is None
    store.write(lambda tx: tx.leases.release("apply", first))
    second = store.write(lambda tx: tx.leases.acquire("apply", "b", -1))
    assert second == first + 1
    assert store.write(lambda tx: tx.leases.acquire("apply", "c", 30)) == first + 2
    assert not store.write(lambda tx: tx.leases.renew("apply", second, 30))


def test_the_audit_chain_tells_a_changed_line(store: SqlStore) -> None:
    """A sealed trail verifies; a line that is changed afterwards does not."""
    lines = [AuditEntry(now(store), "someone", f"did {n}") for n in range(5)]
    store.write(lambda tx: tx.audit.add(lines))
    assert store.write(lambda tx: tx.audit.seal(3)) == 3
    assert store.write(lambda tx: tx.audit.seal(10)) == 2
    with store.read() as tx:
        assert tx.audit.verify() is None

    def forge(tx: Any) -> None:
        tx.connection.exec_driver_sql("UPDATE audit SET digest = 'x' WHERE place = 2")

    store.write(forge)
    with store.read() as tx:
        assert tx.audit.verify() == 2


def test_a_savepoint_undoes_only_itself(store: SqlStore) -> None:
    """A poison event inside a batch leaves the rest of the batch."""
    row, poison = delivery(store, "good"), delivery(store, "poison")

    def work(tx: Any) -> None:
        tx.inbox.add([row])
        with contextlib.suppress(RuntimeError), tx.savepoint():
            tx.inbox.add([poison])
            raise RuntimeError

    store.write(work)
    with store.read() as tx:
        assert [each.source_event_id for each in tx.inbox.due(10, now(store))] == ["good"]


def test_bodies_are_encrypted_at_rest(store: SqlStore) -> None:
    """Neither the body of a ticket nor that of a delivery stands readable in the database."""
    a_link(store)
    store.write(lambda tx: tx.inbox.add([delivery(store, "secretive")]))
    with store.engine.connect().execution_options(read_only=True) as connection:
        for table, column in (("tickets", "body_sealed"), ("deliveries", "body_sealed")):
            (sealed,) = connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalars()
            assert b"secret" not in bytes(sealed)
            with pytest.raises(StoreError):
                store.sealer.open("another place", bytes(sealed))


def test_two_writers_never_lose_an_update(store: SqlStore) -> None:
    """Read-modify-write by several threads at once loses nothing."""

    def add() -> None:
        for _ in range(20):
            store.write(lambda tx: tx.desks.change("desk", failures=tx.desks.get("desk").failures + 1))

    store.write(lambda tx: tx.desks.change("desk"))
    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert tx.desks.all()["desk"].failures == 80


def test_the_migrations_make_the_tables_of_the_code(store: SqlStore) -> None:
    """The schema that migrations lead to is the one that the code declares; migrating again changes nothing."""
    migrate(store.engine)
    assert schema_is_current(store.engine)
    with store.engine.connect().execution_options(read_only=True) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_a_desk_says_is_encrypted_and_read_by_people(store: SqlStore) -> None:
    """Errors repeat words of desks, which may be about people: no column holds them, every list shows them."""
    said = "HTTP 422 no such requester: ida@customer.example"
    link = a_link(store)
    wanted = an_update(store, link, title="One")
    rows = [delivery(store, name) for name in ("parked", "deferred", "applied")]

    def work(tx: Any) -> None:
        tx.inbox.add(rows)
        tx.inbox.park(rows[0].id, Reason.UNREADABLE, said, now(store))
        tx.inbox.defer(rows[1].id, now(store), said, counts=True)
        tx.inbox.applied(rows[2].id, now(store), said)
        tx.desks.change("desk", paused=said, poll_error=said)

    store.write(work)
    (lane,) = claim(store)
    begun = start(store, lane)
    store.write(lambda tx: tx.outbox.intend([begun], lease=30, now=now(store)))
    rejected = end(store, lane, wanted.id, UpdateState.DEAD, attempt_id=begun.id, detail=said, reason=Reason.REJECTED)
    store.write(lambda tx: tx.outbox.record([rejected], lease=30, now=now(store)))
    with store.engine.connect().execution_options(read_only=True) as connection:
        for table in metadata.tables.values():
            for row in connection.execute(table.select()):
                assert "ida@customer" not in repr(row), table.name
    with store.read() as tx:
        assert [letter.detail for letter in tx.view.dead_letters()] == [said, said]
        assert [line.detail for line in tx.view.updates()] == [said]
        assert [each.detail for each in tx.view.attempts(wanted.id)] == [said]
        assert [found.detail for each in rows if (found := tx.inbox.get(each.id))] == [said] * 3
        assert (tx.desks.all()["desk"].paused, tx.desks.all()["desk"].poll_error) == (said, said)
