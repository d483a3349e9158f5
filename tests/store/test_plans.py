"""What runs all the time is answered by indexes, on both databases, however large the tables grow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event

from gateway.domain.update import Operation, UpdateState
from gateway.store import SqlStore
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.unit import SqlTx
from tests.store.test_record import a_link, an_update, delivery

LARGE = (
    "attempts", "audit", "clock_changes", "clock_firings", "clock_log", "clocks", "comments", "deliveries",
    "delivery_keys", "duplicate_keys", "duplicates", "echoes",
    "effect_keys", "events", "lanes", "links", "looks", "stage_moves", "tickets", "updates", "ways",
)  # fmt: skip
#: reading all of these is right: they hold only what waits, or what is listed; there is one desk a connection
SMALL = re.compile(
    r"ix_(deliveries_(pending|deferred|parked)|updates_(dead|standing|creates|flying)|lanes_due|audit_unsealed"
    r"|ways_(held|waiting|offered|unroutable|frozen)|turns_room)|SCAN desks$"
)
#: read backwards until the list is full
LISTED = re.compile(
    r"ix_(events_recorded|tickets_updated|duplicates_(at|proposed)|(deliveries|updates)_ended)|autoindex_(updates|audit)_1|(updates|audit)_pkey"
)

Work = Callable[[SqlTx, str, str, datetime], object]
STEPS: dict[str, Work] = {
    "deliveries that are due": lambda tx, _l, _t, now: tx.inbox.due(50, now),
    "whether a delivery is due": lambda tx, _l, _t, now: tx.inbox.has_due(now),
    "how many wait": lambda tx, _l, _t, _n: tx.inbox.pending(),
    "links by remote id": lambda tx, _l, _t, _n: tx.links.by_remote([("desk", "7"), ("other", "8")]),
    "links of a ticket": lambda tx, _l, ticket, _n: tx.links.of_ticket(ticket),
    "a link by its marker": lambda tx, _l, _t, _n: tx.links.by_effect_key("desk", "k"),
    "locks of a batch": lambda tx, _l, _t, _n: tx.tickets.lock([("desk", "7"), ("other", "8")]),
    "comments": lambda tx, _l, ticket, _n: tx.tickets.comments(ticket),
    "the newest comments": lambda tx, _l, ticket, _n: tx.tickets.newest_comments(ticket, 1),
    "a known event": lambda tx, _l, _t, _n: tx.tickets.knows_event("desk", "e"),
    "expected echoes": lambda tx, lane, _t, _n: tx.ledger.entries(lane),
    "what we wrote between two rounds": lambda tx, _l, _t, now: tx.links.written("desk", now, now),
    "what is in flight": lambda tx, lane, _t, _n: tx.outbox.heads_in_flight([lane]),
    "what landed since": lambda tx, lane, _t, now: tx.outbox.landed_since(lane, now),
    "creates in flight": lambda tx, _l, _t, _n: tx.outbox.creates_in_flight("desk"),
    "fields on their way": lambda tx, lane, _t, _n: tx.outbox.pending_fields(lane),
    "what goes on when it is in sight": lambda tx, lane, _t, now: tx.hidden.revive(lane, now),
    "whether a lane is due": lambda tx, _l, _t, now: tx.outbox.has_due(now, ["desk", "other"]),
    "the same customer's tickets": lambda tx, _l, ticket, now: tx.duplicates.others(ticket, "k", now, now),
    "what a ticket is found by": lambda tx, _l, ticket, now: tx.duplicates.keep(ticket, now, []),
    "what was said of two tickets": lambda tx, _l, ticket, _n: tx.duplicates.get(ticket, "other"),
    "what was said of a ticket": lambda tx, _l, ticket, _n: tx.duplicates.of_ticket(ticket),
    "the duplicates of a ticket": lambda tx, _l, ticket, _n: tx.duplicates.merged_into(ticket),
    "the stages of a ticket": lambda tx, _l, ticket, _n: tx.stages.of_ticket(ticket),
    "proposed duplicates": lambda tx, _l, _t, _n: tx.duplicates.list(),
    "all duplicates": lambda tx, _l, _t, _n: tx.duplicates.list(state=""),
    "sealing the audit trail": lambda tx, _l, _t, _n: tx.audit.seal(10),
    "the page: tickets": lambda tx, _l, _t, _n: tx.view.tickets(),
    "the page: live updates": lambda tx, _l, _t, _n: tx.view.updates(states=("ready", "sending", "unknown")),
    "the page: all updates": lambda tx, _l, _t, _n: tx.view.updates(),
    "the page: done updates": lambda tx, _l, _t, _n: tx.view.updates(states=("done",)),
    "the page: dead letters": lambda tx, _l, _t, _n: tx.view.dead_letters(),
    "the page: journeys": lambda tx, _l, ticket, _n: tx.view.journeys([ticket]),
    "the page: events": lambda tx, _l, _t, _n: tx.view.recent_events(),
    "the page: audit": lambda tx, _l, _t, _n: tx.view.audit(),
    "whether a look is due": lambda tx, _l, _t, now: tx.looks.has_due(now, ["desk", "other"]),
    "looks that are due": lambda tx, _l, _t, now: tx.looks.due(now, ["desk", "other"], 50),
    "looks that wait": lambda tx, _l, _t, now: tx.looks.postpone("desk", now, now),
    "a copy that was seen": lambda tx, _l, _t, now: tx.looks.witness("k", now),
    "what was written since": lambda tx, _l, _t, _n: tx.looks.newer("u", ["title"]),
    "looks that are to come": lambda tx, _l, _t, now: tx.looks.expect({"u": now}),
    "a comment of ours": lambda tx, lane, _t, _n: tx.looks.comment_of(lane, "c"),
    "how many doubles there are": lambda tx, _l, _t, _n: tx.looks.doubles(),
    "clocks that wait too long": lambda tx, _l, _t, now: tx.alerts.waiting("k", now, 9),
    "tickets in their stage": lambda tx, _l, _t, now: tx.alerts.staying("k", now, 9),
    "what an alert has told of": lambda tx, _l, _t, _n: (tx.alerts.told("k"), tx.alerts.forget("k")),
    "the tickets of a report": lambda tx, _l, _t, now: list(tx.reporting.tickets(now, now, now)),
    "the breaches of a report": lambda tx, _l, _t, now: list(tx.reporting.breaches(now, now, now)),
    "the clocks of a report": lambda tx, _l, ticket, now: tx.reporting.clocks([ticket, "other"], now),
    "the way of a ticket": lambda tx, _l, ticket, _n: tx.ways.get(ticket),
    "what people have in hand": lambda tx, _l, ticket, now: tx.ways.use(now, but=ticket),
    "ways that are due": lambda tx, _l, _t, now: tx.ways.due(now, 50),
    "the queue": lambda tx, _l, _t, _n: tx.ways.waiting(50),
    "the queue by what it looks for": lambda tx, _l, _t, _n: tx.ways.kins(),
    "the queue of some kins": lambda tx, _l, _t, _n: tx.ways.waiting(50, kins=["a", "b"]),
    "who waits longest": lambda tx, _l, _t, _n: tx.ways.longest(50, kins=["a", "b"]),
    "what is offered": lambda tx, _l, _t, _n: tx.ways.offered(50),
    "whether somebody has room again": lambda tx, _l, _t, _n: tx.ways.is_room_new(),
    "what routing said": lambda tx, _l, ticket, _n: tx.view.routed(ticket, 10),
    "a letter by a part of its id": lambda tx, _l, _t, _n: tx.dead_letters.find("abcdef"),
}


@contextmanager
def explained(store: SqlStore) -> Iterator[list[str]]:
    """Collect what is read of a large table without its index having been asked for anything."""
    found: list[str] = []
    postgres = store.engine.dialect.name == "postgresql"

    def explain(connection: Connection, _c: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if not re.match(r"\s*(SELECT|UPDATE|DELETE)\b", statement):
            return
        raw = connection.connection.dbapi_connection
        assert raw is not None
        cursor = raw.cursor()
        given = parameters[0] if many else parameters
        if postgres:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", given)
            found.extend(_without_an_index(cursor.fetchall()[0][0][0]["Plan"]))
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            scans = [row[3] for row in cursor.fetchall() if re.match(r"SCAN (?!anon_|\(|\d* ?CONSTANT)", row[3])]
            found.extend(scan for scan in scans if not SMALL.search(scan) and not LISTED.search(scan))

    event.listen(store.engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", explain)


def _without_an_index(plan: dict[str, Any]) -> Iterator[str]:
    relation, index = plan.get("Relation Name"), plan.get("Index Name", "")
    asked = "Index Cond" in plan or "Recheck Cond" in plan or SMALL.search(index) or LISTED.search(index)
    if (relation in LARGE and not asked) and plan["Node Type"] != "ModifyTable":
        yield f"{plan['Node Type']} on {relation} {index}"
    for part in plan.get("Plans", ()):
        yield from _without_an_index(part)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_asks_an_index(store: SqlStore, step: str) -> None:
    """No statement reads a whole table that grows."""
    link = a_link(store)
    an_update(store, link, title="x")
    with explained(store) as found:
        store.write(lambda tx: STEPS[step](tx, link.id, link.ticket_id, store.clock.now()))
    assert found == []


def test_the_way_of_an_update_asks_indexes(store: SqlStore) -> None:
    """Append, claim, head, give back, letter, discard."""
    link = a_link(store)

    def work(tx: SqlTx) -> None:
        now = store.clock.now()
        claims = tx.outbox.claim(holder="me", limit=9, lease=9, now=now, budgets={"desk": 9, "other": 9})
        head = tx.outbox.heads(claims)[link.id]
        tx.outbox.keep(claims, 9)
        tx.outbox.release(claims, now)
        tx.dead_letters.letter(head.id)
        tx.dead_letters.close(head.id, "discarded", now)

    with explained(store) as found:
        an_update(store, link, title="x")
        an_update(store, link, Operation.INTERNAL_NOTE)
        store.write(work)
    assert found == []


def test_clearing_asks_indexes(store: SqlStore) -> None:
    """What has lived its time is found, and deleted, by an index."""
    rows = [delivery(store, name) for name in ("a", "b")]
    link = a_link(store)
    wanted = an_update(store, link, title="x")

    def work(tx: SqlTx) -> None:
        tx.inbox.add(rows)
        tx.inbox.applied(rows[0].id, store.clock.now())
        tx.dead_letters.close(wanted.id, "discarded", store.clock.now())

    store.write(work)
    with explained(store) as found:
        Pruner(store, lambda: Lifetimes(deliveries=-2, keys=-2, echoes=-2), store.clock).visit(seconds=60)
    assert found == []
    with store.read() as tx:
        counts = tx.view.counts()
    assert (counts.get("deliveries_applied"), counts["deliveries_pending"], counts["tickets"]) == (None, 1, 1)


def test_the_numbers_of_the_page_are_true(store: SqlStore) -> None:
    """Each state is counted once, resolved letters with the given up, and only open ones as letters."""
    link = a_link(store)
    states = [UpdateState.DONE, UpdateState.DEAD, UpdateState.DEAD, UpdateState.READY]
    made = [an_update(store, link, Operation.INTERNAL_NOTE) for _ in states]

    def work(tx: SqlTx) -> None:
        for new, state in zip(made, states, strict=True):
            row = tx.outbox.get(new.id)
            assert row is not None
            if state is UpdateState.DEAD:
                tx.dead_letters.close(new.id, "discarded", store.clock.now())
        rows = [delivery(store, f"d{number}") for number in range(3)]
        tx.inbox.add(rows)
        tx.inbox.applied(rows[0].id, store.clock.now())

    store.write(work)
    with store.read() as tx:
        found = tx.view.counts()
    assert found == {
        "tickets": 1, "deliveries_applied": 1, "deliveries_pending": 2, "updates_dead": 2, "updates_ready": 2,
        "dead_letters": 0,
    }  # fmt: skip
