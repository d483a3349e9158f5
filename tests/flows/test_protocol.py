"""The delivery protocol against a desk that refuses, resets, hangs and answers late: each effect once, order kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from connectors.request_tracker.simulated.records import Ticket
from gateway.domain.ids import uuid7
from gateway.ports import DeskState, NewDelivery
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from rules.mapping import StatusMap
from tests.flows.world import STATUS_MAP, World, sync_rule


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def rt_ticket(world: World, remote: str) -> Ticket:
    """Return an RT ticket."""
    found = world.rt.records.ticket(int(remote))
    assert found is not None
    return found


def texts(world: World, remote: str) -> list[str]:
    """Return the comments of an RT ticket in order."""
    records = world.rt.records
    spoken = [each for each in records.history(rt_ticket(world, remote)) if each.type in {"Comment", "Correspond"}]
    return [part.content for each in sorted(spoken, key=lambda one: one.number) for part in records.parts(each.number)]


def test_the_same_delivery_many_times_at_once_is_one_ticket(world: World) -> None:
    """One signed body, stored by ten threads at once, leads to one ticket, one RT ticket and one link."""
    world.webhooks_lost = True
    world.zendesk.act("create", subject="Once", body="Only once", email="kim@customer.example")
    world.zendesk.webhooks.flush(2)
    world.webhooks_lost = False
    body = next(sent.body for sent in world.zendesk.webhooks.sent)
    start = threading.Barrier(10)

    def post(_: int) -> int:
        start.wait()
        return world.zendesk.webhooks.redeliver(body)

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(post, range(10))) == [200] * 10
    world.settle()
    assert world.counts()["tickets"] == 1
    assert len(world.rt.effects.all(kind="create")) == 1
    with world.store.read() as tx:
        assert len(tx.view.tickets()[0].links) == 2


def test_ten_edits_of_a_blocked_lane_become_one_write_and_ten_comments_stay_ten(world: World) -> None:
    """While the desk is away, set-field updates coalesce and comments do not; order holds."""
    ticket = world.zendesk.act("create", subject="Blocked", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    with world.store.read() as tx:
        state = tx.desks.get("engineering-rt")
    world.store.write(lambda tx: tx.desks.change("engineering-rt", paused="maintenance"))
    before = len(world.rt.effects.all(by_api=True))
    for number in range(10):
        world.zendesk.act("set", ticket_id=ticket["id"], subject=f"Title {number}")
        world.settle(quiet=0.0)
    for number in range(10):
        world.zendesk.act("comment", ticket_id=ticket["id"], body=f"note {number}", public=False)
    world.settle()
    world.store.write(lambda tx: tx.desks.save(state))
    world.settle()
    effects = world.rt.effects.all(by_api=True)[before:]
    assert rt_ticket(world, remote).subject == "Title 9"
    assert len([each for each in effects if each.method == "PUT"]) == 1
    assert [text.rsplit(" ", 1)[-1].strip() for text in texts(world, remote)] == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    "fault", ["reset_before", "reset_after", "error_with_effect", "half_body", "garbage", "throttle", "late_effect"]
)
def test_a_faulted_write_lands_once(world: World, fault: str) -> None:
    """Whatever happens to the one write, its effect is there once in the end."""
    ticket = world.zendesk.act("create", subject="Faulted", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.rt.fault(fault, method="POST", count=1, seconds=0.5)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="just once", public=False)
    world.settle_all()
    assert sum("just once" in text for text in texts(world, remote)) == 1


def test_observe_mode_reads_and_never_writes(store: SqlStore) -> None:
    """In mode observe the ticket is kept and nothing leaves."""
    with World(store, mode="observe") as world:
        world.zendesk.act("create", subject="Look", body="Do not touch", email="kim@customer.example")
        world.settle()
        assert world.counts()["tickets"] == 1
        assert world.rt.effects.all() == []


def test_a_ticket_seen_in_mode_observe_is_created_when_the_site_is_live(store: SqlStore) -> None:
    """Observing leaves nothing half done: the next event takes the ticket over, with what was said before."""
    with World(store, mode="observe") as world:
        ticket = world.zendesk.act("create", subject="Look", body="Do not touch", email="kim@customer.example")
        world.zendesk.act("comment", ticket_id=ticket["id"], body="An early word", public=True)
        world.settle()
        world.site = msgspec.structs.replace(world.site, mode="live")
        world.zendesk.act("comment", ticket_id=ticket["id"], body="A late word", public=True)
        world.settle()
        creates = world.rt.effects.all(kind="create")
        assert len(creates) == 1
        said = texts(world, creates[0].remote_id)
        assert sum("An early word" in text for text in said) == 1
        assert sum("A late word" in text for text in said) == 1
        assert world.counts()["dead_letters"] == 0


def observing(world: World, name: str, **changes: object) -> None:
    """Let one connection observe, or be live from a moment on."""
    connector = world.site.connectors[name]
    connector.settings = msgspec.structs.replace(connector.settings, **changes)


def test_a_connection_that_only_observes_is_read_and_not_written_to(world: World) -> None:
    """The other desk goes on; what would have been done is in the trail."""
    observing(world, "engineering-rt", observe=True)
    ticket = world.zendesk.act("create", subject="SSO", body="Please")
    world.settle()
    assert world.rt.effects.all(by_api=True) == []
    with world.store.read() as tx:
        assert [line["detail"]["at"] for line in tx.view.audit(limit=50) if line["action"] == "withheld"] == [
            "engineering-rt"
        ]
    observing(world, "engineering-rt", observe=False)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="And soon")
    world.settle_all()
    remote = world.rt.effects.all(kind="create", by_api=True)[0].remote_id
    observing(world, "acme-zendesk", observe=True)
    world.rt.act("set", ticket=remote, Status="resolved")
    world.settle()
    assert world.zendesk.effects.all(by_api=True) == []


def test_a_connection_goes_live_at_a_moment(world: World) -> None:
    """Before it nothing leaves; from then on everything does, also what was planned and waits."""
    ticket = world.zendesk.act("create", subject="SSO", body="Please")
    world.settle_all()
    soon = world.clock.now() + timedelta(seconds=3)
    observing(world, "engineering-rt", live_from=soon)
    world.zendesk.act("set", ticket_id=ticket["id"], subject="SSO for all")
    world.settle(quiet=0.3)
    assert world.rt.effects.all(kind="fields", by_api=True) == []
    while world.clock.now() < soon:
        time.sleep(0.05)
    world.zendesk.act("set", ticket_id=ticket["id"], subject="SSO for everybody")
    world.settle_all()
    written = [each.detail["given"]["Subject"] for each in world.rt.effects.all(kind="fields", by_api=True)]
    assert written == ["SSO for everybody"]


def test_what_was_planned_before_stays_when_a_site_begins_to_observe(world: World) -> None:
    """An update that is open when the mode becomes observe leaves only when it is live again."""
    world.zendesk.act("create", subject="Hold on", body="Wait", email="kim@customer.example")
    until = time.monotonic() + 10
    while not world.counts().get("updates_ready") and time.monotonic() < until:
        world.zendesk.webhooks.flush(0.2)
        world.applier().drain(holder="test-apply", seconds=1)
    live = world.site
    world.site = msgspec.structs.replace(live, mode="observe")
    assert world.deliverer().drain(holder="test-deliver", seconds=1) == 0
    assert world.rt.effects.all() == []
    world.site = live
    world.settle()
    assert len(world.rt.effects.all(kind="create")) == 1


def test_an_unmapped_status_is_parked_alone(store: SqlStore) -> None:
    """A status that no map covers parks its delivery; others go on."""
    some = StatusMap(tuple(row for row in STATUS_MAP.rows if "rejected" not in row.theirs))
    with World(store, rules=[sync_rule(status_map=some)]) as world:
        _reject_and_note(world)


def _reject_and_note(world: World) -> None:
    world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.rt.act("set", ticket=remote, Status="rejected")
    world.rt.act("note", ticket=remote, body="still here")
    world.settle()
    with world.store.read() as tx:
        letters = tx.view.dead_letters()
        ticket_id = tx.view.tickets()[0].id
        comments = tx.tickets.comments(ticket_id)
    assert [letter.reason for letter in letters] == ["unmapped"]
    assert "rejected" in letters[0].detail
    assert [comment.body for comment in comments] == ["still here"]


def test_what_has_a_word_travels_beside_what_has_none_and_skip_skips(store: SqlStore) -> None:
    """A status without a word is a dead letter alone; with `on_dead: skip` the lane goes on behind it."""
    some = StatusMap(tuple(row for row in STATUS_MAP.rows if "stalled" not in row.theirs))
    with World(store, rules=[sync_rule(status_map=some)]) as world:
        world.site = msgspec.structs.replace(world.site, skipping=frozenset({"engineering-rt"}))
        ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
        world.settle()
        remote = world.rt.effects.all(kind="create")[0].remote_id
        world.zendesk.act("set", ticket_id=ticket["id"], status="pending", subject="Even")
        world.settle()
        world.zendesk.act("comment", ticket_id=ticket["id"], body="And on it goes", public=True)
        world.settle()
        assert rt_ticket(world, remote).subject == "Even"
        assert sum("And on it goes" in text for text in texts(world, remote)) == 1
        with world.store.read() as tx:
            assert {letter.reason for letter in tx.view.dead_letters()} == {"unmapped"}


def test_a_connector_that_is_missing_for_a_while_costs_nothing(world: World) -> None:
    """Edits and comments for a desk whose connector does not load wait in their lane until it is back."""
    ticket = world.zendesk.act("create", subject="Before", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    whole = world.site
    rest = {name: each for name, each in whole.connectors.items() if name != "engineering-rt"}
    world.site = msgspec.structs.replace(whole, connectors=rest)
    world.zendesk.act("set", ticket_id=ticket["id"], subject="Meanwhile")
    world.zendesk.act("comment", ticket_id=ticket["id"], body="Said meanwhile", public=True)
    world.settle()
    assert world.counts()["dead_letters"] == 0
    world.site = whole
    world.settle()
    assert rt_ticket(world, remote).subject == "Meanwhile"
    assert sum("Said meanwhile" in text for text in texts(world, remote)) == 1


def test_a_worker_does_not_undo_what_another_learned_of_a_desk(world: World) -> None:
    """A Retry-After that one worker noted, and a pause that a person ended, outlive another worker's round."""
    old = DeskState("engineering-rt", paused="credentials refused")
    later = world.clock.now() + timedelta(minutes=1)
    world.store.write(lambda tx: tx.desks.save(DeskState("engineering-rt", not_before=later)))
    known, desks = {old.connection: old}, {old.connection: msgspec.structs.replace(old, failures=1)}
    worker = world.deliverer()

    def end_of_a_round(tx: SqlTx) -> None:
        worker._lock_desks(tx, known, desks, {old.connection}, claim=False)
        worker._save_desk(tx, desks[old.connection], known[old.connection], world.clock.now())

    world.store.write(end_of_a_round)
    with world.store.read() as tx:
        state = tx.desks.get("engineering-rt")
    assert (state.not_before, state.paused, state.failures) == (later, "", 1)


