"""A long queue of tickets that nobody can have holds up none behind it, and costs next to nothing to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Table, event, text

from gateway.flow.routing.queueing import Queue
from gateway.store import SqlStore
from gateway.store.routing_tables import ways
from gateway.store.tables import lanes, links, tickets
from tests.flows.desk_room import RULES, DeskRoom

HARD = (
    RULES.replace("on_call: {rota: [{person: eva, calendar: always}]}\n", "")
    .replace("\nroutes:", "\n  - {name: api, when: {text: {words: [api]}}, set: {issue: api}}\nroutes:")
    .replace(
        "  - {name: others, when",
        "  - {name: experts, when: {issue: api}, needs: {skills: {billing: 3}, team: amer-support}}\n"
        "  - {name: others, when",
    )
)
#: what a copy of a row has of its own; the rest is as it is
COPIES: Mapping[Table, Mapping[str, str]] = {
    tickets: {"id": "'z-' || i", "doc": "replace(doc, :like, 'z-' || i)"},
    links: {"id": "'z-' || i", "ticket_id": "'z-' || i", "remote_id": "'9' || i"},
    lanes: {"link_id": "'z-' || i"},
    ways: {"ticket_id": "'z-' || i", "doc": "replace(doc, :like, 'z-' || i)", "due_at": "due_at + i"},
}

MINE: Mapping[Table, str] = {
    tickets: "id = :like",
    links: "ticket_id = :like AND role = 'source'",
    lanes: "link_id = (SELECT id FROM links WHERE ticket_id = :like AND role = 'source')",
    ways: "ticket_id = :like",
}


def crowd(room: DeskRoom, like: str, number: int) -> None:
    """Let so many more wait as one does, each due a moment after the one before it."""
    with room.store.engine.begin() as connection:
        for table, own in COPIES.items():
            names = [column.name for column in table.c]
            connection.execute(
                text(
                    f"INSERT INTO {table.name} ({', '.join(names)})"
                    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"
                    f" SELECT {', '.join(own.get(name, name) for name in names)} FROM {table.name}, n"
                    f" WHERE {MINE[table]}"
                ),
                {"number": number, "like": like},
            )


@contextmanager
def statements(store: SqlStore) -> Iterator[list[str]]:
    """Gather what the database is asked."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def given_out(room: DeskRoom) -> list[str]:
    """Return what the queue gives out now."""
    with room.store.read() as tx:
        return Queue(tx, room.site, room.now()).given_out()


def test_thousands_that_nobody_can_have_hold_up_none_behind_them(store: SqlStore) -> None:
    """Five thousand stand in front; Dana is through with one, and has the one behind all of them."""
    with DeskRoom(store, HARD) as room:
        hard = room.ticket("About the api")
        assert room.way(hard).outcome == "unroutable"
        room.later(hours=1)
        numbers = [room.ticket() for _ in range(3)]
        assert room.way(numbers[2]).outcome == "queued"
        crowd(room, room.found(hard).id, 5000)
        room.zendesk.act("set", ticket_id=numbers[0], status="solved")
        room.settle()
        with statements(store) as asked:
            assert given_out(room) == [room.found(numbers[2]).id]
        # what stands in front is one kin: one of them is asked for all
        assert len(asked) < 40
        room.later(seconds=1)
        assert room.way(numbers[2]).person == "dana"
        with store.read() as tx:
            assert not tx.ways.is_room_new()
            assert [kin.number for kin in tx.ways.kins()] == [5001]


def test_of_one_kin_every_page_is_given_out(store: SqlStore) -> None:
    """Twelve hundred alike wait for a whole team that comes to work: all have somebody, in their order."""
    with DeskRoom(store, RULES.replace(", capacity: 2}", "}"), at="03:00") as room:
        number = room.ticket()
        crowd(room, room.found(number).id, 1200)
        assert given_out(room) == []
        room.moved.ahead += room.moved.now().replace(hour=9) - room.moved.now()
        found = given_out(room)
        assert len(found) == len(set(found)) == 1201
        assert found[0] == room.found(number).id


def test_other_routes_let_the_whole_queue_be_looked_at_once(store: SqlStore) -> None:
    """What nobody could have has somebody by the routes of the next release; by the same routes nobody looks again."""
    with DeskRoom(store, HARD) as room:
        hard = room.ticket("About the api")
        crowd(room, room.found(hard).id, 120)
        room.puller.pull(seconds=30)
        room.rules(HARD.replace("billing: 3}, team: amer-support", "billing: 1}, team: amer-support"), release="next")
        assert room.puller.pull(seconds=30) >= 121
        with store.read() as tx:
            assert sum(use.count for use in tx.ways.use(room.now())) == 4
        room.rules(HARD.replace("billing: 3}, team: amer-support", "billing: 1}, team: amer-support"), release="again")
        assert room.puller.pull(seconds=30) == 0
