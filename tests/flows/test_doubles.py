"""What no protocol can prevent: a write that leaves after its lease, an effect that comes long after it was given up.

Each double is found, listed with its copies and left alone, or undone where the connection allows it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select, update

from connectors.request_tracker.simulated.records import Ticket
from connectors.testing.faults import FaultKind
from dead_letters import DeadLetter, DeadLetterError, Person, Terms, confirm_update, discard_update, replay_update
from gateway.domain.update import Operation, UpdateState
from gateway.errors import TransportError
from gateway.ports import HttpRequest
from gateway.store import SqlStore
from gateway.store.look_tables import looks
from gateway.store.tables import attempts, lanes, updates
from gateway.store.unit import SqlTx
from tests.flows.world import World

RT = "engineering-rt"
ANN = Person("ann", "seen")


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database, which knows what its desks can do."""
    with World(store) as made:
        made.reconciler().poll_due(holder="test", seconds=10)
        yield made


def undoing(world: World) -> None:
    """Let the connection to RT undo doubles."""
    connector = world.site.connectors[RT]
    connector.settings = msgspec.structs.replace(connector.settings, undo_doubles=True)


def begun(world: World) -> tuple[str, str]:
    """Return a Zendesk ticket and its copy in RT, at rest."""
    number = str(world.zendesk.act("create", subject="First", body="Body", email="kim@customer.example")["id"])
    world.settle()
    return number, world.rt.effects.all(kind="create")[0].remote_id


def rt_ticket(world: World, remote: str) -> Ticket:
    """Return an RT ticket."""
    found = world.rt.records.ticket(int(remote))
    assert found is not None
    return found


def said(world: World, remote: str) -> list[str]:
    """Return the comments of an RT ticket in order."""
    records = world.rt.records
    spoken = [each for each in records.history(rt_ticket(world, remote)) if each.type in {"Comment", "Correspond"}]
    return [part.content for each in sorted(spoken, key=lambda one: one.number) for part in records.parts(each.number)]


@contextmanager
def zombie(world: World, label: str) -> Iterator[None]:
    """Stop a worker between its last look and its send, for as long as this lasts; another takes its lane over.

    At the end the stopped one wakes up and sends. RT compares If-Match and sets in two steps, so that of two
    writes at once both may pass (seen on a real one): so does this.
    """
    stopped, wakes, sent = threading.Event(), threading.Event(), threading.Event()
    send = world.transport.send

    def waits(*given: object, **more: object) -> object:
        if getattr(given[1], "label", "") != label or stopped.is_set():
            return send(*given, **more)  # type: ignore[arg-type]
        stopped.set()
        wakes.wait(80)
        given = tuple(unguarded(each) if isinstance(each, HttpRequest) else each for each in given)
        try:
            return send(*given, **more)  # type: ignore[arg-type]
        finally:
            sent.set()

    world.zendesk.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)
    world.transport.send = waits  # type: ignore[method-assign, assignment]
    for connector in world.site.connectors.values():
        # on a slow machine too the stopped one is not given up by its own worker
        connector.settings = msgspec.structs.replace(connector.settings, deadline=20.0)
    worker = world.deliverer()
    thread = threading.Thread(target=lambda: worker.drain(holder="a zombie", seconds=60))
    thread.start()
    assert stopped.wait(10)
    world.store.write(lambda tx: long_gone(tx, world.clock.now() - timedelta(minutes=5)))
    world.deliverer().drain(holder="another", seconds=10)
    world.settle()
    try:
        yield
    finally:
        wakes.set()
        # the worker may have given its thread up by now; what the thread has begun leaves all the same
        assert sent.wait(10)
        thread.join(80)
        world.transport.send = send  # type: ignore[method-assign]


def long_gone(tx: SqlTx, since: datetime) -> None:
    """Let the lease of every lane be over, and what is under way have been sent so long ago."""
    tx.connection.execute(update(lanes).values(lease_until=0.0))
    tx.connection.execute(update(attempts).where(attempts.c.ended_at.is_(None)).values(started_at=since))


