"""The customer who asks twice, or in two desks: proposed or merged, told to agents once, and taken back by a person."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import text

from gateway.domain.duplicate import Pair, PairState
from gateway.domain.ticket import Category, Kind, Setter, Stamp, Ticket, Visibility
from gateway.errors import DuplicateError
from gateway.flow.judge import Judge, Judged
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from rules.decide import RuleSet
from rules.mapping import Row, StatusMap
from rules.sync import Owner
from tests.flows.world import World, sync_rule
from tests.rules.making import SPECS, problems_of, site

ZENDESK, RT = "acme-zendesk", "engineering-rt"
KIM, LEE = "kim@customer.example", "lee@customer.example"

GATEWAY = """\
connections:
  acme-zendesk: {connector: desk, url: "https://zen.example"}
  engineering-rt: {connector: desk, url: "https://rt.example"}
"""
RULES = """\
classify:
  - {name: billing, when: {text: {words: [invoice]}}, set: {issue: billing}}
duplicates:
  - {name: again, same: [requester, issue], within: 24h, do: DO}
"""


def rules(do: str) -> RuleSet:
    """Return the rules of these tests, with the sync rule of `World`."""
    loaded = site(RULES.replace("DO", do), GATEWAY, SPECS).rules
    return RuleSet(
        classify_rules=loaded.classify_rules,
        duplicate_rules=loaded.duplicate_rules,
        sync_rules=(sync_rule(comments={Visibility.PUBLIC: Owner.BOTH, Visibility.INTERNAL: Owner.BOTH}),),
    )


def given(world: World, do: str) -> World:
    """Let a world work by these rules."""
    world.site = msgspec.structs.replace(world.site, rules=rules(do))
    return world


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database, that merges."""
    with World(store) as made:
        yield given(made, "merge")


def ask(world: World, subject: str, who: str = KIM, body: str = "About my invoice") -> int:
    """Let a customer open a Zendesk ticket; return its number."""
    number = int(world.zendesk.act("create", subject=subject, body=body, email=who)["id"])
    world.settle()
    return number


def of(world: World, connection: str, number: int | str) -> Ticket:
    """Return the ticket behind a number at a desk."""
    with world.store.read() as tx:
        link = tx.links.by_remote([(connection, str(number))])[connection, str(number)]
        found = tx.tickets.get(link.ticket_id)
    assert found is not None
    return found


def pairs(world: World, state: str = "") -> list[Pair]:
    """Return what was said of tickets."""
    with world.store.read() as tx:
        return list(tx.duplicates.list(state=state))


def notes(world: World, number: int) -> list[str]:
    """Return the internal notes of a Zendesk ticket."""
    return [str(each["body"]) for each in world.zendesk.records.comments[number] if not each["public"]]


def notes_at_rt(world: World, number: str) -> list[str]:
    """Return the internal notes of an RT ticket."""
    ticket = world.rt.records.ticket(int(number))
    assert ticket is not None
    said = [one for one in world.rt.records.history(ticket) if one.type == "Comment"]
    return [world.rt.records.parts(one.number)[0].content for one in said if world.rt.records.parts(one.number)]


def test_who_asks_twice_is_merged_and_both_sides_are_told_once(world: World) -> None:
    """No copy of the second is made, and nothing of it is done twice when everything is told again."""
    first = ask(world, "Invoice")
    second = ask(world, "Invoice, again")
    copies = world.rt.effects.all(kind="create")
    assert len(copies) == 1
    original, duplicate = of(world, ZENDESK, first), of(world, ZENDESK, second)
    assert duplicate.duplicate_of == original.id
    assert original.duplicate_of == ""
    (at_duplicate,) = notes(world, second)
    assert at_duplicate.startswith(f"This ticket is a duplicate of {ZENDESK} #{first} (")
    assert f" and {RT} #{copies[0].remote_id}" in at_duplicate
    (at_original,) = notes(world, first)
    assert at_original.startswith(f"{ZENDESK} #{second} (")
    assert "> About my invoice" in at_original
    (at_copy,) = notes_at_rt(world, copies[0].remote_id)
    assert f"{ZENDESK} #{second}" in at_copy
    world.reconciler().poll(ZENDESK, holder="test")
    world.settle()
    assert (len(notes(world, first)), len(notes(world, second))) == (1, 1)
    assert world.counts()["dead_letters"] == 0
    with world.store.read() as tx:
        actions = [(row["actor"], row["action"]) for row in tx.view.audit(ticket_id=duplicate.id)]
    assert ("rule:again", "duplicate merged") in actions


