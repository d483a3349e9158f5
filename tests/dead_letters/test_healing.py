"""What was given up heals, with two simulated desks behind it: each effect once, in order, whoever was right."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from connectors.request_tracker.simulated.records import Ticket
from dead_letters import (
    DeadLetter,
    DeadLetterError,
    Filter,
    Person,
    Terms,
    There,
    confirm_update,
    edit_update,
    replay_delivery,
    replay_update,
)
from gateway.domain.event import RemoteTicket
from gateway.domain.ticket import Category
from gateway.domain.update import Operation, Strategy, UpdateState
from gateway.flow.attempt import degrade
from gateway.flow.calls import run_reads
from gateway.ports import NewDelivery, OperationClaim, UpdateRow
from gateway.store import SqlStore
from rules.decide import RuleSet
from rules.mapping import StatusMap
from rules.sync import SyncRule
from tests.flows.world import STATUS_MAP, World, sync_rule

WHO = Person("olle", "mended")
RT = "engineering-rt"


def without(word: str) -> SyncRule:
    """Return the rule of these tests without the line of its status map that holds a word."""
    rows = tuple(row for row in STATUS_MAP.rows if word not in row.theirs and word not in row.ours)
    return sync_rule(status_map=StatusMap(rows))


def deploy(world: World, rule: SyncRule) -> None:
    """Make a rule the one that holds from now on."""
    rules = RuleSet(sync_rules=(rule,))
    world.site = msgspec.structs.replace(world.site, rules=rules, release=world.site.release + "+")


def letters(world: World) -> list[DeadLetter]:
    """Return what was given up."""
    with world.store.read() as tx:
        return list(tx.letters.page(Filter()))


def row(world: World, update_id: str) -> UpdateRow:
    """Return one update."""
    with world.store.read() as tx:
        found = tx.outbox.get(update_id)
    assert found is not None
    return found


def terms(world: World, update: UpdateRow) -> Terms:
    """Return what holds for an update now."""
    connector = world.site.connectors[update.connection]
    claim = connector.spec.operations.get(update.operation, OperationClaim(Strategy.NONE))
    with world.store.read() as tx:
        facts = tx.desks.get(update.connection).facts
    return Terms(degrade(claim, facts), world.site.rules)


def replay(world: World, letter: DeadLetter, *, accept: bool = False) -> None:
    """Replay an update by the rules of now."""
    by = terms(world, row(world, letter.id))
    world.store.write(lambda tx: replay_update(tx, letter.id, by, world.clock.now(), WHO, accept_duplicate=accept))


def there(world: World, update: UpdateRow, remote_id: str) -> There:
    """Look at a remote ticket, as a confirmation does."""
    connector = world.site.connectors[RT]
    remote = run_reads(connector.read(remote_id), connector, world.transport, deadline=5, trace_id="t" * 32)
    assert isinstance(remote, RemoteTicket)
    return There(remote, connector.as_read(update.intent), world.ids.new())


def texts(world: World, remote: str) -> list[str]:
    """Return the messages of an RT ticket in order."""
    records = world.rt.records
    spoken = [each for each in records.history(rt(world, remote)) if each.type in {"Comment", "Correspond"}]
    return [part.content for each in sorted(spoken, key=lambda one: one.number) for part in records.parts(each.number)]


def rt(world: World, remote: str) -> Ticket:
    """Return an RT ticket."""
    found = world.rt.records.ticket(int(remote))
    assert found is not None
    return found


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def test_a_create_without_a_word_for_its_status_heals_when_the_map_has_one(store: SqlStore) -> None:
    """It is rendered again under its old key; what waited behind it follows in order; nothing is there twice."""
    with World(store, rules=[without("new")]) as world:
        ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
        world.zendesk.act("comment", ticket_id=ticket["id"], body="it waits", public=False)
        world.settle()
        (dead,) = letters(world)
        assert (dead.reason, dead.operation, dead.holds) == ("unmapped", "create", True)
        before = row(world, dead.id)
        with pytest.raises(DeadLetterError, match="status 'new' is not in the map of rule 'to-rt'"):
            replay(world, dead)
        assert row(world, dead.id) == before
        deploy(world, sync_rule())
        replay(world, dead)
        world.settle()
        assert letters(world) == []
        (made,) = world.rt.effects.all(kind="create")
        assert rt(world, made.remote_id).status == "new"
        assert sum("it waits" in text for text in texts(world, made.remote_id)) == 1
        after = row(world, dead.id)
        assert (after.effect_key, after.state) == (before.effect_key, UpdateState.DONE)


def test_a_field_without_a_word_is_written_when_the_map_has_one(store: SqlStore) -> None:
    """The update that held nothing but what the map did not know holds its value in our own words."""
    with World(store, rules=[without("stalled")]) as world:
        ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
        world.settle()
        remote = world.rt.effects.all(kind="create")[0].remote_id
        world.zendesk.act("set", ticket_id=ticket["id"], status="pending")
        world.settle()
        (dead,) = letters(world)
        assert (dead.reason, dead.summary) == ("unmapped", "set status")
        deploy(world, sync_rule())
        replay(world, dead)
        world.settle()
        assert rt(world, remote).status == "stalled"
        assert letters(world) == []


def ambiguous_create(world: World) -> tuple[DeadLetter, str, int]:
    """Create a ticket whose answer is lost where no mark can be looked for; return letter, RT's number, Zendesk's."""
    world.rt.fault("error_with_effect", method="POST", path="/REST/2.0/ticket", count=1)
    ticket = world.zendesk.act("create", subject="Perhaps", body="Body", email="kim@customer.example")
    world.settle()
    world.zendesk.act("comment", ticket_id=ticket["id"], body="it waits", public=False)
    world.settle()
    (dead,) = letters(world)
    assert (dead.state, dead.operation) == ("ambiguous", "create")
    (made,) = world.rt.effects.all(kind="create")
    return dead, made.remote_id, int(ticket["id"])


def mute_rt(world: World) -> None:
    """Let RT tell nobody what happens there."""
    world.rt.webhooks.url = ""


def test_a_confirmed_create_is_linked_and_its_lane_goes_on(world: World) -> None:
    """What waited is written into the ticket that was there all the time, and no second one is made."""
    mute_rt(world)
    dead, remote, _ = ambiguous_create(world)
    now = world.clock.now()
    with pytest.raises(DeadLetterError, match="--remote-id"):
        world.store.write(lambda tx: confirm_update(tx, dead.id, now, WHO))
    look = there(world, row(world, dead.id), remote)
    done = world.store.write(lambda tx: confirm_update(tx, dead.id, now, WHO, there=look))
    assert (done.state, done.freed) == ("confirmed", 1)
    world.rt.act("note", ticket=remote, body="said there meanwhile")
    world.settle()
    assert len(world.rt.effects.all(kind="create")) == 1
    assert sum("it waits" in text for text in texts(world, remote)) == 1
    assert letters(world) == []
    after = row(world, dead.id)
    assert (after.state, after.resolution) == (UpdateState.DONE, "confirmed")
    with world.store.read() as tx:
        link = tx.links.get(after.link_id)
        said = [each.body for each in tx.tickets.comments(after.ticket_id)]
        trail = [each["action"] for each in tx.view.audit(ticket_id=after.ticket_id)]
    assert link is not None
    assert link.remote_id == remote
    assert "said there meanwhile" in said
    assert "dead letter confirmed" in trail
    with pytest.raises(DeadLetterError, match="in the meantime"):
        world.store.write(lambda tx: confirm_update(tx, dead.id, now, WHO, there=look))


def poll(world: World, remote: RemoteTicket) -> None:
    """Store an RT ticket as a poll brings it."""
    now = world.clock.now()
    new = NewDelivery(
        world.ids.new(), RT, f"poll-{remote.remote_id}", remote.remote_id, now, {}, msgspec.json.encode(remote),
        "t" * 32, "poll",
    )  # fmt: skip
    world.store.write(lambda tx: tx.inbox.add([new]))


def test_a_ticket_that_began_by_mistake_gives_way(world: World) -> None:
    """Whose remote ticket nobody knew became a ticket of its own; the confirmation takes it over, with its comments."""
    mute_rt(world)
    dead, remote, _ = ambiguous_create(world)
    look = there(world, row(world, dead.id), remote)
    world.rt.act("note", ticket=remote, body="said while nobody knew whose it was")
    poll(world, msgspec.structs.replace(look.remote, marker="", complete=True))
    world.settle()
    assert world.counts()["tickets"] == 2
    now = world.clock.now()
    done = world.store.write(lambda tx: confirm_update(tx, dead.id, now, WHO, there=look))
    assert done.freed == 1
    world.settle()
    ours = row(world, dead.id)
    with world.store.read() as tx:
        (other,) = [each.id for each in tx.view.tickets() if each.id != ours.ticket_id]
        mistaken = tx.tickets.get(other)
        said = [each.body for each in tx.tickets.comments(ours.ticket_id)]
    assert mistaken is not None
    assert mistaken.duplicate_of == ours.ticket_id
    assert "said while nobody knew whose it was" in said
    assert sum("it waits" in text for text in texts(world, remote)) == 1


def test_a_ticket_of_another_is_not_taken(world: World) -> None:
    """A number that belongs to a ticket which lives in both desks is refused, and nothing is changed."""
    world.zendesk.act("create", subject="First", body="Body", email="kim@customer.example")
    world.settle()
    first = world.rt.effects.all(kind="create")[0].remote_id
    mute_rt(world)
    world.rt.fault("error_with_effect", method="POST", path="/REST/2.0/ticket", count=1)
    world.zendesk.act("create", subject="Second", body="Body", email="kim@customer.example")
    world.settle()
    (dead,) = letters(world)
    look = there(world, row(world, dead.id), first)
    with pytest.raises(DeadLetterError, match="belongs to the ticket"):
        world.store.write(lambda tx: confirm_update(tx, dead.id, world.clock.now(), WHO, there=look))
    assert letters(world) == [dead]


def test_the_mark_of_a_create_that_was_given_up_confirms_it(world: World) -> None:
    """What RT tells of the ticket shows our mark: the lane goes on without a person, and the trail says why."""
    mute_rt(world)
    dead, remote, _ = ambiguous_create(world)
    look = there(world, row(world, dead.id), remote)
    assert look.remote.marker
    poll(world, look.remote)
    world.settle()
    assert letters(world) == []
    after = row(world, dead.id)
    assert (after.state, after.resolution) == (UpdateState.OBSERVED, "confirmed")
    assert sum("it waits" in text for text in texts(world, remote)) == 1
    with world.store.read() as tx:
        assert "dead letter confirmed" in [each["action"] for each in tx.view.audit(ticket_id=after.ticket_id)]


def test_what_was_confirmed_is_not_sent_again(world: World) -> None:
    """A comment that a person found at the desk is done, and its remote id is known as ours."""
    ticket = world.zendesk.act("create", subject="Said", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.rt.fault("error_without_effect", method="POST", count=1, status=422)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="by hand then", public=False)
    world.settle()
    found = letters(world)
    assert [each.operation for each in found] == ["internal_note"]
    world.store.write(lambda tx: confirm_update(tx, found[0].id, world.clock.now(), WHO, comment="4711"))
    world.settle()
    assert not any("by hand then" in text for text in texts(world, remote))
    update = row(world, found[0].id)
    with world.store.read() as tx:
        assert "4711" in tx.tickets.known_comments(update.link_id)


def test_a_parked_delivery_replays_in_its_place(store: SqlStore) -> None:
    """What it brings is taken as of then: a newer status stands, and its comment appears once."""
    with World(store, rules=[without("rejected")]) as world:
        ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
        world.settle()
        remote = world.rt.effects.all(kind="create")[0].remote_id
        world.rt.act("set", ticket=remote, Status="rejected")
        world.settle()
        world.rt.act("note", ticket=remote, body="said later")
        world.settle()
        parked = letters(world)
        assert [each.what for each in parked] == ["delivery"]
        deploy(world, sync_rule())
        world.rt.act("set", ticket=remote, Status="open")
        world.settle()
        for each in parked:
            world.store.write(lambda tx, one=each: replay_delivery(tx, one.id, world.clock.now(), WHO))  # type: ignore[misc]
        world.settle()
        assert letters(world) == []
        assert rt(world, remote).status == "open"
        assert world.zendesk.records.tickets[int(ticket["id"])]["status"] == "open"
        said = [each for each in world.zendesk.effects.all(by_api=True) if each.kind != "create"]
        bodies = str([each.detail for each in said])
        assert bodies.count("said later") <= 1
        with world.store.read() as tx:
            line = tx.view.tickets()[0]
            assert [each.body for each in tx.tickets.comments(line.id)].count("said later") == 1


def test_a_parked_delivery_is_decided_by_the_rules_of_then_when_it_is_pinned(store: SqlStore) -> None:
    """`pinned` uses the release under which it was parked, `current` that of today."""
    with World(store, rules=[without("rejected")]) as world:
        world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
        world.settle()
        old = world.site
        remote = world.rt.effects.all(kind="create")[0].remote_id
        world.rt.act("set", ticket=remote, Status="rejected")
        world.settle()
        (parked,) = letters(world)
        deploy(world, sync_rule())
        world.releases[old.release] = old.rules
        world.store.write(lambda tx: replay_delivery(tx, parked.id, world.clock.now(), WHO, pinned=True))
        world.settle()
        assert [each.reason for each in letters(world)] == ["unmapped"]
        world.store.write(lambda tx: replay_delivery(tx, parked.id, world.clock.now(), WHO))
        world.settle()
        assert letters(world) == []
        with world.store.read() as tx:
            assert tx.view.tickets()[0].category == Category.CANCELLED


def test_an_edited_update_is_another_effect_where_nothing_has_landed(world: World) -> None:
    """The edit goes, once, under a name of its own; what was asked for is kept."""
    ticket = world.zendesk.act("create", subject="Edit", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.rt.fault("error_without_effect", method="POST", count=1, status=422)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="with a typpo", public=False)
    world.settle()
    (dead,) = letters(world)
    before = row(world, dead.id)
    comment = before.intent.comment
    assert comment is not None
    better = msgspec.structs.replace(comment, body=comment.body.replace("typpo", "typo"))
    intent = msgspec.structs.replace(before.intent, comment=better)
    world.store.write(lambda tx: edit_update(tx, dead.id, intent, world.clock.now(), WHO))
    with world.store.read() as tx:
        assert tx.dead_letters.original(dead.id) == before.intent
    replay(world, dead)
    world.settle()
    after = row(world, dead.id)
    assert (after.edited, after.payload_version) == (True, 2)
    assert after.effect_key != before.effect_key
    assert sum("typ" in text for text in texts(world, remote)) == 1
    assert sum("with a typo" in text for text in texts(world, remote)) == 1


def test_an_edit_does_not_go_beside_what_has_landed(world: World) -> None:
    """Where the first attempt is found, it counts; unless a person accepts both."""
    ticket = world.zendesk.act("create", subject="Edit", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    claims = world.site.connectors[RT].spec.operations
    none = {**claims, Operation.INTERNAL_NOTE: OperationClaim(Strategy.NONE)}
    connector = world.site.connectors[RT]
    whole = connector.spec
    connector.spec = msgspec.structs.replace(whole, operations=none)
    world.rt.fault("error_with_effect", method="POST", count=1)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="as it was", public=False)
    world.settle()
    (dead,) = letters(world)
    assert dead.state == "ambiguous"
    before = row(world, dead.id)
    comment = before.intent.comment
    assert comment is not None
    intent = msgspec.structs.replace(before.intent, comment=msgspec.structs.replace(comment, body="as it should be"))
    world.store.write(lambda tx: edit_update(tx, dead.id, intent, world.clock.now(), WHO))
    with pytest.raises(DeadLetterError, match="--accept-duplicate"):
        replay(world, dead)
    connector.spec = whole
    replay(world, dead)
    world.settle_all()
    assert row(world, dead.id).state is UpdateState.OBSERVED
    assert not any("as it should be" in text for text in texts(world, remote))


def test_an_event_on_a_blocked_ticket_says_behind_what_it_is_held(store: SqlStore) -> None:
    """In its outcome and in the trail; an event whose update goes its way says nothing of the kind."""
    with World(store, rules=[without("stalled")]) as world:
        ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
        world.settle()
        world.zendesk.act("set", ticket_id=ticket["id"], status="pending")
        world.settle()
        (dead,) = letters(world)
        world.zendesk.act("comment", ticket_id=ticket["id"], body="it waits", public=False)
        world.settle()
        with world.store.read() as tx:
            (line,) = tx.view.tickets()
            outcomes = [str(each["outcome"]) for each in tx.view.recent_events(ticket_id=line.id)]
            trail = [each["detail"] for each in tx.view.audit(ticket_id=line.id) if each["action"] == "held"]
        assert f"held at {RT} behind {dead.id[-12:]} (unmapped)" in outcomes[0]
        assert [each for each in outcomes[1:] if "held" in each] == []
        assert [(each["behind"], each["what"]) for each in trail] == [(dead.id, ["internal note"])]


def test_a_refusal_after_a_write_that_landed_is_no_dead_letter(world: World) -> None:
    """The first answer is lost, the second attempt refused: what the desk shows says that it is done."""
    ticket = world.zendesk.act("create", subject="Twice", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.rt.fault("error_with_effect", method="PUT", count=1)
    world.rt.fault("error_without_effect", method="PUT", count=1, status=422)
    world.zendesk.act("set", ticket_id=ticket["id"], subject="As it should be")
    world.settle_all()
    assert letters(world) == []
    assert rt(world, remote).subject == "As it should be"
    with world.store.read() as tx:
        (line,) = tx.view.tickets()
        (update,) = [each for each in tx.view.updates(ticket_id=line.id) if each.operation == "set_fields"]
    assert update.state == "observed"