def unguarded(request: HttpRequest) -> HttpRequest:
    """Return a request without its condition."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "if-match"}
    return msgspec.structs.replace(request, headers=headers)


def look(world: World) -> int:
    """Take every look, due or not; return how many."""
    now = world.clock.now()
    world.store.write(lambda tx: tx.connection.execute(update(looks).where(looks.c.due.is_not(None)).values(due=now)))
    return world.looker().look_due(seconds=10)


def letters(world: World) -> list[DeadLetter]:
    """Return the dead letters."""
    with world.store.read() as tx:
        return list(tx.view.dead_letters())


def test_a_zombies_comment_is_listed_with_its_copies_and_left_alone(world: World) -> None:
    """What the sender says of itself is kept though its lane is lost, and is looked into at once."""
    number, remote = begun(world)
    world.webhooks_lost = True
    world.zendesk.act("comment", ticket_id=number, body="just once", public=False)
    world.webhooks_lost = False
    world.reconciler().poll("acme-zendesk", holder="test")
    with zombie(world, "comment"):
        assert sum("just once" in text for text in said(world, remote)) == 1
        world.webhooks_lost = True
    assert sum("just once" in text for text in said(world, remote)) == 2
    with world.store.read() as tx:
        assert tx.looks.has_due(world.clock.now(), [RT])
        mine = select(attempts.c.outcome).join(updates, updates.c.id == attempts.c.update_id)
        outcomes = tx.connection.execute(mine.where(updates.c.operation == "internal_note")).scalars().all()
    assert outcomes == ["done", "done"]
    assert world.looker().look_due(seconds=5) == 1
    (letter,) = letters(world)
    assert (letter.reason, letter.state, letter.holds) == ("doubled", "doubled", False)
    with world.store.read() as tx:
        copies = [each.remote_id for each in tx.looks.copies(letter.id)]
        told = next(line for line in tx.view.audit() if line["action"] == "effect doubled")
        assert tx.looks.doubles() == 1
        assert tx.alerts.backlog(world.clock.now()).reason == "doubled"
        assert tx.looks.next_due() is None
    assert len(copies) == 2
    assert all(each in letter.detail for each in copies)
    assert told["detail"]["copies"] == copies
    world.webhooks_lost = False
    world.zendesk.act("comment", ticket_id=number, body="and on it goes", public=False)
    world.settle()
    assert [text.rpartition("\n")[2] for text in said(world, remote)] == ["just once", "just once", "and on it goes"]


def test_a_double_is_closed_by_whoever_has_seen_it_and_never_sent_again(world: World) -> None:
    """Replay and confirm are refused; discard is "seen"."""
    number, _ = begun(world)
    world.zendesk.act("comment", ticket_id=number, body="just once", public=False)
    with zombie(world, "comment"):
        world.webhooks_lost = True
    look(world)
    (letter,) = letters(world)
    claim = world.site.connectors[RT].spec.operations[Operation.INTERNAL_NOTE]
    now = world.clock.now()

    def replay(tx: SqlTx) -> object:
        return replay_update(tx, letter.id, Terms(claim), now, ANN, accept_duplicate=True)

    with pytest.raises(DeadLetterError, match="more than once already"):
        world.store.write(replay)
    with pytest.raises(DeadLetterError, match="more than once already"):
        world.store.write(lambda tx: confirm_update(tx, letter.id, now, ANN))
    world.store.write(lambda tx: discard_update(tx, letter.id, now, ANN))
    assert letters(world) == []
    assert look(world) == 0


def test_an_effect_that_comes_after_the_settle_time_is_listed_and_does_not_travel(world: World) -> None:
    """The webhook of the second comment shows it: it goes no further, and is looked into at once."""
    number, remote = begun(world)
    world.rt.fault("late_effect", method="POST", path=".*/comment", count=1, seconds=6.0)
    world.zendesk.act("comment", ticket_id=number, body="so late", public=False)
    world.settle_all()
    assert sum("so late" in text for text in said(world, remote)) == 1
    until = time.monotonic() + 10
    while sum("so late" in text for text in said(world, remote)) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    world.settle()
    assert world.looker().look_due(seconds=5) == 1
    assert [letter.reason for letter in letters(world)] == ["doubled"]
    comments = world.zendesk.records.comments[int(number)]
    assert sum("so late" in each["body"] for each in comments) == 1


def test_a_second_ticket_is_taken_back_where_the_connection_allows_it(world: World) -> None:
    """The one that our link knows stays; the copy is rejected by an update of its own, once."""
    undoing(world)
    world.zendesk.act("create", subject="Twice", body="Body", email="kim@customer.example")
    with zombie(world, "create ticket"):
        world.webhooks_lost = True
    kept, copy = (each.remote_id for each in world.rt.effects.all(kind="create"))
    assert look(world) == 1
    assert [letter.reason for letter in letters(world)] == ["doubled"]
    assert "it is undone" in letters(world)[0].detail
    world.settle()
    world.settle()
    with world.store.read() as tx:
        (link,) = [each for each in tx.links.of_ticket(tx.view.tickets()[0].id) if each.connection == RT]
        undone = [row for row in tx.view.updates() if row.operation == "undo"]
    assert link.remote_id == kept
    assert link.key == f"#{kept}"
    assert [row.state for row in undone] == ["done"]
    assert (rt_ticket(world, kept).status, rt_ticket(world, copy).status) == ("new", "rejected")
    assert look(world) == 0


def test_a_second_ticket_stays_where_nobody_allowed_to_undo_it(world: World) -> None:
    """It is listed, and nothing is written."""
    world.zendesk.act("create", subject="Twice", body="Body", email="kim@customer.example")
    with zombie(world, "create ticket"):
        world.webhooks_lost = True
    look(world)
    world.settle()
    assert {rt_ticket(world, each.remote_id).status for each in world.rt.effects.all(kind="create")} == {"new"}
    assert "it is left to a person" in letters(world)[0].detail


def overwrite(world: World) -> tuple[str, str]:
    """Let an older title of ours come back over a newer one; return both tickets."""
    number, remote = begun(world)
    world.zendesk.act("set", ticket_id=number, subject="Second")
    with zombie(world, "set fields"):
        world.zendesk.act("set", ticket_id=number, subject="Third")
        world.settle()
        assert rt_ticket(world, remote).subject == "Third"
    assert rt_ticket(world, remote).subject == "Second"
    world.settle()
    return number, remote


@pytest.mark.parametrize("undo", [False, True], ids=["left alone", "undone"])
def test_an_older_value_that_comes_back_is_listed_and_written_over(world: World, *, undo: bool) -> None:
    """The newest value is written again where the connection allows it; nothing of it travels to the other desk."""
    if undo:
        undoing(world)
    number, remote = overwrite(world)
    assert world.zendesk.records.tickets[int(number)]["subject"] == "Third"
    look(world)
    (letter,) = letters(world)
    assert (letter.reason, letter.operation) == ("doubled", "set_fields")
    assert "title" in letter.detail
    world.settle()
    world.settle()
    assert rt_ticket(world, remote).subject == ("Third" if undo else "Second")
    assert world.zendesk.records.tickets[int(number)]["subject"] == "Third"
    assert look(world) == 0


def test_an_older_value_of_ours_that_was_taken_for_an_edit_is_listed(world: World) -> None:
    """It went over an engineer's word and came in as a newer one: a person has to say which of them stands."""
    undoing(world)
    number, remote = begun(world)
    world.zendesk.act("set", ticket_id=number, status="open")
    with zombie(world, "set fields"):
        time.sleep(1.1)
        world.rt.act("set", ticket=remote, Status="stalled")
        world.settle()
    assert rt_ticket(world, remote).status == "open"
    world.settle()
    look(world)
    (letter,) = letters(world)
    assert (letter.reason, "status" in letter.detail, "left to a person" in letter.detail) == ("doubled", True, True)
    world.settle()
    assert rt_ticket(world, remote).status == world.zendesk.records.tickets[int(number)]["status"] == "open"