def test_what_is_delivered_again_says_nothing_twice(world: World) -> None:
    """Every delivery of a merge and of a reply to the duplicate is applied once more."""
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    world.zendesk.act("comment", ticket_id=second, body="Any news?", public=True)
    world.settle()
    before = (notes(world, first), notes(world, second), pairs(world))
    again = text("UPDATE deliveries SET state = 'pending', applied_at = NULL")
    world.store.write(lambda tx: tx.connection.execute(again))
    world.settle()
    assert (notes(world, first), notes(world, second), pairs(world)) == before
    assert len(before[0]) == 2
    assert of(world, ZENDESK, second).duplicate_of == of(world, ZENDESK, first).id


def test_what_is_said_on_a_duplicate_reaches_those_who_work_on_the_original(world: World) -> None:
    """Public replies only, as internal notes, at every desk of the original, and each once."""
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    copy = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("comment", ticket_id=second, body="Any news?", public=True)
    world.zendesk.act("comment", ticket_id=second, body="between us", public=False)
    world.settle()
    heard = notes(world, first)[1:]
    assert [each.splitlines()[-1] for each in heard] == ["Any news?"]
    assert f"on {ZENDESK} #{second}" in heard[0]
    assert "a duplicate of this ticket" in heard[0]
    assert [each.strip().splitlines()[-1] for each in notes_at_rt(world, copy)[1:]] == ["Any news?"]
    assert [each.splitlines()[-1] for each in notes(world, second)[1:]] == ["between us"]


def test_what_a_duplicate_brings_along_is_heard_too(world: World) -> None:
    """The gateway hears of it late: the customer has added something already."""
    first = ask(world, "Invoice")
    world.webhooks_lost = True
    second = int(world.zendesk.act("create", subject="Invoice, again", body="About my invoice", email=KIM)["id"])
    world.zendesk.act("comment", ticket_id=second, body="It is urgent", public=True, by="customer")
    world.zendesk.webhooks.flush(1)
    world.webhooks_lost = False
    world.zendesk.act("set", ticket_id=second, priority="high")
    world.settle()
    assert of(world, ZENDESK, second).duplicate_of == of(world, ZENDESK, first).id
    assert [each.splitlines()[-1] for each in notes(world, first)] == ["> About my invoice", "It is urgent"]


def test_a_desk_that_merges_the_two_itself_has_the_last_word(world: World) -> None:
    """What it has made one, only it can take apart."""
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    world.zendesk.act("merge", ticket_id=second, into=first)
    world.settle()
    duplicate, original = of(world, ZENDESK, second), of(world, ZENDESK, first)
    assert (duplicate.duplicate_of, original.duplicate_of) == (original.id, "")
    with pytest.raises(DuplicateError, match="only there can it be taken apart"):
        judged(world, "split", second)


def test_a_customer_is_known_across_desks(world: World) -> None:
    """Two accounts of one person share an address; a namesake does not."""
    world.site = msgspec.structs.replace(
        world.site,
        rules=RuleSet(classify_rules=world.site.rules.classify_rules, duplicate_rules=world.site.rules.duplicate_rules),
    )
    first = ask(world, "Invoice")
    for who in (KIM, LEE):
        world.rt.act("create", queue="General", subject="My invoice", body="the invoice", requester=who)
        world.settle()
    tickets = [of(world, RT, number) for number in world.rt.records.tickets]
    assert [each.duplicate_of for each in tickets] == [of(world, ZENDESK, first).id, ""]


def test_a_proposal_changes_nothing_until_a_person_says_so(world: World) -> None:
    """Both tickets have their copies, nobody is told, and it is not proposed twice."""
    given(world, "propose")
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    assert len(world.rt.effects.all(kind="create")) == 2
    (pair,) = pairs(world)
    assert (pair.ticket, pair.of) == (of(world, ZENDESK, second).id, of(world, ZENDESK, first).id)
    assert (pair.state, pair.rule, pair.by) == (PairState.PROPOSED, "again", "")
    world.zendesk.act("set", ticket_id=second, subject="Invoice, once more")
    world.settle()
    assert pairs(world) == [pair]
    assert (notes(world, first), notes(world, second)) == ([], [])


def test_tickets_of_others_and_of_other_matters_are_left_alone(world: World) -> None:
    """And those of which the rule knows too little."""
    ask(world, "Invoice")
    ask(world, "Invoice", who=LEE)
    ask(world, "Door", body="It squeaks")
    ask(world, "Window", body="It squeaks, too")
    assert pairs(world) == []
    assert len(world.rt.effects.all(kind="create")) == 4


