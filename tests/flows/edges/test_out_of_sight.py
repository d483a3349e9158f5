"""Our account loses the right to a ticket half-way: it is not taken as deleted, one letter says so, and it heals."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from dead_letters.resolve import Person, discard_delivery, discard_update
from gateway.domain.link import LinkState
from gateway.store import SqlStore
from tests.flows.edges.bridges import RT, ZENDESK, Edge


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def hide(edge: Edge, number: int, status: int = 404) -> None:
    """Take the right to read and to write one Zendesk ticket away."""
    path = rf"/tickets/{number}(\.json|/.*)?$"
    edge.zendesk.fault("error_without_effect", path=path, count=None, status=status)


def unheard(edge: Edge, number: int, words: str) -> None:
    """Let an agent say something of which no webhook tells."""
    edge.webhooks_lost = True
    edge.zendesk.act("comment", ticket_id=number, body=words, public=False)
    edge.zendesk.webhooks.flush(1)
    edge.webhooks_lost = False


@pytest.mark.parametrize("status", [403, 404])
def test_a_ticket_that_cannot_be_read_is_parked_once_and_heals(edge: Edge, status: int) -> None:
    """However much changes there meanwhile; when the right is back, all of it arrives, in order and once."""
    number, copy = edge.begun()
    hide(edge, number, status)
    for words in ("one", "two", "three"):
        unheard(edge, number, words)
        edge.poll(ZENDESK)
        edge.pass_time(60, rounds=8)
    assert edge.letters() == [(ZENDESK, "hidden")]
    edge.zendesk.faults.clear()
    edge.pass_time(20 * 60)
    edge.poll(ZENDESK)
    assert edge.at_rt(copy) == ["one", "two", "three"]
    assert edge.letters() == []


@pytest.mark.parametrize("skips", [False, True])
def test_what_is_to_be_written_waits_behind_one_letter(edge: Edge, skips: bool) -> None:
    """Also where other letters let the next one pass; then it is written by itself, in order and once."""
    if skips:
        edge.site = msgspec.structs.replace(edge.site, skipping=frozenset({ZENDESK, RT}))
    number, copy = edge.begun()
    hide(edge, number, 403)
    for words in ("one", "two", "three"):
        edge.rt.act("note", ticket=copy, body=words)
        edge.settle()
    assert edge.letters() == [(ZENDESK, "hidden")]
    unheard(edge, number, "said meanwhile")
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    assert edge.letters() == [(ZENDESK, "hidden")]
    edge.zendesk.faults.clear()
    edge.pass_time(20 * 60)
    edge.poll(ZENDESK)
    edge.settle_all()
    assert edge.at_zendesk(number) == ["said meanwhile", "one", "two", "three"]
    assert "said meanwhile" in edge.at_rt(copy)
    assert edge.letters() == []
    assert edge.zendesk.effects.doubled() == {}


def test_the_letter_of_a_read_gives_way_to_that_of_a_write(edge: Edge) -> None:
    """One ticket, one letter."""
    number, copy = edge.begun()
    hide(edge, number)
    unheard(edge, number, "said meanwhile")
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    edge.rt.act("note", ticket=copy, body="one")
    edge.settle()
    with edge.store.read() as tx:
        letters = [(each.what, each.reason) for each in tx.view.dead_letters(limit=5)]
    assert letters == [("update", "hidden")]


def test_a_refusal_of_one_update_is_not_a_hidden_ticket(edge: Edge) -> None:
    """A ticket that can be read and not be written is refused as before."""
    number, copy = edge.begun()
    path = rf"/tickets/{number}(\.json)?$"
    edge.zendesk.fault("error_without_effect", method="PUT", path=path, count=None, status=403)
    edge.rt.act("note", ticket=copy, body="one")
    edge.settle()
    assert edge.letters() == [(ZENDESK, "rejected")]


def test_lost_credentials_are_not_many_hidden_tickets(edge: Edge) -> None:
    """Where nothing can be read and we are not known any more, the connection pauses; no ticket is parked."""
    number, _ = edge.begun()
    unheard(edge, number, "one")
    edge.zendesk.fault("error_without_effect", path=rf"/tickets/{number}", count=None, status=404)
    edge.zendesk.fault("error_without_effect", path="/users/me", count=None, status=401)
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    assert edge.letters() == []
    with edge.store.read() as tx:
        assert tx.desks.all()[ZENDESK].paused


@pytest.mark.parametrize("written", [False, True])
def test_a_person_says_that_it_was_deleted(edge: Edge, written: bool) -> None:
    """By discarding its letter: the link ends, what waited is discarded with it, and nothing more is written there."""
    number, copy = edge.begun()
    hide(edge, number)
    if written:
        for words in ("one", "two"):
            edge.rt.act("note", ticket=copy, body=words)
            edge.settle()
    else:
        unheard(edge, number, "one")
        edge.poll(ZENDESK)
        edge.pass_time(60, rounds=8)
    with edge.store.read() as tx:
        (letter,) = tx.view.dead_letters(limit=5)
    discard = discard_update if written else discard_delivery
    edge.store.write(lambda tx: discard(tx, letter.id, edge.clock.now(), Person("kim", "deleted by mistake")))
    edge.settle()
    edge.rt.act("note", ticket=copy, body="three")
    edge.settle()
    with edge.store.read() as tx:
        link = tx.links.by_remote([(ZENDESK, str(number))])[ZENDESK, str(number)]
    assert link.state is LinkState.GONE
    assert edge.letters() == []
    assert not edge.counts().get("updates_ready")


def test_a_deletion_that_is_told_after_all_settles_the_letter(edge: Edge) -> None:
    """The desk's own word is better than a guess."""
    number, _ = edge.begun()
    hide(edge, number)
    unheard(edge, number, "one")
    edge.poll(ZENDESK)
    edge.pass_time(60, rounds=8)
    assert edge.letters() == [(ZENDESK, "hidden")]
    edge.zendesk.act("delete", ticket_id=number)
    edge.pass_time(60, rounds=2)
    assert edge.letters() == []


@pytest.mark.parametrize("survivor", ["known", "unknown"])
@pytest.mark.parametrize("written", [True, False])
def test_it_was_merged_into_another(edge: Edge, survivor: str, *, written: bool) -> None:
    """What waited for it goes on by itself at the one that stays, in order and once; no letter is left."""
    number, copy = edge.begun()
    edge.webhooks_lost = survivor == "unknown"
    stays = int(edge.zendesk.act("create", subject="Again", body="It burns", email="kim@customer.example")["id"])
    edge.settle()
    edge.webhooks_lost = False
    hide(edge, number)
    if written:
        for words in ("one", "two"):
            edge.rt.act("note", ticket=copy, body=words)
            edge.settle()
    else:
        unheard(edge, number, "zero")
        edge.poll(ZENDESK)
        edge.pass_time(60, rounds=8)
    assert edge.letters() == [(ZENDESK, "hidden")]
    edge.zendesk.act("merge", ticket_id=number, into=stays)
    edge.pass_time(60, rounds=2)
    edge.settle_all()
    assert edge.letters() == []
    assert edge.at_zendesk(stays) == (["one", "two"] if written else [])
    with edge.store.read() as tx:
        assert tx.hidden.get(ZENDESK, str(number)) is None
    edge.rt.act("note", ticket=copy, body="three")
    edge.settle_all()
    assert edge.at_zendesk(stays)[-1] == "three"
    assert edge.zendesk.effects.doubled() == {}
