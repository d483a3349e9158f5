"""A Zendesk ticket is closed for good: a reply goes on in a follow-up, once; nothing else is lost or holds it up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.store import SqlStore
from tests.flows.edges.bridges import ZENDESK, Edge


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks, on each database."""
    with Edge(store) as made:
        yield made


def closed(edge: Edge) -> tuple[int, str]:
    """Return a Zendesk ticket that is closed for good, and its copy in RT."""
    number, copy = edge.begun()
    edge.zendesk.act("set", ticket_id=number, status="closed")
    edge.settle()
    return number, copy


def follow_ups(edge: Edge, number: int) -> list[int]:
    """Return the tickets that go on with one."""
    found = edge.zendesk.records.tickets.values()
    return [each["id"] for each in found if each["via"]["source"]["from"].get("ticket_id") == number]


def trail(edge: Edge, number: int) -> list[str]:
    """Return what happened to the ticket of one at Zendesk."""
    with edge.store.read() as tx:
        link = tx.links.by_remote([(ZENDESK, str(number))])[ZENDESK, str(number)]
        return [str(each["action"]) for each in tx.view.audit(ticket_id=link.ticket_id)]


FAULTS: list[dict[str, Any]] = [
    {},
    {"kind": "reset_after"},
    {"kind": "reset_before"},
    {"kind": "error_with_effect"},
    {"kind": "half_body"},
    {"kind": "late_effect", "seconds": 0.6},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.get("kind", "none"))
def test_a_reply_goes_on_in_one_follow_up(edge: Edge, fault: dict[str, Any]) -> None:
    """Whatever happens to its creation; what is said on either side from then on reaches the other, on that ticket."""
    number, copy = closed(edge)
    if fault:
        edge.zendesk.fault(**{**fault, "method": "POST", "path": "/tickets$"})
    edge.rt.act("reply", ticket=copy, body="It was the fuser.")
    edge.settle_all()
    (follow_up,) = follow_ups(edge, number)
    record = edge.zendesk.records.tickets[follow_up]
    assert record["description"].splitlines()[-1] == "It was the fuser."
    assert record["requester_id"] == edge.zendesk.records.tickets[number]["requester_id"]
    edge.rt.act("reply", ticket=copy, body="A new one is on its way.")
    edge.settle_all()
    edge.zendesk.act("comment", ticket_id=follow_up, body="It has arrived.", public=False)
    edge.settle_all()
    edge.pass_time(600)
    edge.poll()
    edge.settle_all()
    assert edge.at_zendesk(follow_up) == ["A new one is on its way.", "It has arrived."]
    assert edge.at_rt(copy) == ["It was the fuser.", "A new one is on its way.", "It has arrived."]
    assert follow_ups(edge, number) == [follow_up]
    assert len(edge.rt.effects.all(kind="create")) == 1
    assert edge.counts()["tickets"] == 1
    assert edge.letters() == []
    assert edge.zendesk.effects.doubled() == {}
    assert "follow-up" in trail(edge, follow_up)


def test_a_note_is_left_to_a_person_and_holds_nothing(edge: Edge) -> None:
    """Nobody wants a new ticket for a note between colleagues; a reply after it goes its way."""
    number, copy = closed(edge)
    edge.rt.act("note", ticket=copy, body="for the record")
    edge.settle_all()
    assert edge.letters() == [(ZENDESK, "closed")]
    assert follow_ups(edge, number) == []
    edge.rt.act("reply", ticket=copy, body="It was the fuser.")
    edge.settle_all()
    assert len(follow_ups(edge, number)) == 1
    assert edge.letters() == [(ZENDESK, "closed")]


def test_a_field_is_not_set_and_the_trail_says_so(edge: Edge) -> None:
    """There is nothing that a person could do about it, so there is no letter; and it keeps no reply waiting."""
    number, copy = closed(edge)
    edge.rt.act("set", ticket=copy, Status="open")
    edge.settle_all()
    assert edge.letters() == []
    assert edge.zendesk.records.tickets[number]["status"] == "closed"
    assert "not written" in trail(edge, number)
    edge.rt.act("reply", ticket=copy, body="It was the fuser.")
    edge.settle_all()
    assert len(follow_ups(edge, number)) == 1


def test_a_follow_up_that_a_customer_begins_is_a_ticket_of_its_own(edge: Edge) -> None:
    """It gets a copy of its own; the trails of both name the other."""
    number, copy = closed(edge)
    made = edge.zendesk.act(
        "create", subject="Printer", body="It burns again", email="kim@customer.example", via_followup_source_id=number
    )
    edge.settle_all()
    edge.poll()
    assert edge.counts()["tickets"] == 2
    assert edge.rt.effects.all(kind="create")[0].remote_id == copy
    assert "follow-up" in trail(edge, number)
    assert "follow-up of" in trail(edge, int(made["id"]))