def test_nothing_of_a_customer_stands_in_the_keys(world: World) -> None:
    """They are digests."""
    ask(world, "Invoice")
    with world.store.read() as tx:
        (row,) = tx.connection.exec_driver_sql("SELECT * FROM duplicate_keys").mappings().all()
    assert "kim" not in repr(dict(row))
    assert len(row["key"]) == 32


STAGED = """\
stages:
  implementation:
    - pending: {acme-zendesk: new}
    - building: {acme-zendesk: open, engineering-rt: open}
    - testing: {engineering-rt: stalled}
"""


def test_the_stage_follows_the_desks(world: World) -> None:
    """From either desk, also by a status that means the same to the other; our own writes count for nothing."""
    assert problems_of(STAGED, GATEWAY) == ()
    staged = site(STAGED + "classify:\n  - {name: all, set: {kind: implementation}}\n", GATEWAY, SPECS).rules
    rows = (
        Row((Category.NEW,), ("new",), "new", Category.NEW),
        Row((Category.OPEN,), ("open", "stalled"), "open", Category.OPEN),
        Row((Category.PENDING_CUSTOMER, Category.ON_HOLD), (), "open", Category.ON_HOLD),
    )
    sync = sync_rule(status_map=StatusMap(rows))
    world.site = msgspec.structs.replace(
        world.site, rules=RuleSet(classify_rules=staged.classify_rules, stages=staged.stages, sync_rules=(sync,))
    )
    number = ask(world, "Set it up")
    copy = world.rt.effects.all(kind="create")[0].remote_id
    assert of(world, ZENDESK, number).stage == "pending"
    world.rt.act("set", ticket=copy, Status="open")
    world.settle()
    world.rt.act("set", ticket=copy, Status="stalled")
    world.settle()
    ticket = of(world, ZENDESK, number)
    assert (ticket.stage, ticket.kind) == ("testing", Kind.IMPLEMENTATION)
    with world.store.read() as tx:
        moves = tx.stages.of_ticket(ticket.id)
    assert [(move.stage, move.by, move.name) for move in moves] == [
        ("pending", Setter.DESK, ZENDESK),
        ("building", Setter.PERSON, RT),
        ("testing", Setter.PERSON, RT),
    ]
    assert sorted(moves, key=lambda move: move.at) == list(moves)
    assert ticket.stamps["stage"] == Stamp(Setter.PERSON, RT, moves[-1].at)
    world.zendesk.act("set", ticket_id=number, status="pending")
    world.settle()
    world.zendesk.act("set", ticket_id=number, status="open")
    world.settle()
    assert of(world, ZENDESK, number).stage == "building"


def judged(world: World, act: str, *numbers: int) -> Judged:
    """Let a person say it of tickets by their Zendesk numbers; what is to be written for it is written."""
    named = [of(world, ZENDESK, number).id for number in numbers]

    def work(tx: SqlTx) -> Judged:
        judge = Judge(tx, world.site, ids=world.ids, now=world.clock.now(), actor="person:eva", why="same matter")
        made: Judged = getattr(judge, act)(*named)
        return made

    made = world.store.write(work)
    world.settle()
    return made


def test_a_person_accepts_a_proposal_and_takes_it_back(world: World) -> None:
    """Every note is written once, at each desk of both; then the two are left alone for ever."""
    given(world, "propose")
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    merged = judged(world, "merge", second, first)
    assert (merged.pair.state, merged.pair.rule, merged.pair.by) == (PairState.MERGED, "again", "person:eva")
    assert merged.notes == 4
    duplicate = of(world, ZENDESK, second)
    assert duplicate.duplicate_of == of(world, ZENDESK, first).id
    assert duplicate.stamps["duplicate_of"].by is Setter.PERSON
    assert [len(notes(world, each)) for each in (first, second)] == [1, 1]
    world.zendesk.act("comment", ticket_id=second, body="Hello?", public=True, by="customer")
    world.settle()
    assert [each.splitlines()[-1] for each in notes(world, first)[1:]] == ["Hello?"]
    split = judged(world, "split", second)
    assert (split.pair.state, split.notes) == (PairState.SPLIT, 4)
    assert of(world, ZENDESK, second).duplicate_of == ""
    assert notes(world, second)[-1].startswith(f"This ticket is no longer taken for a duplicate of {ZENDESK} #{first}")
    world.zendesk.act("comment", ticket_id=second, body="Still there?", public=True, by="customer")
    world.zendesk.act("set", ticket_id=second, subject="Another invoice")
    world.settle()
    assert len(notes(world, first)) == 3, "the merge, the reply, the split"
    assert [pair.state for pair in pairs(world)] == [PairState.SPLIT]
    again = judged(world, "merge", second, first)
    assert again.notes == 4
    assert len(notes(world, first)) == 4
    assert world.counts()["dead_letters"] == 0