def test_lost_webhooks_heal_by_polling(world: World) -> None:
    """With every webhook dropped, a poll brings the ticket and its comments."""
    world.webhooks_lost = True
    ticket = world.zendesk.act("create", subject="Lost", body="Body", email="kim@customer.example")
    world.zendesk.act("comment", ticket_id=ticket["id"], body="said in the dark", public=False)
    world.zendesk.webhooks.flush(2)
    world.reconciler().poll_due(holder="test", seconds=10)
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    assert sum("said in the dark" in text for text in texts(world, remote)) == 1


def test_both_desks_edit_and_the_newest_wins(world: World) -> None:
    """A later edit in RT wins over an earlier one in Zendesk, and both desks end equal."""
    ticket = world.zendesk.act("create", subject="Tug", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("set", ticket_id=ticket["id"], status="pending")
    threading.Event().wait(1.1)
    world.rt.act("set", ticket=remote, Status="open")
    world.settle()
    assert world.zendesk.records.tickets[int(ticket["id"])]["status"] == "open"
    assert rt_ticket(world, remote).status == "open"


def test_a_poison_event_is_parked_alone(world: World) -> None:
    """A delivery that cannot be read is parked with its reason; the ones around it are applied."""
    world.zendesk.act("create", subject="Before", body="Body", email="kim@customer.example")
    now = world.clock.now()
    bad = NewDelivery(uuid7(now, b"0123456789"), "acme-zendesk", "bad-1", "", now, {}, b"not json", "t" * 32)
    world.store.write(lambda tx: tx.inbox.add([bad]))
    world.zendesk.act("create", subject="After", body="Body", email="kim@customer.example")
    world.settle()
    assert world.counts()["tickets"] == 2
    with world.store.read() as tx:
        letters = tx.view.dead_letters()
    assert [letter.reason for letter in letters] == ["unreadable"]


def test_a_field_that_the_other_desk_does_not_own_is_not_taken(store: SqlStore) -> None:
    """An RT edit of a field owned by Zendesk stays in RT and is told in the audit trail."""
    with World(store, rules=[sync_rule()]) as world:
        ticket = world.zendesk.act("create", subject="Mine", body="Body", email="kim@customer.example")
        world.settle()
        remote = world.rt.effects.all(kind="create")[0].remote_id
        world.rt.act("set", ticket=remote, Subject="Yours")
        world.settle()
        assert world.zendesk.records.tickets[int(ticket["id"])]["subject"] == "Mine"
        with world.store.read() as tx:
            actions = [line["action"] for line in tx.view.audit()]
        assert "edit not taken" in actions


def test_a_ticket_deleted_at_its_target_is_not_created_again(world: World) -> None:
    """After a deletion in RT the ticket goes on at Zendesk, and nothing is created a second time."""
    ticket = world.zendesk.act("create", subject="Gone", body="Body", email="kim@customer.example")
    world.settle()
    world.rt.act("delete", ticket=world.rt.effects.all(kind="create")[0].remote_id)
    world.settle()
    world.zendesk.act("set", ticket_id=ticket["id"], subject="Still here")
    world.settle()
    assert len(world.rt.effects.all(kind="create")) == 1
    with world.store.read() as tx:
        assert tx.view.dead_letters() == []