def test_a_value_that_a_person_set_back_is_no_double(world: World) -> None:
    """Whoever changed the field last decides, whatever the value."""
    number, remote = begun(world)
    world.zendesk.act("set", ticket_id=number, subject="Second")
    with zombie(world, "set fields"):
        pass
    world.zendesk.act("set", ticket_id=number, subject="Third")
    world.settle()
    world.webhooks_lost = True
    world.rt.act("set", ticket=remote, Subject="Second")
    assert look(world) == 1
    assert letters(world) == []


def test_a_value_that_we_wrote_again_for_an_engineer_is_no_double(world: World) -> None:
    """Our write went over an edit and was put right by the same value as one long before: that explains what stands."""
    number, remote = begun(world)
    world.rt.fault(FaultKind.RESET_AFTER, method="PUT")
    for status in ("solved", "open"):
        world.zendesk.act("set", ticket_id=number, status=status)
        world.settle_all()
    world.zendesk.act("set", ticket_id=number, status="hold")
    world.zendesk.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)
    time.sleep(1.1)
    world.rt.act("set", ticket=remote, Status="resolved")
    world.deliverer().drain(holder="test-deliver", seconds=2)
    assert rt_ticket(world, remote).status == "stalled"
    world.settle()
    assert rt_ticket(world, remote).status == "resolved"
    assert look(world) > 0
    assert letters(world) == []