def test_copies_of_a_split_ticket_are_made_when_it_changes_next(world: World) -> None:
    """The merge had kept them back."""
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    judged(world, "split", second)
    assert len(world.rt.effects.all(kind="create")) == 1
    world.zendesk.act("set", ticket_id=second, subject="Another invoice")
    world.settle()
    assert len(world.rt.effects.all(kind="create")) == 2
    assert of(world, ZENDESK, first).duplicate_of == ""


def test_a_rejected_proposal_is_not_made_again(world: World) -> None:
    """Nobody is told, and a third ticket is still found to repeat the first."""
    given(world, "propose")
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    assert judged(world, "reject", second, first).pair.state is PairState.REJECTED
    with pytest.raises(DuplicateError, match="rejected already"):
        judged(world, "reject", second, first)
    third = ask(world, "Invoice, thrice")
    names = {of(world, ZENDESK, number).id: number for number in (first, second, third)}
    assert [(names[pair.ticket], names[pair.of]) for pair in pairs(world, "proposed")] == [(third, first)]
    assert notes(world, first) == []


@pytest.mark.parametrize("by_desk", [False, True], ids=["person", "desk"])
@pytest.mark.parametrize(("merged", "left"), [("second", []), ("first", [("second", "other")])])
def test_nobody_is_asked_about_a_ticket_that_was_merged_elsewhere(
    world: World, merged: str, left: list[tuple[str, str]], *, by_desk: bool
) -> None:
    """What may have repeated it may repeat its original, and that is asked instead; the trail says so."""
    given(world, "propose")
    numbers = {"first": ask(world, "Invoice"), "second": ask(world, "Invoice, again")}
    numbers["other"] = ask(world, "Door", body="It squeaks")
    names = {of(world, ZENDESK, number).id: name for name, number in numbers.items()}
    if by_desk:
        world.zendesk.act("merge", ticket_id=numbers[merged], into=numbers["other"])
        world.settle()
    else:
        judged(world, "merge", numbers[merged], numbers["other"])
    assert [(names[pair.ticket], names[pair.of]) for pair in pairs(world, "proposed")] == left
    with world.store.read() as tx:
        actions = [row["action"] for row in tx.view.audit(ticket_id=of(world, ZENDESK, numbers["second"]).id)]
    assert "duplicate withdrawn" in actions


def test_nobody_is_asked_what_a_desk_has_answered(world: World) -> None:
    """It merges the two itself."""
    given(world, "propose")
    first, second = ask(world, "Invoice"), ask(world, "Invoice, again")
    world.zendesk.act("merge", ticket_id=second, into=first)
    world.settle()
    assert pairs(world, "proposed") == []
    assert of(world, ZENDESK, second).duplicate_of == of(world, ZENDESK, first).id


def test_there_is_never_a_chain(world: World) -> None:
    """Into a duplicate means into its original; an original takes its duplicates along."""
    given(world, "propose")
    first, second, third = (ask(world, words) for words in ("Invoice", "Invoice 2", "Invoice 3"))
    judged(world, "merge", second, first)
    into_duplicate = judged(world, "merge", third, second)
    assert into_duplicate.pair.of == of(world, ZENDESK, first).id
    assert "itself, which is its original now" in into_duplicate.warnings[0]
    judged(world, "split", third)
    moved = judged(world, "merge", first, third)
    original = of(world, ZENDESK, third).id
    assert moved.moved == (of(world, ZENDESK, second).id,)
    assert [of(world, ZENDESK, each).duplicate_of for each in (first, second, third)] == [original, original, ""]
    assert notes(world, second)[-1].startswith(f"This ticket is now a duplicate of {ZENDESK} #{third}")
    states = sorted((pair.state.value, pair.of == original) for pair in pairs(world))
    assert states == [("merged", True), ("merged", True)]


def test_what_cannot_be_merged_says_why(world: World) -> None:
    """And nothing comes of it."""
    first, other = ask(world, "Invoice"), ask(world, "Door", who=LEE, body="It squeaks")
    second = ask(world, "Invoice, again")
    for act, numbers, why in (
        ("merge", (first, first), "the same"),
        ("merge", (first, second), "is the original of the two"),
        ("merge", (other, first), "of two customers"),
        ("merge", (second, first), "already: gateway tickets split it first"),
        ("split", (first,), "is no duplicate"),
        ("reject", (second, first), "merged already: gateway tickets split takes a merge back"),
        ("reject", (other, first), "nothing was proposed"),
    ):
        with pytest.raises(DuplicateError, match=why):
            judged(world, act, *numbers)
    assert [pair.state for pair in pairs(world)] == [PairState.MERGED]
