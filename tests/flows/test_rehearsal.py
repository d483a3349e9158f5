"""A rehearsal says what the gateway does: the same journey on two desks and in the mind of a case."""

from __future__ import annotations

import msgspec

from gateway.domain.ticket import Ticket
from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from gateway.store import SqlStore
from gateway.store.view import TicketLine
from rules import load_site
from rules.cases import Moment, Words, load_given
from rules.examples import example
from tests.flows.world import World
from tests.rules.making import installed

GIVEN = """\
ticket: {source: acme-zendesk, title: Total outage, body: For all of us, requester: kim@customer.example}
then:
  - {after: 1s, status: open}
  - {after: 2s, reply: {by: agent, text: We are on it}}
  - {after: 3s, reply: {by: agent, text: Between us, visibility: internal}}
  - {after: 4s, connection: engineering-rt, reply: {by: agent, text: Half done, visibility: internal}}
  - {after: 5s, connection: engineering-rt, status: resolved}
"""  # fmt: skip

FIELDS = ("kind", "issue", "stage", "tier", "title", "body")


def expected(moments: tuple[Moment, ...]) -> list[tuple[str, str, str]]:
    """Return the updates of a rehearsal as the record names them."""
    said = {"create": "create", "public_reply": "public reply", "internal_note": "internal note"}
    return [
        (each.connection, each.operation, said.get(each.operation, "set " + ", ".join(each.fields)))
        for moment in moments
        for each in moment.told
    ]


def test_the_gateway_does_what_a_rehearsal_says(store: SqlStore) -> None:
    """The same updates, in each lane in the same order, and the same ticket at the end."""
    site, _ = load_site(example("demo"), installed())
    assert site is not None
    given, problems = load_given("ticket.yaml", GIVEN, Words.of(site))
    assert given is not None, problems
    moments = rehearse(given, site.rules, rehearsed_desks(site, installed()))
    with World(store) as world:
        world.site = msgspec.structs.replace(world.site, rules=site.rules)
        world.rt.records.queues["Support"] = 90
        number = world.zendesk.act(
            "create", subject="Total outage", body="For all of us", email="kim@customer.example"
        )["id"]
        world.settle()
        (line,) = _tickets(world)
        remote = line.links["engineering-rt"][0]
        world.zendesk.act("set", ticket_id=number, status="open")
        world.settle()
        world.zendesk.act("comment", ticket_id=number, body="We are on it", public=True)
        world.settle()
        world.zendesk.act("comment", ticket_id=number, body="Between us", public=False)
        world.settle()
        world.rt.act("note", ticket=remote, body="Half done")
        world.settle()
        world.rt.act("set", ticket=remote, Status="resolved")
        world.settle()
        with world.store.read() as tx:
            done = tx.view.updates(ticket_id=line.id)
            ticket = tx.tickets.get(line.id)
            decisions = tx.view.decisions(line.id)
            assert tx.view.last_decision(line.id) == decisions[-1]
            assert tx.view.last_decision("nothing") is None
            decided = [row["detail"] for row in decisions]
    assert ticket is not None
    in_order = sorted(done, key=lambda each: (each.connection, each.created_at, each.seq))
    # due times that desks show are no part of a rehearsal
    lanes = [(each.connection, each.operation, each.summary) for each in in_order if each.summary != "set due"]
    assert lanes == sorted(expected(moments), key=lambda each: each[0])
    assert _told(ticket) == _told(moments[-1].ticket)
    assert [each["sets"] for each in decided if each["sets"]] == [each.sets for each in moments if each.sets]


def _tickets(world: World) -> list[TicketLine]:
    with world.store.read() as tx:
        return list(tx.view.tickets())


def _told(ticket: Ticket) -> dict[str, object]:
    found = {name: getattr(ticket, name) for name in FIELDS}
    return found | {"status": ticket.status.category, "priority": ticket.priority.level}