def test_a_status_that_our_reply_kept_is_no_double(world: World) -> None:
    """RT opens a ticket on a reply, so ours sends along what stood there: an engineer's word, once ours as well."""
    number, remote = begun(world)
    world.rt.fault(FaultKind.RESET_AFTER, method="PUT")
    for status in ("solved", "open"):
        world.zendesk.act("set", ticket_id=number, status=status)
        world.settle_all()
    world.rt.act("set", ticket=remote, Status="resolved")
    world.settle()
    time.sleep(1.1)
    world.zendesk.act("comment", ticket_id=number, body="It is done", by="agent", public=True)
    world.settle()
    assert rt_ticket(world, remote).status == "resolved"
    assert look(world) > 0
    assert letters(world) == []


def test_what_is_on_its_way_puts_an_older_value_right(world: World) -> None:
    """A newer value that still waits in the lane will be written over it: no double yet."""
    number, _ = overwrite(world)
    world.store.write(lambda tx: tx.desks.change(RT, not_before=world.clock.now() + timedelta(minutes=1)))
    world.zendesk.act("set", ticket_id=number, subject="Fourth")
    world.settle()
    world.store.write(lambda tx: tx.desks.change(RT, not_before=None))
    assert look(world) == 1
    assert letters(world) == []


def test_looks_end_when_nothing_is_found(world: World) -> None:
    """Four of them, at growing distances; then nothing is due any more."""
    number, remote = begun(world)
    world.rt.fault("reset_before", method="POST", path=".*/comment", count=1)
    world.zendesk.act("comment", ticket_id=number, body="just once", public=False)
    world.settle_all()
    assert said(world, remote)
    dues: list[float] = []
    while (due := next_due(world)) is not None and len(dues) < 9:
        dues.append(due)
        assert look(world) == 1
    assert [round(each, -1) for each in dues[1:]] == [600, 3600, 86400]
    assert dues[0] < 10
    assert letters(world) == []


def next_due(world: World) -> float | None:
    """Return in how many seconds the next look is due."""
    with world.store.read() as tx:
        due = tx.looks.next_due()
    return None if due is None else (due - world.clock.now()).total_seconds()


def test_what_went_well_is_not_looked_at(world: World) -> None:
    """A write whose answer came costs no look."""
    number, _ = begun(world)
    world.zendesk.act("comment", ticket_id=number, body="fine", public=False)
    world.settle()
    assert next_due(world) is None


def test_a_desk_that_does_not_answer_is_left_alone_for_a_minute(world: World) -> None:
    """Every look at it waits, so that nothing runs in circles; one that asks us to wait is not asked at all."""
    numbers = [begun(world)[0], begun(world)[0]]
    world.rt.fault("reset_before", method="POST", path=".*/comment", count=2)
    for number in numbers:
        world.zendesk.act("comment", ticket_id=number, body="just once", public=False)
    world.settle_all()
    asked = []

    def away(*given: object, **_: object) -> object:
        asked.append(given[1])
        raise TransportError("nobody there")

    send = world.transport.send
    world.transport.send = away  # type: ignore[method-assign, assignment]
    assert look(world) == 1
    with world.store.read() as tx:
        assert not tx.looks.has_due(world.clock.now() + timedelta(seconds=50), [RT])
    world.transport.send = send  # type: ignore[method-assign]
    world.store.write(lambda tx: tx.desks.change(RT, not_before=world.clock.now() + timedelta(minutes=1)))
    assert look(world) == 0
    world.store.write(lambda tx: tx.desks.change(RT, not_before=None))
    assert look(world) == 2
    assert letters(world) == []


def test_a_look_waits_for_a_person_where_the_update_does(world: World) -> None:
    """One that is ambiguous is looked at when it is resolved, not before."""
    number, remote = begun(world)
    world.rt.fault("reset_before", method="POST", path=".*/comment", count=1)
    world.zendesk.act("comment", ticket_id=number, body="just once", public=False)
    world.settle_all()
    assert said(world, remote)
    ambiguous = {"state": UpdateState.AMBIGUOUS.value, "resolution": None}
    note = updates.c.operation == "internal_note"
    world.store.write(lambda tx: tx.connection.execute(update(updates).where(note).values(**ambiguous)))
    look(world)
    assert next_due(world) is None
    (letter,) = letters(world)
    world.store.write(lambda tx: confirm_update(tx, letter.id, world.clock.now(), ANN))
    due = next_due(world)
    assert due is not None
    assert due <= 0
