"""Desks that tell no time of a change, and desks that cannot search: what is listed is compared, and looked through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.generic import connect
from connectors.generic import memory as memories
from connectors.sdk import Absent, ChangePage, Found, HttpResponse, Intent, Operation, TransportError, WriteContext
from gateway.ports import ConnectionSettings, Connector

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:30 GMT"
CHANGES = {"path": "/t", "list": "items", "paging": {"kind": "next", "at": "next"}, "compare": True}
PLACES = {"id": "id", "title": "title", "status": "state", "updated": "header:Date", "marker": "ref"}
TIMES = {"format": ["iso", "%a, %d %b %Y %H:%M:%S GMT"]}


def desk(**changes: Any) -> Connector:
    """Connect a desk that lists its tickets and nothing else."""
    calls = {"read": {"path": "/t/{ticket}"}, "changes": {**CHANGES, **changes}}
    calls["create"] = {
        "path": "/t", "json": {"title": "{title}", "ref": "{key}", "level": "{priority|3}"},
        "find": {"path": "/t", "list": "items", "paging": {"kind": "next", "at": "next"}},
    }  # fmt: skip
    options = {"ticket": PLACES, "times": TIMES, "words": {"priority": {"1": "P1"}}, "calls": calls}
    return connect(ConnectionSettings("desk", "generic", "https://desk.example/api", options))


def page(*rows: dict[str, Any], following: str | None = None) -> HttpResponse:
    """Return what the desk lists."""
    return HttpResponse(200, {"date": DATE}, msgspec.json.encode({"items": rows, "next": following}))


def polled(connector: Connector, cursor: str, *pages: HttpResponse, now: datetime = NOW) -> tuple[list[str], str]:
    """Poll a round of these pages; returns the ids that were told and the cursor."""
    told: list[str] = []
    for number, answer in enumerate(pages):
        call = connector.changes(cursor, now)
        next(call)
        with pytest.raises(StopIteration) as end:
            call.send(answer)
        found: ChangePage = end.value.value
        told += [each.remote_id for each in found.tickets]
        cursor = found.cursor
        assert found.end is (number == len(pages) - 1)
    return told, cursor


def row(number: int, **values: Any) -> dict[str, Any]:
    """Return a row."""
    return {"id": number, "title": f"Ticket {number}", "state": "open", **values}


def test_what_differs_from_the_last_round_is_told() -> None:
    """The first round remembers; a state that was there before is told again; what goes and comes back is new."""
    connector = desk()
    told, cursor = polled(connector, "", page(row(1), following="/t?page=2"), page(row(2)))
    assert told == []
    told, cursor = polled(connector, cursor, page(row(1, state="done"), row(3), following="/t?page=2"), page(row(2)))
    assert told == ["1", "3"]
    told, cursor = polled(connector, cursor, page(row(1), row(2), row(3)))
    assert told == ["1"]
    told, cursor = polled(connector, cursor, page(row(1), row(3)))
    assert told == []
    told, cursor = polled(connector, cursor, page(row(1), row(2), row(3)))
    assert told == ["2"]


def test_two_changes_have_two_names() -> None:
    """They are dated by the answer that shows them."""
    connector = desk()
    _, cursor = polled(connector, "", page(row(1)))
    call = connector.changes(cursor, NOW)
    next(call)
    with pytest.raises(StopIteration) as end:
        call.send(page(row(1, state="done")))
    (ticket,) = end.value.value.tickets
    assert ticket.updated_at == NOW
    assert ticket.version == int(NOW.timestamp() * 1_000_000)
    assert not ticket.complete


def test_an_import_is_told_everything() -> None:
    """It begins at an earlier time, with an empty cursor."""
    told, _ = polled(desk(), "", page(row(1), row(2)), now=NOW - timedelta(days=90))
    assert told == ["1", "2"]


def test_more_than_can_be_remembered_is_said() -> None:
    """And nothing is forgotten in silence."""
    many = [row(number) for number in range(1, memories.MOST + 2)]
    with pytest.raises(TransportError, match="compare"):
        polled(desk(), "", page(*many))


def test_our_mark_is_looked_for_on_every_page() -> None:
    """Until none is left; a row that has the place of the mark is not read."""
    connector = desk()
    intent, context = Intent(Operation.CREATE, {"title": "x"}), WriteContext("c" * 32)
    call = connector.probe(intent, context)
    assert next(call).url == "/t"
    assert call.send(page(row(1, ref=None), following="/t?page=2")).url == "/t?page=2"
    with pytest.raises(StopIteration) as end:
        call.send(page(row(2, ref="c" * 32)))
    assert isinstance(end.value.value, Found)
    assert end.value.value.receipt.remote_id == "2"
    call = connector.probe(intent, context)
    next(call)
    with pytest.raises(StopIteration) as end:
        call.send(page(row(1, ref="other")))
    assert isinstance(end.value.value, Absent)


def test_a_bare_id_is_named_by_when_it_was_seen() -> None:
    """A desk whose clock is behind ours tells of two changes by two names."""
    calls = {"read": {"path": "/t/{ticket}"}, "changes": {"path": "/t?since={since}", "list": "ids"}}
    options = {"ticket": {"id": "id", "updated": "at"}, "calls": calls}
    connector = connect(ConnectionSettings("desk", "generic", "https://desk.example/api", options))
    names = set()
    for second in (10, 11):
        call = connector.changes("", NOW)
        next(call)
        answer = HttpResponse(200, {"date": f"Sun, 01 Mar 2026 12:00:{second} GMT"}, b'{"ids": [7]}')
        with pytest.raises(StopIteration) as end:
            call.send(answer)
        (ticket,) = end.value.value.tickets
        names.add(ticket.version_token)
    assert len(names) == 2


def test_a_default_stands_where_there_is_no_value() -> None:
    """In the request that creates, for a desk that wants one."""
    for fields, level in (({}, "3"), ({"priority": {"level": "P1"}}, "1")):
        call = desk().write(Intent(Operation.CREATE, {"title": "x", **fields}), WriteContext("c" * 32))
        body = next(call).body
        assert isinstance(body, bytes)
        assert msgspec.json.decode(body)["level"] == level
