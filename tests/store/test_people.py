"""Who is one person, on each database: what desks show in any order, and what a person says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.people import Identity, Terms, TieState, Why
from gateway.domain.person import RemotePerson
from gateway.errors import NotFoundError, PeopleError
from gateway.flow.people.judging import Judged, PeopleJudge
from gateway.flow.people.stitching import stitch
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.length import length
from tests.people import known

KIM, LEE = "kim@customer.example", "lee@customer.example"
OFFICE = "+46 8 123 456 78"

#: each example is taken back, so that they may share a store
EXAMPLES = settings(max_examples=length(12, 200), suppress_health_check=[HealthCheck.function_scoped_fixture])

#: (connection, account, address number, telephone number); 0 and "" are not shown
Sight = tuple[str, str, int, int]


def person(sight: Sight) -> RemotePerson:
    """Return what a desk shows."""
    _, account, address, number = sight
    phone = f"+46 8 100 000 {number}" if number else ""
    return RemotePerson(account, f"p{address}@customer.example" if address else "", phone, "Same Name")


class _UndoneError(Exception):
    """Takes everything back that an example did."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


def tried(store: SqlStore, work: Any) -> Any:
    """Do something in a transaction that does not stay; return what came of it."""

    def undone(tx: SqlTx) -> None:
        raise _UndoneError(work(tx))

    try:
        store.write(undone)
    except _UndoneError as done:
        return done.found


def sighted(store: SqlStore, tx: SqlTx, sights: Iterable[Sight], terms: Terms = Terms()) -> None:  # noqa: B008 - frozen
    """Let desks show people, one after the other."""
    for sight in sights:
        stitch(tx, sight[0], person(sight), terms=terms, now=store.clock.now(), ids=store.ids)


def everybody(tx: SqlTx) -> Sequence[Identity]:
    """Return every identity."""
    lines = tx.people_view.page(limit=1000)
    return tx.people.hold([line.id for line in lines])


def people_of(members: Iterable[Identity]) -> frozenset[frozenset[str]]:
    """Return who is one person, by their keys."""
    found: dict[str, set[str]] = {}
    for each in members:
        found.setdefault(each.person, set()).add(str(each.key))
    return frozenset(frozenset(own) for own in found.values())


def reached(tx: SqlTx) -> frozenset[frozenset[str]]:
    """Return who is one person or might be: what is tied, and what is doubted."""
    members = everybody(tx)
    by_id = {each.id: str(each.key) for each in members}
    held = {each: {each} for each in by_id.values()}
    for tie in tx.people.ties(list(by_id)):
        if tie.state is not TieState.APART:
            both = held[by_id[tie.one]] | held[by_id[tie.other]]
            for each in both:
                held[each] = both
    for own in people_of(members):
        both = set().union(*(held[each] for each in own))
        for each in both:
            held[each] = both
    return frozenset(frozenset(each) for each in held.values())


def shown_together(sights: Iterable[Sight]) -> frozenset[frozenset[str]]:
    """Return what desks show of one person, directly or by others: what stitching may come to at most."""
    held: dict[str, set[str]] = {}
    for sight in sights:
        who = person(sight)
        keys = {f"{sight[0]}:{who.external_id}"} if who.external_id else set()
        keys |= {f"email:{who.email}"} if who.email else set()
        keys |= {"phone:" + who.phone.replace(" ", "")} if who.phone else set()
        both = keys.union(*(held.get(each, set()) for each in keys))
        for each in both:
            held[each] = both
    return frozenset(frozenset(each) for each in held.values())


SIGHTS = st.lists(
    st.tuples(
        st.sampled_from(["zen", "rt"]), st.sampled_from(["", "1", "2"]), st.integers(0, 3),
        st.sampled_from([0, 0, 11, 12]),
    ).filter(lambda each: any(each[1:])),
    min_size=1,
    max_size=6,
)  # fmt: skip


