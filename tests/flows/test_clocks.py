"""The clocks of tickets in the flow: what desks tell goes into the log, and what the log tells into the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from gateway.domain.clock_instance import Instance, Status
from gateway.domain.clock_log import EntryKind
from gateway.flow.sla.timekeeping import told
from gateway.store import SqlStore
from rules import load_site
from tests.clocks import MovedClock
from tests.flows.world import World
from tests.rules.making import installed

GATEWAY = """
connections:
  acme-zendesk:
    connector: zendesk
    url: https://acme.example
    auth: {email: a@acme.example, api_token: "${A}"}
    webhook_secret: ${B}
  engineering-rt: {connector: request_tracker, url: "https://rt.example", auth: {token: "${C}"}, webhook_secret: "${D}"}
"""
RULES = """
sla:
  - name: standard
    calendar: always
    targets:
      first_response: {P1: 15m, default: 4h}
      resolution: {P1: {warn: 1h, within: 2h}, default: 8h}
      next_reply: 1h
    pause_when: {status: pending_customer}
calendars:
  always: 24x7
"""


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, with promises, on each database."""
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": RULES}, installed())
    assert site is not None, problems
    with World(store) as made:
        made.site = msgspec.structs.replace(made.site, rules=site.rules)
        yield made


def clocks(world: World) -> dict[str, Instance]:
    """Return the last instance of each metric of the one ticket."""
    with world.store.read() as tx:
        (ticket,) = tx.view.tickets(limit=5)
        return {row.instance.metric: row.instance for row in tx.clocks.rows(ticket.id)}


def test_a_ticket_gets_its_clocks_and_they_follow_what_happens(world: World) -> None:
    """Opened, answered, waiting for the customer, raised, solved: each by the time of the desk."""
    number = int(world.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")["id"])
    world.settle()
    found = clocks(world)
    assert {name: (each.status, each.target_s) for name, each in found.items()} == {
        "first_response": (Status.IN_PROGRESS, 4 * 3600),
        "resolution": (Status.IN_PROGRESS, 8 * 3600),
    }
    assert found["resolution"].due == found["resolution"].started + timedelta(hours=8)
    world.zendesk.act("comment", ticket_id=number, body="We are on it", by="agent", public=True)
    world.settle()
    assert clocks(world)["first_response"].status is Status.SUCCEEDED
    world.zendesk.act("comment", ticket_id=number, body="Any news?", by="customer", public=True)
    world.settle()
    assert clocks(world)["next_reply"].status is Status.IN_PROGRESS
    world.zendesk.act("set", ticket_id=number, status="pending")
    world.settle()
    assert clocks(world)["resolution"].status is Status.PAUSED
    world.zendesk.act("set", ticket_id=number, priority="urgent", status="open")
    world.settle()
    raised = clocks(world)["resolution"]
    assert (raised.status, raised.level, raised.target_s, raised.version) == (Status.IN_PROGRESS, "P1", 7200, 2)
    world.zendesk.act("set", ticket_id=number, status="solved")
    world.settle()
    assert clocks(world)["resolution"].status is Status.SUCCEEDED
    assert clocks(world)["next_reply"].ended is not None


def test_the_record_is_the_same_when_it_is_told_again(world: World) -> None:
    """A second telling at the same instant stores nothing."""
    world.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")
    world.settle()
    with world.store.read() as tx:
        (ticket,) = tx.view.tickets(limit=5)
        before = (tx.clocks.rows(ticket.id), tx.clocks.changes(ticket.id), tx.clocks.log(ticket.id))
    assert {entry.kind for entry in before[2]} == {
        EntryKind.TERMS,
        EntryKind.OPENED,
        EntryKind.STATUS,
        EntryKind.CONTEXT,
    }
    second = timedelta(seconds=1)
    assert all(row.instance.warn_at and row.wake_at == row.instance.warn_at + second for row in before[0])
    at = world.clock.now()
    world.store.write(lambda tx: told(tx, ticket.id, at, world.site.rules))
    world.store.write(lambda tx: told(tx, ticket.id, at, world.site.rules))
    with world.store.read() as tx:
        assert {row.revision for row in tx.clocks.rows(ticket.id)} <= {1, 2}
        assert tx.clocks.changes(ticket.id) == before[1]


@pytest.mark.parametrize(("hours", "cycle"), [(1, 1), (3, 2)])
def test_what_is_opened_again_too_late_is_promised_anew(store: SqlStore, hours: int, cycle: int) -> None:
    """Within the time that the policy names it goes on, after that another cycle begins."""
    rules = RULES.replace("    pause_when:", "    reopen_within: 2h\n    pause_when:")
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": rules}, installed())
    assert site is not None, problems
    moved = MovedClock()
    with World(store, clock=moved) as world:
        world.site = msgspec.structs.replace(world.site, rules=site.rules)
        number = int(world.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")["id"])
        world.zendesk.act("set", ticket_id=number, status="solved")
        world.settle()
        assert clocks(world)["resolution"].status is Status.SUCCEEDED
        moved.ahead += timedelta(hours=hours)
        world.zendesk.clock.skew = moved.ahead
        world.zendesk.act("set", ticket_id=number, status="open")
        world.settle()
        found = clocks(world)["resolution"]
        assert (found.status, found.cycle) == (Status.IN_PROGRESS, cycle)


def test_a_promise_around_the_clock_may_wait_for_business_days_of_its_policy(store: SqlStore) -> None:
    """A P1 counts at any time, and waits for its customer no longer than two days of the office."""
    rules = """
sla:
  - name: standard
    calendar: office
    targets: {resolution: {P1: {within: 2h, calendar: always}, default: 8h}}
    pause_when: {status: pending_customer}
    max_pause: 2bd
calendars:
  office: {timezone: Europe/Prague, week: {mon-sun: [09:00-17:00]}}
  always: 24x7
"""
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/sla.yaml": rules}, installed())
    assert site is not None, problems
    with World(store) as world:
        world.site = msgspec.structs.replace(world.site, rules=site.rules)
        opened = world.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example")
        world.zendesk.act("set", ticket_id=int(opened["id"]), status="pending", priority="urgent")
        world.settle()
        waits = clocks(world)["resolution"]
        assert (waits.level, waits.target_s, waits.status) == ("P1", 7200, Status.PAUSED)
        with world.store.read() as tx:
            (ticket,) = tx.view.tickets(limit=5)
        later = world.clock.now() + timedelta(days=4)
        world.store.write(lambda tx: told(tx, ticket.id, later, world.site.rules))
        assert clocks(world)["resolution"].status is Status.BREACHED