@pytest.mark.long
@EXAMPLES
@given(data=st.data(), sights=SIGHTS)
def test_whatever_order_desks_show_it_in(store: SqlStore, data: st.DataObject, sights: list[Sight]) -> None:
    """What is tied or left to a person is the same; two accounts of one connection are never tied."""
    other = data.draw(st.permutations(sights))

    def outcome(order: Sequence[Sight]) -> Any:
        def work(tx: SqlTx) -> Any:
            sighted(store, tx, order)
            members = everybody(tx)
            return people_of(members), reached(tx), any(each.shared for each in members)

        return tried(store, work)

    (people, might, shared), (people_, might_, shared_) = outcome(sights), outcome(other)
    for own in (*people, *people_):
        accounts = [each.partition(":")[0] for each in own if each.startswith(("zen:", "rt:"))]
        assert len(accounts) == len(set(accounts)), own
    assert outcome([*sights, *sights])[0] == outcome([*sights, *sights])[0]
    if not (shared or shared_):
        assert might == might_ == shown_together(sights)
        if people == might:
            assert people_ == people, "nothing is in doubt, so the order cannot matter"


@pytest.mark.long
@EXAMPLES
@given(data=st.data(), first=SIGHTS, later=SIGHTS)
def test_a_merge_that_is_taken_back_leaves_nothing(
    store: SqlStore, data: st.DataObject, first: list[Sight], later: list[Sight]
) -> None:
    """Everybody is who they were, ids included, and what came in between is where its account belongs."""

    def work(tx: SqlTx) -> None:
        sighted(store, tx, first)
        before = {each.id: each.person for each in everybody(tx)}
        some = sorted(set(before.values()))
        if len(some) < 2:
            return
        one, other = data.draw(st.permutations(some))[:2]
        judge = PeopleJudge(tx, ids=store.ids, now=store.clock.now(), actor="person:eva")
        (merged,) = judge.merge(one, other).people
        assert {each.person for each in tx.people.hold(some) if before[each.id] in {one, other}} == {merged}
        sighted(store, tx, later)
        now = {each.id: each.person for each in everybody(tx)}
        # what desks show later may tie others to them, and name them all after an older address
        judge.undo(now[next(each for each, who in before.items() if who == one)])
        after = {each.id: each.person for each in everybody(tx)}
        mine = {after[each] for each, who in before.items() if who == one}
        theirs = {after[each] for each, who in before.items() if who == other}
        assert not mine & theirs
        if set(now) == set(before) and len(set(now.values())) == len(some) - 1:
            assert after == before, "nothing else happened"
        sighted(store, tx, [*first, *later])
        last = {each.id: each.person for each in everybody(tx)}
        sides = [{last[each] for each, who in before.items() if who == side} for side in (one, other)]
        assert not sides[0] & sides[1], "no desk ties what a person parted"

    tried(store, work)


def judged(store: SqlStore, say: Any) -> Judged:
    """Let a person say something."""

    def work(tx: SqlTx) -> Judged:
        judge = PeopleJudge(tx, ids=store.ids, now=store.clock.now(), actor="person:eva", reason="she says so")
        found: Judged = say(judge)
        return found

    return store.write(work)


def test_whoever_writes_an_address_into_their_profile_gets_nobodys_tickets(store: SqlStore) -> None:
    """The second account of a connection is a person of its own; while that is open the address ties nobody new."""
    kim = known(store, "portal", RemotePerson("1", KIM)).person
    attacker = known(store, "portal", RemotePerson("2", "me@evil.example")).person
    claimed = known(store, "portal", RemotePerson("2", KIM))
    assert claimed.person == attacker != kim
    assert [(action, told["why"]) for action, told in claimed.notes] == [("people in doubt", "same_desk")]
    assert known(store, "portal", RemotePerson("2", KIM)).notes == (), "it is said once"
    other = known(store, "zen", RemotePerson("9", KIM))
    assert other.person not in {kim, attacker}
    assert other.notes[0][1]["why"] == "contested"
    with store.read() as tx:
        assert {line.id for line in tx.people_view.page(doubts=True)} == {kim, attacker, other.person}
    judged(store, lambda judge: judge.part(kim, attacker))
    assert known(store, "zen", RemotePerson("9", KIM)).person in {kim, other.person}
    joined = known(store, "portal", RemotePerson("1", KIM)).person
    assert joined == known(store, "zen", RemotePerson("9", KIM)).person
    assert known(store, "portal", RemotePerson("2", KIM)).person == attacker
    with store.read() as tx:
        assert tx.people_view.page(doubts=True) == []


def test_an_address_of_many_ties_nobody_and_asks_nobody(store: SqlStore) -> None:
    """The third account that shows it makes it a shared one."""
    first, second, third = (known(store, "portal", RemotePerson(each, KIM)) for each in "123")
    assert len({first.person, second.person, third.person}) == 3
    assert [action for action, _ in third.notes] == ["address shared"]
    assert known(store, "zen", RemotePerson("9", KIM)).person not in {first.person, second.person}
    with store.read() as tx:
        assert tx.people_view.page(doubts=True) == []


def test_what_a_person_parted_no_third_address_brings_together(store: SqlStore) -> None:
    """Also when a desk shows both sides with the same new number."""
    kim = known(store, "zen", RemotePerson("1", KIM)).person
    assert known(store, "rt", RemotePerson("kim", KIM)).person == kim
    account = store.write(lambda tx: tx.people.hold([kim])[-1].id)
    parted = judged(store, lambda judge: judge.take(kim, [account]))
    assert set(parted.people[kim]) == {"zen:1", f"email:{KIM}"}
    theirs = known(store, "rt", RemotePerson("kim")).person
    assert theirs != kim
    assert known(store, "rt", RemotePerson("kim", KIM, OFFICE)).person == theirs
    assert known(store, "zen", RemotePerson("1", KIM, OFFICE)).person == kim
    assert judged(store, lambda judge: judge.merge(kim, theirs)).people.keys() == {kim}
    assert known(store, "rt", RemotePerson("kim", KIM, OFFICE)).person == kim
    with pytest.raises(PeopleError, match="one person already"):
        judged(store, lambda judge: judge.merge(kim, kim))
    with pytest.raises(NotFoundError):
        judged(store, lambda judge: judge.merge(kim, "nobody"))


def test_taking_out_the_address_in_the_middle_leaves_the_rest_together(store: SqlStore) -> None:
    """The accounts that it tied are one person still; the address is somebody else."""
    kim = known(store, "zen", RemotePerson("1", KIM)).person
    known(store, "rt", RemotePerson("kim", KIM))
    with store.read() as tx:
        (address,) = [each.id for each in tx.people.hold([kim]) if each.kind == "email"]
    judged(store, lambda judge: judge.take(kim, [address]))
    whole = known(store, "zen", RemotePerson("1")).person
    assert whole == known(store, "rt", RemotePerson("kim")).person
    assert known(store, "web", RemotePerson(email=KIM)).person != whole
    with pytest.raises(PeopleError, match="leaves the rest"):
        judged(store, lambda judge: judge.take(whole, []))
    with pytest.raises(PeopleError, match="nobody merged"):
        judged(store, lambda judge: judge.undo(whole))


def test_a_number_ties_who_has_no_address(store: SqlStore) -> None:
    """A messenger knows a number and nothing else; of two with an address it is an office's."""
    kim = known(store, "zen", RemotePerson("1", KIM, OFFICE)).person
    assert known(store, "whatsapp", RemotePerson("46812345678", phone=OFFICE)).person == kim
    lee = known(store, "rt", RemotePerson("lee", LEE, OFFICE))
    assert lee.person != kim
    assert lee.notes[0][1]["why"] == Why.TWO_ADDRESSES.value


def test_what_a_site_names_as_shared_ties_nobody(store: SqlStore) -> None:
    """Nor do the addresses of a connection that it does not believe."""
    terms = Terms(shared=("support@*",), accounts_only=frozenset({"portal"}))
    support = [RemotePerson("1", "Support@acme.example"), RemotePerson("2", "support@acme.example")]
    first, second = (known(store, name, who, terms).person for name, who in zip(("zen", "rt"), support, strict=True))
    assert first != second
    assert known(store, "rt", RemotePerson(email="support@acme.example"), terms).person == ""
    kim = known(store, "zen", RemotePerson("7", KIM), terms).person
    assert known(store, "portal", RemotePerson("8", KIM), terms).person != kim
